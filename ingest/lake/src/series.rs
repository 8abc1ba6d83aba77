//! The series registry: which label set has which number, and which series a matcher selects.
//!
//! A series' number is the hash that its labels ask for, moved to the next free number when another
//! label set holds it. The registry lives in memory: a slot per series (dense, `u32`) and an inverted
//! index label → value → bitmap of slots. It is rebuilt at the start from `metric_series` and the log.
//!
//! It does not hold samples, and it forgets nothing while it runs: a slot names a series until the
//! process ends.

pub(crate) mod cells;
pub mod cost;
pub(crate) mod file_order;
pub mod limits;
pub(crate) mod sequence;

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::Arc;

use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
use roaring::RoaringBitmap;
use telemetry::{Labels, Matcher, SeriesId, SeriesMeta, Timestamp};

use cells::{Cell, CellRef, Cells};
use cost::SampleRates;
use file_order::KeptOrder;
use limits::{Explosions, SeriesLimit, SeriesLimits};

type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// One series. The time range is a bound: no sample lies outside of it.
#[derive(Debug)]
pub struct SeriesEntry {
    pub id: SeriesId,
    pub labels: Labels,
    pub meta: SeriesMeta,
    /// Who sent it first, as in `ingest_rejections.source`; empty when that is not known.
    pub source: Arc<str>,
    /// Dense number of this process; not stored.
    pub(crate) slot: u32,
    cell: CellRef,
}

impl SeriesEntry {
    /// No sample is older; `Timestamp::MAX` while there is none.
    pub fn first_ts(&self) -> Timestamp {
        Timestamp::from_micros(self.cell.first_ts())
    }

    /// No sample is newer; `Timestamp::MIN` while there is none.
    pub fn last_ts(&self) -> Timestamp {
        Timestamp::from_micros(self.cell.last_ts())
    }

    pub(crate) fn cell(&self) -> &Cell {
        &self.cell
    }
}

/// The registry and its inverted index. Cheap to share; readers do not wait for each other.
#[derive(Debug)]
pub struct SeriesIndex {
    inner: RwLock<Inner>,
    propose: fn(&Labels) -> SeriesId,
    explosions: Explosions,
    rates: SampleRates,
    kept_order: KeptOrder,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: Map<i64, u32>,
    /// Series that do not have the number they asked for, by that number; nearly always empty.
    moved: Map<i64, Vec<u32>>,
    entries: Vec<Arc<SeriesEntry>>,
    cells: Cells,
    postings: Map<Arc<str>, BTreeMap<Arc<str>, RoaringBitmap>>,
    by_source: BTreeMap<Arc<str>, RoaringBitmap>,
}

/// So many series are looked at one by one rather than the values of a label.
const SERIES_TRIED: u64 = 64;

/// What became of the label sets of a batch.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// In the order asked.
    pub slots: Vec<Result<u32, SeriesLimit>>,
    /// Those that the log may not know yet.
    pub undefined: Vec<Arc<SeriesEntry>>,
}

impl Default for SeriesIndex {
    fn default() -> Self {
        SeriesIndex {
            inner: RwLock::default(),
            propose: SeriesId::proposed_for,
            explosions: Explosions::default(),
            rates: SampleRates::default(),
            kept_order: KeptOrder::default(),
        }
    }
}

impl SeriesIndex {
    /// The series that all matchers select and that may have samples in `range` (both ends count).
    pub fn find(&self, matchers: &[Matcher], range: Range<Timestamp>) -> Vec<Arc<SeriesEntry>> {
        let inner = self.inner.read();
        let found = |slot: u32| {
            let entry = &inner.entries[slot as usize];
            overlaps(entry, &range).then(|| entry.clone())
        };
        inner.select(matchers).into_iter().filter_map(found).collect()
    }

