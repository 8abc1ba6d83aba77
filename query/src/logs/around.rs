//! The lines around one: what the same service on the same host wrote just before and after it.

use std::time::Duration;

use super::{Direction, LineId, LogFilter, LogLine, LogSearch, LogStream};
use crate::{Engine, QueryError, QueryRole};

/// How far from a line its context may be.
const REACH: Duration = Duration::from_secs(24 * 3_600);

/// Both in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogsAround {
    pub before: Vec<LogLine>,
    pub after: Vec<LogLine>,
}

impl Engine {
    /// So many lines before and after one, at most `query.logs.context_lines_max` each.
    pub async fn logs_around(
        &self,
        line: LineId,
        stream: LogStream,
        count: usize,
        role: QueryRole,
    ) -> Result<LogsAround, QueryError> {
        let count = count.clamp(1, self.config().logs.context_lines_max);
        let filter = LogFilter {
            from: line.ts.minus(REACH),
            to: line.ts.plus(REACH),
            stream: Some(stream),
            ..LogFilter::default()
        };
        let search =
            |direction, after| LogSearch { filter: filter.clone(), direction, after: Some(after), limit: 0 };
        let mut before = self.log_lines(&search(Direction::Backward, line), count, role).await?.lines;
        before.reverse();
        // Lines that equal this one are before it.
        let last_equal = LineId { number: u32::MAX, ..line };
        let after = self.log_lines(&search(Direction::Forward, last_equal), count, role).await?.lines;
        Ok(LogsAround { before, after })
    }
}
