//! Connections that hold places without using them, on the real binary.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{ADMIN_TOKEN, Server, ServerOptions, eventually, now_ms};

const SOON: Duration = Duration::from_secs(60);

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.http().trim_start_matches("http://")).await.expect("a connection")
}

/// A connection on which these bytes were sent.
async fn said(server: &Server, text: &str) -> TcpStream {
    let mut socket = connect(server).await;
    socket.write_all(text.as_bytes()).await.expect("bytes can be sent");
    socket
}

/// What comes until the other side closes.
async fn heard(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(SOON, socket.read_to_end(&mut bytes)).await;
    // Closed or reset: both end it.
    let _ended = read.expect("the server ends the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_keep_nobody_out() {
    let server = Server::start(ServerOptions::settings("web: {connections_max: 24}")).await;
    let mut held = Vec::new();
    for _ in 0..30 {
        held.push(connect(&server).await);
        held.push(said(&server, "GET /api/status HTTP/1.1\r\nhost: x\r\nx-slow: ").await);
    }
    let newcomer = server.api().with_new_connections();
    for path in ["/healthz", "/metrics", "/api/status"] {
        let answer = newcomer.try_get(path).await.expect("the server answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let metrics = newcomer.try_get("/metrics").await.expect("the server answers").text();
    let value = |series: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        line.unwrap_or_else(|| panic!("no {series} in {metrics}")).trim().parse().expect("a number")
    };
    assert!(value("evenkeel_listener_connections{listener=\"http\"}") <= 24);
    assert_eq!(value("evenkeel_listener_connections_refused_total{listener=\"http\"}"), 0);
    let evicted = "evenkeel_listener_connections_closed_total{listener=\"http\",reason=\"evicted\"}";
    assert!(value(evicted) >= 60 - 24);
    assert!(value("evenkeel_listener_connections_accepted_total{listener=\"http\"}") >= 64);
    let warned = server.logged().into_iter().filter(|line| line.contains("web.connections_max")).count();
    assert_eq!(warned, 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_the_server_waiting_is_not_waited_for() {
    let server = Server::start(ServerOptions::settings("web: {idle_timeout: 1s, request_timeout: 1s}")).await;
    let api = server.api();
    let tail = api.request(Method::GET, "/api/logs/tail").send().await.expect("the server answers");
    let mut tail = tail.bytes_stream();
    for silence in ["", "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        assert_eq!(heard(&mut said(&server, silence).await).await, "");
    }
    // A body that does not come gives its place back.
    for (path, content_type) in [
        ("/v1/logs", "application/json"),
        ("/api/sql", "application/json"),
        ("/prometheus/api/v1/query", "application/x-www-form-urlencoded"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\
             content-type: {content_type}\r\ncontent-length: 100\r\n\r\n{{"
        );
        let answer = heard(&mut said(&server, &head).await).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("no answer within 1s"), "{answer}");
    }
    let metrics = api.try_get("/metrics").await.expect("the server answers").text();
    assert!(metrics.contains("evenkeel_ingest_requests_in_flight 0"), "{metrics}");
    // All that while the tail was silent, and is there.
    let record =
        json!({"timeUnixNano": (now_ms() * 1_000_000).to_string(), "body": {"stringValue": "at last"}});
    api.post("/v1/logs", &json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})).await;
    let mut followed = String::new();
    while !followed.contains("at last") {
        let part = tokio::time::timeout(SOON, tail.next()).await.expect("a line comes soon");
        followed.push_str(&String::from_utf8_lossy(&part.expect("the tail goes on").expect("bytes")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_closed_is_not_gone() {
    let server = Server::start(ServerOptions::default()).await;
    let mut socket = said(&server, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    socket.shutdown().await.expect("one half can be closed");
    assert!(heard(&mut socket).await.starts_with("HTTP/1.1 200 OK\r\n"));
    // Who is gone for good has no connection for long.
    drop(socket);
    drop(said(&server, "GET /api/status HTTP/1.1\r\nhost: x\r\n\r\n").await);
    let api = server.api();
    eventually(SOON, "the connections are closed", async || {
        let metrics = api.try_get("/metrics").await.map_err(|error| error.to_string())?.text();
        let open = "evenkeel_listener_connections{listener=\"http\"} 1";
        if metrics.lines().any(|line| line == open) { Ok(()) } else { Err(metrics) }
    })
    .await;
}
