//! OTLP metrics as Prometheus series.
//!
//! A data point becomes one sample, or for histograms and summaries one per bucket or quantile
//! beside `_sum` and `_count`; an exponential histogram becomes one native histogram. Delta points are
//! marked as such ([`SeriesMeta::delta`]); the lake adds them up. A refused data point is refused
//! whole; an exemplar that is of no use is left out alone. Times are cut to milliseconds.

mod exemplars;
mod exponential;
mod points;

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, Metric, NumberDataPoint, ResourceMetrics, Sum,
};
use telemetry::{
    Exemplar, HistogramSample, Labels, METRIC_NAME, MetricType, RejectReason, Sample, SeriesMeta, Timestamp,
};

use super::FAULTS_MAX;
use super::names::{Instrument, metric_name};
use super::origin::{LabelMap, Origin};
use crate::body::excerpt;
use crate::series::SeriesSet;
use crate::validate::{Meter, Refusal, check_is_set, pair_bytes, series_labels};
use crate::{Context, Decoded, Fault, IngestError, IngestLimits, Rejections};

use points::{Point, Span};

/// `target_info` gets a sample this often between a request's first and last point, so that a join
/// with it finds one within PromQL's lookback of 5 minutes.
const INFO_STEP: Duration = Duration::from_secs(150);

/// A day of [`INFO_STEP`]s; a request that spans more gets the last day.
const INFO_SAMPLES_MAX: usize = 576;

pub(crate) fn decode(
    request: ExportMetricsServiceRequest,
    context: &Context<'_>,
) -> Result<Decoded, IngestError> {
    let mut decoder = Decoder {
        limits: context.limits,
        meter: Meter::new(context.limits),
        samples: SeriesSet::default(),
        histograms: SeriesSet::default(),
        exemplars: SeriesSet::default(),
        rejections: Rejections::new(FAULTS_MAX),
        rows: 0,
        shared_bytes: 0,
        times: None,
    };
    for resource in &request.resource_metrics {
        decoder.resource(resource)?;
    }
    let mut decoded = Decoded { rows: decoder.rows, rejections: decoder.rejections, ..Decoded::default() };
    decoded.batch.series = decoder.samples.finish();
    decoded.batch.histograms = decoder.histograms.finish();
    decoded.batch.exemplars = decoder.exemplars.finish();
    Ok(decoded)
}

struct Decoder<'a> {
    limits: &'a IngestLimits,
    meter: Meter<'a>,
    samples: SeriesSet<Sample>,
    histograms: SeriesSet<HistogramSample>,
    exemplars: SeriesSet<Exemplar>,
    rejections: Rejections,
    /// Data points so far.
    rows: u64,
    /// Bytes that the labels of the current resource and scope add to each point.
    shared_bytes: usize,
    /// The first and the last time of the current resource's points.
    times: Option<(Timestamp, Timestamp)>,
}

/// One metric's name, and what all of its series have in common.
struct Family<'a> {
    metric: &'a Metric,
    name: String,
    metric_type: MetricType,
    delta: bool,
}

impl Family<'_> {
    fn meta(&self) -> SeriesMeta {
        let unit = (!self.metric.unit.is_empty()).then(|| self.metric.unit.as_str().into());
        SeriesMeta { metric_type: self.metric_type, unit, delta: self.delta }
    }
}

