//! A page of lines, from one end of the time range to the other, without sorting more than a page.
//!
//! The range is cut into slices that get longer the further they are from where the search begins. Each is
//! asked for its first lines in order, and when the page is full the rest of the range is never read.

use std::collections::HashMap;
use std::time::Duration;

use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr, lit};
use datafusion::prelude::ident;
use lake::{Table, read_logs};
use telemetry::Timestamp;

use super::LogFilter;
use super::line::{LineId, LogLine};
use super::plan::{LogReader, time};
use crate::{Engine, QueryError, QueryRole};

/// What the first slice spans ...
const SLICE_FIRST: Duration = Duration::from_secs(10);
/// ... and how much longer each is than the one before: a fortnight is seven slices.
const SLICE_GROWTH: u32 = 8;
/// Lines asked for beyond a page, so that those of one instant, which have no order in the table, come
/// whole. More of one instant are asked for separately.
const LINES_OF_ONE_INSTANT: usize = 256;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the newest to the oldest.
    #[default]
    Backward,
    /// From the oldest to the newest.
    Forward,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSearch {
    pub filter: LogFilter,
    pub direction: Direction,
    /// Lines after this one, in the direction.
    pub after: Option<LineId>,
    /// At most `query.logs.page_lines_max`.
    pub limit: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    /// In the order of the direction.
    pub lines: Vec<LogLine>,
    /// What to search after for the next page; `None` when this is the last one.
    pub next: Option<LineId>,
}

impl Engine {
    pub async fn log_search(&self, search: &LogSearch, role: QueryRole) -> Result<LogPage, QueryError> {
        let lines_max = self.config().logs.page_lines_max;
        let limit = search.limit.clamp(1, lines_max);
        self.log_lines(search, limit, role).await
    }

    /// As [`Engine::log_search`], with a limit of the caller's own.
    pub(super) async fn log_lines(
        &self,
        search: &LogSearch,
        limit: usize,
        role: QueryRole,
    ) -> Result<LogPage, QueryError> {
        let reader = LogReader::new(self, role)?;
        let Some((first, last)) = reader.extent().await? else { return Ok(LogPage::default()) };
        let mut from = search.filter.from.max(first);
        let mut to = search.filter.to.min(last.plus(Duration::from_micros(1)));
        if let Some(after) = search.after {
            match search.direction {
                Direction::Backward => to = to.min(after.ts.plus(Duration::from_micros(1))),
                Direction::Forward => from = from.max(after.ts),
            }
        }
        let mut lines = Vec::new();
        for (from, to) in slices(from, to, search.direction) {
            // One more than the page says whether there is another one.
            let missing = limit + 1 - lines.len();
            lines.extend(first_lines(&reader, search, (from, to), missing).await?);
            if lines.len() > limit {
                break;
            }
        }
        let is_last = lines.len() <= limit;
        lines.truncate(limit);
        let next = if is_last { None } else { lines.last().map(|line| line.id) };
        Ok(LogPage { lines, next })
    }
}

/// The range in parts, in the order in which they are to be read.
fn slices(from: Timestamp, to: Timestamp, direction: Direction) -> Vec<(Timestamp, Timestamp)> {
    let mut slices = Vec::new();
    let (mut from, mut to) = (from, to);
    let mut span = SLICE_FIRST;
    while from < to {
        let slice = match direction {
            Direction::Backward => (to.minus(span).max(from), to),
            Direction::Forward => (from, from.plus(span).min(to)),
        };
        slices.push(slice);
        match direction {
            Direction::Backward => to = slice.0,
            Direction::Forward => from = slice.1,
        }
        span = span.saturating_mul(SLICE_GROWTH);
    }
    slices
}

/// The first lines of a slice that come after where the search begins; so many when there are.
async fn first_lines(
    reader: &LogReader<'_>,
    search: &LogSearch,
    (from, to): (Timestamp, Timestamp),
    count: usize,
) -> Result<Vec<LogLine>, QueryError> {
    let everything = search.filter.predicate(from, to);
    let fetch = count + LINES_OF_ONE_INSTANT;
    let mut found = Vec::new();
    let mut bound =
        search.after.map(|after| Bound { ts: after.ts, ts_ns_rem: after.ts_ns_rem, included: true });
    loop {
        let predicate = match bound {
            Some(bound) => everything.clone().and(bound.predicate(search.direction)),
            None => everything.clone(),
        };
        let mut lines = Vec::new();
        read(reader, predicate, Some((search.direction, fetch)), &mut lines).await?;
        let is_cut = lines.len() >= fetch;
        if let Some((ts, ts_ns_rem)) = last_instant(&lines, search.direction).filter(|_| is_cut) {
            // Where the answer was cut an instant may be, too: it comes whole, in an answer of its own.
            lines.retain(|line| (line.id.ts, line.id.ts_ns_rem) != (ts, ts_ns_rem));
            let instant = search.filter.predicate(ts, ts.plus(Duration::from_micros(1)));
            read(reader, instant.and(ident("ts_ns_rem").eq(lit(ts_ns_rem))), None, &mut lines).await?;
            bound = Some(Bound { ts, ts_ns_rem, included: false });
        }
        found.extend(in_order(lines, search));
        if !is_cut || found.len() >= count {
            found.truncate(count);
            return Ok(found);
        }
    }
}

