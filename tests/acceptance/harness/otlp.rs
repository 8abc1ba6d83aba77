//! Log exports as an OpenTelemetry SDK makes them, for writers that need to be fast.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::now_ms;

fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) })
}

/// The body of `POST /v1/logs` with one record per line.
pub fn logs_request(service: &str, lines: &[String]) -> Vec<u8> {
    let record = |line: &String| LogRecord {
        time_unix_nano: now_ms() as u64 * 1_000_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: text(line),
        ..LogRecord::default()
    };
    let name = KeyValue { key: "service.name".to_owned(), value: text(service), ..KeyValue::default() };
    let resource = Resource { attributes: vec![name], ..Resource::default() };
    let records = ScopeLogs { log_records: lines.iter().map(record).collect(), ..ScopeLogs::default() };
    let logs =
        ResourceLogs { resource: Some(resource), scope_logs: vec![records], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }.encode_to_vec()
}