impl Decoder<'_> {
    fn resource(&mut self, resource: &ResourceMetrics) -> Result<(), IngestError> {
        let attributes = resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let mut origin = Origin::of(attributes);
        self.times = None;
        for scope in &resource.scope_metrics {
            let entered = origin.enter(scope.scope.as_ref(), &scope.schema_url, self.limits);
            self.shared_bytes = origin.shared_bytes();
            for metric in &scope.metrics {
                match &entered {
                    Ok(()) => self.metric(metric, &origin)?,
                    Err(refusal) => self.refuse_all(metric, refusal.clone()),
                }
            }
        }
        self.target_info(&origin)
    }

    fn metric(&mut self, metric: &Metric, origin: &Origin<'_>) -> Result<(), IngestError> {
        let family = match family_of(metric) {
            Ok(family) => family,
            Err(refusal) => {
                self.refuse_all(metric, refusal);
                return Ok(());
            }
        };
        match &metric.data {
            Some(Data::Gauge(gauge)) => self.numbers(&gauge.data_points, &family, origin),
            Some(Data::Sum(sum)) => self.numbers(&sum.data_points, &family, origin),
            Some(Data::Histogram(histogram)) => {
                for point in &histogram.data_points {
                    let span = Span::of(point.start_time_unix_nano, point.time_unix_nano);
                    let translated = self.histogram(point, span, &family, origin);
                    self.point(span, translated, &family)?;
                }
                Ok(())
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                for point in &histogram.data_points {
                    let span = Span::of(point.start_time_unix_nano, point.time_unix_nano);
                    let translated = self.exponential_histogram(point, span, &family, origin);
                    self.point(span, translated, &family)?;
                }
                Ok(())
            }
            Some(Data::Summary(summary)) => {
                for point in &summary.data_points {
                    let span = Span::of(point.start_time_unix_nano, point.time_unix_nano);
                    let translated = self.summary(point, &family, origin);
                    self.point(span, translated, &family)?;
                }
                Ok(())
            }
            None => Ok(()), // `family_of` refused it
        }
    }

    fn numbers(
        &mut self,
        points: &[NumberDataPoint],
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<(), IngestError> {
        for point in points {
            let span = Span::of(point.start_time_unix_nano, point.time_unix_nano);
            let translated = self.number(point, span, family, origin);
            self.point(span, translated, family)?;
        }
        Ok(())
    }

    /// Takes a translated data point, or refuses it whole.
    fn point(
        &mut self,
        span: Span,
        translated: Result<Point, Refusal>,
        family: &Family<'_>,
    ) -> Result<(), IngestError> {
        self.meter.text(self.shared_bytes)?;
        match check_is_set(span.ts).and(translated) {
            Err(refusal) => self.refuse(family.metric, refusal, 1),
            Ok(point) => {
                self.add(span, point, &family.meta())?;
                let (first, last) = self.times.unwrap_or((span.ts, span.ts));
                self.times = Some((first.min(span.ts), last.max(span.ts)));
                self.rows += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, span: Span, point: Point, meta: &SeriesMeta) -> Result<(), IngestError> {
        let bytes = |labels: &Labels| labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        for sample in point.samples {
            self.meter.row(bytes(&sample.labels))?;
            let start = span.start.filter(|_| sample.counts);
            let row = Sample { ts: span.ts, value: sample.value };
            self.samples.add_since(sample.labels, meta, start, row);
        }
        if let Some((labels, histogram)) = point.histogram {
            let buckets = histogram.positive.counts.len() + histogram.negative.counts.len();
            self.meter.row(bytes(&labels) + size_of::<f64>() * buckets)?;
            self.histograms.add_since(labels, meta, span.start, histogram);
        }
        for (labels, exemplar) in point.exemplars {
            self.meter.row(bytes(&labels) + bytes(&exemplar.labels))?;
            self.exemplars.add(labels, meta, exemplar);
        }
        for (reason, what) in point.bad_exemplars {
            self.rejections.drop_parts(reason, 1, &format!("an exemplar: {what}"));
        }
        Ok(())
    }

    fn labels(&self, base: &LabelMap, metric: &str, extra: Option<(&str, &str)>) -> Result<Labels, Refusal> {
        let is_free = |name: &str| extra.is_none_or(|(extra_name, _)| extra_name != name);
        let mut pairs: Vec<(&str, &str)> = vec![(METRIC_NAME, metric)];
        pairs.extend(extra);
        pairs.extend(
            base.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|pair| is_free(pair.0)),
        );
        series_labels(&pairs, self.limits)
    }

    /// What else is known of a resource, as a series of its own.
    fn target_info(&mut self, origin: &Origin<'_>) -> Result<(), IngestError> {
        let Some((first, last)) = self.times else { return Ok(()) };
        let labels = match origin.info_labels(self.limits) {
            Ok(None) => return Ok(()),
            Ok(Some(map)) => self.labels(&map, "target_info", None),
            Err(refusal) => Err(refusal),
        };
        let labels = match labels {
            Ok(labels) => labels,
            Err((reason, message)) => {
                // The points themselves are fine, so nothing of them is refused.
                self.rejections.drop_parts(reason, 1, &format!("target_info: {message}"));
                return Ok(());
            }
        };
        let pairs: Vec<_> = labels.iter().collect();
        self.meter.text(pair_bytes(&pairs))?;
        let meta = SeriesMeta { metric_type: MetricType::Info, ..SeriesMeta::default() };
        let mut ts = last;
        for _ in 0..INFO_SAMPLES_MAX {
            self.meter.row(0)?;
            self.samples.add(labels.clone(), &meta, Sample { ts, value: 1.0 });
            if ts <= first {
                break;
            }
            ts = ts.minus(INFO_STEP).max(first);
        }
        Ok(())
    }

    fn refuse_all(&mut self, metric: &Metric, refusal: Refusal) {
        // Something without points was sent too, and has to be answered for.
        self.refuse(metric, refusal, point_count(metric).max(1));
    }

    fn refuse(&mut self, metric: &Metric, (reason, what): Refusal, count: u64) {
        let message = format!("metric {:?}: {what}", excerpt(&metric.name));
        self.rejections.reject(Fault { index: self.rows, pointer: String::new(), reason, count, message });
        self.rows += count;
    }
}

/// Checks what can be said of a metric without looking at its points.
fn family_of(metric: &Metric) -> Result<Family<'_>, Refusal> {
    let invalid = |what: &str| (RejectReason::InvalidPayload, what.to_owned());
    let (instrument, metric_type, delta) = match &metric.data {
        Some(Data::Gauge(_)) => (Instrument::Gauge, MetricType::Gauge, false),
        Some(Data::Sum(Sum { aggregation_temporality, is_monotonic, .. })) => {
            let delta = is_delta(*aggregation_temporality)?;
            if *is_monotonic {
                (Instrument::Counter, MetricType::Counter, delta)
            } else {
                (Instrument::Other, MetricType::Gauge, delta)
            }
        }
        Some(Data::Histogram(histogram)) => {
            (Instrument::Other, MetricType::Histogram, is_delta(histogram.aggregation_temporality)?)
        }
        Some(Data::Summary(_)) => (Instrument::Other, MetricType::Summary, false),
        Some(Data::ExponentialHistogram(histogram)) => {
            (Instrument::Other, MetricType::Histogram, is_delta(histogram.aggregation_temporality)?)
        }
        None => return Err(invalid("no gauge, sum, histogram or summary that can be read")),
    };
    let name = metric_name(&metric.name, &metric.unit, instrument).ok_or_else(|| {
        (
            RejectReason::InvalidLabels,
            "the name holds no letter or digit that a metric name may have".to_owned(),
        )
    })?;
    Ok(Family { metric, name, metric_type, delta })
}

fn is_delta(temporality: i32) -> Result<bool, Refusal> {
    match AggregationTemporality::try_from(temporality) {
        Ok(AggregationTemporality::Delta) => Ok(true),
        Ok(AggregationTemporality::Cumulative) => Ok(false),
        Ok(AggregationTemporality::Unspecified) | Err(_) => Err((
            RejectReason::InvalidPayload,
            format!("aggregation temporality {temporality} is neither delta (1) nor cumulative (2)"),
        )),
    }
}

fn point_count(metric: &Metric) -> u64 {
    let count = match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    };
    count as u64
}

fn is_stale(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

fn millis_of(time_unix_nano: u64) -> Timestamp {
    Timestamp::from_millis((time_unix_nano / 1_000_000) as i64)
}
