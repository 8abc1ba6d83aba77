//! Garbage on every wire: one table of requests with the answers they get, on one server, which is
//! up at the end and has everything that it acknowledged.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use prost::Message;
use reqwest::Method;
use serde_json::json;

use crate::harness::{
    ADMIN_TOKEN, Api, Series, Server, ServerOptions, WriteRequest, now_ms, peer_to_end, snappy_block,
};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Small enough to go over with a test's bodies.
const LIMITS: &str = "
web: {api_body_bytes_max: 131072}
ingest: {limits: {body_bytes_max: 262144, decompressed_bytes_max: 1048576, labels_per_series_max: 16}}
";

/// A request and what is expected of its answer.
struct Case {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    status: u16,
    /// Somewhere in the answer.
    says: &'static str,
}

fn case(
    name: &'static str,
    path: &'static str,
    headers: &[(&'static str, &'static str)],
    body: impl Into<Vec<u8>>,
    (status, says): (u16, &'static str),
) -> Case {
    Case { name, path, headers: headers.to_vec(), body: body.into(), status, says }
}

/// Remote write of one series.
fn write(name: &'static str, labels: &[(&str, &str)], samples: &[(i64, f64)], says: &'static str) -> Case {
    let body = snappy_block(&WriteRequest::of(&[Series { labels, samples }]).encode_to_vec());
    case(name, WRITE, &REMOTE_WRITE, body, (400, says))
}

const WRITE: &str = "/prometheus/api/v1/write";
const REMOTE_WRITE: [(&str, &str); 2] = [("content-type", PROTOBUF), ("content-encoding", "snappy")];

fn remote_write_cases() -> Vec<Case> {
    let now = now_ms();
    let labels_17: Vec<String> = (0..17).map(|n| format!("label_{n:02}")).collect();
    let mut many: Vec<(&str, &str)> = labels_17.iter().map(|name| (name.as_str(), "x")).collect();
    many.push(("__name__", "bad_input"));
    let good = WriteRequest::of(&[Series { labels: &[("__name__", "bad_input")], samples: &[(now, 1.0)] }]);
    let good = good.encode_to_vec();
    let v2 = [
        ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
        ("content-encoding", "snappy"),
    ];
    vec![
        case(
            "text instead of protobuf",
            WRITE,
            &[("content-type", "text/plain")],
            "up 1",
            (415, "text/plain"),
        ),
        // As with Prometheus, what names nothing is 1.0 in snappy.
        case("text without a content type", WRITE, &[], "up 1", (400, "snappy")),
        case(
            "remote write 2.0 that is none",
            WRITE,
            &v2,
            snappy_block(&[0xff; 64]),
            (400, "write.v2.Request"),
        ),
        case(
            "gzip",
            WRITE,
            &[("content-type", PROTOBUF), ("content-encoding", "gzip")],
            good.clone(),
            (415, "snappy"),
        ),
        case("bytes that are no snappy", WRITE, &REMOTE_WRITE, vec![0x10, 0xff, 0xff, 0xff], (400, "snappy")),
        case("an empty body", WRITE, &REMOTE_WRITE, Vec::new(), (400, "snappy")),
        case(
            "snappy of no protobuf",
            WRITE,
            &REMOTE_WRITE,
            snappy_block(&[0xff; 64]),
            (400, "prometheus.WriteRequest"),
        ),
        case(
            "half a protobuf",
            WRITE,
            &REMOTE_WRITE,
            snappy_block(&good[..good.len() - 3]),
            (400, "prometheus.WriteRequest"),
        ),
        // A length of 4 GiB less one, and nothing behind it.
        case(
            "a length that lies",
            WRITE,
            &REMOTE_WRITE,
            vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x41],
            (413, "decompressed_bytes_max"),
        ),
        case("a snappy bomb", WRITE, &REMOTE_WRITE, snappy_bomb(4 * MIB), (413, "decompressed_bytes_max")),
        case("a body over the limit", WRITE, &REMOTE_WRITE, vec![0; 256 * KIB + 1], (413, "body_bytes_max")),
        write("no metric name", &[("job", "a")], &[(now, 1.0)], "__name__"),
        write(
            "a label twice",
            &[("__name__", "bad_input"), ("job", "a"), ("job", "b")],
            &[(now, 1.0)],
            "\"job\" occurs twice",
        ),
        write("a label without a name", &[("__name__", "bad_input"), ("", "a")], &[(now, 1.0)], "empty name"),
        write("too many labels", &many, &[(now, 1.0)], "labels_per_series_max"),
        write("a sample of 1970", &[("__name__", "bad_input")], &[(1_000, 1.0)], "1970-01-01T00:00:01"),
        write("seconds for milliseconds", &[("__name__", "bad_input")], &[(now / 1000, 1.0)], "1970-01-"),
        write("a sample of 2200", &[("__name__", "bad_input")], &[(7_258_118_400_000, 1.0)], "too_far_ahead"),
        write(
            "a sample beyond retention",
            &[("__name__", "bad_input")],
            &[(now - 40 * 86_400_000, 1.0)],
            "too_old",
        ),
    ]
}

