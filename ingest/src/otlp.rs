//! OTLP over HTTP: metrics, logs and traces, as protobuf or JSON.
//!
//! The answer has the request's content type. `partial_success` is set only when something was
//! refused or has to be said; errors are `google.rpc.Status`. Spans have no table yet: they are
//! accepted, counted and answered for in `partial_success`.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::json;
use telemetry::RejectReason;

use crate::body::{Encoding, check_json_depth, excerpt, media_type};
use crate::error::retry_after_secs;
use crate::{Context, Decoded, Dialect, Fault, IngestError, Outcome, Receipt, Rejections};

mod json;
pub(crate) mod logs;
pub(crate) mod metrics;
pub mod names;
mod origin;
mod plain_value;
pub(crate) mod status;
pub(crate) mod values;

use json::FromJson;
use status::{Code, RpcStatus};

/// `POST /v1/metrics`.
#[derive(Clone, Copy, Debug)]
pub struct OtlpMetrics;

/// `POST /v1/logs`.
#[derive(Clone, Copy, Debug)]
pub struct OtlpLogs;

/// `POST /v1/traces`.
#[derive(Clone, Copy, Debug)]
pub struct OtlpTraces;

/// Faults that are kept in detail; `partial_success` has room for one sentence.
pub(crate) const FAULTS_MAX: usize = 10;

const ENCODINGS: (&[Encoding], &str) =
    (&[Encoding::Identity, Encoding::Gzip, Encoding::Zstd], "gzip, zstd or none");

const EXPECTED_TYPE: &str = "application/x-protobuf or application/json";

impl Dialect for OtlpMetrics {
    fn name(&self) -> &'static str {
        "otlp_metrics"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        ENCODINGS
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        Format::of(parts).map(drop)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let request: ExportMetricsServiceRequest = parse(parts, body, context)?;
        metrics::decode(request, context)
    }

    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        answer(parts, outcome, "rejectedDataPoints")
    }
}

impl Dialect for OtlpLogs {
    fn name(&self) -> &'static str {
        "otlp_logs"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        ENCODINGS
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        Format::of(parts).map(drop)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        match Format::of(parts)? {
            Format::Protobuf => logs::decode(body, context),
            Format::Json => logs::decode_request(&parse_json(body, context)?, context),
        }
    }

    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        answer(parts, outcome, "rejectedLogRecords")
    }
}

impl Dialect for OtlpTraces {
    fn name(&self) -> &'static str {
        "otlp_traces"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        ENCODINGS
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        Format::of(parts).map(drop)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let request: ExportTraceServiceRequest = parse(parts, body, context)?;
        Ok(decode_traces(&request))
    }

    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        answer(parts, outcome, "rejectedSpans")
    }
}

/// Counts the spans that cannot be stored yet.
fn decode_traces(request: &ExportTraceServiceRequest) -> Decoded {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let rows = scopes.map(|scope| scope.spans.len() as u64).sum();
    let mut rejections = Rejections::new(FAULTS_MAX);
    if rows > 0 {
        rejections.reject(Fault {
            index: 0,
            pointer: String::new(),
            reason: RejectReason::Unsupported,
            count: rows,
            message: "spans are not stored yet".to_owned(),
        });
    }
    Decoded { rows, rejections, ..Decoded::default() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Protobuf,
    Json,
}

impl Format {
    fn of(parts: &Parts) -> Result<Format, IngestError> {
        Format::named(&parts.headers)
    }

    fn named(headers: &HeaderMap) -> Result<Format, IngestError> {
        let (essence, _) = media_type(headers);
        match essence.as_str() {
            "application/x-protobuf" => Ok(Format::Protobuf),
            "application/json" => Ok(Format::Json),
            _ => Err(IngestError::UnsupportedMediaType { found: excerpt(&essence), expected: EXPECTED_TYPE }),
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Format::Protobuf => "application/x-protobuf",
            Format::Json => "application/json",
        })
    }
}

fn parse<T: Message + Default + FromJson>(
    parts: &Parts,
    body: &[u8],
    context: &Context<'_>,
) -> Result<T, IngestError> {
    match Format::of(parts)? {
        Format::Protobuf => T::decode(body).map_err(not_protobuf),
        Format::Json => parse_json(body, context),
    }
}

fn not_protobuf(error: prost::DecodeError) -> IngestError {
    IngestError::Malformed(format!("not an OTLP protobuf request: {error}"))
}

fn parse_json<T: FromJson>(body: &[u8], context: &Context<'_>) -> Result<T, IngestError> {
    check_json_depth(body, context.limits.json_depth_max)?;
    T::from_json(body).map_err(|error| IngestError::Malformed(format!("not an OTLP JSON request: {error}")))
}

fn answer(parts: &Parts, outcome: &Outcome, rejected_field: &str) -> Response<Bytes> {
    // A request in a format we do not know gets its error in the one that people can read.
    let format = Format::of(parts).unwrap_or(Format::Json);
    match outcome {
        Ok(receipt) => {
            let partial = PartialSuccess::of(receipt);
            let body = match format {
                Format::Protobuf => ExportResponse { partial_success: partial }.encode_to_vec(),
                Format::Json => json_response(partial, rejected_field),
            };
            respond(StatusCode::OK, format, body)
        }
        Err(error) => {
            let status = RpcStatus::new(Code::of(error), error.to_string());
            let mut answer = respond(error.status(), format, error_body(&status, format));
            if let Some(wait) = error.retry_after() {
                answer.headers_mut().insert(RETRY_AFTER, retry_after_secs(wait).into());
            }
            if matches!(error, IngestError::UnsupportedEncoding { .. }) {
                answer.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
            }
            answer
        }
    }
}

/// In the words of OTLP an answer that was made before the dialect saw the request: no token, the wrong
/// role, the wrong method.
pub fn refusal(asked: &HeaderMap, status: StatusCode, reason: &str) -> Response<Bytes> {
    let format = Format::named(asked).unwrap_or(Format::Json);
    let body = error_body(&RpcStatus::new(Code::of_status(status), reason.to_owned()), format);
    respond(status, format, body)
}

fn error_body(status: &RpcStatus, format: Format) -> Vec<u8> {
    match format {
        Format::Protobuf => status.encode_to_vec(),
        Format::Json => json!({"code": status.code, "message": status.message}).to_string().into_bytes(),
    }
}

fn respond(status: StatusCode, format: Format, body: Vec<u8>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, format.content_type());
    answer
}

/// `Export{Metrics,Logs,Trace}ServiceResponse`: the three are the same on the wire.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}

impl PartialSuccess {
    /// `None` when everything was stored and nothing has to be said.
    pub(crate) fn of(receipt: &Receipt) -> Option<PartialSuccess> {
        let rejected = i64::try_from(receipt.rejected_rows()).unwrap_or(i64::MAX);
        receipt.complaint().map(|error_message| PartialSuccess { rejected, error_message })
    }
}

fn json_response(partial: Option<PartialSuccess>, rejected_field: &str) -> Vec<u8> {
    let body = match partial {
        None => json!({}),
        // 64-bit integers are text in protobuf's JSON.
        Some(partial) => json!({"partialSuccess": {
            rejected_field: partial.rejected.to_string(),
            "errorMessage": partial.error_message,
        }}),
    };
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests;
