//! Prometheus remote write 1.0: a snappy block of `prometheus.WriteRequest`.
//!
//! 204 when everything was written. Otherwise 400 with a text that names the series and the reason,
//! while the other samples are kept: a sender never repeats a 4xx, so overload is never answered
//! with one. Native histograms are counted as unsupported; exemplars are dropped and counted, but
//! do not fail a request whose samples are fine.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use telemetry::{METRIC_NAME, MetricType, RejectReason, Sample, SeriesMeta, Timestamp};

use crate::body::{Encoding, excerpt, media_type};
use crate::error::retry_after_secs;
use crate::series::SeriesSet;
use crate::validate::{Meter, Refusal, describe, pair_bytes, series_labels};
use crate::{Context, Decoded, Dialect, FamilyMeta, FamilyTypes, Fault, IngestError, Outcome, Rejections};

pub mod decode;

use decode::{Metadata, SeriesReader, TimeSeries};

/// `POST /prometheus/api/v1/write`.
#[derive(Clone, Copy, Debug)]
pub struct RemoteWrite;

/// Faults that the answer describes one by one; the rest is in the sums.
const FAULTS_MAX: usize = 10;

const EXPECTED_TYPE: &str = "application/x-protobuf (proto=prometheus.WriteRequest)";

impl Dialect for RemoteWrite {
    fn name(&self) -> &'static str {
        "remote_write"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        (&[Encoding::Snappy], "snappy (block format)")
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        let (essence, parameters) = media_type(&parts.headers);
        let wrong_type = || IngestError::UnsupportedMediaType {
            found: excerpt(&format!("{essence};{parameters}")),
            expected: EXPECTED_TYPE,
        };
        if essence != "application/x-protobuf" {
            return Err(wrong_type());
        }
        // `proto` without a value of its own means 1.0, as does its absence.
        let proto = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("proto="));
        match proto.map(|name| name.trim_matches('"')) {
            None | Some("prometheus.WriteRequest") => Ok(()),
            Some("io.prometheus.write.v2.Request") => Err(IngestError::UnsupportedVersion(
                "remote write 2.0 is not supported yet; send 1.0 (protobuf_message: prometheus.WriteRequest)",
            )),
            Some(_) => Err(wrong_type()),
        }
    }

    fn decode(&self, _parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let malformed = |error: decode::WireError| {
            IngestError::Malformed(format!("not a prometheus.WriteRequest: {error}"))
        };
        let families = learn(&decode::metadata(body).map_err(malformed)?);
        let types = context.families.with(&families);
        let mut reader = SeriesReader::new(body);
        let mut batch = BatchBuilder::new(context, &types);
        while let Some(series) = reader.next().map_err(malformed)? {
            batch.add(series)?;
        }
        let mut decoded = batch.finish();
        decoded.families = families;
        Ok(decoded)
    }

    fn answer(&self, _parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        match outcome {
            Ok(receipt) => match receipt.complaint() {
                None => empty(StatusCode::NO_CONTENT),
                Some(complaint) => {
                    let (refused, all) = (receipt.rejected_rows(), receipt.rows);
                    let head =
                        format!("{refused} of {all} samples were not stored, the others were. {complaint}");
                    text(StatusCode::BAD_REQUEST, &head)
                }
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
        }
    }
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

fn learn(metadata: &[Metadata<'_>]) -> Vec<(Box<str>, FamilyMeta)> {
    metadata
        .iter()
        .filter(|family| !family.name.is_empty())
        .map(|family| {
            let unit = (!family.unit.is_empty()).then(|| family.unit.into());
            (family.name.into(), FamilyMeta { metric_type: metric_type(family.metric_type), unit })
        })
        .collect()
}

/// `prometheus.MetricMetadata.MetricType`.
fn metric_type(number: i32) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        // 4 is the gauge histogram, which is stored like any other.
        3 | 4 => MetricType::Histogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

struct BatchBuilder<'a> {
    context: &'a Context<'a>,
    types: &'a FamilyTypes,
    meter: Meter<'a>,
    set: SeriesSet,
    rejections: Rejections,
    rows: u64,
    series_index: u64,
}

impl<'a> BatchBuilder<'a> {
    fn new(context: &'a Context<'a>, types: &'a FamilyTypes) -> Self {
        BatchBuilder {
            context,
            types,
            meter: Meter::new(context.limits),
            set: SeriesSet::default(),
            rejections: Rejections::new(FAULTS_MAX),
            rows: 0,
            series_index: 0,
        }
    }

    fn add(&mut self, series: &TimeSeries<'_>) -> Result<(), IngestError> {
        let samples = series.samples.len() as u64;
        self.rows += samples + series.histograms;
        let mut bytes = pair_bytes(&series.labels);
        for _ in 0..samples + series.histograms {
            self.meter.row(std::mem::take(&mut bytes))?;
        }
        match series_labels(&series.labels, self.context.limits) {
            Err((reason, message)) => {
                self.reject((reason, message), (samples + series.histograms).max(1));
            }
            Ok(labels) => {
                if series.histograms > 0 {
                    let series_name = describe(&series.labels);
                    let message = format!("series {series_name}: native histograms are not stored yet");
                    self.reject((RejectReason::Unsupported, message), series.histograms);
                }
                self.rejections.drop_parts(
                    RejectReason::Unsupported,
                    series.exemplars,
                    "exemplars are not stored yet; their samples are",
                );
                self.add_samples(labels, series);
            }
        }
        self.series_index += 1;
        Ok(())
    }

    fn add_samples(&mut self, labels: telemetry::Labels, series: &TimeSeries<'_>) {
        let samples: Vec<Sample> = series
            .samples
            .iter()
            .map(|sample| Sample { ts: Timestamp::from_millis(sample.timestamp_ms), value: sample.value })
            .collect();
        if samples.is_empty() {
            return;
        }
        let known = self.types.of_metric(labels.get(METRIC_NAME).unwrap_or_default());
        let meta = SeriesMeta {
            metric_type: known.map_or(MetricType::Unknown, |family| family.metric_type),
            unit: known.and_then(|family| family.unit.clone()),
            delta: false,
        };
        self.set.series_of(labels, &meta).extend(samples);
    }

    fn reject(&mut self, (reason, message): Refusal, count: u64) {
        let index = self.series_index;
        self.rejections.reject(Fault { index, pointer: String::new(), reason, count, message });
    }

    fn finish(self) -> Decoded {
        let mut decoded = Decoded { rows: self.rows, rejections: self.rejections, ..Decoded::default() };
        decoded.batch.series = self.set.finish();
        decoded
    }
}

#[cfg(test)]
mod tests;
