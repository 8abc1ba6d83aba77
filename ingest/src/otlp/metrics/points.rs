//! One data point into what is stored of it.

use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint, SummaryDataPoint,
};
use telemetry::{Exemplar, HistogramSample, Labels, MetricType, RejectReason, Timestamp, stale_marker};

use super::exponential::native;
use super::{Decoder, Family, is_stale, millis_of};
use crate::otlp::origin::Origin;
use crate::otlp::values::float_text;
use crate::validate::Refusal;

/// What one data point becomes, before any of it is stored.
#[derive(Debug, Default)]
pub(super) struct Point {
    pub(super) samples: Vec<PointSample>,
    pub(super) histogram: Option<(Labels, HistogramSample)>,
    /// Each with the labels of its series.
    pub(super) exemplars: Vec<(Labels, Exemplar)>,
    pub(super) bad_exemplars: Vec<Refusal>,
}

#[derive(Debug)]
pub(super) struct PointSample {
    pub(super) labels: Labels,
    pub(super) value: f64,
    /// It was 0 at the start time.
    pub(super) counts: bool,
}

impl Point {
    fn push(&mut self, labels: Labels, value: f64, counts: bool) {
        self.samples.push(PointSample { labels, value, counts });
    }
}

/// When a point was taken, and since when it counts, if that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: Option<Timestamp>,
    pub(super) ts: Timestamp,
}

impl Span {
    /// A start time that is the point's own means that the start is not known.
    pub(super) fn of(start_time_unix_nano: u64, time_unix_nano: u64) -> Span {
        let ts = millis_of(time_unix_nano);
        let start = (start_time_unix_nano != 0).then(|| millis_of(start_time_unix_nano));
        Span { start: start.filter(|start| *start < ts), ts }
    }
}

impl Decoder<'_> {
    pub(super) fn number(
        &self,
        point: &NumberDataPoint,
        span: Span,
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<Point, Refusal> {
        let value = match point.value {
            _ if is_stale(point.flags) => stale_marker(),
            Some(Value::AsDouble(value)) => value,
            Some(Value::AsInt(value)) => value as f64,
            None => return Err((RejectReason::InvalidPayload, "the data point has no value".to_owned())),
        };
        let base = origin.point_labels(&point.attributes, self.limits)?;
        let labels = self.labels(&base, &family.name, None)?;
        let mut translated = Point::default();
        self.exemplars(&point.exemplars, span.ts, &mut translated, |_| &labels);
        translated.push(labels, value, family.metric_type == MetricType::Counter);
        Ok(translated)
    }

    pub(super) fn histogram(
        &self,
        point: &HistogramDataPoint,
        span: Span,
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<Point, Refusal> {
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
        let mut translated = Point::default();
        let mut cumulative = 0_u64;
        // The buckets' series, with their bounds.
        let mut buckets = Vec::with_capacity(bounds.len() + 1);
        for (bound, count) in bounds.iter().zip(counts).filter(|(bound, _)| bound.is_finite()) {
            cumulative = cumulative.saturating_add(*count);
            let labels = self.labels(&base, &bucket, Some(("le", &float_text(*bound))))?;
            buckets.push((*bound, labels.clone()));
            translated.push(labels, or_stale(cumulative as f64), true);
        }
        let total = point.count as f64;
        let rest = self.labels(&base, &bucket, Some(("le", "+Inf")))?;
        translated.push(rest.clone(), or_stale(total), true);
        if let Some(sum) = point.sum {
            let labels = self.labels(&base, &format!("{}_sum", family.name), None)?;
            translated.push(labels, or_stale(sum), true);
        }
        let labels = self.labels(&base, &format!("{}_count", family.name), None)?;
        translated.push(labels, or_stale(total), true);
        // An exemplar belongs to the bucket that counts it first.
        self.exemplars(&point.exemplars, span.ts, &mut translated, |value| {
            buckets.iter().find(|(bound, _)| value <= *bound).map_or(&rest, |(_, labels)| labels)
        });
        Ok(translated)
    }

    pub(super) fn exponential_histogram(
        &self,
        point: &ExponentialHistogramDataPoint,
        span: Span,
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<Point, Refusal> {
        let histogram = native(point, span.ts, self.limits.buckets_per_histogram_max)?;
        let base = origin.point_labels(&point.attributes, self.limits)?;
        let labels = self.labels(&base, &family.name, None)?;
        let mut translated = Point::default();
        self.exemplars(&point.exemplars, span.ts, &mut translated, |_| &labels);
        translated.histogram = Some((labels, histogram));
        Ok(translated)
    }

    pub(super) fn summary(
        &self,
        point: &SummaryDataPoint,
        family: &Family<'_>,
        origin: &Origin<'_>,
    ) -> Result<Point, Refusal> {
        let base = origin.point_labels(&point.attributes, self.limits)?;
        let or_stale = |value: f64| if is_stale(point.flags) { stale_marker() } else { value };
        let mut translated = Point::default();
        for at in &point.quantile_values {
            let quantile = float_text(at.quantile);
            let labels = self.labels(&base, &family.name, Some(("quantile", &quantile)))?;
            translated.push(labels, or_stale(at.value), false);
        }
        let labels = self.labels(&base, &format!("{}_sum", family.name), None)?;
        translated.push(labels, or_stale(point.sum), true);
        let labels = self.labels(&base, &format!("{}_count", family.name), None)?;
        translated.push(labels, or_stale(point.count as f64), true);
        Ok(translated)
    }
}
