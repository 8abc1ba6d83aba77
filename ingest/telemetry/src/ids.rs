//! Ids that are computed from content.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::Labels;

/// How many of the 63 bits come from the metric name, so that the series of one metric are
/// neighbours in every file sorted by series.
const METRIC_BITS: u32 = 16;
const LABEL_BITS: u32 = 63 - METRIC_BITS;

/// A series' number: positive, 63 bits (Delta knows no unsigned integers).
///
/// The hash is a proposal. The series registry of the lake owns the mapping, detects two label
/// sets with one hash and moves the later one to the [next](SeriesId::next) free number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeriesId(i64);

impl SeriesId {
    /// The number that a label set asks for.
    pub fn proposed_for(labels: &Labels) -> SeriesId {
        let metric = xxh3_64(labels.metric().as_bytes()) >> (64 - METRIC_BITS);
        let mut bytes = Vec::with_capacity(labels.heap_bytes());
        for part in labels.iter().flat_map(|(name, value)| [name, value]) {
            // 0xFF cannot occur in UTF-8, so no two label sets give the same bytes.
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0xff);
        }
        let all_labels = xxh3_64(&bytes) >> (64 - LABEL_BITS);
        SeriesId(((metric << LABEL_BITS) | all_labels) as i64)
    }

    /// The number to try when this one belongs to another label set. Stays positive.
    pub fn next(self) -> SeriesId {
        SeriesId((self.0.wrapping_add(1)) & i64::MAX)
    }

    /// A number that was stored before.
    pub fn from_stored(id: i64) -> SeriesId {
        SeriesId(id)
    }

    /// The number as it is stored.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// A series by the short name that the lake of this process gave it, and that holds until the process
/// ends. Not stored anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeriesRef(u32);

impl SeriesRef {
    /// For the registry alone.
    pub fn new(slot: u32) -> SeriesRef {
        SeriesRef(slot)
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive_and_series_of_one_metric_are_neighbours() {
        let a = SeriesId::proposed_for(&Labels::new([("__name__", "up"), ("job", "a")]).unwrap());
        let b = SeriesId::proposed_for(&Labels::new([("__name__", "up"), ("job", "b")]).unwrap());
        assert!(a.get() > 0 && b.get() > 0);
        assert_ne!(a, b);
        assert_eq!(a.get() >> LABEL_BITS, b.get() >> LABEL_BITS);
    }

    #[test]
    fn the_next_id_never_turns_negative() {
        assert_eq!(SeriesId(i64::MAX).next(), SeriesId(0));
    }
}
