//! A disk that somebody else fills: writes are refused clearly, reads go on, people are paged; and when
//! there is room again everything works, without a restart.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde_json::json;

use crate::harness::{
    Api, Mailbox, PAGED_SERVICE, PEOPLE, SOON, Series, Server, ServerOptions, WriteRequest, eventually,
    logs_request, now_ms,
};

const DISK: &str = "96m";
const RESERVE_BYTES: u64 = 4 << 20;
const SETTINGS: &str = "
lake:
  disk_free_min_bytes: 25165824
  disk_free_min_percent: 5
  disk_reserved_bytes: 12582912
  flush_interval: 500ms
  wal: {segment_bytes: 1048576}
store: {reserve_bytes: 4194304}
alerting:
  delivery: {attempts_max: 1000, backoff: 1s, backoff_max: 2s, send_timeout: 3s, lease: 5s}
";

async fn write(api: &Api, value: f64) -> u16 {
    let samples = [(now_ms(), value)];
    let labels = [("__name__", "full_disk")];
    let request = WriteRequest::of(&[Series { labels: &labels, samples: &samples }]);
    let answer = api.remote_write(&request).await.expect("the server answers");
    if answer.status == 503 {
        assert!(answer.text().contains("disk is full"), "{}", answer.text());
        let wait = answer.headers["retry-after"].to_str().expect("a header in ASCII");
        assert!(wait.parse::<u64>().is_ok_and(|seconds| seconds > 0), "{wait}");
    }
    answer.status
}

/// Takes what is left.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("the directory is there");
    let mut chunk = vec![1; 1 << 20];
    while !chunk.is_empty() {
        match file.write(&chunk) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => chunk.truncate(chunk.len() / 2),
            Err(error) => panic!("{error}"),
        }
    }
}

async fn ready(api: &Api, role: &str) -> u16 {
    api.try_get(&format!("/readyz?role={role}")).await.expect("the server answers").status
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_people_are_paged_and_nothing_is_taken_that_cannot_be_kept() {
    let mailbox = Mailbox::start().await;
    let options = ServerOptions {
        disk: Some(DISK.to_owned()),
        ..ServerOptions::settings(SETTINGS).object("people.yaml", PEOPLE).smtp(mailbox.port())
    };
    let server = Server::start(options).await;
    let api = server.api();
    assert_eq!(write(&api, 1.0).await, 204);
    let data = server.data_dir_inside();
    let reserve = data.join("evenkeel.reserve");
    let held = std::fs::metadata(&reserve).expect("the reserve is set aside");
    assert_eq!(held.len(), RESERVE_BYTES);

    let filler = data.join("somebody-elses");
    fill(&filler);
    eventually(SOON, "the reserve is given up", async || {
        if reserve.exists() { Err("it is there".to_owned()) } else { Ok(()) }
    })
    .await;
    eventually(SOON, "writes are refused", async || match write(&api, 2.0).await {
        503 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    let headers = [("content-type", "application/x-protobuf")];
    let logs = api.send("/v1/logs", &headers, logs_request("shop", &["a line".to_owned()])).await;
    assert_eq!(logs.expect("the server answers").status, 503);
    assert_eq!((ready(&api, "ingest").await, ready(&api, "engine").await), (503, 200));
    assert_eq!(ready(&api, "query").await, 200);
    let status = api.get("/api/status").await.to_string();
    assert!(status.contains("the disk is full") && status.contains("ack: durable"), "{status}");

    // Reads go on, and so does the pager.
    assert!(api.count("SELECT count(*) FROM metrics WHERE metric = 'full_disk'").await >= 1);
    let body = json!({"title": "Nobody can pay", "service": PAGED_SERVICE, "severity": "SEV1"});
    let incident = api.post("/api/incidents", &body).await;
    let id = incident["incident_id"].as_str().expect("an incident has an id").to_owned();
    let mail = mailbox.mail("ada@shop.example", "Nobody can pay", SOON).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let page = server.nobody().send(&mail.acknowledge_path(), &form, Vec::new()).await;
    let page = page.expect("the server answers");
    assert!(matches!(page.status, 200 | 303), "{} {}", page.status, page.text());
    let shown = api.get(&format!("/api/incidents/{id}")).await;
    assert!(shown["acknowledged_at"].is_string(), "{shown}");

    // Room again: nobody has to do anything else.
    std::fs::remove_file(&filler).expect("the filler can be removed");
    eventually(SOON, "writes are taken", async || match write(&api, 3.0).await {
        204 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    eventually(SOON, "the reserve is set aside again", async || {
        if reserve.exists() { Ok(()) } else { Err("it is not there".to_owned()) }
    })
    .await;
    eventually(SOON, "what was decided is in the lake", async || {
        let told = api.count("SELECT count(*) FROM pages WHERE state = 'acknowledged'").await;
        if told == 1 { Ok(()) } else { Err(format!("{:?}", api.sql("SELECT * FROM pages").await)) }
    })
    .await;
    assert_eq!(ready(&api, "ingest").await, 200);
    let refused = "SELECT count(*) FROM metrics WHERE metric = 'full_disk' AND value = 2";
    assert_eq!(api.count("SELECT count(*) FROM metrics WHERE metric = 'full_disk' AND value = 1").await, 1);
    assert_eq!(api.count(&refused.replace("= 2", "= 3")).await, 1);
}