/// From here on, in the direction.
#[derive(Clone, Copy)]
struct Bound {
    ts: Timestamp,
    ts_ns_rem: i16,
    included: bool,
}

impl Bound {
    fn predicate(self, direction: Direction) -> Expr {
        let (ts, ns_rem, nanos) = (ident("ts"), ident("ts_ns_rem"), lit(self.ts_ns_rem));
        let (beyond, beyond_nanos) = match (direction, self.included) {
            (Direction::Backward, true) => (ts.clone().lt(time(self.ts)), ns_rem.lt_eq(nanos)),
            (Direction::Backward, false) => (ts.clone().lt(time(self.ts)), ns_rem.lt(nanos)),
            (Direction::Forward, true) => (ts.clone().gt(time(self.ts)), ns_rem.gt_eq(nanos)),
            (Direction::Forward, false) => (ts.clone().gt(time(self.ts)), ns_rem.gt(nanos)),
        };
        beyond.or(ts.eq(time(self.ts)).and(beyond_nanos))
    }
}

async fn read(
    reader: &LogReader<'_>,
    predicate: Expr,
    first: Option<(Direction, usize)>,
    lines: &mut Vec<LogLine>,
) -> Result<(), QueryError> {
    let plan = match first {
        Some((direction, fetch)) => first_rows(reader, predicate, direction, fetch)?,
        None => rows(reader, predicate)?,
    };
    reader
        .for_each(plan.build()?, |batch| {
            let rows = read_logs(&batch).map_err(datafusion::error::DataFusionError::from)?;
            let line = |row| LogLine { id: LineId::of(&rows, row), record: rows.record(row) };
            lines.extend((0..rows.len()).map(line));
            Ok(())
        })
        .await
}

/// Whole lines, in no order.
fn rows(reader: &LogReader<'_>, predicate: Expr) -> Result<LogicalPlanBuilder, QueryError> {
    let columns: Vec<Expr> =
        Table::Logs.file_schema().fields().iter().map(|field| ident(field.name())).collect();
    Ok(reader.table()?.filter(predicate)?.project(columns)?)
}

/// The first lines in the direction, in its order.
pub(super) fn first_rows(
    reader: &LogReader<'_>,
    predicate: Expr,
    direction: Direction,
    count: usize,
) -> Result<LogicalPlanBuilder, QueryError> {
    let ascending = direction == Direction::Forward;
    let by = |column: &str| SortExpr::new(ident(column), ascending, false);
    Ok(rows(reader, predicate)?.sort_with_limit([by("ts"), by("ts_ns_rem")], Some(count))?)
}

fn last_instant(lines: &[LogLine], direction: Direction) -> Option<(Timestamp, i16)> {
    let instants = lines.iter().map(|line| (line.id.ts, line.id.ts_ns_rem));
    match direction {
        Direction::Backward => instants.min(),
        Direction::Forward => instants.max(),
    }
}

/// Sorted, equal lines numbered, and those that were given before left out.
fn in_order(mut lines: Vec<LogLine>, search: &LogSearch) -> Vec<LogLine> {
    lines.sort_by_key(|line| line.id.place());
    if search.direction == Direction::Backward {
        lines.reverse();
    }
    let mut numbers: HashMap<(Timestamp, i16, u64), u32> = HashMap::new();
    for line in &mut lines {
        let number = numbers.entry(line.id.place()).or_default();
        line.id.number = *number;
        *number += 1;
    }
    let Some(after) = search.after else { return lines };
    lines.retain(|line| match line.id.place().cmp(&after.place()) {
        std::cmp::Ordering::Equal => line.id.number > after.number,
        order => (order == std::cmp::Ordering::Greater) == (search.direction == Direction::Forward),
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_and_cover_the_range_once() {
        let at = Timestamp::from_secs;
        let backward = slices(at(0), at(1_000), Direction::Backward);
        assert_eq!(
            backward,
            [(at(990), at(1_000)), (at(910), at(990)), (at(270), at(910)), (at(0), at(270))]
        );
        let forward = slices(at(0), at(100), Direction::Forward);
        assert_eq!(forward, [(at(0), at(10)), (at(10), at(90)), (at(90), at(100))]);
        assert_eq!(slices(at(5), at(5), Direction::Forward), []);
    }
}
