//! Log records as OTLP bodies, the way a collector's batch processor sends them: the records of some
//! moments, together by the resource that wrote them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{
    LogRecord as WireRecord, ResourceLogs, ScopeLogs, SeverityNumber,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use telemetry::LogRecord;

/// The attribute of a record; the others are its resource's.
pub const OF_THE_RECORD: &str = "thread.name";
/// One request in so many is traced.
const TRACED: u8 = 2;

/// One request, not compressed.
pub fn body(records: &[LogRecord]) -> Vec<u8> {
    let mut resources: BTreeMap<Vec<(&str, &str)>, Vec<WireRecord>> = BTreeMap::new();
    for record in records {
        resources.entry(resource_of(record)).or_default().push(wire(record));
    }
    let resource_logs = resources
        .into_iter()
        .map(|(attributes, log_records)| ResourceLogs {
            resource: Some(Resource {
                attributes: attributes.iter().map(|(key, value)| pair(key, value)).collect(),
                ..Resource::default()
            }),
            scope_logs: vec![ScopeLogs {
                scope: Some(InstrumentationScope {
                    name: "com.example.shop".to_owned(),
                    ..InstrumentationScope::default()
                }),
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        })
        .collect();
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

fn resource_of(record: &LogRecord) -> Vec<(&str, &str)> {
    let columns = [
        ("service.name", &record.service),
        ("deployment.environment.name", &record.env),
        ("host.name", &record.host),
    ];
    let columns = columns.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
    let attributes = record.attrs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
    columns.chain(attributes.filter(|(key, _)| *key != OF_THE_RECORD)).collect()
}

fn wire(record: &LogRecord) -> WireRecord {
    let nanos = (record.ts.micros() * 1_000 + i64::from(record.ts_ns_rem)) as u64;
    let (trace_id, span_id) = (bytes_of(&record.trace_id), bytes_of(&record.span_id));
    let is_traced = trace_id.last().is_some_and(|last| last % TRACED == 0);
    let severity_text = record.severity.as_deref().unwrap_or_default().to_owned();
    let severity = SeverityNumber::from_str_name(&format!("SEVERITY_NUMBER_{severity_text}"));
    WireRecord {
        time_unix_nano: nanos,
        observed_time_unix_nano: nanos + 1_500_000,
        severity_number: severity.unwrap_or_default().into(),
        severity_text,
        body: Some(AnyValue { value: Some(Value::StringValue(record.body.to_string())) }),
        attributes: record
            .attrs
            .iter()
            .filter(|(key, _)| key.as_ref() == OF_THE_RECORD)
            .map(|(key, value)| pair(key, value))
            .collect(),
        trace_id: if is_traced { trace_id } else { Vec::new() },
        span_id: if is_traced { span_id } else { Vec::new() },
        ..WireRecord::default()
    }
}

fn bytes_of(hex: &Option<Box<str>>) -> Vec<u8> {
    let digits = hex.as_deref().unwrap_or_default().as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    digits.chunks_exact(2).map(|two| digit(two[0]) << 4 | digit(two[1])).collect()
}

fn pair(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
