//! Lines as they are stored: the live tail.
//!
//! Fed by the lake's feed, which holds a bounded number of bytes: who reads slower than others write is told
//! how many lines went by. How many tails there are is bounded, too.

use lake::{Followed, LogFollower};
use telemetry::LogColumn;
use tokio::sync::OwnedSemaphorePermit;

use super::matcher::RowMatcher;
use super::{Level, LineId, LogFilter, LogLine};
use crate::{Engine, QueryError};

/// Ends when it is dropped.
pub struct LogTail {
    follower: LogFollower,
    filter: LogFilter,
    matcher: RowMatcher,
    _place: OwnedSemaphorePermit,
}

/// What a tail tells.
#[derive(Clone, Debug, PartialEq)]
pub enum TailNews {
    /// In the order in which they were stored; all of one request at once.
    Lines(Vec<LogLine>),
    /// So many lines, of this filter or not, went by unread.
    Lagged(u64),
}

impl Engine {
    /// Lines that match and are stored from now on. The filter's times do not count.
    pub fn log_tail(&self, filter: LogFilter) -> Result<LogTail, QueryError> {
        self.lake().check_replayed()?;
        let place =
            self.tail_places().clone().try_acquire_owned().map_err(|_full| QueryError::Overloaded {
                running: self.config().logs.tails_max,
                limit: "query.logs.tails_max".to_owned(),
            })?;
        let matcher = RowMatcher::of(&filter.query);
        Ok(LogTail { follower: self.lake().follow_logs(), filter, matcher, _place: place })
    }
}

impl LogTail {
    /// Waits for lines; `None` when the server stops.
    pub async fn next(&mut self) -> Option<TailNews> {
        loop {
            let rows = match self.follower.next().await? {
                Followed::Records(rows) => rows,
                Followed::Missed(lines) => return Some(TailNews::Lagged(lines)),
            };
            let matching = (0..rows.len()).filter(|row| self.matches(&rows, *row));
            let line = |row| LogLine { id: LineId::of(&rows, row), record: rows.record(row) };
            let lines: Vec<LogLine> = matching.map(line).collect();
            if !lines.is_empty() {
                return Some(TailNews::Lines(lines));
            }
        }
    }

    fn matches(&self, rows: &telemetry::LogRows, row: usize) -> bool {
        let text = |column: LogColumn| rows.words().get(rows.column(column)[row]);
        let filter = &self.filter;
        let in_service = filter.services.is_empty()
            || text(LogColumn::Service)
                .is_some_and(|service| filter.services.iter().any(|one| one == service));
        let is_bad_enough = filter.severity_min.is_none_or(|least| {
            text(LogColumn::Severity).and_then(Level::of).is_some_and(|level| level >= least)
        });
        let in_trace = filter.trace_id.is_none() || filter.trace_id.as_deref() == text(LogColumn::TraceId);
        let in_stream = filter.stream.as_ref().is_none_or(|stream| {
            stream.service.as_deref() == text(LogColumn::Service)
                && stream.host.as_deref() == text(LogColumn::Host)
        });
        in_service && is_bad_enough && in_trace && in_stream && self.matcher.matches(rows, row)
    }
}
