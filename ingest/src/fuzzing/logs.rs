//! Loki, OTLP logs, Elasticsearch's bulk.

use std::fmt::Debug;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use serde::Serialize;
use serde_json::json;

use super::{LIMITS, head, promises, refused, take, with_context};
use crate::elastic::{DocumentInPath, ElasticBulk, ElasticDocument, IndexInPath};
use crate::loki::protobuf::generated::{EntryAdapter, PushRequest, StreamAdapter};
use crate::loki::{LokiPush, labels, protobuf};
use crate::otlp::{OtlpLogs, logs};
use crate::{Decoded, KnownSeries};

/// Every record is stored or refused.
fn check_rows(decoded: &Decoded) {
    assert_eq!(decoded.rows, decoded.batch.log_count() as u64 + refused(decoded));
}

/// As the generated types have it, and the same as the same push in JSON.
pub fn loki_protobuf(body: &[u8]) {
    protobuf::against_prost::check(body).unwrap_or_else(|difference| panic!("{difference}"));
    let Ok(decoded) = take(&LokiPush, &head("application/x-protobuf"), body) else { return };
    check_rows(&decoded);
    let request = PushRequest::decode(body).expect("it was decoded before");
    let entries: usize = request.streams.iter().map(|stream| stream.entries.len()).sum();
    assert_eq!(decoded.rows, entries as u64);
    let Some(push) = loki_push_as_json(&request) else { return };
    let of_json = take(&LokiPush, &head("application/json"), push.as_bytes());
    let of_json = of_json.unwrap_or_else(|error| panic!("{error}: {push}"));
    assert_eq!(decoded.batch.logs, of_json.batch.logs, "{push}");
    assert_eq!(decoded.batch.log_rows, of_json.batch.log_rows, "{push}");
    assert_eq!(refused(&decoded), refused(&of_json), "{push}");
}

/// `None` where labels cannot be read, which JSON cannot say. Written by hand: a name may come twice.
fn loki_push_as_json(request: &PushRequest) -> Option<String> {
    fn object<N: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (N, V)>) -> String {
        let pair = |(name, value): (N, V)| format!("{}:{}", json!(name.as_ref()), json!(value.as_ref()));
        format!("{{{}}}", pairs.map(pair).collect::<Vec<_>>().join(","))
    }
    let entry = |entry: &EntryAdapter| {
        let time = entry.timestamp.unwrap_or_default();
        let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        let metadata = entry.structured_metadata.iter().map(|pair| (&pair.name, &pair.value));
        format!("[\"{nanos}\",{},{}]", json!(entry.line), object(metadata))
    };
    let stream = |stream: &StreamAdapter| {
        let labels = labels::parse(&stream.labels).ok()?;
        let entries: Vec<String> = stream.entries.iter().map(entry).collect();
        Some(format!("{{\"stream\":{},\"values\":[{}]}}", object(labels.iter().cloned()), entries.join(",")))
    };
    let streams: Option<Vec<String>> = request.streams.iter().map(stream).collect();
    Some(format!("{{\"streams\":[{}]}}", streams?.join(",")))
}

pub fn loki_json(body: &[u8]) {
    if let Ok(decoded) = take(&LokiPush, &head("application/json"), body) {
        check_rows(&decoded);
    }
}

/// As the generated types have it; every record is stored or refused, and the request means the same
/// when it is written as JSON.
pub fn otlp_logs(body: &[u8]) {
    with_context(&KnownSeries::new(0), |context| logs::against_prost::check(body, context));
    let Ok(decoded) = take(&OtlpLogs, &head("application/x-protobuf"), body) else { return };
    check_rows(&decoded);
    let request = ExportLogsServiceRequest::decode(body).expect("it was decoded before");
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    assert_eq!(decoded.rows, scopes.map(|scope| scope.log_records.len() as u64).sum::<u64>());
    let Some(json) = as_json(&request) else { return };
    let Ok(of_json) = take(&OtlpLogs, &head("application/json"), &json) else {
        panic!("not read back: {}", String::from_utf8_lossy(&json));
    };
    assert_eq!(promises::told(&decoded), promises::told(&of_json));
}

pub fn otlp_logs_json(body: &[u8]) {
    if let Ok(decoded) = take(&OtlpLogs, &head("application/json"), body) {
        check_rows(&decoded);
    }
}

/// A request in OTLP's JSON, as the generated types write it. `None` for what they cannot write so that
/// it means the same (numbers that are not finite become null), and for what nests deeper than our
/// reader of JSON goes.
pub(super) fn as_json(request: &(impl Debug + Serialize)) -> Option<Vec<u8>> {
    let shown = format!("{request:?}");
    let is_finite = !["NaN", "inf)", "inf,", "inf]", "inf "].iter().any(|word| shown.contains(word));
    let json = serde_json::to_vec(request).ok().filter(|_| is_finite)?;
    crate::body::check_json_depth(&json, LIMITS.json_depth_max).is_ok().then_some(json)
}

/// Every operation has an item, and is a record or was refused.
pub fn elastic_bulk(body: &[u8]) {
    elastic_document(body);
    let mut parts = head("application/x-ndjson");
    parts.extensions.insert(IndexInPath("shop".to_owned()));
    let Ok(decoded) = take(&ElasticBulk, &parts, body) else { return };
    check_rows(&decoded);
    assert_eq!(decoded.items.len() as u64, decoded.rows);
    let kept = decoded.items.iter().filter(|item| item.refused.is_none()).count();
    assert_eq!(kept, decoded.batch.logs.len());
    assert!(decoded.items.iter().all(|item| !item.id.is_empty() || !item.target.is_empty()));
}

/// One item, stored or refused, whatever the document is.
fn elastic_document(body: &[u8]) {
    let mut parts = head("application/json");
    parts.extensions.insert(DocumentInPath { index: "shop".to_owned(), id: None, create: false });
    let Ok(decoded) = take(&ElasticDocument, &parts, body) else { return };
    check_rows(&decoded);
    assert_eq!((decoded.rows, decoded.items.len()), (1, 1));
    assert_eq!(decoded.items[0].refused.is_none(), decoded.batch.logs.len() == 1);
}
