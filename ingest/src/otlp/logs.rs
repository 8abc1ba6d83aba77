//! OTLP log records.
//!
//! Protobuf bodies are read by hand where they are plain ([`plain`]) and by the generated types otherwise.
//!
//! Attributes of record, scope and resource end in one list under OpenTelemetry's own names; where
//! two have the same key the narrower one wins (record, then scope, then resource). A record
//! without a time gets the one it was observed at, else the time of arrival.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{
    LogRecord as WireRecord, ResourceLogs, ScopeLogs, SeverityNumber,
};
use prost::Message;
use telemetry::{Limit, LogRecord, Timestamp};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod against_prost;
mod plain;

use super::FAULTS_MAX;
use super::values::{TooDeep, attribute, hex_id, text};
use crate::attributes::{Attributes, check_body, severity_word};
use crate::body::excerpt;
use crate::validate::{Meter, Refusal, check_is_set};
use crate::{Context, Decoded, Fault, IngestError, IngestLimits, OverLimit, Rejections};

/// The first that is there names the service ...
const SERVICE_KEYS: [&str; 2] = ["service", "service.name"];
/// ... and the environment. The last is its name in semantic conventions before 1.27, which many senders
/// speak.
const ENV_KEYS: [&str; 3] = ["env", "deployment.environment.name", "deployment.environment"];
const HOST_KEYS: [&str; 1] = ["host.name"];

/// A protobuf body.
pub(crate) fn decode(body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
    if let Some(decoded) = plain::decode(body, context) {
        return Ok(decoded);
    }
    let request = ExportLogsServiceRequest::decode(body).map_err(super::not_protobuf)?;
    decode_request(&request, context)
}

pub(crate) fn decode_request(
    request: &ExportLogsServiceRequest,
    context: &Context<'_>,
) -> Result<Decoded, IngestError> {
    let mut meter = Meter::new(context.limits);
    let mut decoded = Decoded { rejections: Rejections::new(FAULTS_MAX), ..Decoded::default() };
    for resource in &request.resource_logs {
        let origin = Origin::of(resource);
        for scope in &resource.scope_logs {
            let shared = shared_attributes(resource, scope, context.limits);
            // Copied for each record, also for those that are refused in the end.
            let shared_bytes = shared.as_ref().map_or(0, Attributes::bytes);
            for record in &scope.log_records {
                let index = decoded.rows;
                decoded.rows += 1;
                meter.row(shared_bytes + record.encoded_len())?;
                let shared = shared.as_ref().map_err(|over| over.clone().into());
                match shared.and_then(|shared| translate(record, &origin, shared, context)) {
                    Ok(record) => decoded.batch.log_rows.push(&record),
                    Err((reason, what)) => {
                        let message = format!("log record {index}: {what}");
                        let pointer = String::new();
                        decoded.rejections.reject(Fault { index, pointer, reason, count: 1, message });
                    }
                }
            }
        }
    }
    Ok(decoded)
}

/// The columns that come from a resource.
struct Origin {
    service: Option<Box<str>>,
    env: Option<Box<str>>,
    host: Option<Box<str>>,
}

impl Origin {
    fn of(resource: &ResourceLogs) -> Origin {
        let attributes = resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let first =
            |keys: &[&str]| keys.iter().find_map(|key| Some(attribute(attributes, key)?.into_owned().into()));
        Origin { service: first(&SERVICE_KEYS), env: first(&ENV_KEYS), host: first(&HOST_KEYS) }
    }
}

/// Resource attributes with those of the scope on top.
fn shared_attributes(
    resource: &ResourceLogs,
    scope: &ScopeLogs,
    limits: &IngestLimits,
) -> Result<Attributes, OverLimit> {
    let mut map = Attributes::default();
    if let Some(resource) = &resource.resource {
        add_attributes(&mut map, &resource.attributes, limits)?;
    }
    if let Some(scope) = &scope.scope {
        add_attributes(&mut map, &scope.attributes, limits)?;
        add_text(&mut map, "otel.scope.name", &scope.name, limits)?;
        add_text(&mut map, "otel.scope.version", &scope.version, limits)?;
    }
    Ok(map)
}

fn translate(
    record: &WireRecord,
    origin: &Origin,
    shared: &Attributes,
    context: &Context<'_>,
) -> Result<LogRecord, Refusal> {
    let limits = context.limits;
    let (ts, ts_ns_rem) = time_of(record.time_unix_nano, record.observed_time_unix_nano, context.now);
    check_is_set(ts)?;
    let body =
        text(record.body.as_ref(), limits.value_depth_max).map_err(|TooDeep| too_deep("body", limits))?;
    check_body(&body, limits)?;
    let mut attrs = shared.clone();
    add_attributes(&mut attrs, &record.attributes, limits)?;
    add_text(&mut attrs, "event.name", &record.event_name, limits)?;
    Ok(LogRecord {
        ts,
        ts_ns_rem,
        service: origin.service.clone(),
        env: origin.env.clone(),
        host: origin.host.clone(),
        severity: severity(&record.severity_text, record.severity_number),
        trace_id: hex_id(&record.trace_id, 16),
        span_id: hex_id(&record.span_id, 8),
        body: body.into(),
        attrs: attrs.into_pairs(),
    })
}

fn time_of(nanos: u64, observed_nanos: u64, now: Timestamp) -> (Timestamp, i16) {
    match (nanos, observed_nanos) {
        (0, 0) => (now, 0),
        (0, observed) => Timestamp::from_nanos(observed),
        (happened, _) => Timestamp::from_nanos(happened),
    }
}

/// The sender's word in upper case, else the number's (`INFO`, `WARN2`).
fn severity(text: &str, number: i32) -> Option<Box<str>> {
    if let Some(word) = severity_word(text) {
        return Some(word);
    }
    let number = SeverityNumber::try_from(number).ok()?;
    let word = number.as_str_name().strip_prefix("SEVERITY_NUMBER_")?;
    (number != SeverityNumber::Unspecified).then(|| word.into())
}

fn add_text(map: &mut Attributes, key: &str, value: &str, limits: &IngestLimits) -> Result<(), OverLimit> {
    if value.is_empty() { Ok(()) } else { map.set(key, value, limits) }
}

fn add_attributes(
    map: &mut Attributes,
    attributes: &[KeyValue],
    limits: &IngestLimits,
) -> Result<(), OverLimit> {
    for pair in attributes {
        let value = text(pair.value.as_ref(), limits.value_depth_max)
            .map_err(|TooDeep| too_deep(&format!("attribute {:?}", excerpt(&pair.key)), limits))?;
        map.set(&pair.key, &value, limits)?;
    }
    Ok(())
}

fn too_deep(what: &str, limits: &IngestLimits) -> OverLimit {
    let max = limits.value_depth_max;
    OverLimit::new(Limit::ValueDepth, format!("{what} nests deeper than {max} levels"))
}
