//! The port to storage: one method that answers which series match and what samples they have.
//!
//! The evaluator asks once per distinct selector and time span before it computes anything, so an
//! implementation sees whole scans, never steps. Staleness markers travel through untouched: a source
//! must hand out the exact bits it was given.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use telemetry::{Labels, Matcher, Timestamp};

use crate::error::SourceError;

/// One scan: the series that pass all matchers, with their samples in `(start, end]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub matchers: Vec<Matcher>,
    /// Exclusive: a sample at exactly this time is not wanted.
    pub start: Timestamp,
    /// Inclusive.
    pub end: Timestamp,
}

impl Selector {
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels))
    }
}

/// The samples of many series in two columns; each [`Samples`] is a slice of one block.
#[derive(Debug, Default)]
struct SampleBlock {
    ts_ms: Vec<i64>,
    values: Vec<f64>,
}

/// The samples of one series: times in Unix milliseconds, strictly ascending, and values with
/// staleness markers kept bit-exact. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Samples {
    block: Arc<SampleBlock>,
    range: Range<usize>,
}

impl Samples {
    /// The samples of a single series.
    ///
    /// # Panics
    /// When the columns differ in length.
    pub fn new(ts_ms: Vec<i64>, values: Vec<f64>) -> Samples {
        let end = ts_ms.len();
        let [samples] = <[Samples; 1]>::try_from(Samples::split(ts_ms, values, &[0, end]))
            .expect("two offsets make one series");
        samples
    }

    /// The samples of many series that share two columns: series `i` is `offsets[i]..offsets[i + 1]`.
    /// One allocation per scan instead of two per series.
    ///
    /// # Panics
    /// When the columns differ in length or the offsets descend or leave the columns.
    pub fn split(ts_ms: Vec<i64>, values: Vec<f64>, offsets: &[usize]) -> Vec<Samples> {
        assert_eq!(ts_ms.len(), values.len(), "a time for each value");
        let block = Arc::new(SampleBlock { ts_ms, values });
        let series = offsets.windows(2).map(|pair| {
            let range = pair[0]..pair[1];
            let slice = &block.ts_ms[range.clone()];
            debug_assert!(slice.windows(2).all(|pair| pair[0] < pair[1]), "samples ascend by time");
            Samples { block: Arc::clone(&block), range }
        });
        series.collect()
    }

    pub fn ts_ms(&self) -> &[i64] {
        &self.block.ts_ms[self.range.clone()]
    }

    pub fn values(&self) -> &[f64] {
        &self.block.values[self.range.clone()]
    }

    pub fn len(&self) -> usize {
        self.range.len()
    }

    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The same samples without staleness markers; shares the block when there are none.
    pub(crate) fn without_stale(&self) -> Samples {
        if !self.values().iter().any(|value| telemetry::is_stale(*value)) {
            return self.clone();
        }
        let fresh =
            || self.ts_ms().iter().zip(self.values()).filter(|(_, value)| !telemetry::is_stale(**value));
        Samples::new(fresh().map(|(ts, _)| *ts).collect(), fresh().map(|(_, value)| *value).collect())
    }
}

/// One series that a selector matched.
#[derive(Clone, Debug)]
pub struct SeriesData {
    pub labels: Labels,
    pub samples: Samples,
}

/// Where series come from. Each label set at most once per answer; the order does not matter, and a
/// series without samples in the span may be left out or be empty.
#[async_trait]
pub trait SeriesSource: Send + Sync {
    async fn select(&self, selector: &Selector) -> Result<Vec<SeriesData>, SourceError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_markers_are_stripped_only_where_there_are_some() {
        let split = Samples::split(vec![1, 2, 3], vec![1.0, telemetry::stale_marker(), f64::NAN], &[0, 1, 3]);
        assert!(Arc::ptr_eq(&split[0].without_stale().block, &split[0].block));
        assert_eq!(split[1].without_stale().ts_ms(), [3]);
        assert_eq!(split[1].values()[0].to_bits(), telemetry::STALE_NAN_BITS);
    }
}