/// One byte, repeated by copies: 3 bytes for 64.
fn snappy_bomb(bytes: usize) -> Vec<u8> {
    /// 64 bytes from an offset in two bytes.
    const COPY_64: [u8; 3] = [(63 << 2) | 2, 1, 0];
    let copies = bytes / 64;
    let mut length = 1 + copies * 64;
    let mut block = Vec::new();
    while length >= 0x80 {
        block.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    block.push(length as u8);
    block.extend_from_slice(&[0, b'x']);
    block.extend(COPY_64.repeat(copies));
    block
}

fn otlp_cases() -> Vec<Case> {
    const METRICS: &str = "/v1/metrics";
    const LOGS: &str = "/v1/logs";
    let json = [("content-type", JSON)];
    let protobuf = [("content-type", PROTOBUF)];
    let gzip = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    let deep = |depth: usize| {
        let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(depth), "]}}".repeat(depth));
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{open}{close}}}]}}]}}]}}"#)
    };
    vec![
        case("text", LOGS, &[("content-type", "text/plain")], "hello", (415, "text/plain")),
        case("protobuf garbage", METRICS, &protobuf, vec![0xff; 32], (400, "")),
        case("JSON garbage", LOGS, &json, "{\"resourceLogs\": [", (400, "")),
        case("JSON of another shape", LOGS, &json, "{\"resourceLogs\": 7}", (400, "")),
        case("deeply nested JSON", LOGS, &json, deep(2_000), (400, "json_depth_max")),
        case("bytes that are no gzip", LOGS, &gzip, "not gzip", (400, "gzip")),
        case(
            "an unknown encoding",
            LOGS,
            &[("content-type", PROTOBUF), ("content-encoding", "br")],
            "x",
            (415, "br"),
        ),
        case("a body over the limit", METRICS, &protobuf, vec![0; 256 * KIB + 1], (413, "body_bytes_max")),
    ]
}

