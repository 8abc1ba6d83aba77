//! SIGTERM: running requests may end, everything is flushed, and nobody can hold it up.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::harness::{SOON, Server, ServerOptions, eventually, peer_to_end};

/// A request that never ends: its head says more than comes.
fn slow_client(server: &Server) -> TcpStream {
    let address = server.http().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let head = format!(
        "POST /api/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n[",
        crate::harness::ADMIN_TOKEN
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_flushes_everything_although_a_client_is_slow() {
    const EVENTS: u64 = 20;
    let settings = "shutdown_timeout: 5s\nlake: {flush_interval: 1h}\n";
    let mut server = Server::start(ServerOptions::settings(settings)).await;
    for number in 0..EVENTS {
        let event = json!({"id": format!("stop-{number}"), "kind": "stop", "service": "shop", "at": "2026-01-31T09:00:00Z"});
        assert_eq!(server.api().post("/api/events", &event).await["accepted"], 1);
    }
    let _held = slow_client(&server);
    server.stop().await;
    let lake = server.data_dir().join("lake");
    let tables = peer_to_end("delta_check.py", &[lake.to_str().expect("a path in UTF-8")]).await;
    assert_eq!((&tables["events"]["rows"], &tables["events"]["duplicates"]), (&json!(EVENTS), &json!(0)));
    server.start_again().await;
    assert_eq!(server.api().count("SELECT count(*) FROM events WHERE kind = 'stop'").await, EVENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once_and_costs_nothing() {
    let mut server =
        Server::start(ServerOptions::settings("shutdown_timeout: 1h\nlake: {flush_interval: 1h}\n")).await;
    let event = json!({"id": "stop", "kind": "stop", "service": "shop", "at": "2026-01-31T09:00:00Z"});
    assert_eq!(server.api().post("/api/events", &event).await["accepted"], 1);
    let _held = slow_client(&server);
    server.terminate();
    eventually(SOON, "it says that it stops", async || {
        let said = server.logged().iter().any(|line| line.contains("stopping"));
        if said { Ok(()) } else { Err("it does not".to_owned()) }
    })
    .await;
    server.terminate();
    let status = server.ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(143), "{status}");
    server.start_again().await;
    assert_eq!(server.api().count("SELECT count(*) FROM events WHERE kind = 'stop'").await, 1);
}
