//! A server that nobody uses: it is there soon and is small. And one that was started and killed
//! before anybody wrote leaves an empty log behind; what the next one acknowledges is as durable as
//! ever. (The log's empty segment and its successor have the same name.)

use serde_json::json;

use crate::harness::{SOON, Server, ServerOptions, eventually, now_ms};

async fn write(server: &Server, id: &str) {
    let event = json!({"id": id, "kind": "idle", "service": "shop", "at": "2026-01-31T09:00:00Z"});
    assert_eq!(server.api().post("/api/events", &event).await["accepted"], 1);
}

/// How often the table of events was committed to; its creation counts.
fn commits(server: &Server) -> usize {
    let log = server.table_dir("events").join("_delta_log");
    let names = std::fs::read_dir(log).expect("the table is there").filter_map(Result::ok);
    names.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_before_the_first_write_costs_later_ones_nothing() {
    let mut server = Server::start(ServerOptions::settings("lake: {flush_interval: 300ms}")).await;
    for round in 1..=3 {
        server.kill9();
        server.start_again().await;
        let before = commits(&server);
        write(&server, &format!("flushed-{round}")).await;
        eventually(SOON, "the first event is in the table", async || {
            let now = commits(&server);
            if now > before { Ok(()) } else { Err(format!("{now} commits")) }
        })
        .await;
        // Its flush lets go of the log up to there, and of nothing that comes after.
        eventually(SOON, "nothing waits to be flushed", async || {
            let status = server.api().get("/api/status").await.to_string();
            if status.contains("\"0 rows wait for Parquet\"") { Ok(()) } else { Err(status) }
        })
        .await;
        write(&server, &format!("logged-{round}")).await;
        server.kill9();
        server.start_again().await;
        let events = "SELECT count(DISTINCT event_id) FROM events WHERE kind = 'idle'";
        assert_eq!(server.api().count(events).await, 2 * round, "after round {round}");
    }
}

/// Memory that is the process's own, without what it maps of its binary.
fn own_memory_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(server.proc_dir().join("status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux says so");
    line.split_whitespace().next().and_then(|text| text.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_server_is_ready_soon_and_small() {
    const MEMORY_MAX_KIB: u64 = 150 << 10;
    let started_ms = now_ms();
    let server = Server::start(ServerOptions::default()).await;
    // How long is only told: a machine that also compiles takes its time.
    println!("ready after {} ms, {} KiB", now_ms() - started_ms, own_memory_kib(&server));
    assert_eq!(server.api().count("SELECT count(*) FROM events").await, 0);
    let used = own_memory_kib(&server);
    assert!(used < MEMORY_MAX_KIB, "{used} KiB");
}