fn event_cases() -> Vec<Case> {
    const EVENTS: &str = "/api/events";
    let json = [("content-type", JSON)];
    let at = "2026-01-31T09:00:00Z";
    let event =
        |kind: &str, extra: &str| format!(r#"{{"kind":"{kind}","service":"shop","at":"{at}"{extra}}}"#);
    let deep = format!("{}1{}", "[".repeat(100 * KIB), "]".repeat(100 * KIB));
    vec![
        case("text", EVENTS, &[("content-type", "text/plain")], "deployed", (415, "text/plain")),
        case("no JSON", EVENTS, &json, "{\"kind\": ", (400, "")),
        case("deeply nested", EVENTS, &json, deep, (400, "json_depth_max")),
        case("no object", EVENTS, &json, "[7]", (202, r#""accepted":0"#)),
        case("no time", EVENTS, &json, r#"{"kind":"deploy","service":"shop"}"#, (202, r#""pointer":"/at""#)),
        case(
            "a time of 2200",
            EVENTS,
            &json,
            event("x", "").replace("2026", "2200"),
            (202, r#""pointer":"/at""#),
        ),
        case(
            "an unknown member",
            EVENTS,
            &json,
            event("x", r#","colour":"red""#),
            (202, r#""pointer":"/colour""#),
        ),
        case(
            "a deploy without a version",
            EVENTS,
            &json,
            event("deploy", r#","payload":{"status":"succeeded"}"#),
            (202, "/payload/version"),
        ),
        case("a forged page", EVENTS, &json, event("page", ""), (202, r#""pointer":"/kind""#)),
        case(
            "a body over the limit",
            EVENTS,
            &json,
            format!("\"{}\"", "x".repeat(256 * KIB)),
            (413, "body_bytes_max"),
        ),
    ]
}

fn shipper_cases() -> Vec<Case> {
    const LOKI: &str = "/loki/api/v1/push";
    const BULK: &str = "/elastic/_bulk";
    let json = [("content-type", JSON)];
    let deep = format!("{{\"streams\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let entry =
        |time: &str| format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{time}","x"]]}}]}}"#);
    let document = |text: &str| format!("{{\"create\":{{\"_index\":\"x\"}}}}\n{text}\n");
    let nested = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    vec![
        case("text", LOKI, &[("content-type", "text/plain")], "x", (415, "text/plain")),
        case("no JSON", LOKI, &json, "{", (400, "not a Loki push request")),
        case("deeply nested", LOKI, &json, deep, (400, "json_depth_max")),
        case("a time that is none", LOKI, &json, entry("soon"), (400, r#"stream 0 {app="x"}, entry 0"#)),
        case("a time long ago", LOKI, &json, entry("1000"), (400, "too_old")),
        case("no snappy", LOKI, &[("content-type", PROTOBUF)], "x", (400, "not a valid snappy block")),
        case("no protobuf", LOKI, &[], snappy_block(&[0xff; 64]), (400, "at byte 0")),
        case("an encoding that is none", LOKI, &[json[0], ("content-encoding", "br")], "", (415, "br")),
        case("a body over the limit", LOKI, &json, "x".repeat(300 * KIB), (413, "body_bytes_max")),
        case("no action", BULK, &json, "{}\n{}\n", (400, "line 1 of the bulk body")),
        case("no document", BULK, &json, "{\"create\":{\"_index\":\"x\"}}\n", (400, "is missing")),
        case("a document that is none", BULK, &json, document("x"), (200, "document_parsing_exception")),
        case("a deep document", BULK, &json, document(&nested), (200, "json_depth_max")),
        case("bulk as text", BULK, &[("content-type", "text/plain")], "", (406, "text/plain")),
        case("a bulk over the limit", BULK, &json, "x".repeat(300 * KIB), (413, "body_bytes_max")),
    ]
}

fn api_cases() -> Vec<Case> {
    const SQL: &str = "/api/sql";
    let json = [("content-type", JSON)];
    let deep = format!("{{\"query\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    vec![
        case("text", SQL, &[("content-type", "text/plain")], "SELECT 1", (415, "text/plain")),
        case("no JSON", SQL, &json, "SELECT 1", (400, "not valid JSON")),
        case("deeply nested", SQL, &json, deep, (400, "json_depth_max")),
        case(
            "an unknown member",
            SQL,
            &json,
            r#"{"query":"SELECT 1","limit":1}"#,
            (400, r#""pointer":"/limit""#),
        ),
        case("no query", SQL, &json, "{}", (400, r#""pointer":"/query""#)),
        case("no SQL", SQL, &json, r#"{"query":"SELEKT 1"}"#, (400, "line 1, column 1")),
        case("an unknown column", SQL, &json, r#"{"query":"SELECT colour FROM logs"}"#, (400, "colour")),
        case(
            "a query over the limit",
            SQL,
            &json,
            format!(r#"{{"query":"SELECT '{}'"}}"#, "x".repeat(128 * KIB)),
            (413, ""),
        ),
        case(
            "a severity that is none",
            "/api/incidents",
            &json,
            r#"{"title":"x","severity":"SEV9"}"#,
            (400, r#""pointer":"/severity""#),
        ),
        case("an incident that is none", "/api/incidents/INC-77/acknowledge", &[], "", (404, "INC-77")),
        case("a runbook that is none", "/api/runs", &json, r#"{"runbook_id":"none"}"#, (404, "none")),
        case("a path that is none", "/api/nothing", &json, "{}", (404, "")),
        case(
            "PromQL that is none",
            "/prometheus/api/v1/query",
            &[("content-type", "application/x-www-form-urlencoded")],
            "query=sum(",
            (400, "bad_data"),
        ),
        case("PromQL without a query", "/prometheus/api/v1/query", &[], "", (400, "bad_data")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_answered_by_name_and_the_server_goes_on() {
    let mut server = Server::start(ServerOptions::settings(LIMITS)).await;
    let api = server.api();
    let sender = api.with_new_connections();
    let labels = [("__name__", "bad_input_good")];
    let mut kept = 0;
    let cases = [remote_write_cases(), otlp_cases(), shipper_cases(), event_cases(), api_cases()];
    for case in cases.into_iter().flatten() {
        // Between two bad ones a good one, which stays.
        let good = WriteRequest::of(&[Series { labels: &labels, samples: &[(now_ms() + kept, 1.0)] }]);
        let answer = api.remote_write(&good).await.expect("the server answers");
        assert_eq!(answer.status, 204, "{}", answer.text());
        kept += 1;
        check(&sender, case).await;
    }
    assert!(server.is_running());
    let count = "SELECT count(*) FROM metrics WHERE metric = 'bad_input_good'";
    assert_eq!(api.count(count).await, kept as u64);
    assert_eq!(api.count("SELECT count(*) FROM metrics WHERE metric = 'bad_input'").await, 0);
    let reasons = api.sql("SELECT DISTINCT reason FROM ingest_rejections ORDER BY reason").await;
    let reasons: Vec<&str> = reasons.iter().filter_map(|row| row[0].as_str()).collect();
    for reason in ["invalid_labels", "invalid_payload", "over_limit", "too_far_ahead", "too_old"] {
        assert!(reasons.contains(&reason), "the ledger has no {reason}: {reasons:?}");
    }
    server.kill9();
    server.start_again().await;
    assert_eq!(server.api().count(count).await, kept as u64);
}

async fn check(api: &Api, case: Case) {
    let name = format!("{} ({})", case.name, case.path);
    let answer = match api.send(case.path, &case.headers, case.body).await {
        Ok(answer) => answer,
        Err(error) => panic!("{name}: no answer: {error}"),
    };
    let text = answer.text();
    assert_eq!(answer.status, case.status, "{name}: {text}");
    assert!(text.contains(case.says), "{name}: {:?} is not in {text}", case.says);
    if answer.status >= 400 && case.path.starts_with("/api/") {
        assert_eq!(answer.content_type, "application/problem+json", "{name}");
        assert_eq!(answer.json()["status"], answer.status, "{name}: {text}");
    }
    assert!(!text.contains("panicked") && answer.status != 500, "{name}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_bomb_is_refused_while_it_unpacks() {
    let server = Server::start(ServerOptions::settings(LIMITS)).await;
    for (path, content_type) in [
        ("/v1/logs", PROTOBUF),
        ("/v1/metrics", PROTOBUF),
        ("/loki/api/v1/push", JSON),
        ("/elastic/_bulk", JSON),
        ("/api/events", JSON),
    ] {
        let url = format!("{}{path}", server.http());
        let answer = peer_to_end("gzip_bomb.py", &[&url, ADMIN_TOKEN, content_type, "128"]).await;
        assert_eq!(answer["status"], 413, "{path}: {answer}");
        assert!(
            answer["text"].as_str().is_some_and(|text| text.contains("decompressed_bytes_max")),
            "{path}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_good_rows_of_a_request_stay_and_the_bad_ones_are_told() {
    let server = Server::start(ServerOptions::default()).await;
    let api = server.api();
    let now = now_ms();
    let mixed = WriteRequest::of(&[
        Series { labels: &[("__name__", "mixed"), ("row", "good")], samples: &[(now, 1.0)] },
        Series { labels: &[("__name__", "mixed"), ("row", "old")], samples: &[(1_000, 1.0), (now, 2.0)] },
        Series { labels: &[("row", "nameless")], samples: &[(now, 1.0)] },
    ]);
    let answer = api.remote_write(&mixed).await.expect("the server answers");
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("2 of 4 samples were not stored"), "{}", answer.text());
    let stored = api.sql("SELECT labels['row'], value FROM metrics ORDER BY 1").await;
    assert_eq!(json!(stored), json!([["good", 1.0], ["old", 2.0]]));

    let nanos = |ms: i64| (ms * 1_000_000).to_string();
    let record = |body: &str, ms: i64| json!({"timeUnixNano": nanos(ms), "body": {"stringValue": body}});
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record("kept", now), record("of 1970", 1_000)]}]}]});
    let answer = api.try_post("/v1/logs", &logs).await.expect("the server answers");
    assert_eq!((answer.status, answer.content_type.as_str()), (200, JSON), "{}", answer.text());
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "1", "{partial}");
    assert!(partial["errorMessage"].as_str().is_some_and(|text| text.contains("1970")), "{partial}");
    assert_eq!(json!(api.sql("SELECT body FROM logs").await), json!([["kept"]]));

    let events = json!([
        {"id": "d-1", "kind": "deploy", "service": "shop", "at": "2026-01-31T09:00:00Z",
         "payload": {"version": "v1", "status": "succeeded"}},
        {"id": "d-2", "kind": "deploy", "service": "shop", "at": "yesterday", "payload": {}},
    ]);
    let answer = api.try_post("/api/events", &events).await.expect("the server answers");
    let said = answer.json();
    assert_eq!((answer.status, &said["accepted"]), (202, &json!(1)), "{said}");
    let rejected = said["rejected"].as_array().expect("rejected events");
    assert!(!rejected.is_empty() && rejected.iter().all(|problem| problem["index"] == 1), "{said}");
    // The same event once more is the same event.
    api.post("/api/events", &events[0]).await;
    assert_eq!(json!(api.sql("SELECT deploy_id, version FROM deploys").await), json!([["d-1", "v1"]]));
    assert_eq!(api.count("SELECT count(*) FROM events WHERE kind = 'deploy'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_token_nothing_is_read_or_written() {
    let server = Server::start(ServerOptions::default()).await;
    let (sender, viewer) = (server.token("sender", "ingest").await, server.token("guest", "viewer").await);
    let (nobody, sender) = (server.nobody(), server.nobody().with_token(&sender));
    let (guest, stranger) = (server.nobody().with_token(&viewer), server.nobody().with_token("ek_wrong"));
    let reads = [
        "/api/slos",
        "/api/incidents",
        "/api/status",
        "/metrics",
        "/prometheus/api/v1/labels",
        "/retros/RETRO-1/export.md",
    ];
    let writes = ["/api/events", "/v1/logs", "/v1/metrics", "/v1/traces", WRITE];
    let acts = ["/api/incidents", "/api/incidents/INC-1/acknowledge", "/api/runs", "/api/tokens"];
    let status = async |who: &Api, method: Method, path: &str| {
        let answer = who.request(method, path).header("content-type", JSON).body("{}").send().await;
        answer.expect("the server answers").status().as_u16()
    };
    for path in reads {
        assert_eq!(status(&nobody, Method::GET, path).await, 401, "nobody: {path}");
        assert_eq!(status(&stranger, Method::GET, path).await, 401, "a wrong token: {path}");
        assert_eq!(status(&sender, Method::GET, path).await, 403, "a sender: {path}");
    }
    for path in writes.iter().chain(&acts).chain(&["/api/sql"]) {
        assert_eq!(status(&nobody, Method::POST, path).await, 401, "nobody: {path}");
        assert_eq!(status(&stranger, Method::POST, path).await, 401, "a wrong token: {path}");
    }
    for path in writes.iter().chain(&acts) {
        assert_eq!(status(&guest, Method::POST, path).await, 403, "a viewer: {path}");
    }
    assert_eq!(status(&sender, Method::POST, "/api/sql").await, 403);
    let otlp = Api::new(server.otlp_http(), None);
    assert_eq!(status(&otlp, Method::POST, "/v1/logs").await, 401, "the port of OTLP asks too");
    for path in ["/healthz", "/readyz", "/login"] {
        assert_eq!(status(&nobody, Method::GET, path).await, 200, "{path} is open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_answers_with_codes_of_its_own() {
    let server = Server::start(ServerOptions::default()).await;
    let (sender, viewer) = (server.token("sender", "ingest").await, server.token("guest", "viewer").await);
    let codes = peer_to_end("grpc_status.py", &[server.otlp_grpc(), &sender, &viewer]).await;
    assert_eq!(codes["empty"], "OK", "an empty request is fine");
    assert_eq!(
        (&codes["nobody"], &codes["wrong_token"]),
        (&json!("UNAUTHENTICATED"), &json!("UNAUTHENTICATED"))
    );
    assert_eq!(codes["viewer"], "PERMISSION_DENIED");
    assert_ne!(codes["garbage"], "OK", "{codes}");
    assert_ne!(codes["garbage"], "UNAVAILABLE", "a sender would send it for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_no_protocol_end_their_connection_and_nothing_else() {
    let mut server = Server::start(ServerOptions::default()).await;
    let (host, port) = server.postgres();
    let addresses = [
        server.http().trim_start_matches("http://").to_owned(),
        server.otlp_http().trim_start_matches("http://").to_owned(),
        server.otlp_grpc().to_owned(),
        format!("{host}:{port}"),
    ];
    let garbage: [&[u8]; 4] = [
        &[0xff; 4096],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        &[0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0],
    ];
    for address in &addresses {
        for bytes in garbage {
            let mut socket = TcpStream::connect(address).expect("the port takes connections");
            socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout can be set");
            socket.write_all(bytes).expect("bytes can be sent");
            // An answer, an end or silence: all are fine.
            let _read = socket.read(&mut [0; 1024]);
        }
    }
    assert!(server.is_running());
    assert_eq!(server.api().cell("SELECT 1").await, 1);
    let token = server.token("guest", "viewer").await;
    let (host, port) = server.postgres();
    let answers = peer_to_end("psycopg_client.py", &[host, port, "guest", &token]).await;
    assert_eq!(answers["after"], 1);
}
