//! Ground facts and their ids: labels, timestamps, samples, log records, events, SLO slices.
//!
//! Everything that crosses a crate border on the way from a socket to a Parquet file is defined
//! here once. No I/O, no Arrow, no wire formats: those live in `lake` and at the edges.

mod batch;
mod defect;
mod event;
mod exemplar;
mod histogram;
mod ids;
mod labels;
mod limit;
mod log;
mod log_rows;
mod matcher;
mod metric;
mod recurrence;
mod service;
mod slice;
pub mod time;
mod words;

pub use batch::{Batch, RejectReason, Rejection};
pub use defect::{Defect, DefectSeverity};
pub use event::{Event, EventKind};
pub use exemplar::{Exemplar, SeriesExemplars};
pub use histogram::{
    BucketSpan, Buckets, COUNT_EXACT_MAX, CUSTOM_BUCKETS_SCHEMA, HistogramError, HistogramSample, ResetHint,
    SCHEMA_MAX, SCHEMA_MIN, SeriesHistograms,
};
pub use ids::{SeriesId, SeriesRef};
pub use labels::{LabelError, Labels, METRIC_NAME};
pub use limit::Limit;
pub use log::LogRecord;
pub use log_rows::{LogColumn, LogRow, LogRows};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use metric::{
    KnownSample, MetricType, STALE_NAN_BITS, Sample, SeriesMeta, SeriesSamples, is_stale, stale_marker,
};
pub use recurrence::{Recurrence, RecurrenceError, STARTS_PER_YEAR_MAX};
pub use service::{Identity, environment_of, service_of};
pub use slice::SloSlice;
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use words::{Texts, Word, Words};
