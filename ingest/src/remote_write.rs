//! Prometheus remote write 1.0 and 2.0: a snappy block of `prometheus.WriteRequest` or of
//! `io.prometheus.write.v2.Request`.
//!
//! 204 when everything was written. Otherwise 400 with a text that names the series and the reason,
//! while the other samples are kept: a sender never repeats a 4xx, so overload is never answered
//! with one. Every answer says in `X-Prometheus-Remote-Write-…-Written` how many samples, histograms
//! and exemplars of the request are stored now, by it or by an earlier attempt: 2.0 demands that, and
//! 1.0 does not mind. Repeating a request changes nothing.
//!
//! The versions differ in how a request is read ([`v1`], [`v2`]) and in nothing else: both read into
//! the same [`series::Series`], which [`gather`] turns into a batch.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use lake::Written;
use telemetry::Limit;

use crate::body::{Encoding, excerpt, media_type};
use crate::error::retry_after_secs;
use crate::protobuf::{Reader, WireError};
use crate::{Context, Decoded, Dialect, FamilyMeta, IngestError, Outcome};

mod gather;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod generated;
mod histogram;
mod series;
pub(crate) mod v1;
pub(crate) mod v2;

use gather::{Gatherer, metric_type};
use series::Metadata;

/// `POST /prometheus/api/v1/write`.
#[derive(Clone, Copy, Debug)]
pub struct RemoteWrite;

/// Faults that the answer describes one by one; the rest is in the sums.
const FAULTS_MAX: usize = 10;

const PROTO_V1: &str = "prometheus.WriteRequest";
const PROTO_V2: &str = "io.prometheus.write.v2.Request";

const EXPECTED_TYPE: &str =
    "application/x-protobuf (proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request)";

const WRITTEN_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// Which message a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Version {
    /// Senders that name no type at all speak 1.0, as for Prometheus.
    fn of(parts: &Parts) -> Result<Version, IngestError> {
        let (essence, parameters) = media_type(&parts.headers);
        let wrong_type = || IngestError::UnsupportedMediaType {
            found: excerpt(format!("{essence};{parameters}").trim_end_matches(';')),
            expected: EXPECTED_TYPE,
        };
        if !matches!(essence.as_str(), "application/x-protobuf" | "") {
            return Err(wrong_type());
        }
        // Without `proto` it is 1.0.
        let proto = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("proto="));
        match proto.map(|name| name.trim_matches('"')) {
            None | Some(PROTO_V1) => Ok(Version::V1),
            Some(PROTO_V2) => Ok(Version::V2),
            Some(_) => Err(wrong_type()),
        }
    }
}

impl Dialect for RemoteWrite {
    fn name(&self) -> &'static str {
        "remote_write"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        (&[Encoding::Snappy], "snappy (block format)")
    }

    /// There is one that is spoken here, so a sender need not name it.
    fn encoding(&self, parts: &Parts) -> Result<Encoding, IngestError> {
        if !parts.headers.contains_key(CONTENT_ENCODING) {
            return Ok(Encoding::Snappy);
        }
        let (allowed, expected) = self.encodings();
        Encoding::of(&parts.headers, allowed, expected)
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        Version::of(parts).map(drop)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        match Version::of(parts)? {
            Version::V1 => decode_v1(body, context),
            Version::V2 => decode_v2(body, context),
        }
    }

    fn answer(&self, _parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        let mut answer = match outcome {
            Ok(receipt) => match receipt.complaint_about("samples") {
                None => empty(StatusCode::NO_CONTENT),
                Some(complaint) => text(StatusCode::BAD_REQUEST, &complaint),
            },
            Err(error) => {
                let status = match error {
                    IngestError::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
                    other => other.status(),
                };
                let mut answer = text(status, &error.to_string());
                if let Some(wait) = error.retry_after() {
                    answer.headers_mut().insert(RETRY_AFTER, retry_after_secs(wait).into());
                }
                answer
            }
        };
        let written = outcome.as_ref().map_or(Written::default(), |receipt| receipt.stored.written);
        let counts = [written.samples, written.histograms, written.exemplars];
        for (name, count) in WRITTEN_HEADERS.into_iter().zip(counts) {
            answer.headers_mut().insert(name, count.into());
        }
        answer
    }
}

fn decode_v1(body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
    let malformed = |error: WireError| IngestError::Malformed(format!("not a {PROTO_V1}: {error}"));
    let families = learn(&v1::metadata(body).map_err(malformed)?);
    let types = context.families.with(&families);
    let buckets_max = context.limits.buckets_per_histogram_max;
    let mut reader = v1::SeriesReader::new(body, context.known.look(), buckets_max);
    let mut gatherer = Gatherer::new(context, &types);
    while let Some(series) = reader.next().map_err(malformed)? {
        gatherer.add(series)?;
    }
    let mut decoded = gatherer.finish();
    if decoded.rows == 0 && families.is_empty() {
        check_names_its_version(body, PROTO_V1, PROTO_V2)?;
    }
    decoded.families = families;
    Ok(decoded)
}

fn decode_v2(body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
    let malformed = |error: WireError| IngestError::Malformed(format!("not a {PROTO_V2}: {error}"));
    let symbols_max = context.limits.symbols_per_request_max;
    let symbols = v2::symbols(body, symbols_max).map_err(malformed)?.ok_or(IngestError::TooLarge {
        what: "the number of symbols",
        limit: Limit::SymbolsPerRequest,
        max: symbols_max as u64,
    })?;
    let buckets_max = context.limits.buckets_per_histogram_max;
    let mut reader = v2::SeriesReader::new(body, &symbols, context.known.look(), buckets_max);
    let mut gatherer = Gatherer::new(context, context.families);
    while let Some(series) = reader.next().map_err(malformed)? {
        // What is optional refers to symbol 0, so a sender with another text there would be misread.
        if symbols.first() != Some(&"") {
            let what = "the first symbol is not the empty text";
            return Err(IngestError::Malformed(format!("not a {PROTO_V2}: {what}")));
        }
        gatherer.add(series)?;
    }
    let decoded = gatherer.finish();
    if decoded.rows == 0 && symbols.is_empty() {
        check_names_its_version(body, PROTO_V2, PROTO_V1)?;
    }
    Ok(decoded)
}

/// Neither message has a field of the other's, so that a body under the wrong name reads as an empty
/// request: it would be lost with a success.
fn check_names_its_version(body: &[u8], named: &str, other: &str) -> Result<(), IngestError> {
    let mut request = Reader::new(body);
    let mut of_other = false;
    while let Ok(Some((field, wire))) = request.key() {
        of_other |= matches!((other, field), (PROTO_V1, 1 | 3) | (PROTO_V2, 4 | 5));
        if request.skip(field, wire).is_err() {
            break;
        }
    }
    if of_other {
        let what = format!("the body is no {named} as its content type says, it seems to be a {other}");
        return Err(IngestError::Malformed(what));
    }
    Ok(())
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

fn text(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(format!("{text}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// What the metadata of a request says of families, to be remembered.
fn learn(metadata: &[(&str, Metadata<'_>)]) -> Vec<(Box<str>, FamilyMeta)> {
    metadata
        .iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, family)| {
            let unit = (!family.unit.is_empty()).then(|| family.unit.into());
            ((*name).into(), FamilyMeta { metric_type: metric_type(family.metric_type), unit })
        })
        .collect()
}

#[cfg(test)]
mod tests;
