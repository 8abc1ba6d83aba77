//! Logs: search with stable pages, counts over time, facets, the lines around one, rows for files, and a
//! live tail.
//!
//! A filter says the same in all of them. It becomes a predicate over the table `logs` that the scan
//! prunes by: time, service, severity, trace id (a bloom filter), and words and attributes by the index in
//! the files ([`lake::log_index`]). Everything runs within the limits of the role that asks.

mod around;
mod counts;
mod export;
mod facets;
mod functions;
mod histogram;
mod index;
mod language;
mod line;
mod matcher;
mod plan;
mod required;
mod search;
mod severity;
mod tail;

use telemetry::Timestamp;

pub(crate) use functions::functions;
pub(crate) use index::{FoundRows, find_rows, marks_of};

pub use around::LogsAround;
pub(crate) use counts::LogCount;
pub use facets::{FacetValue, LogFacet, LogFacets};
pub use histogram::{LogBar, LogHistogram};
pub use language::{FieldTest, LogQuery, LogQueryError, Term, Test, TextTest};
pub use line::{LineId, LogLine};
pub use search::{Direction, LogPage, LogSearch};
pub use severity::Level;
pub use tail::{LogTail, TailNews};

/// Which lines: all that is said has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// From this time on ...
    pub from: Timestamp,
    /// ... up to before this one.
    pub to: Timestamp,
    /// One of these; none names all.
    pub services: Vec<String>,
    /// This or worse; lines whose severity nobody knows are left out.
    pub severity_min: Option<Level>,
    /// 32 hex digits in lower case.
    pub trace_id: Option<String>,
    pub query: LogQuery,
    /// Exactly this service and host, none included.
    pub stream: Option<LogStream>,
}

/// Who writes lines one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStream {
    pub service: Option<String>,
    pub host: Option<String>,
}

#[cfg(test)]
mod tests;
