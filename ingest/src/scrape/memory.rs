//! What is remembered of a target from scrape to scrape: which series a piece of its page stands for,
//! how the lake names it, and which series had a sample last time, so that the ones that ended can be
//! told.
//!
//! A piece of text that was stored before costs one look-up: behind it is the name that the lake gave
//! the series, and its labels are neither made nor compared again. Names hold until the process ends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use telemetry::{Labels, SeriesMeta, SeriesRef};

use super::metadata::Gathering;
use crate::OverLimit;

type Hasher = foldhash::fast::RandomState;
pub(super) type Named = HashSet<SeriesRef, Hasher>;
pub(super) type LabelSets = HashSet<Labels, Hasher>;

#[derive(Debug, Default)]
pub struct Memory {
    known: HashMap<Box<str>, Known, Hasher>,
    /// The lake's names of the series behind `known`, and of some that left the page.
    names: HashMap<Labels, SeriesRef, Hasher>,
    /// Series of the last scrape that was stored, without those that bring their own times.
    live: Live,
    pub(super) metadata: Gathering,
    round: u64,
}

#[derive(Debug)]
struct Known {
    stands_for: StandsFor,
    name: Option<SeriesRef>,
    round: u64,
}

/// What a piece of a page stands for.
#[derive(Clone, Debug)]
pub(super) enum StandsFor {
    Series(Arc<Series>),
    /// Relabelling does not want it.
    Nothing,
    /// It is over a limit.
    Refused(Arc<OverLimit>),
}

impl StandsFor {
    fn labels(&self) -> Option<&Labels> {
        match self {
            StandsFor::Series(series) => Some(&series.labels),
            StandsFor::Nothing | StandsFor::Refused(_) => None,
        }
    }
}

/// A series as it is stored.
#[derive(Debug)]
pub(super) struct Series {
    pub labels: Labels,
    pub meta: SeriesMeta,
}

/// Series that had a sample on a page: by name where the lake has given one.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub named: Named,
    pub unnamed: LabelSets,
}

impl Live {
    pub fn insert(&mut self, labels: &Labels, name: Option<SeriesRef>) {
        match name {
            Some(name) => drop(self.named.insert(name)),
            None => drop(self.unnamed.insert(labels.clone())),
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.named.len() + self.unnamed.len()
    }
}

/// Series that have no sample any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub named: Vec<SeriesRef>,
    pub unnamed: Vec<Labels>,
}

impl Ended {
    pub fn len(&self) -> usize {
        self.named.len() + self.unnamed.len()
    }
}

impl Memory {
    /// Begins to read a page.
    pub(super) fn begin(&mut self) {
        self.round += 1;
        self.metadata.begin();
    }

    /// What a piece of the page stands for, and the lake's name of that; `None` when the piece is new.
    pub(super) fn recall(&mut self, text: &str) -> Option<(StandsFor, Option<SeriesRef>)> {
        let known = self.known.get_mut(text)?;
        known.round = self.round;
        if known.name.is_none() {
            known.name = known.stands_for.labels().and_then(|labels| self.names.get(labels).copied());
        }
        Some((known.stands_for.clone(), known.name))
    }

    /// Remembers what a new piece stands for. Another piece may stand for the same series: then it has
    /// a name already, which is returned.
    pub(super) fn learn(&mut self, text: &str, stands_for: StandsFor) -> Option<SeriesRef> {
        let name = stands_for.labels().and_then(|labels| self.names.get(labels).copied());
        self.known.insert(text.into(), Known { stands_for, name, round: self.round });
        name
    }

    /// A page was read to its end: what was not on it is forgotten.
    pub(super) fn end(&mut self) {
        let round = self.round;
        self.known.retain(|_, known| known.round == round);
        self.metadata.end();
    }

    /// Labels are made anew: the rules have changed. A label set keeps its name.
    pub fn forget_labels(&mut self) {
        self.known.clear();
    }

