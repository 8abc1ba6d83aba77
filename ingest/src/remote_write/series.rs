//! What a request says of one series, the same for both versions: texts borrow from the body, and one
//! [`Series`] is the scratch that all series of a request are read into.

use std::ops::Range;

use telemetry::SeriesRef;

use super::histogram::WireHistogram;
use crate::known_series::SeriesKey;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WireSample {
    pub value: f64,
    pub timestamp_ms: i64,
    /// When counting began; 0 when it is not said.
    pub start_ms: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WireExemplar {
    /// Of [`Series::exemplar_labels`].
    labels: Range<usize>,
    pub value: f64,
    /// 0 when it is not said.
    pub timestamp_ms: i64,
}

/// What a request says of a metric family beside its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The number in `MetricMetadata.MetricType`; both versions count alike.
    pub metric_type: i32,
    pub unit: &'a str,
}

pub type Pair<'a> = (&'a str, &'a str);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series<'a> {
    /// Named by the lake before; then its labels are not read, and it has samples only.
    pub known: Option<SeriesRef>,
    /// What it will be known by.
    pub key: Option<SeriesKey>,
    /// In the sender's order.
    pub labels: Vec<Pair<'a>>,
    pub samples: Vec<WireSample>,
    pub histograms: Vec<WireHistogram>,
    pub exemplars: Vec<WireExemplar>,
    exemplar_labels: Vec<Pair<'a>>,
    /// 2.0 only.
    pub metadata: Metadata<'a>,
    /// When the counting of all rows began; 0 when it is not said. 2.0 only.
    pub start_ms: i64,
    /// Why the series is not one: its labels refer to nothing, say.
    pub fault: Option<&'static str>,
}

impl<'a> Series<'a> {
    pub(super) fn clear(&mut self) {
        (self.known, self.key) = (None, None);
        self.labels.clear();
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.exemplar_labels.clear();
        self.metadata = Metadata::default();
        self.start_ms = 0;
        self.fault = None;
    }

    /// Adds an exemplar whose labels are those pushed since the one before.
    pub(super) fn push_exemplar(&mut self, value: f64, timestamp_ms: i64) {
        let first = self.exemplars.last().map_or(0, |before| before.labels.end);
        let labels = first..self.exemplar_labels.len();
        self.exemplars.push(WireExemplar { labels, value, timestamp_ms });
    }

    pub(super) fn push_exemplar_label(&mut self, pair: Pair<'a>) {
        self.exemplar_labels.push(pair);
    }

    pub fn labels_of(&self, exemplar: &WireExemplar) -> &[Pair<'a>] {
        &self.exemplar_labels[exemplar.labels.clone()]
    }

    /// Rows that have to be answered for.
    pub fn rows(&self) -> u64 {
        (self.samples.len() + self.histograms.len()) as u64
    }
}
