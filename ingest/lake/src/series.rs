//! The series registry: which label set has which number, and which series a matcher selects.
//!
//! A series' number is the hash that its labels ask for, moved to the next free number when another
//! label set holds it. The registry lives in memory: a slot per series (dense, `u32`) and an inverted
//! index label → value → bitmap of slots. It is rebuilt at the start from `metric_series` and the log.
//!
//! It does not hold samples, and it forgets nothing while it runs.

pub mod matcher;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::RwLock;
use roaring::RoaringBitmap;
use telemetry::{Labels, SeriesId, SeriesMeta, Timestamp};

use matcher::LabelMatcher;

type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// One series. The time range is a bound: no sample lies outside of it.
#[derive(Debug)]
pub struct SeriesEntry {
    pub id: SeriesId,
    pub labels: Labels,
    pub meta: SeriesMeta,
    /// Dense number of this process; not stored.
    pub(crate) slot: u32,
    first_ts: AtomicI64,
    last_ts: AtomicI64,
    /// A synced record of the log, or a row of `metric_series`, says who this is.
    durable: AtomicBool,
}

impl SeriesEntry {
    /// No sample is older; `Timestamp::MAX` while there is none.
    pub fn first_ts(&self) -> Timestamp {
        Timestamp::from_micros(self.first_ts.load(Ordering::Relaxed))
    }

    /// No sample is newer; `Timestamp::MIN` while there is none.
    pub fn last_ts(&self) -> Timestamp {
        Timestamp::from_micros(self.last_ts.load(Ordering::Relaxed))
    }

    /// Widens the range to hold a time.
    pub(crate) fn cover(&self, micros: i64) {
        // One writer at a time (the state's lock); relaxed is enough for readers of a bound.
        if micros < self.first_ts.load(Ordering::Relaxed) {
            self.first_ts.store(micros, Ordering::Relaxed);
        }
        if micros > self.last_ts.load(Ordering::Relaxed) {
            self.last_ts.store(micros, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.durable.load(Ordering::Acquire)
    }

    pub(crate) fn set_durable(&self) {
        self.durable.store(true, Ordering::Release);
    }
}

/// The registry and its inverted index. Cheap to share; readers do not wait for each other.
#[derive(Debug)]
pub struct SeriesIndex {
    inner: RwLock<Inner>,
    propose: fn(&Labels) -> SeriesId,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: Map<i64, u32>,
    /// Series that do not have the number they asked for, by that number; nearly always empty.
    moved: Map<i64, Vec<u32>>,
    entries: Vec<Arc<SeriesEntry>>,
    postings: Map<Arc<str>, BTreeMap<Arc<str>, RoaringBitmap>>,
}

impl Default for SeriesIndex {
    fn default() -> Self {
        SeriesIndex { inner: RwLock::default(), propose: SeriesId::proposed_for }
    }
}

impl SeriesIndex {
    /// The series that all matchers select and that may have samples in `range` (both ends count).
    pub fn find(&self, matchers: &[LabelMatcher], range: Range<Timestamp>) -> Vec<Arc<SeriesEntry>> {
        let inner = self.inner.read();
        let found = |slot: u32| {
            let entry = &inner.entries[slot as usize];
            overlaps(entry, &range).then(|| entry.clone())
        };
        inner.select(matchers).into_iter().filter_map(found).collect()
    }

    /// Names of the labels that the selected series have, sorted.
    pub fn label_names(&self, matchers: &[LabelMatcher], range: Range<Timestamp>) -> Vec<String> {
        let inner = self.inner.read();
        let slots = inner.select_in(matchers, &range);
        let used =
            |values: &BTreeMap<_, RoaringBitmap>| values.values().any(|held| !held.is_disjoint(&slots));
        let mut names: Vec<String> = inner
            .postings
            .iter()
            .filter(|(_, values)| used(values))
            .map(|(name, _)| name.to_string())
            .collect();
        names.sort_unstable();
        names
    }

    /// Values that a label has among the selected series, sorted.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[LabelMatcher],
        range: Range<Timestamp>,
    ) -> Vec<String> {
        let inner = self.inner.read();
        let Some(values) = inner.postings.get(name) else { return Vec::new() };
        let slots = inner.select_in(matchers, &range);
        let used = values.iter().filter(|(_, held)| !held.is_disjoint(&slots));
        used.map(|(value, _)| value.to_string()).collect()
    }

    /// The series with a number.
    pub fn get(&self, id: SeriesId) -> Option<Arc<SeriesEntry>> {
        let inner = self.inner.read();
        inner.by_id.get(&id.get()).map(|slot| inner.entries[*slot as usize].clone())
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.inner.read().entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds or registers series, in the order given. `None` where a new one would exceed `series_max`.
    pub(crate) fn resolve<'a>(
        &self,
        series: impl ExactSizeIterator<Item = (&'a Labels, &'a SeriesMeta)>,
        series_max: u64,
    ) -> Vec<Option<Arc<SeriesEntry>>> {
        let mut resolved = Vec::with_capacity(series.len());
        let mut missing = Vec::new();
        {
            let inner = self.inner.read();
            for (at, (labels, meta)) in series.enumerate() {
                match inner.look_up(labels, (self.propose)(labels)) {
                    Ok(slot) => resolved.push(Some(inner.entries[slot as usize].clone())),
                    Err(_) => {
                        resolved.push(None);
                        missing.push((at, labels, meta));
                    }
                }
            }
        }
        if !missing.is_empty() {
            let mut inner = self.inner.write();
            for (at, labels, meta) in missing {
                // Somebody may have registered it meanwhile, or this batch names it twice.
                resolved[at] = match inner.look_up(labels, (self.propose)(labels)) {
                    Ok(slot) => Some(inner.entries[slot as usize].clone()),
                    Err(_) if inner.entries.len() as u64 >= series_max => None,
                    Err(free_id) => {
                        Some(inner.insert(free_id, (self.propose)(labels), labels.clone(), meta.clone()))
                    }
                };
            }
        }
        resolved
    }

    /// Brings back a series that was stored before. A label set keeps the number it was stored with.
    pub(crate) fn restore(&self, id: SeriesId, labels: Labels, meta: SeriesMeta) -> Arc<SeriesEntry> {
        let mut inner = self.inner.write();
        let entry = match inner.by_id.get(&id.get()) {
            Some(slot) => {
                let entry = inner.entries[*slot as usize].clone();
                if entry.labels != labels {
                    tracing::error!(series_id = id.get(), kept = %entry.labels, ignored = %labels, "two label sets were stored with one series id");
                }
                entry
            }
            None => {
                let proposed = (self.propose)(&labels);
                inner.insert(id, proposed, labels, meta)
            }
        };
        entry.set_durable();
        entry
    }

    /// The entries of some slots, in the order given.
    pub(crate) fn entries_of(&self, slots: &[u32]) -> Vec<Arc<SeriesEntry>> {
        let inner = self.inner.read();
        slots.iter().map(|slot| inner.entries[*slot as usize].clone()).collect()
    }
}

impl Inner {
    /// The slot of a label set, or the number that is free for it.
    fn look_up(&self, labels: &Labels, proposed: SeriesId) -> Result<u32, SeriesId> {
        let is_it = |slot: &&u32| self.entries[**slot as usize].labels == *labels;
        let at_home = self.by_id.get(&proposed.get()).filter(is_it);
        let moved = || self.moved.get(&proposed.get())?.iter().find(is_it);
        if let Some(slot) = at_home.or_else(moved) {
            return Ok(*slot);
        }
        let mut free = proposed;
        while self.by_id.contains_key(&free.get()) {
            free = free.next();
        }
        Err(free)
    }

