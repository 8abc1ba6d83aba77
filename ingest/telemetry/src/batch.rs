//! What a receiver decodes one request into, and what the lake takes.

use crate::{
    Event, KnownSample, Limit, LogRecord, LogRows, SeriesExemplars, SeriesHistograms, SeriesSamples, SloSlice,
};

/// Rows of any table that were acknowledged, or refused, together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub series: Vec<SeriesSamples>,
    /// More samples, of cumulative series that the lake has named: the short way of what arrives every
    /// few seconds.
    pub known: Vec<KnownSample>,
    pub histograms: Vec<SeriesHistograms>,
    pub exemplars: Vec<SeriesExemplars>,
    pub logs: Vec<LogRecord>,
    /// More log records: the short way of what arrives by the thousand.
    pub log_rows: LogRows,
    pub events: Vec<Event>,
    pub slices: Vec<SloSlice>,
    /// Rows of the same request that are answered for and not stored.
    pub rejections: Vec<Rejection>,
}

impl Batch {
    pub fn sample_count(&self) -> usize {
        self.series.iter().map(|series| series.samples.len()).sum::<usize>() + self.known.len()
    }

    /// Native histograms.
    pub fn histogram_count(&self) -> usize {
        self.histograms.iter().map(|series| series.histograms.len()).sum()
    }

    pub fn exemplar_count(&self) -> usize {
        self.exemplars.iter().map(|series| series.exemplars.len()).sum()
    }

    pub fn log_count(&self) -> usize {
        self.logs.len() + self.log_rows.len()
    }

    /// Whether there is nothing to write, rejections included.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
            && self.known.is_empty()
            && self.histograms.is_empty()
            && self.exemplars.is_empty()
            && self.log_count() == 0
            && self.events.is_empty()
            && self.slices.is_empty()
            && self.rejections.is_empty()
    }
}

/// Why rows were not stored. The names are the values of `ingest_rejections.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    /// A label set or metric name breaks the rules.
    InvalidLabels,
    /// Older than the table's retention.
    TooOld,
    /// More than `ingest.future_max` ahead of the clock.
    TooFarAhead,
    /// A configured bound (labels per series, bytes per value, series per source).
    OverLimit(Limit),
    /// A point of a delta counter that is not newer than the last one.
    DeltaOutOfOrder,
    /// A data type that has no table yet.
    Unsupported,
    /// A payload that its kind does not allow.
    InvalidPayload,
}

impl RejectReason {
    /// What [`as_str`](RejectReason::as_str) can say.
    pub const NAMES: [&str; 7] = [
        "invalid_labels",
        "too_old",
        "too_far_ahead",
        "over_limit",
        "delta_out_of_order",
        "unsupported",
        "invalid_payload",
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::InvalidLabels => "invalid_labels",
            RejectReason::TooOld => "too_old",
            RejectReason::TooFarAhead => "too_far_ahead",
            RejectReason::OverLimit(_) => "over_limit",
            RejectReason::DeltaOutOfOrder => "delta_out_of_order",
            RejectReason::Unsupported => "unsupported",
            RejectReason::InvalidPayload => "invalid_payload",
        }
    }

    /// The bound that was reached, where one was.
    pub fn limit(self) -> Option<Limit> {
        match self {
            RejectReason::OverLimit(limit) => Some(limit),
            _ => None,
        }
    }
}

/// Some refused rows of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The dialect and the token's name, such as `remote_write:prometheus-eu`.
    pub source: String,
    pub reason: RejectReason,
    pub count: u64,
    /// One of the refused rows and what is wrong with it, for people.
    pub sample: String,
}
