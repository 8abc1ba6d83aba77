//! Which rows of which files may hold wanted samples, by statistics alone: of files, row groups, pages.

use std::ops::Range;

use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::statistics::Statistics;
use lake::{DataFile, StatValue, Table};

use super::known::FoundRuns;
use super::runs::Window;
use super::wanted::Wanted;

/// Where the columns of `metric_samples` are in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaves {
    pub(super) metric: usize,
    pub(super) series_id: usize,
    pub(super) ts: usize,
    pub(super) value: usize,
}

impl Leaves {
    /// `None` when one is missing.
    pub(super) fn of(metadata: &ParquetMetaData) -> Option<Leaves> {
        let columns = metadata.file_metadata().schema_descr().columns();
        let place = |name: &str| columns.iter().position(|column| column.name() == name);
        Some(Leaves {
            metric: place("metric")?,
            series_id: place("series_id")?,
            ts: place("ts")?,
            value: place("value")?,
        })
    }
}

/// Rows of a row group that may be wanted.
#[derive(Debug)]
pub(super) struct GroupRows {
    pub(super) group: usize,
    /// Ascending, none of them empty.
    pub(super) rows: Vec<Range<usize>>,
    /// The wanted series among them, where they have been looked up already.
    pub(super) found: Option<FoundRuns>,
}

impl GroupRows {
    pub(super) fn count(&self) -> usize {
        self.rows.iter().map(Range::len).sum()
    }
}

/// Whether a file may hold wanted samples.
pub(super) fn file_may_match(file: &DataFile, wanted: &Wanted, window: Window) -> bool {
    let bounds = |column: &str| {
        let stats = file.stats.get(column)?;
        Some((stats.min.as_ref()?, stats.max.as_ref()?))
    };
    let in_time = file
        .time_range(Table::MetricSamples)
        .is_none_or(|(first, last)| window.overlaps(first.micros(), last.micros()));
    let has_series = match bounds("series_id") {
        Some((StatValue::Int(first), StatValue::Int(last))) => wanted.any_id_in(*first, *last),
        _ => true,
    };
    let has_metric = match bounds("metric") {
        Some((StatValue::Text(first), StatValue::Text(last))) => {
            wanted.any_metric_in(first.as_bytes(), last.as_bytes())
        }
        _ => true,
    };
    in_time && has_series && has_metric
}

/// The rows of a file that may be wanted.
pub(super) fn rows_of(
    metadata: &ParquetMetaData,
    leaves: Leaves,
    wanted: &Wanted,
    window: Window,
) -> Vec<GroupRows> {
    let mut found = Vec::new();
    for (group, row_group) in metadata.row_groups().iter().enumerate() {
        let bounds = |leaf: usize| int_bounds(row_group.column(leaf).statistics());
        let may_match = bounds(leaves.ts).is_none_or(|(first, last)| window.overlaps(first, last))
            && bounds(leaves.series_id).is_none_or(|(first, last)| wanted.any_id_in(first, last))
            && text_bounds(row_group.column(leaves.metric).statistics())
                .is_none_or(|(first, last)| wanted.any_metric_in(first, last));
        if !may_match {
            continue;
        }
        let rows = row_group.num_rows() as usize;
        let pages = |leaf: usize, keep: &dyn Fn(i64, i64) -> bool| {
            let all = || std::iter::once(0..rows).collect();
            matching_pages(metadata, group, leaf, rows, keep).unwrap_or_else(all)
        };
        let of_series = pages(leaves.series_id, &|first, last| wanted.any_id_in(first, last));
        let in_time = pages(leaves.ts, &|first, last| window.overlaps(first, last));
        let rows = common(&of_series, &in_time);
        if !rows.is_empty() {
            found.push(GroupRows { group, rows, found: None });
        }
    }
    found
}

fn int_bounds(statistics: Option<&Statistics>) -> Option<(i64, i64)> {
    match statistics? {
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

fn text_bounds(statistics: Option<&Statistics>) -> Option<(&[u8], &[u8])> {
    match statistics? {
        Statistics::ByteArray(values) => Some((values.min_bytes_opt()?, values.max_bytes_opt()?)),
        _ => None,
    }
}

/// The rows of the pages whose bounds are worth keeping; `None` when pages have no bounds.
fn matching_pages(
    metadata: &ParquetMetaData,
    group: usize,
    leaf: usize,
    rows: usize,
    keep: &dyn Fn(i64, i64) -> bool,
) -> Option<Vec<Range<usize>>> {
    let ColumnIndexMetaData::INT64(index) = metadata.column_index()?.get(group)?.get(leaf)? else {
        return None;
    };
    let pages = metadata.offset_index()?.get(group)?.get(leaf)?.page_locations();
    let mut found: Vec<Range<usize>> = Vec::new();
    for (page, location) in pages.iter().enumerate() {
        let (Some(first), Some(last)) = (index.min_value(page), index.max_value(page)) else { continue };
        if !keep(*first, *last) {
            continue;
        }
        let start = location.first_row_index as usize;
        let end = pages.get(page + 1).map_or(rows, |next| next.first_row_index as usize);
        match found.last_mut() {
            Some(before) if before.end == start => before.end = end,
            _ => found.push(start..end),
        }
    }
    Some(found)
}

/// What two lists of ascending ranges have in common.
fn common(left: &[Range<usize>], right: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut found = Vec::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let both = a.start.max(b.start)..a.end.min(b.end);
        if a.end <= b.end {
            left.next()
        } else {
            right.next()
        };
        if !both.is_empty() {
            found.push(both);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: &[(usize, usize)], right: &[(usize, usize)], expected: &[(usize, usize)]) {
        let ranges = |pairs: &[(usize, usize)]| -> Vec<Range<usize>> {
            pairs.iter().map(|(start, end)| *start..*end).collect()
        };
        assert_eq!(common(&ranges(left), &ranges(right)), ranges(expected));
        assert_eq!(common(&ranges(right), &ranges(left)), ranges(expected));
    }

    #[test]
    fn ranges_meet_where_both_have_rows() {
        check(&[(0, 10), (20, 30)], &[(5, 25)], &[(5, 10), (20, 25)]);
        check(&[(0, 10)], &[(10, 20)], &[]);
        check(&[(0, 4), (4, 9)], &[(0, 9)], &[(0, 4), (4, 9)]);
        check(&[], &[(0, 9)], &[]);
    }
}