    fn insert(
        &mut self,
        id: SeriesId,
        proposed: SeriesId,
        labels: Labels,
        meta: SeriesMeta,
    ) -> Arc<SeriesEntry> {
        let slot = u32::try_from(self.entries.len()).expect("`series_max` bounds the index below 2^32");
        for (name, value) in labels.iter() {
            if !self.postings.contains_key(name) {
                self.postings.insert(name.into(), BTreeMap::new());
            }
            let values = self.postings.get_mut(name).expect("inserted above");
            match values.get_mut(value) {
                Some(held) => drop(held.insert(slot)),
                None => drop(values.insert(value.into(), RoaringBitmap::from([slot]))),
            }
        }
        let entry = Arc::new(SeriesEntry {
            id,
            labels,
            meta,
            slot,
            first_ts: AtomicI64::new(i64::MAX),
            last_ts: AtomicI64::new(i64::MIN),
            durable: AtomicBool::new(false),
        });
        self.by_id.insert(id.get(), slot);
        if id != proposed {
            self.moved.entry(proposed.get()).or_default().push(slot);
        }
        self.entries.push(entry.clone());
        entry
    }

    fn all(&self) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.entries.len() as u32);
        all
    }

    fn select_in(&self, matchers: &[LabelMatcher], range: &Range<Timestamp>) -> RoaringBitmap {
        let mut slots = self.select(matchers);
        if range.start > Timestamp::MIN || range.end < Timestamp::MAX {
            slots = slots.into_iter().filter(|slot| overlaps(&self.entries[*slot as usize], range)).collect();
        }
        slots
    }

    /// The slots that all matchers select; a label that is absent has the value `""`.
    fn select(&self, matchers: &[LabelMatcher]) -> RoaringBitmap {
        let mut selected = None;
        for matcher in matchers {
            let matched = self.matched(matcher);
            let narrowed: RoaringBitmap = match selected {
                Some(before) => before & matched,
                None => matched,
            };
            if narrowed.is_empty() {
                return narrowed;
            }
            selected = Some(narrowed);
        }
        selected.unwrap_or_else(|| self.all())
    }

    fn matched(&self, matcher: &LabelMatcher) -> RoaringBitmap {
        let Some(values) = self.postings.get(matcher.name()) else {
            // No series has the label: all of them have the value "".
            return if matcher.matches("") { self.all() } else { RoaringBitmap::new() };
        };
        if matcher.matches("") {
            // Cheaper the other way round: all but those with a value that does not match.
            let refused: RoaringBitmap = values
                .iter()
                .filter(|(value, _)| !matcher.matches(value))
                .fold(RoaringBitmap::new(), |union, (_, held)| union | held);
            return self.all() - refused;
        }
        match matcher.literals() {
            Some(literals) => literals
                .iter()
                .filter_map(|literal| values.get(literal.as_ref()))
                .fold(RoaringBitmap::new(), |union, held| union | held),
            None => values
                .iter()
                .filter(|(value, _)| matcher.matches(value))
                .fold(RoaringBitmap::new(), |union, (_, held)| union | held),
        }
    }
}

fn overlaps(entry: &SeriesEntry, range: &Range<Timestamp>) -> bool {
    entry.first_ts() <= range.end && entry.last_ts() >= range.start
}

#[cfg(test)]
mod tests;
