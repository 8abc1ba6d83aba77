//! From a bulk body as a client sends it to records and an answer, item by item.

use std::time::Duration;

use lake::RefusedLog;
use serde_json::{Value, json};
use telemetry::RejectReason;

use super::*;
use crate::IngestLimits;
use crate::receiver::tests::{FakeSink, body, head, ingest_with};

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");
const BODY: &str = r#"{"create":{"_index":"shop"}}
{"@timestamp":"2027-01-15T08:00:00Z","message":"one"}
{"index":{"_index":"shop","_id":"2"}}
{"@timestamp":"soon","message":"two"}
{"delete":{"_index":"shop","_id":"3"}}
{"create":{"_index":"shop"}}
{"@timestamp":"2027-01-15T08:00:00Z","message":"three"}
"#;

struct Answer {
    status: u16,
    content_type: String,
    wait: Option<String>,
    body: Value,
}

async fn send(
    sink: impl FnOnce(&FakeSink),
    headers: &[(&str, &str)],
    bytes: &[u8],
) -> (Answer, std::sync::Arc<FakeSink>) {
    let (ingest, fake) = ingest_with(IngestLimits::default());
    sink(&fake);
    let answer = ingest.receive(&ElasticBulk, head(headers), body(bytes), "filebeat").await;
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-elastic-product").as_deref(), Some("Elasticsearch"));
    let answer = Answer {
        status: answer.status().as_u16(),
        content_type: header("content-type").unwrap(),
        wait: header("retry-after"),
        body: serde_json::from_slice(answer.body()).unwrap(),
    };
    (answer, fake)
}

fn statuses(answer: &Answer) -> Vec<(String, u64)> {
    let items = answer.body["items"].as_array().expect("items");
    let one = |item: &Value| {
        let (action, rest) = item.as_object().unwrap().iter().next().unwrap();
        (action.clone(), rest["status"].as_u64().unwrap())
    };
    items.iter().map(one).collect()
}

fn expect(statuses: &[(&str, u64)]) -> Vec<(String, u64)> {
    statuses.iter().map(|(action, status)| (action.to_string(), *status)).collect()
}

#[tokio::test]
async fn each_item_is_answered_for_itself() {
    let (answer, sink) = send(|_| {}, &[NDJSON], BODY.as_bytes()).await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
    assert_eq!(answer.body["errors"], true);
    assert!(answer.body["took"].is_u64());
    assert_eq!(
        statuses(&answer),
        expect(&[("create", 201), ("index", 400), ("delete", 400), ("create", 201)])
    );
    let items = &answer.body["items"];
    assert_eq!(items[0]["create"]["_index"], "shop");
    assert_eq!(items[0]["create"]["result"], "created");
    assert_eq!(items[0]["create"]["_id"].as_str().unwrap().len(), 20);
    assert_eq!(items[1]["index"]["_id"], "2");
    assert_eq!(items[1]["index"]["error"]["type"], "document_parsing_exception");
    assert!(items[1]["index"]["error"]["reason"].as_str().unwrap().contains("\"soon\""));
    assert_eq!(
        items[2]["delete"]["error"],
        json!({"type": "illegal_argument_exception", "reason": "delete is not possible: logs are only appended"})
    );
    let batches = sink.batches.lock();
    let (batch, source, _) = &batches[0];
    let bodies: Vec<&str> = batch.logs.iter().map(|record| &*record.body).collect();
    assert_eq!((bodies, source.as_str()), (vec!["one", "three"], "elastic:filebeat"));
}

