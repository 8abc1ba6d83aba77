//! Native histograms: counts in exponential buckets, or between bounds of the sender's own.
//!
//! The model is Prometheus' (an OpenTelemetry exponential histogram is one of these). Every count is
//! absolute and an `f64`, whatever the wire says: one type for integer and float histograms, summable
//! as it stands. Integers are exact up to [`COUNT_EXACT_MAX`]; receivers refuse larger ones.
//!
//! The bucket with index `i` of schema `s` holds observations in `(b^(i-1), b^i]` with `b = 2^(2^-s)`;
//! of negative buckets the same with both signs turned.

mod sum;

use serde::{Deserialize, Serialize};

use crate::{Labels, SeriesMeta, Timestamp, is_stale, stale_marker};

/// The schema of histograms whose bucket bounds are [`HistogramSample::custom_values`].
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;
/// The coarsest exponential schema: bounds 2^16 apart.
pub const SCHEMA_MIN: i32 = -4;
/// The finest exponential schema: 256 buckets per power of two.
pub const SCHEMA_MAX: i32 = 8;
/// Integers up to here are exact as `f64`.
pub const COUNT_EXACT_MAX: u64 = 1 << 53;

/// Whether the histograms of a series count on from one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetHint {
    /// The counts have to be compared.
    #[default]
    Unknown,
    /// The first one after counting began anew.
    Reset,
    /// Counts on from the one before.
    NoReset,
    /// A gauge histogram, where buckets go up and down.
    Gauge,
}

impl ResetHint {
    pub fn as_str(self) -> &'static str {
        match self {
            ResetHint::Unknown => "unknown",
            ResetHint::Reset => "reset",
            ResetHint::NoReset => "no_reset",
            ResetHint::Gauge => "gauge",
        }
    }

    /// The hint as it was stored; what is not known is [`ResetHint::Unknown`].
    pub fn from_stored(text: &str) -> ResetHint {
        match text {
            "reset" => ResetHint::Reset,
            "no_reset" => ResetHint::NoReset,
            "gauge" => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        }
    }
}

/// Buckets that stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSpan {
    /// Of the first span: the index of its first bucket. Of the others: how many buckets lie between
    /// the end of the span before and this one.
    pub offset: i32,
    pub length: u32,
}

/// One side of a histogram: which buckets there are, and their counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Buckets {
    pub spans: Vec<BucketSpan>,
    /// One per bucket, absolute.
    pub counts: Vec<f64>,
}

impl Buckets {
    /// Of indices and counts, indices ascending. Counts of one index are added up, empty buckets are
    /// left out.
    pub fn from_indexed(indexed: impl IntoIterator<Item = (i32, f64)>) -> Buckets {
        let mut buckets = Buckets::default();
        let mut last: Option<i32> = None;
        for (index, count) in indexed.into_iter().filter(|(_, count)| *count != 0.0) {
            let (same, next) = (last == Some(index), last.and_then(|last| last.checked_add(1)));
            match (buckets.spans.last_mut(), buckets.counts.last_mut()) {
                (_, Some(held)) if same => {
                    *held += count;
                    continue;
                }
                (Some(span), _) if next == Some(index) => span.length += 1,
                (Some(_), _) => {
                    let offset = index.wrapping_sub(next.unwrap_or(index));
                    buckets.spans.push(BucketSpan { offset, length: 1 });
                }
                (None, _) => buckets.spans.push(BucketSpan { offset: index, length: 1 }),
            }
            buckets.counts.push(count);
            last = Some(index);
        }
        buckets
    }