    /// Names of the labels that the selected series have, sorted.
    pub fn label_names(&self, matchers: &[Matcher], range: Range<Timestamp>) -> Vec<String> {
        let inner = self.inner.read();
        let selected = inner.select_some(matchers);
        let used = |values: &BTreeMap<_, RoaringBitmap>| {
            values.values().any(|held| inner.has_some_in(held, selected.as_ref(), &range))
        };
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
    pub fn label_values(&self, name: &str, matchers: &[Matcher], range: Range<Timestamp>) -> Vec<String> {
        let inner = self.inner.read();
        let Some(values) = inner.postings.get(name) else { return Vec::new() };
        let selected = inner.select_some(matchers);
        let used = values.iter().filter(|(_, held)| inner.has_some_in(held, selected.as_ref(), &range));
        used.map(|(value, _)| value.to_string()).collect()
    }

    /// The series with a number.
    pub fn get(&self, id: SeriesId) -> Option<Arc<SeriesEntry>> {
        let inner = self.inner.read();
        inner.by_id.get(&id.get()).map(|slot| inner.entries[*slot as usize].clone())
    }

    /// No sample is outside of this; `None` while there is none.
    pub fn time_range(&self) -> Option<(Timestamp, Timestamp)> {
        let inner = self.inner.read();
        let ranges = inner.entries.iter().map(|entry| (entry.first_ts(), entry.last_ts()));
        ranges
            .filter(|(first, last)| first <= last)
            .reduce(|(first, last), (start, end)| (first.min(start), last.max(end)))
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.inner.read().entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds or registers series, in the order given; a new one is refused where it would exceed a
    /// limit. `source` owns what is new.
    pub(crate) fn resolve<'a>(
        &self,
        series: impl ExactSizeIterator<Item = (&'a Labels, &'a SeriesMeta)>,
        source: &str,
        limits: &SeriesLimits,
    ) -> Resolved {
        let mut resolved = Resolved { slots: Vec::with_capacity(series.len()), undefined: Vec::new() };
        let mut missing = Vec::new();
        {
            let inner = self.inner.read();
            for (at, (labels, meta)) in series.enumerate() {
                match inner.look_up(labels, (self.propose)(labels)) {
                    Ok(slot) => {
                        resolved.slots.push(Ok(slot));
                        if !inner.cells.of(slot).is_durable() {
                            resolved.undefined.push(inner.entries[slot as usize].clone());
                        }
                    }
                    Err(_) => {
                        resolved.slots.push(Ok(u32::MAX));
                        missing.push((at, labels, meta));
                    }
                }
            }
        }
        if !missing.is_empty() {
            let mut inner = self.inner.write();
            let source = inner.source(source);
            for (at, labels, meta) in missing {
                let proposed = (self.propose)(labels);
                // Somebody may have registered it meanwhile, or this batch names it twice.
                let entry = match inner.look_up(labels, proposed) {
                    Ok(slot) => inner.entries[slot as usize].clone(),
                    Err(free_id) => match inner.limit_reached(labels, &source, limits) {
                        Some(limit) => {
                            resolved.slots[at] = Err(limit);
                            continue;
                        }
                        None => inner.insert(free_id, proposed, labels.clone(), meta.clone(), source.clone()),
                    },
                };
                resolved.slots[at] = Ok(entry.slot);
                if !entry.cell.is_durable() {
                    resolved.undefined.push(entry);
                }
            }
        }
        resolved
    }

    /// Brings back a series that was stored before. A label set keeps the number it was stored with.
    pub(crate) fn restore(
        &self,
        id: SeriesId,
        labels: Labels,
        meta: SeriesMeta,
        source: &str,
    ) -> Arc<SeriesEntry> {
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
                let source = inner.source(source);
                inner.insert(id, proposed, labels, meta, source)
            }
        };
        entry.cell.set_durable();
        entry
    }

    /// A registry in which all label sets ask for one number.
    #[cfg(test)]
    pub(crate) fn colliding() -> SeriesIndex {
        SeriesIndex { propose: |_| SeriesId::from_stored(7), ..SeriesIndex::default() }
    }

    /// Brings back a series that a record of the log defines, and returns its number. A record that was
    /// written before the registry was read may ask for a number that is another's: then the label set
    /// counts, and not the number.
    pub(crate) fn adopt(&self, id: SeriesId, labels: Labels, meta: SeriesMeta, source: &str) -> SeriesId {
        let mut inner = self.inner.write();
        let proposed = (self.propose)(&labels);
        let entry = match inner.look_up(&labels, proposed) {
            Ok(slot) => inner.entries[slot as usize].clone(),
            Err(free_id) => {
                let taken = inner.by_id.contains_key(&id.get());
                let source = inner.source(source);
                inner.insert(if taken { free_id } else { id }, proposed, labels, meta, source)
            }
        };
        entry.cell.set_durable();
        entry.id
    }

    /// The entries of some slots, in the order given.
    pub(crate) fn entries_of(&self, slots: &[u32]) -> Vec<Arc<SeriesEntry>> {
        let inner = self.inner.read();
        slots.iter().map(|slot| inner.entries[*slot as usize].clone()).collect()
    }

    /// The slots of some numbers; the first number that nobody has is the error.
    pub(crate) fn slots_of(&self, ids: impl Iterator<Item = i64>) -> Result<Vec<u32>, SeriesId> {
        let inner = self.inner.read();
        let slot_of = |id: i64| inner.by_id.get(&id).copied().ok_or(SeriesId::from_stored(id));
        ids.map(slot_of).collect()
    }

    /// What the write path looks at; registering series waits while this is held.
    pub(crate) fn cells(&self) -> MappedRwLockReadGuard<'_, Cells> {
        RwLockReadGuard::map(self.inner.read(), |inner| &inner.cells)
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
        source: Arc<str>,
    ) -> Arc<SeriesEntry> {
        let slot = u32::try_from(self.entries.len()).expect("`series_max` bounds the index below 2^32");
        for (name, value) in labels.iter() {
            match self.postings.get_mut(name) {
                Some(values) => match values.get_mut(value) {
                    Some(held) => append(held, slot),
                    None => drop(values.insert(value.into(), RoaringBitmap::from([slot]))),
                },
                None => {
                    let values = BTreeMap::from([(value.into(), RoaringBitmap::from([slot]))]);
                    self.postings.insert(name.into(), values);
                }
            }
        }
        append(self.by_source.entry(source.clone()).or_default(), slot);
        let cell = self.cells.add(slot, id.get());
        let entry = Arc::new(SeriesEntry { id, labels, meta, source, slot, cell });
        self.by_id.insert(id.get(), slot);
        if id != proposed {
            self.moved.entry(proposed.get()).or_default().push(slot);
        }
        self.entries.push(entry.clone());
        entry
    }

    /// The one copy of a source's name.
    fn source(&mut self, source: &str) -> Arc<str> {
        match self.by_source.get_key_value(source) {
            Some((known, _)) => known.clone(),
            None => source.into(),
        }
    }

    fn all(&self) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.entries.len() as u32);
        all
    }

    /// `None` when there is nothing to select by.
    fn select_some(&self, matchers: &[Matcher]) -> Option<RoaringBitmap> {
        (!matchers.is_empty()).then(|| self.select(matchers))
    }

    /// Whether one of the series may have samples in the range, of those that were selected. It is asked
    /// for many small sets, and mostly the first series of a set answers.
    fn has_some_in(
        &self,
        slots: &RoaringBitmap,
        selected: Option<&RoaringBitmap>,
        range: &Range<Timestamp>,
    ) -> bool {
        let in_range = |slot: u32| overlaps(&self.entries[slot as usize], range);
        match selected {
            None => slots.iter().any(in_range),
            // An intersection would walk through the larger set each time.
            Some(selected) if selected.len() < slots.len() => {
                selected.iter().any(|slot| slots.contains(slot) && in_range(slot))
            }
            Some(selected) => slots.iter().any(|slot| selected.contains(slot) && in_range(slot)),
        }
    }

    /// The slots that all matchers select; a label that is absent has the value `""`.
    fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let mut selected: Option<RoaringBitmap> = None;
        // What can be looked up comes first: often few series are left to try the others on.
        let (named, tried): (Vec<&Matcher>, Vec<&Matcher>) =
            matchers.iter().partition(|matcher| matcher.literals().is_some());
        for matcher in named.into_iter().chain(tried) {
            let matches = |slot: &u32| matcher.matches(&self.entries[*slot as usize].labels);
            let narrowed = match selected {
                Some(before) if before.len() <= SERIES_TRIED => before.iter().filter(matches).collect(),
                Some(before) => before & self.matched(matcher),
                None => self.matched(matcher),
            };
            if narrowed.is_empty() {
                return narrowed;
            }
            selected = Some(narrowed);
        }
        selected.unwrap_or_else(|| self.all())
    }

    fn matched(&self, matcher: &Matcher) -> RoaringBitmap {
        let Some(values) = self.postings.get(matcher.name()) else {
            // No series has the label: all of them have the value "".
            return if matcher.accepts("") { self.all() } else { RoaringBitmap::new() };
        };
        if matcher.accepts("") {
            // Cheaper the other way round: all but those with a value that does not match.
            let refused: RoaringBitmap = values
                .iter()
                .filter(|(value, _)| !matcher.accepts(value))
                .fold(RoaringBitmap::new(), |union, (_, held)| union | held);
            return self.all() - refused;
        }
        match matcher.literals() {
            Some(literals) => literals
                .iter()
                .filter_map(|literal| values.get(literal.as_str()))
                .fold(RoaringBitmap::new(), |union, held| union | held),
            None => {
                let prefix = matcher.prefix();
                values
                    .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
                    .take_while(|(value, _)| value.starts_with(prefix))
                    .filter(|(value, _)| matcher.accepts(value))
                    .fold(RoaringBitmap::new(), |union, (_, held)| union | held)
            }
        }
    }
}

/// Adds a slot that is greater than all others.
fn append(slots: &mut RoaringBitmap, slot: u32) {
    let appended = slots.try_push(slot);
    debug_assert!(appended.is_ok(), "slots ascend");
}

fn overlaps(entry: &SeriesEntry, range: &Range<Timestamp>) -> bool {
    entry.first_ts() <= range.end && entry.last_ts() >= range.start
}

#[cfg(test)]
mod tests;