#[tokio::test]
async fn all_well_is_said_in_the_clients_type_and_shortness() {
    let vendor = [
        ("content-type", "application/vnd.elasticsearch+x-ndjson; compatible-with=9"),
        ("accept", "application/vnd.elasticsearch+json; compatible-with=9"),
    ];
    let body = "{\"index\":{\"_index\":\"a\"}}\n{\"message\":\"x\"}\n";
    let (answer, sink) = send(|_| {}, &vendor, body.as_bytes()).await;
    assert_eq!(answer.content_type, "application/vnd.elasticsearch+json;compatible-with=9");
    assert_eq!((answer.status, &answer.body["errors"]), (200, &json!(false)));
    assert_eq!(sink.batches.lock()[0].2, None, "a document without a time may come again");

    let (mut parts, ()) =
        http::Request::post("/elastic/_bulk?filter_path=errors,items.*.error").body(()).unwrap().into_parts();
    parts.headers.insert("content-type", "application/x-ndjson".parse().unwrap());
    let (ingest, _) = ingest_with(IngestLimits::default());
    let answer = ingest.receive(&ElasticBulk, parts, self::body(body.as_bytes()), "fluent-bit").await;
    assert_eq!(&answer.body()[..], br#"{"errors":false}"#);
}

#[tokio::test]
async fn items_that_the_lake_refuses_are_found_among_their_neighbours() {
    // The second record that reached the lake is the fourth item.
    let refuse = |sink: &FakeSink| {
        *sink.refused_logs.lock() = vec![RefusedLog { index: 1, reason: RejectReason::TooOld }];
    };
    let (answer, _) = send(refuse, &[NDJSON], BODY.as_bytes()).await;
    assert_eq!(
        statuses(&answer),
        expect(&[("create", 201), ("index", 400), ("delete", 400), ("create", 400)])
    );
    assert_eq!(
        answer.body["items"][3]["create"]["error"],
        json!({"type": "illegal_argument_exception", "reason": "the record is older than logs are kept"})
    );
}

#[tokio::test]
async fn overload_is_said_above_and_at_each_item() {
    let overloaded = |sink: &FakeSink| {
        let retry_after = Duration::from_secs(3);
        *sink.refuse_with.lock() =
            Some(IngestError::Overloaded { what: "full".into(), limit: None, retry_after });
    };
    let (answer, _) = send(overloaded, &[NDJSON], BODY.as_bytes()).await;
    assert_eq!((answer.status, answer.wait.as_deref()), (429, Some("3")));
    assert_eq!(answer.body["status"], 429);
    assert_eq!(answer.body["error"]["type"], "es_rejected_execution_exception");
    assert_eq!(
        statuses(&answer),
        expect(&[("create", 429), ("index", 400), ("delete", 400), ("create", 429)])
    );
    let full = |sink: &FakeSink| {
        let retry_after = Duration::from_secs(30);
        *sink.refuse_with.lock() =
            Some(IngestError::Unavailable { what: "the disk is full".into(), limit: None, retry_after });
    };
    let (answer, _) = send(full, &[NDJSON], BODY.as_bytes()).await;
    assert_eq!((answer.status, statuses(&answer)[0].1), (503, 503));
}

#[tokio::test]
async fn a_body_that_is_no_bulk_is_refused_whole() {
    for (headers, bytes, status, says) in [
        (&[NDJSON][..], &b"{\"message\":\"x\"}\n"[..], 400, "line 1 of the bulk body"),
        (&[NDJSON], b"\xff\xfe\n", 400, "not an action"),
        (&[NDJSON, ("content-encoding", "gzip")], b"no gzip", 400, "not valid gzip"),
        (&[NDJSON, ("content-encoding", "zstd")], b"", 415, "send gzip or none"),
        (&[("content-type", "text/plain")], b"", 406, "send application/x-ndjson"),
    ] {
        let (answer, sink) = send(|_| {}, headers, bytes).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.body["status"], status);
        assert!(answer.body["error"]["reason"].as_str().unwrap().contains(says), "{}", answer.body);
        assert!(sink.batches.lock().is_empty());
    }
}

#[tokio::test]
async fn gzip_and_an_index_in_the_path() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let body = "{\"create\":{}}\n{\"message\":\"x\",\"@timestamp\":1800000000000}\n";
    gzip.write_all(body.as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    let (ingest, sink) = ingest_with(IngestLimits::default());
    for index in ["a", "b"] {
        let mut parts = head(&[("content-type", "application/json"), ("content-encoding", "gzip")]);
        parts.extensions.insert(IndexInPath(index.into()));
        let answer = ingest.receive(&ElasticBulk, parts, self::body(&bytes), "t").await;
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(answer["items"][0]["create"]["_index"], index);
    }
    let batches = sink.batches.lock();
    assert!(batches[0].2.is_some() && batches[0].2 != batches[1].2, "another index, another batch");
}

