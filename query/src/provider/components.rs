//! Which parts of a table may hold the same row, and so have to be merged.
//!
//! The snapshot says whether any may, and for samples in which range of time. Equal rows have equal
//! times, so parts whose time ranges do not meet cannot share a row: files and buffered batches are
//! put together where their ranges overlap, and most files stay alone. Where the time is not part
//! of a row's identity, everything is one component.

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{max, min};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use lake::{DataFile, Table, TableSnapshot};

/// Parts that may share rows, or parts that share none with anything.
#[derive(Default)]
pub(super) struct Component<'a> {
    pub(super) files: Vec<&'a DataFile>,
    /// In the order in which they were appended.
    pub(super) buffered: Vec<RecordBatch>,
}

enum Part<'a> {
    File(&'a DataFile),
    /// With its number, which is its place in time.
    Buffered(usize, &'a RecordBatch),
}

/// What can be read as it is, and what has to be merged.
pub(super) fn components<'a>(
    snapshot: &'a TableSnapshot,
    files: Vec<&'a DataFile>,
) -> (Component<'a>, Vec<Component<'a>>) {
    let table = snapshot.table;
    let buffered: Vec<&RecordBatch> = snapshot.buffered.iter().filter(|batch| batch.num_rows() > 0).collect();
    // Within a batch of samples no row occurs twice; other batches hold what was sent.
    let is_unique_within = !table.sort_key_is_unique() || table == Table::MetricSamples;
    if !snapshot.needs_merge() && is_unique_within {
        return (Component { files, buffered: buffered.into_iter().cloned().collect() }, Vec::new());
    }
    let time_is_key = table.sort_columns().contains(&table.time_column());
    let everywhere = (i64::MIN, i64::MAX);
    let range_of_file = |file: &DataFile| super::prune::time_range(table, file).unwrap_or(everywhere);
    let mut parts: Vec<((i64, i64), Part<'_>)> = Vec::with_capacity(files.len() + buffered.len());
    for file in files {
        parts.push((if time_is_key { range_of_file(file) } else { everywhere }, Part::File(file)));
    }
    for (number, batch) in buffered.into_iter().enumerate() {
        let range = if time_is_key { range_of_batch(table, batch) } else { everywhere };
        parts.push((range, Part::Buffered(number, batch)));
    }
    split(parts, late_range(snapshot), is_unique_within)
}

/// Where samples may repeat; any time for tables that cannot say.
fn late_range(snapshot: &TableSnapshot) -> (i64, i64) {
    match snapshot.late_range().filter(|_| snapshot.table == Table::MetricSamples) {
        Some((from, to)) => (from.micros(), to.micros()),
        None => (i64::MIN, i64::MAX),
    }
}

fn split<'a>(
    mut parts: Vec<((i64, i64), Part<'a>)>,
    late: (i64, i64),
    is_unique_within: bool,
) -> (Component<'a>, Vec<Component<'a>>) {
    parts.sort_by_key(|((from, _), _)| *from);
    let mut groups: Vec<((i64, i64), Vec<Part<'a>>)> = Vec::new();
    for ((from, to), part) in parts {
        match groups.last_mut().filter(|((_, end), _)| from <= *end) {
            Some(((_, end), group)) => {
                *end = (*end).max(to);
                group.push(part);
            }
            None => groups.push(((from, to), vec![part])),
        }
    }
    let (mut alone, mut to_merge) = (Vec::new(), Vec::new());
    for ((from, to), group) in groups {
        let may_repeat = from <= late.1 && to >= late.0;
        let is_one_clean_part = group.len() == 1 && (is_unique_within || matches!(group[0], Part::File(_)));
        if may_repeat && !is_one_clean_part {
            to_merge.push(component(group));
        } else {
            alone.extend(group);
        }
    }
    (component(alone), to_merge)
}

fn component(parts: Vec<Part<'_>>) -> Component<'_> {
    let mut component = Component::default();
    let mut buffered = Vec::new();
    for part in parts {
        match part {
            Part::File(file) => component.files.push(file),
            Part::Buffered(number, batch) => buffered.push((number, batch.clone())),
        }
    }
    buffered.sort_by_key(|(number, _)| *number);
    component.buffered = buffered.into_iter().map(|(_, batch)| batch).collect();
    component
}

fn range_of_batch(table: Table, batch: &RecordBatch) -> (i64, i64) {
    let times = batch
        .column_by_name(table.time_column())
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    times.and_then(|times| Some((min(times)?, max(times)?))).unwrap_or((i64::MIN, i64::MAX))
}
