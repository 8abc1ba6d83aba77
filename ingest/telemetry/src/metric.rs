//! Samples and what is known about their series.

use serde::{Deserialize, Serialize};

use crate::{Labels, SeriesRef, Timestamp};

/// The NaN that Prometheus writes when a series ends. The bit pattern is the meaning: every stage
/// keeps it as it is.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether a value is the stale marker (and not just any NaN).
#[inline]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// The stale marker.
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// One measured value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Whole milliseconds: receivers round, the lake relies on it.
    pub ts: Timestamp,
    pub value: f64,
}

/// What kind of numbers a series holds, in Prometheus' words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricType {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Info,
    StateSet,
    #[default]
    Unknown,
}

impl MetricType {
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
            MetricType::Unknown => "unknown",
        }
    }

    /// The type as it was stored; what is not known is [`MetricType::Unknown`].
    pub fn from_stored(text: &str) -> MetricType {
        match text {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "summary" => MetricType::Summary,
            "info" => MetricType::Info,
            "stateset" => MetricType::StateSet,
            _ => MetricType::Unknown,
        }
    }
}

/// What a sender told about a series beside its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesMeta {
    pub metric_type: MetricType,
    /// A UCUM or OpenMetrics unit such as `s`, `By`, `seconds`.
    pub unit: Option<Box<str>>,
    /// `true` when the sender counts anew for each point; the lake stores cumulative sums only.
    pub delta: bool,
}

/// A series with some of its samples, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesSamples {
    pub labels: Labels,
    pub meta: SeriesMeta,
    /// When the sender began to count from 0, if it says so.
    pub start: Option<Timestamp>,
    pub samples: Vec<Sample>,
}

/// One sample of a series that the lake has named before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownSample {
    pub series: SeriesRef,
    pub sample: Sample,
}