#[tokio::test]
async fn a_request_cannot_expand_without_bound() {
    let limits = IngestLimits { rows_per_request_max: 1, ..IngestLimits::default() };
    let (ingest, _) = ingest_with(limits);
    let answer = ingest.receive(&ElasticBulk, head(&[NDJSON]), body(BODY.as_bytes()), "t").await;
    assert_eq!(answer.status().as_u16(), 413);
    assert!(String::from_utf8_lossy(answer.body()).contains("rows_per_request_max"));
}

fn line() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    prop_oneof![
        4 => Just(br#"{"create":{"_index":"a"}}"#.to_vec()),
        2 => Just(br#"{"index":{"_id":"1"}}"#.to_vec()),
        1 => Just(br#"{"delete":{"_index":"a"}}"#.to_vec()),
        4 => r#"\{"(message|@timestamp|a|host)":("[a-z0-9:T.Z-]{0,12}"|[0-9]{1,20}|\{"b":[0-9]\}|\[1\]|null)\}"#
            .prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..30),
        1 => Just(Vec::new()),
    ]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_comes_each_operation_has_one_item_and_at_most_one_record(
        lines in proptest::collection::vec(line(), 0..20),
        cut in proptest::prelude::any::<proptest::sample::Index>(),
    ) {
        let body = lines.join(&b'\n');
        let (limits, families) = (IngestLimits::default(), crate::FamilyTypes::default());
        let known = crate::KnownSeries::new(0);
        let context = Context { limits: &limits, source: "elastic:test", now: crate::receiver::tests::NOW,
            families: &families, known: &known };
        for body in [&body[..], &body[..cut.index(body.len() + 1)]] {
            let mut parts = head(&[NDJSON]);
            parts.extensions.insert(IndexInPath("path".into()));
            match ElasticBulk.decode(&parts, body, &context) {
                Ok(decoded) => {
                    let stored = decoded.items.iter().filter(|item| item.refused.is_none()).count();
                    proptest::prop_assert_eq!(decoded.items.len() as u64, decoded.rows);
                    proptest::prop_assert_eq!(stored, decoded.batch.logs.len());
                }
                Err(error) => proptest::prop_assert!(matches!(
                    error,
                    IngestError::Malformed(_) | IngestError::OverLimit(_)
                )),
            }
        }
    }
}

async fn send_document(id: Option<&str>, bytes: &[u8]) -> (u16, Value, std::sync::Arc<FakeSink>) {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let mut parts = head(&[("content-type", "application/json")]);
    let document = DocumentInPath { index: "shop".into(), id: id.map(str::to_owned), create: false };
    parts.extensions.insert(document);
    let answer = ingest.receive(&ElasticDocument, parts, body(bytes), "serilog").await;
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap(), sink)
}

#[tokio::test]
async fn a_document_alone_is_a_record_and_its_answer() {
    let text = b"{\"@timestamp\":\"2027-01-15T08:00:00Z\",\"message\":\"one\"}\n";
    let (status, answer, sink) = send_document(Some("7"), text).await;
    assert_eq!(status, 201);
    assert_eq!(
        (&answer["_index"], &answer["_id"], &answer["result"]),
        (&json!("shop"), &json!("7"), &json!("created"))
    );
    {
        let (batch, source, key) = &sink.batches.lock()[0];
        assert_eq!((&*batch.logs[0].body, source.as_str()), ("one", "elastic:serilog"));
        assert!(key.is_some(), "the same document with the same id is a retry");
    }
    let (status, answer, sink) = send_document(None, text).await;
    assert_eq!((status, answer["_id"].as_str().map(str::len)), (201, Some(20)));
    assert_eq!(sink.batches.lock()[0].2, None, "a line that is sent alone may come twice");
}

#[tokio::test]
async fn a_document_that_never_will_be_stored_is_a_400() {
    for (text, reason) in [
        (&b"not json"[..], "not a JSON object"),
        (b"", "not a JSON object"),
        (b"{} {}", "not a JSON object"),
        (b"{\"@timestamp\":\"soon\"}", "\"soon\""),
    ] {
        let (status, answer, sink) = send_document(None, text).await;
        assert_eq!((status, &answer["status"]), (400, &json!(400)), "{answer}");
        assert_eq!(answer["error"]["type"], "document_parsing_exception");
        assert!(answer["error"]["reason"].as_str().unwrap().contains(reason), "{answer}");
        assert!(sink.batches.lock().iter().all(|(batch, _, _)| batch.logs.is_empty()));
    }
}
