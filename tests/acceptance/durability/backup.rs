//! A backup that was made under load, restored elsewhere: what was acknowledged before it began is there
//! once, tables are readable by others, and incidents, tokens and configuration are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::json;

use crate::harness::{
    Api, PAGED_SERVICE, PEOPLE, SOON, Series, Server, ServerOptions, WriteRequest, eventually, now_ms,
    peer_to_end, run,
};

/// Flushes, merges and removals all the time.
const BUSY: &str = "
lake: {flush_interval: 300ms, compact_interval: 500ms, hour_grace: 0s, log_retention: 1s, vacuum_after: 1s, wal: {segment_bytes: 262144}}
";

/// One sample and one event with the same number.
async fn write(api: &Api, number: u64, began_ms: i64) {
    let samples = [(began_ms + number as i64, number as f64)];
    let labels = [("__name__", "backed_up")];
    let request = WriteRequest::of(&[Series { labels: &labels, samples: &samples }]);
    let answer = api.remote_write(&request).await.expect("the server answers");
    assert_eq!(answer.status, 204, "{}", answer.text());
    let id = format!("backed-up-{number}");
    let event = json!({"id": id, "kind": "backup", "service": "shop", "at": "2026-01-31T09:00:00Z"});
    assert_eq!(api.post("/api/events", &event).await["accepted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_everything_that_was_acknowledged_before() {
    let backups = tempfile::tempdir().expect("a directory can be made");
    let settings = format!("{BUSY}backup: {{dir: {:?}}}\n", backups.path());
    let server = Server::start(ServerOptions::settings(&settings).object("people.yaml", PEOPLE)).await;
    let viewer = server.token("grafana", "viewer").await;
    let body = json!({"title": "Before the backup", "service": PAGED_SERVICE, "severity": "SEV2"});
    let incident = server.api().post("/api/incidents", &body).await["incident_id"].clone();

    let (written, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (api, counted, stopped) = (server.api(), written.clone(), stop.clone());
    let began_ms = now_ms();
    let writing = tokio::spawn(async move {
        while !stopped.load(Ordering::SeqCst) {
            let number = counted.load(Ordering::SeqCst);
            write(&api, number, began_ms).await;
            counted.store(number + 1, Ordering::SeqCst);
        }
    });
    eventually(SOON, "something was written", async || {
        let count = written.load(Ordering::SeqCst);
        if count >= 30 { Ok(()) } else { Err(format!("{count} rows")) }
    })
    .await;
    let before = written.load(Ordering::SeqCst);
    let done = run(server.cli(&["backup", "--to", "first"]), "").await;
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    for target in ["first", "../elsewhere", "/tmp/elsewhere", ""] {
        let refused = run(server.cli(&["backup", "--to", target]), "").await;
        assert_ne!(refused.code, 0, "{target:?}: {}", refused.stdout);
    }
    stop.store(true, Ordering::SeqCst);
    writing.await.expect("the server took everything");
    let total = written.load(Ordering::SeqCst);

    let backup = backups.path().join("first");
    let tables = peer_to_end("delta_check.py", &[backup.join("data/lake").to_str().expect("UTF-8")]).await;
    for table in ["metric_samples", "events"] {
        assert!(tables[table]["rows"].as_u64() >= Some(before), "{table}: {tables}");
        assert_eq!(tables[table]["duplicates"], 0, "{table}: {tables}");
    }
    let config =
        std::fs::read_to_string(backup.join("config/evenkeel.yaml")).expect("the settings are there");
    assert_eq!(config, settings);
    assert!(backup.join("config/objects/people.yaml").exists());

    let options = ServerOptions { backup: Some(backup), ..ServerOptions::settings(BUSY) };
    let restored = Server::start(options.object("people.yaml", PEOPLE)).await;
    let api = restored.api();
    let counts = |what: &str, of: &str| format!("SELECT count({what}) FROM {of}");
    let samples = "metrics WHERE metric = 'backed_up'";
    let events = "events WHERE kind = 'backup'";
    for (rows, distinct) in [
        (counts("*", samples), counts("DISTINCT value", samples)),
        (counts("*", events), counts("DISTINCT event_id", events)),
    ] {
        let (rows, distinct) = (api.count(&rows).await, api.count(&distinct).await);
        assert!(
            rows == distinct && (before..=total).contains(&rows),
            "{before} <= {rows} <= {total}, {distinct}"
        );
    }
    let first = format!("{samples} AND value < {before}");
    assert_eq!(api.count(&counts("*", &first)).await, before);
    let shown = api.get(&format!("/api/incidents/{}", incident.as_str().expect("an id"))).await;
    assert_eq!(shown["title"], "Before the backup");
    assert_eq!(restored.nobody().with_token(&viewer).cell("SELECT 1").await, 1, "the token works");
    eventually(SOON, "the incident is in the lake", async || {
        let known = api.count("SELECT count(*) FROM incidents").await;
        if known == 1 { Ok(()) } else { Err(format!("{known} incidents")) }
    })
    .await;
    // And it goes on.
    write(&api, total, began_ms).await;
}
