//! What is remembered of a target from scrape to scrape: which labels a piece of its page stands for,
//! and which series had a sample last time, so that the ones that ended can be told.

use std::collections::{HashMap, HashSet};

use telemetry::{Labels, SeriesMeta};

type ByText<V> = HashMap<Box<str>, V, foldhash::fast::RandomState>;
pub(super) type LabelSets = HashSet<Labels, foldhash::fast::RandomState>;

#[derive(Debug, Default)]
pub struct Memory {
    known: ByText<Known>,
    /// Series of the last scrape that was stored, without those that bring their own times.
    live: LabelSets,
    round: u64,
}

#[derive(Debug)]
struct Known {
    /// `None`: dropped by relabelling, or refused.
    series: Option<Series>,
    round: u64,
}

/// A series as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub labels: Labels,
    pub meta: SeriesMeta,
}

/// What is known about a piece of a page.
pub(super) enum Recalled<'a> {
    New,
    Dropped,
    Series(&'a Series),
}

impl Memory {
    /// Begins to read a page.
    pub(super) fn begin(&mut self) {
        self.round += 1;
    }

    pub(super) fn recall(&mut self, text: &str) -> Recalled<'_> {
        let Some(known) = self.known.get_mut(text) else { return Recalled::New };
        known.round = self.round;
        match &known.series {
            Some(series) => Recalled::Series(series),
            None => Recalled::Dropped,
        }
    }

    pub(super) fn learn(&mut self, text: &str, series: Option<Series>) {
        self.known.insert(text.into(), Known { series, round: self.round });
    }

    /// A page was read to its end: what was not on it is forgotten.
    pub(super) fn end(&mut self) {
        let round = self.round;
        self.known.retain(|_, known| known.round == round);
    }

    /// Labels are made anew: the rules have changed.
    pub fn forget_labels(&mut self) {
        self.known.clear();
    }

    /// The series that had a sample last time and are not among `live`.
    pub fn ended(&self, live: &LabelSets) -> Vec<Labels> {
        let mut ended: Vec<Labels> = self.live.difference(live).cloned().collect();
        ended.sort();
        ended
    }

    /// All of them, when there is no page.
    pub fn all_live(&self) -> Vec<Labels> {
        self.ended(&LabelSets::default())
    }

    /// Samples of these series were stored, and markers of those that ended.
    pub fn stored(&mut self, live: LabelSets) {
        self.live = live;
    }
}