    /// The series that had a sample last time and are not among `live`.
    pub fn ended(&self, live: &Live) -> Ended {
        let mut named: Vec<SeriesRef> = self.live.named.difference(&live.named).copied().collect();
        let mut unnamed: Vec<Labels> = self.live.unnamed.difference(&live.unnamed).cloned().collect();
        named.sort_unstable_by_key(|name| name.get());
        unnamed.sort_unstable();
        Ended { named, unnamed }
    }

    /// All of them, when there is no page.
    pub fn all_live(&self) -> Ended {
        self.ended(&Live::default())
    }

    /// Samples of these series were stored, and markers of those that ended. `names` says how the lake
    /// names what it was given by labels.
    pub fn stored(&mut self, mut live: Live, names: impl Iterator<Item = (Labels, SeriesRef)>) {
        self.names.extend(names);
        live.unnamed.retain(|labels| match self.names.get(labels) {
            Some(name) => {
                live.named.insert(*name);
                false
            }
            None => true,
        });
        self.live = live;
        self.forget_unused_names();
    }

    /// Names of series that came and went must not pile up.
    fn forget_unused_names(&mut self) {
        if self.names.len() <= 2 * self.known.len() {
            return;
        }
        let used: Named = self.known.values().filter_map(|known| known.name).collect();
        let on_page: LabelSets =
            self.known.values().filter_map(|known| known.stands_for.labels().cloned()).collect();
        self.names.retain(|labels, name| {
            used.contains(name) || self.live.named.contains(name) || on_page.contains(labels)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(metric: &str) -> Arc<Series> {
        let labels = Labels::new([("__name__", metric)]).unwrap();
        Arc::new(Series { labels, meta: SeriesMeta::default() })
    }

    fn page(memory: &mut Memory, metrics: &[&str]) -> Live {
        let mut live = Live::default();
        memory.begin();
        for metric in metrics {
            let name = match memory.recall(metric) {
                Some((_, name)) => name,
                None => memory.learn(metric, StandsFor::Series(series(metric))),
            };
            live.insert(&series(metric).labels, name);
        }
        memory.end();
        live
    }

    /// The lake names a series by the first letter of its metric.
    fn named(live: &Live) -> Vec<(Labels, SeriesRef)> {
        let name = |labels: &Labels| SeriesRef::new(u32::from(labels.metric().as_bytes()[0]));
        live.unnamed.iter().map(|labels| (labels.clone(), name(labels))).collect()
    }

    fn scrape(memory: &mut Memory, metrics: &[&str]) -> Ended {
        let live = page(memory, metrics);
        let ended = memory.ended(&live);
        let names = named(&live);
        memory.stored(live, names.into_iter());
        ended
    }

    #[test]
    fn a_series_goes_on_when_it_gets_its_name_and_ends_by_it() {
        let mut memory = Memory::default();
        assert_eq!(scrape(&mut memory, &["a", "b"]), Ended::default());
        assert_eq!(memory.recall("a").unwrap().1, Some(SeriesRef::new(97)));
        assert_eq!(scrape(&mut memory, &["a"]).named, [SeriesRef::new(98)]);
        assert_eq!(memory.all_live().named, [SeriesRef::new(97)]);
    }

    #[test]
    fn rules_that_change_leave_names_and_a_page_that_was_not_stored_leaves_all() {
        let mut memory = Memory::default();
        scrape(&mut memory, &["a", "b"]);
        memory.forget_labels();
        let refused = page(&mut memory, &["a"]);
        assert_eq!(memory.ended(&refused).named, [SeriesRef::new(98)]);
        assert_eq!(scrape(&mut memory, &["a", "b"]), Ended::default(), "b was there all the time");
    }

    #[test]
    fn names_of_what_came_and_went_are_forgotten() {
        let mut memory = Memory::default();
        for metric in ["a", "b", "c", "d", "e", "f", "g"] {
            scrape(&mut memory, &["z", metric]);
        }
        assert!(memory.names.len() <= 4, "{:?}", memory.names);
        assert!(memory.names.contains_key(&series("z").labels));
    }
}
