//! The probe side of a range join: finds the ranges of each of its rows, a batch of pairs at a time.
//!
//! A semi-join hands over rows of one side that are in a pair: those of the probe side batch by batch,
//! those of the build side when all partitions of the probe side have been read.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array,
};
use datafusion::arrow::compute::{BatchCoalescer, filter, filter_record_batch, partition, take};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::JoinSide;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use futures::{Stream, StreamExt, stream};

use super::condition::{RangeCondition, values_of};
use super::index::{Index, key_columns};

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pairs,
    /// Rows of the build side that are in a pair.
    Built,
    /// Rows of the probe side that are in a pair.
    Probed,
}

/// The build side, for all partitions of the probe side.
pub(super) struct Build {
    pub(super) index: Index,
    /// For each row of the index whether it is in a pair.
    paired: Vec<AtomicBool>,
    /// Partitions that are still read.
    reading: AtomicUsize,
}

impl Build {
    pub(super) fn new(index: Index, kind: Kind, partitions: usize) -> Build {
        let rows = if kind == Kind::Built { index.rows.num_rows() } else { 0 };
        let paired = (0..rows).map(|_| AtomicBool::new(false)).collect();
        Build { index, paired, reading: AtomicUsize::new(partitions) }
    }

    /// One partition has been read: the last one gets the rows that are in pairs.
    fn paired_rows(&self) -> Result<Option<RecordBatch>> {
        if self.paired.is_empty() || self.reading.fetch_sub(1, Ordering::AcqRel) != 1 {
            return Ok(None);
        }
        let paired: BooleanArray =
            self.paired.iter().map(|paired| Some(paired.load(Ordering::Relaxed))).collect();
        Ok(Some(filter_record_batch(&self.index.rows, &paired)?))
    }
}

/// What is joined, and what comes out.
#[derive(Debug)]
pub(super) struct Joining {
    pub(super) kind: Kind,
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
    build: Arc<Build>,
    input: SendableRecordBatchStream,
    batch_size: usize,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let made = BatchCoalescer::new(joining.schema.clone(), batch_size);
    let probe = Probe { joining, build, input, batch_size, made, current: None, has_ended: false };
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
    build: Arc<Build>,
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
    /// For a semi-join, which rows of the batch are in a pair.
    paired: Vec<bool>,
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
                    self.pair(&mut found, built, probed)?;
                    self.current = Some(found);
                    // One batch may have any number of pairs.
                    tokio::task::coop::consume_budget().await;
                } else if self.joining.kind == Kind::Probed {
                    let rows = filter_record_batch(&found.batch, &found.paired.into())?;
                    self.made.push_batch(self.joining.of_one_side(&rows)?)?;
                }
                continue;
            }
            match self.input.next().await {
                Some(batch) => self.current = Some(self.joining.find(&self.build.index, batch?)?),
                None => {
                    self.has_ended = true;
                    if let Some(rows) = self.build.paired_rows()? {
                        self.made.push_batch(self.joining.of_one_side(&rows)?)?;
                    }
                    self.made.finish_buffered_batch()?;
                }
            }
        }
    }

    fn pair(&mut self, found: &mut Found, built: UInt64Array, probed: UInt64Array) -> Result<()> {
        let rows = &self.build.index.rows;
        let (built, probed) = self.joining.that_hold(rows, &found.batch, built, probed)?;
        match self.joining.kind {
            Kind::Pairs => {
                let columns = pick(&self.joining.columns, (rows, &built), (&found.batch, &probed))?;
                self.made.push_batch(batch(&self.joining.schema, columns, built.len())?)?;
            }
            Kind::Built => {
                built.values().iter().for_each(|row| {
                    self.build.paired[*row as usize].store(true, Ordering::Relaxed);
                });
            }
            Kind::Probed => probed.values().iter().for_each(|row| found.paired[*row as usize] = true),
        }
        Ok(())
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
        let paired = vec![false; if self.kind == Kind::Probed { batch.num_rows() } else { 0 }];
        Ok(Found { batch, ranges, paired })
    }

    /// The pairs for which the condition holds.
    fn that_hold(
        &self,
        built: &RecordBatch,
        probed: &RecordBatch,
        built_rows: UInt64Array,
        probed_rows: UInt64Array,
    ) -> Result<(UInt64Array, UInt64Array)> {
        let condition = &self.condition;
        let compared = pick(condition.column_indices(), (built, &built_rows), (probed, &probed_rows))?;
        let compared = batch(condition.schema(), compared, built_rows.len())?;
        let holds = condition.expression().evaluate(&compared)?.into_array(built_rows.len())?;
        let holding = |rows: &UInt64Array| filter(rows, holds.as_boolean());
        let (built_rows, probed_rows) = (holding(&built_rows)?, holding(&probed_rows)?);
        Ok((built_rows.as_primitive().clone(), probed_rows.as_primitive().clone()))
    }

    /// The columns that a semi-join hands over.
    fn of_one_side(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.columns.iter().map(|from| rows.column(from.index).clone()).collect();
        batch(&self.schema, columns, rows.num_rows())
    }
}

fn pick(
    columns: &[ColumnIndex],
    (built, built_rows): (&RecordBatch, &UInt64Array),
    (probed, probed_rows): (&RecordBatch, &UInt64Array),
) -> Result<Vec<ArrayRef>> {
    let column = |from: &ColumnIndex| match from.side {
        JoinSide::Left => take(built.column(from.index), built_rows, None),
        _ => take(probed.column(from.index), probed_rows, None),
    };
    Ok(columns.iter().map(column).collect::<Result<_, _>>()?)
}

/// Also without columns, as `count(*)` asks for.
fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
