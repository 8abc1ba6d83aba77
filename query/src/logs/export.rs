//! Lines as rows of the table, for files to be taken away.

use super::plan::LogReader;
use super::search::first_rows;
use super::{Direction, LogFilter};
use crate::{Engine, QueryError, QueryRole, SqlRows};

impl Engine {
    /// The first lines of a filter in the direction, with all columns of the table `logs`; as many as asked
    /// for and at most `query.logs.export_lines_max`. Lines of one instant come in any order.
    pub async fn log_rows(
        &self,
        filter: &LogFilter,
        direction: Direction,
        limit: usize,
        role: QueryRole,
    ) -> Result<SqlRows, QueryError> {
        let reader = LogReader::new(self, role)?;
        let limit = limit.min(self.config().logs.export_lines_max);
        let predicate = filter.predicate(filter.from, filter.to);
        reader.rows(first_rows(&reader, predicate, direction, limit)?.build()?).await
    }
}
