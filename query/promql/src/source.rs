//! The port to storage: one method that answers which series match and what samples they have, in
//! chunks of whole series.
//!
//! The evaluator asks once per distinct selector and time span, so an implementation sees whole scans,
//! never steps. It computes what it can of a chunk and drops it, while the source makes the next ones:
//! neither side ever holds all samples of a scan. Staleness markers travel through untouched: a source
//! must hand out the exact bits it was given.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
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
    /// Dropped with the block: whoever lent the memory gets it back.
    _held: Option<Arc<dyn Any + Send + Sync>>,
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
        Samples::split_block(SampleBlock { ts_ms, values, _held: None }, offsets)
    }

    /// As [`Samples::split`]; `held` is dropped with the last of the samples. For sources that account
    /// for the memory they hand out.
    ///
    /// # Panics
    /// As [`Samples::split`].
    pub fn split_held(
        ts_ms: Vec<i64>,
        values: Vec<f64>,
        offsets: &[usize],
        held: Arc<dyn Any + Send + Sync>,
    ) -> Vec<Samples> {
        Samples::split_block(SampleBlock { ts_ms, values, _held: Some(held) }, offsets)
    }

    fn split_block(block: SampleBlock, offsets: &[usize]) -> Vec<Samples> {
        assert_eq!(block.ts_ms.len(), block.values.len(), "a time for each value");
        let block = Arc::new(block);
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
        // Without a way out within a block, so that it is compared at once.
        let has_stale =
            |block: &[f64]| block.iter().fold(false, |any, value| any | telemetry::is_stale(*value));
        if !self.values().chunks(STALE_BLOCK).any(has_stale) {
            return self.clone();
        }
        let fresh =
            || self.ts_ms().iter().zip(self.values()).filter(|(_, value)| !telemetry::is_stale(**value));
        Samples::new(fresh().map(|(ts, _)| *ts).collect(), fresh().map(|(_, value)| *value).collect())
    }
}

/// Values that are looked through for staleness markers together.
const STALE_BLOCK: usize = 256;

/// One series that a selector matched.
#[derive(Clone, Debug)]
pub struct SeriesData {
    pub labels: Labels,
    pub samples: Samples,
}

/// How a scan is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanOptions {
    /// Samples in a chunk (16 bytes each). A chunk holds more only where a single series does.
    pub chunk_samples_max: usize,
    /// How many scans the query has that run at the same time, this one among them.
    pub at_once: usize,
}

impl Default for ScanOptions {
    /// A million samples, 16 MB; alone.
    fn default() -> Self {
        ScanOptions { chunk_samples_max: 1_000_000, at_once: 1 }
    }
}

/// A running scan. Dropping it ends the scan.
pub type SeriesChunks = BoxStream<'static, Result<Vec<SeriesData>, SourceError>>;

/// Where series come from.
pub trait SeriesSource: Send + Sync {
    /// Begins a scan: a stream of chunks, each of whole series with all their samples of the span.
    ///
    /// - Each label set comes in exactly one chunk, once. A series without samples in the span may be
    ///   left out or be empty; a chunk without series is allowed and means nothing.
    /// - The order of the series is free, but it should follow from what is stored and not from timing
    ///   (ascending identifiers, say; where chunks end does not matter): aggregations add floats in the
    ///   order in which they come, so this is what makes an answer the same to the last bit each time.
    /// - A chunk owns its memory. The samples of one chunk may share a block ([`Samples::split`]), but
    ///   not with other chunks: the block lives as long as its last series.
    /// - Nothing is read before the stream is polled. It may work ahead on threads of its own, by a
    ///   bounded number of chunks; what it holds then is the source's to bound, while a chunk counts
    ///   against the query's sample limit from when it is handed out until it is evaluated.
    /// - After an error the stream is not polled again. A query that ends early drops its streams, which
    ///   must stop what works for them.
    ///
    /// # Errors
    /// Any; the evaluator wraps it in [`PromqlError::Source`](crate::PromqlError::Source).
    fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks;

    /// The whole scan at once, for those who know it to be small.
    fn select(&self, selector: &Selector) -> BoxFuture<'static, Result<Vec<SeriesData>, SourceError>> {
        Box::pin(self.scan(selector, ScanOptions::default()).try_concat())
    }
}

/// Series that are in memory already, as chunks. They share their blocks, so that this bounds what is
/// evaluated at once and not what is held.
pub fn chunked(series: Vec<SeriesData>, options: ScanOptions) -> SeriesChunks {
    let mut chunks: Vec<Vec<SeriesData>> = Vec::new();
    let mut room = 0;
    for series in series {
        let samples = series.samples.len();
        match chunks.last_mut() {
            Some(chunk) if samples <= room => {
                room -= samples;
                chunk.push(series);
            }
            _ => {
                room = options.chunk_samples_max.saturating_sub(samples);
                chunks.push(vec![series]);
            }
        }
    }
    stream::iter(chunks.into_iter().map(Ok)).boxed()
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

    #[test]
    fn chunks_hold_whole_series_and_end_where_the_next_would_not_fit() {
        let series = |samples: usize| SeriesData {
            labels: Labels::empty(),
            samples: Samples::new((0..samples as i64).collect(), vec![0.0; samples]),
        };
        let all = [3, 4, 3, 25, 1, 0].map(series).to_vec();
        let chunks = chunked(all, ScanOptions { chunk_samples_max: 10, ..ScanOptions::default() });
        let chunks: Vec<Vec<SeriesData>> = futures::executor::block_on(chunks.try_collect()).unwrap();
        let sizes: Vec<Vec<usize>> =
            chunks.iter().map(|chunk| chunk.iter().map(|series| series.samples.len()).collect()).collect();
        assert_eq!(sizes, [vec![3, 4, 3], vec![25], vec![1, 0]]);
    }
}
