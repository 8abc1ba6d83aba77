//! OTLP metrics as Prometheus series.
//!
//! A data point becomes one sample, or for histograms and summaries one per bucket or quantile
//! beside `_sum` and `_count`. Delta points are marked as such ([`SeriesMeta::delta`]); the lake
//! adds them up. A refused data point is refused whole. Times are cut to milliseconds.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    Sum, SummaryDataPoint,
};
use telemetry::{Labels, METRIC_NAME, MetricType, RejectReason, Sample, SeriesMeta, Timestamp, stale_marker};

use super::FAULTS_MAX;
use super::names::{Instrument, metric_name};
use super::origin::{LabelMap, Origin};
use super::values::float_text;
use crate::body::excerpt;
use crate::series::SeriesSet;
use crate::validate::{Meter, Refusal, check_is_set, pair_bytes, series_labels};
use crate::{Context, Decoded, Fault, IngestError, IngestLimits, Rejections};

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
        set: SeriesSet::default(),
        rejections: Rejections::new(FAULTS_MAX),
        rows: 0,
        shared_bytes: 0,
        times: None,
    };
    for resource in &request.resource_metrics {
        decoder.resource(resource)?;
    }
    let mut decoded = Decoded { rows: decoder.rows, rejections: decoder.rejections, ..Decoded::default() };
    decoded.batch.series = decoder.set.finish();
    Ok(decoded)
}

struct Decoder<'a> {
    limits: &'a IngestLimits,
    meter: Meter<'a>,
    set: SeriesSet,
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

/// The samples of one data point, before any of them is stored.
type PointSamples = Vec<(Labels, f64)>;

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
                    self.drop_exemplars(point.exemplars.len());
                    let samples = self.histogram(point, &family, origin);
                    self.point(point.time_unix_nano, samples, &family)?;
                }
                Ok(())
            }
            Some(Data::Summary(summary)) => {
                for point in &summary.data_points {
                    let samples = self.summary(point, &family, origin);
                    self.point(point.time_unix_nano, samples, &family)?;
                }
                Ok(())
            }
            Some(Data::ExponentialHistogram(_)) | None => Ok(()), // `family_of` refused them
        }
    }

    fn numbers(
        &mut self,
        points: &[NumberDataPoint],
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<(), IngestError> {
        for point in points {
            self.drop_exemplars(point.exemplars.len());
            let samples = self.number(point, family, origin);
            self.point(point.time_unix_nano, samples, family)?;
        }
        Ok(())
    }

    fn number(
        &self,
        point: &NumberDataPoint,
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<PointSamples, Refusal> {
        let value = match point.value {
            _ if is_stale(point.flags) => stale_marker(),
            Some(Value::AsDouble(value)) => value,
            Some(Value::AsInt(value)) => value as f64,
            None => return Err((RejectReason::InvalidPayload, "the data point has no value".to_owned())),
        };
        let base = origin.point_labels(&point.attributes, self.limits)?;
        Ok(vec![(self.labels(&base, &family.name, None)?, value)])
    }

    fn histogram(
        &self,
        point: &HistogramDataPoint,
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<PointSamples, Refusal> {
        let invalid = |what: String| Err((RejectReason::InvalidPayload, what));
        let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
        let stale = is_stale(point.flags);
        if !counts.is_empty() && counts.len() != bounds.len() + 1 {
            return invalid(format!("{} bounds need one bucket more, not {}", bounds.len(), counts.len()));
        }
        if bounds.iter().any(|bound| bound.is_nan()) || bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
            return invalid("the bucket bounds do not grow".to_owned());
        }
        let base = origin.point_labels(&point.attributes, self.limits)?;
        let or_stale = |value: f64| if stale { stale_marker() } else { value };
        let bucket = format!("{}_bucket", family.name);
        let mut samples = PointSamples::with_capacity(bounds.len() + 3);
        let mut cumulative = 0_u64;
        for (bound, count) in bounds.iter().zip(counts).filter(|(bound, _)| bound.is_finite()) {
            cumulative = cumulative.saturating_add(*count);
            let le = float_text(*bound);
            samples.push((self.labels(&base, &bucket, Some(("le", &le)))?, or_stale(cumulative as f64)));
        }
        let total = point.count as f64;
        samples.push((self.labels(&base, &bucket, Some(("le", "+Inf")))?, or_stale(total)));
        if let Some(sum) = point.sum {
            samples.push((self.labels(&base, &format!("{}_sum", family.name), None)?, or_stale(sum)));
        }
        samples.push((self.labels(&base, &format!("{}_count", family.name), None)?, or_stale(total)));
        Ok(samples)
    }

    fn summary(
        &self,
        point: &SummaryDataPoint,
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<PointSamples, Refusal> {
        let base = origin.point_labels(&point.attributes, self.limits)?;
        let or_stale = |value: f64| if is_stale(point.flags) { stale_marker() } else { value };
        let mut samples = PointSamples::with_capacity(point.quantile_values.len() + 2);
        for at in &point.quantile_values {
            let quantile = float_text(at.quantile);
            samples
                .push((self.labels(&base, &family.name, Some(("quantile", &quantile)))?, or_stale(at.value)));
        }
        samples.push((self.labels(&base, &format!("{}_sum", family.name), None)?, or_stale(point.sum)));
        let count = point.count as f64;
        samples.push((self.labels(&base, &format!("{}_count", family.name), None)?, or_stale(count)));
        Ok(samples)
    }

    /// Takes a translated data point, or refuses it whole.
    fn point(
        &mut self,
        time_unix_nano: u64,
        samples: Result<PointSamples, Refusal>,
        family: &Family<'_>,
    ) -> Result<(), IngestError> {
        self.meter.text(self.shared_bytes)?;
        let ts = millis_of(time_unix_nano);
        match check_is_set(ts).and(samples) {
            Err(refusal) => self.refuse(family.metric, refusal, 1),
            Ok(samples) => {
                let meta = family.meta();
                for (labels, value) in samples {
                    self.meter.row(labels.iter().map(|(name, value)| name.len() + value.len()).sum())?;
                    self.set.add(labels, &meta, Sample { ts, value });
                }
                let (first, last) = self.times.unwrap_or((ts, ts));
                self.times = Some((first.min(ts), last.max(ts)));
                self.rows += 1;
            }
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
        self.meter.row(pair_bytes(&pairs))?;
        let meta = SeriesMeta { metric_type: MetricType::Info, ..SeriesMeta::default() };
        let mut ts = last;
        for _ in 0..INFO_SAMPLES_MAX {
            self.set.add(labels.clone(), &meta, Sample { ts, value: 1.0 });
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

    fn drop_exemplars(&mut self, count: usize) {
        let what = "exemplars are not stored yet; their data points are";
        self.rejections.drop_parts(RejectReason::Unsupported, count as u64, what);
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
        Some(Data::ExponentialHistogram(_)) => {
            let what = "exponential histograms are not stored yet; use explicit buckets";
            return Err((RejectReason::Unsupported, what.to_owned()));
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