    /// Each bucket's index and count, ascending; only of buckets that were checked.
    pub fn indexed(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        let mut next = 0_i32;
        let indices = self.spans.iter().flat_map(move |span| {
            let first = next.wrapping_add(span.offset);
            next = first.wrapping_add(span.length as i32);
            (0..span.length).map(move |at| first.wrapping_add(at as i32))
        });
        indices.zip(self.counts.iter().copied())
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The index after the last bucket; `Err` when spans and counts do not fit together.
    fn check(&self) -> Result<i64, HistogramError> {
        let mut end = 0_i64;
        let mut buckets = 0_u64;
        for (at, span) in self.spans.iter().enumerate() {
            if at > 0 && span.offset < 0 {
                return Err(HistogramError("a span after the first has a negative offset"));
            }
            end += i64::from(span.offset);
            if i32::try_from(end).is_err() {
                return Err(HistogramError("a bucket index is beyond 32 bits"));
            }
            end += i64::from(span.length);
            buckets += u64::from(span.length);
        }
        if i32::try_from(end).is_err() {
            return Err(HistogramError("a bucket index is beyond 32 bits"));
        }
        if buckets != self.counts.len() as u64 {
            return Err(HistogramError("there are not as many counts as the spans have buckets"));
        }
        if self.counts.iter().any(|count| count.is_nan() || *count < 0.0) {
            return Err(HistogramError("a bucket count is negative or not a number"));
        }
        Ok(end)
    }
}

/// One native histogram of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistogramSample {
    /// Whole milliseconds, as of samples.
    pub ts: Timestamp,
    /// Observations, those that are not numbers included.
    pub count: f64,
    /// The stale marker ends the series; another NaN means that it is not known.
    pub sum: f64,
    /// [`SCHEMA_MIN`] to [`SCHEMA_MAX`], or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Observations up to this far from zero are in `zero_count`.
    pub zero_threshold: f64,
    pub zero_count: f64,
    pub positive: Buckets,
    pub negative: Buckets,
    /// Upper bounds of the custom buckets; the last bucket has none.
    pub custom_values: Vec<f64>,
    pub reset_hint: ResetHint,
}

/// What is wrong with a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HistogramError(pub &'static str);

impl HistogramSample {
    /// Without observations.
    pub fn empty(ts: Timestamp, schema: i32) -> HistogramSample {
        HistogramSample {
            ts,
            count: 0.0,
            sum: 0.0,
            schema,
            zero_threshold: 0.0,
            zero_count: 0.0,
            positive: Buckets::default(),
            negative: Buckets::default(),
            custom_values: Vec::new(),
            reset_hint: ResetHint::Unknown,
        }
    }

    /// What says that its series has ended.
    pub fn stale(ts: Timestamp) -> HistogramSample {
        HistogramSample { sum: stale_marker(), ..HistogramSample::empty(ts, 0) }
    }

    /// The empty histogram that counting began with.
    pub fn zero_at(&self, start: Timestamp) -> HistogramSample {
        HistogramSample {
            zero_threshold: self.zero_threshold,
            custom_values: self.custom_values.clone(),
            reset_hint: ResetHint::Reset,
            ..HistogramSample::empty(start, self.schema)
        }
    }

    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Whether the parts fit together. Nothing that is stored fails this.
    pub fn check(&self) -> Result<(), HistogramError> {
        /// Sums of float counts are off by a little.
        const ROUNDING: f64 = 1e-9;

        let positive_end = self.positive.check()?;
        self.negative.check()?;
        if self.has_custom_buckets() {
            self.check_custom(positive_end)?;
        } else if !(SCHEMA_MIN..=SCHEMA_MAX).contains(&self.schema) {
            return Err(HistogramError("the schema is neither -4 to 8 nor -53 (custom buckets)"));
        } else if !self.custom_values.is_empty() {
            return Err(HistogramError("custom values are for schema -53 only"));
        }
        let is_amount = |value: f64| value >= 0.0;
        if !is_amount(self.zero_threshold) || !is_amount(self.zero_count) || !is_amount(self.count) {
            return Err(HistogramError(
                "the count, zero count or zero threshold is negative or not a number",
            ));
        }
        let in_buckets = self.positive.total() + self.negative.total() + self.zero_count;
        if in_buckets > self.count * (1.0 + ROUNDING) {
            return Err(HistogramError("the buckets hold more observations than the count says"));
        }
        Ok(())
    }

    fn check_custom(&self, end: i64) -> Result<(), HistogramError> {
        let is_ascending = self.custom_values.is_sorted_by(|a, b| a < b);
        if !is_ascending || self.custom_values.iter().any(|bound| !bound.is_finite()) {
            return Err(HistogramError("the custom values are not finite and ascending"));
        }
        let is_below_zero = self.positive.spans.first().is_some_and(|span| span.offset < 0);
        if is_below_zero || end > self.custom_values.len() as i64 + 1 {
            return Err(HistogramError("a bucket lies outside of the custom values"));
        }
        if !self.negative.is_empty() || self.zero_count != 0.0 || self.zero_threshold != 0.0 {
            return Err(HistogramError("custom buckets have neither negative buckets nor a zero bucket"));
        }
        Ok(())
    }
}

/// A series with some of its native histograms, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesHistograms {
    pub labels: Labels,
    pub meta: SeriesMeta,
    /// When the sender began to count, if it says so: before the first of the histograms.
    pub start: Option<Timestamp>,
    pub histograms: Vec<HistogramSample>,
}

#[cfg(test)]
mod tests;
