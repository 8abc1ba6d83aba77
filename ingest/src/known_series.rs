//! Series that were stored before, by the bytes with which their senders write them: what arrives
//! every few seconds costs a hash of these bytes, and no label is read, checked or copied again.
//!
//! A key is a 128-bit hash with a seed of this process. Keys are learnt after the lake has stored a
//! series, so that everything behind one has passed all checks; several keys may lead to one series
//! (labels in another order). Two things that are written with the same bytes mean the same in one
//! dialect, so each dialect that uses this has its own [`KeyScope`]. What a scraped page calls its
//! series each target remembers for itself (`scrape::memory`): there the piece of text is the key.

use std::collections::HashMap;

use parking_lot::{RwLock, RwLockReadGuard};
use telemetry::SeriesRef;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Whose bytes a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyScope {
    /// The label fields of a `prometheus.TimeSeries`.
    RemoteWriteV1 = 1,
    /// What an `io.prometheus.write.v2.TimeSeries` refers to, each text by its [`Look::text_hash`]:
    /// the references themselves mean something else in each request.
    RemoteWriteV2 = 2,
}

/// A hash of a series as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey([u64; 2]);

/// The known series of all sources together.
#[derive(Debug)]
pub struct KnownSeries {
    seed: u64,
    keys_max: usize,
    refs: RwLock<Refs>,
}

/// Senders repeat their series in one order, scrape by scrape. So the series are kept in the order in
/// which they were learnt, and the one behind the last hit is tried first: memory is then read in order
/// too, which is several times faster than the map.
#[derive(Debug, Default)]
struct Refs {
    entries: Vec<(SeriesKey, SeriesRef)>,
    places: HashMap<SeriesKey, u32, foldhash::fast::RandomState>,
}

impl Refs {
    fn insert(&mut self, key: SeriesKey, series: SeriesRef) {
        let place = *self.places.entry(key).or_insert(self.entries.len() as u32) as usize;
        match self.entries.get_mut(place) {
            Some(entry) => entry.1 = series,
            None => self.entries.push((key, series)),
        }
    }
}

impl KnownSeries {
    pub fn new(keys_max: usize) -> KnownSeries {
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        KnownSeries { seed, keys_max, refs: RwLock::default() }
    }

    /// For the length of one request.
    pub(crate) fn look(&self) -> Look<'_> {
        Look { known: self, refs: self.refs.read(), next: 0, until_yield: LOOKS_AT_ONCE }
    }

    /// Returns how often there was no room and all were forgotten.
    pub(crate) fn learn(&self, learnt: impl Iterator<Item = (SeriesKey, SeriesRef)>) -> u64 {
        let mut learnt = learnt.peekable();
        if self.keys_max == 0 || learnt.peek().is_none() {
            return 0;
        }
        let mut forgotten = 0;
        let mut refs = self.refs.write();
        for (key, series) in learnt {
            if refs.entries.len() >= self.keys_max {
                // All at once: what is still sent is learnt again with its next request, and nothing
                // has to be noted at each use.
                refs.entries.clear();
                refs.places.clear();
                forgotten += 1;
            }
            refs.insert(key, series);
        }
        forgotten
    }
}

/// Learners get in between so many look-ups: a request may be long.
const LOOKS_AT_ONCE: u32 = 1 << 10;

#[derive(Debug)]
pub(crate) struct Look<'a> {
    known: &'a KnownSeries,
    refs: RwLockReadGuard<'a, Refs>,
    /// The place behind the last hit.
    next: usize,
    until_yield: u32,
}

impl Look<'_> {
    pub(crate) fn key(&self, scope: KeyScope, bytes: &[u8]) -> SeriesKey {
        let hash = xxh3_128_with_seed(bytes, self.known.seed ^ scope as u64);
        SeriesKey([hash as u64, (hash >> 64) as u64])
    }

    /// Stands for a text in the bytes of a key, where a request writes each text once.
    pub(crate) fn text_hash(&self, text: &str) -> u128 {
        xxh3_128_with_seed(text.as_bytes(), self.known.seed)
    }

    pub(crate) fn up(&mut self, key: SeriesKey) -> Option<SeriesRef> {
        self.until_yield -= 1;
        if self.until_yield == 0 {
            self.until_yield = LOOKS_AT_ONCE;
            RwLockReadGuard::bump(&mut self.refs);
        }
        let entries = &self.refs.entries;
        if entries.get(self.next).is_none_or(|(expected, _)| *expected != key) {
            self.next = *self.refs.places.get(&key)? as usize;
        }
        let (_, series) = entries[self.next];
        self.next += 1;
        Some(series)
    }
}

#[cfg(test)]
mod tests;
