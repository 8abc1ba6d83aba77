//! The probe side of a range join: finds the ranges of each of its rows, a batch of pairs at a time.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt64Array};
use datafusion::arrow::compute::{BatchCoalescer, filter, partition, take};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::JoinSide;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use futures::{Stream, StreamExt, stream};

use super::condition::{RangeCondition, values_of};
use super::index::{Index, key_columns};

/// What is joined, and what comes out.
#[derive(Debug)]
pub(super) struct Joining {
    /// The keys of the probe side.
    pub(super) keys: Vec<PhysicalExprRef>,
    pub(super) range: RangeCondition,
    /// The whole condition.
    pub(super) condition: JoinFilter,
    /// Where each column of `schema` is from.
    pub(super) columns: Vec<ColumnIndex>,
    pub(super) schema: SchemaRef,
}

pub(super) fn join(
    joining: Arc<Joining>,
    index: Arc<Index>,
    input: SendableRecordBatchStream,
    batch_size: usize,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let made = BatchCoalescer::new(joining.schema.clone(), batch_size);
    let probe = Probe { joining, index, input, batch_size, made, current: None, has_ended: false };
    stream::unfold(Some(probe), |state| async {
        let mut probe = state?;
        match probe.next().await {
            Ok(Some(batch)) => Some((Ok(batch), Some(probe))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Probe {
    joining: Arc<Joining>,
    index: Arc<Index>,
    input: SendableRecordBatchStream,
    batch_size: usize,
    made: BatchCoalescer,
    current: Option<Found>,
    has_ended: bool,
}

/// A batch, and the rows of the index that each of its rows may pair with.
struct Found {
    batch: RecordBatch,
    ranges: VecDeque<(usize, Range<usize>)>,
}

impl Probe {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.made.next_completed_batch() {
                return Ok(Some(batch));
            }
            if self.has_ended {
                return Ok(None);
            }
            if let Some(mut found) = self.current.take() {
                let (built, probed) = found.pairs(self.batch_size);
                if !built.is_empty() {
                    let joined = self.joining.rows(&self.index.rows, &found.batch, built, probed)?;
                    self.made.push_batch(joined)?;
                    self.current = Some(found);
                    // One batch may have any number of pairs.
                    tokio::task::coop::consume_budget().await;
                }
                continue;
            }
            match self.input.next().await {
                Some(batch) => self.current = Some(self.joining.find(&self.index, batch?)?),
                None => {
                    self.has_ended = true;
                    self.made.finish_buffered_batch()?;
                }
            }
        }
    }
}

impl Found {
    /// The next pairs, as row numbers of both sides.
    fn pairs(&mut self, most: usize) -> (UInt64Array, UInt64Array) {
        let (mut built, mut probed) = (Vec::new(), Vec::new());
        while let Some((row, range)) = self.ranges.front_mut()
            && built.len() < most
        {
            let end = range.end.min(range.start + (most - built.len()));
            probed.resize(probed.len() + (end - range.start), *row as u64);
            built.extend(range.start as u64..end as u64);
            range.start = end;
            if range.start == range.end {
                self.ranges.pop_front();
            }
        }
        (built.into(), probed.into())
    }
}

impl Joining {
    fn find(&self, index: &Index, batch: RecordBatch) -> Result<Found> {
        let keys = key_columns(&self.keys, &batch)?;
        // Rows often come sorted by key: a key is looked up once for its neighbours.
        let runs = partition(&keys)?.ranges();
        let firsts: UInt64Array = runs.iter().map(|run| run.start as u64).collect();
        let (_, begins) = values_of(&self.range.begin.probe, &batch)?;
        let (_, ends) = values_of(&self.range.end.probe, &batch)?;
        let (begins, ends) = (begins.as_primitive::<Int64Type>(), ends.as_primitive::<Int64Type>());
        let mut ranges = VecDeque::new();
        for (run, place) in runs.into_iter().zip(index.places_of(&keys, &firsts)?) {
            let Some(place) = place else { continue };
            for row in run {
                // Where these are NULL, any number may stand: the condition finds out.
                let found = index.around(place, begins.value(row), ends.value(row));
                if !found.is_empty() {
                    ranges.push_back((row, found));
                }
            }
        }
        Ok(Found { batch, ranges })
    }

    /// The pairs for which the condition holds.
    fn rows(
        &self,
        built: &RecordBatch,
        probed: &RecordBatch,
        built_rows: UInt64Array,
        probed_rows: UInt64Array,
    ) -> Result<RecordBatch> {
        let pick = |columns: &[ColumnIndex], built_rows: &UInt64Array, probed_rows: &UInt64Array| {
            let column = |from: &ColumnIndex| match from.side {
                JoinSide::Left => take(built.column(from.index), built_rows, None),
                _ => take(probed.column(from.index), probed_rows, None),
            };
            columns.iter().map(column).collect::<Result<Vec<ArrayRef>, _>>()
        };
        let condition = &self.condition;
        let compared = pick(condition.column_indices(), &built_rows, &probed_rows)?;
        let compared = batch(condition.schema(), compared, built_rows.len())?;
        let holds = condition.expression().evaluate(&compared)?.into_array(built_rows.len())?;
        let built_rows = filter(&built_rows, holds.as_boolean())?;
        let probed_rows = filter(&probed_rows, holds.as_boolean())?;
        let columns = pick(&self.columns, built_rows.as_primitive(), probed_rows.as_primitive())?;
        batch(&self.schema, columns, built_rows.len())
    }
}

/// Also without columns, as `count(*)` asks for.
fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
