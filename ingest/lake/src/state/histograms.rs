//! Native histograms and exemplars in the lake's memory: rows into the buffer, delta histograms into
//! running totals.
//!
//! Repeated rows are not looked for here: the tables' keys make them one when they are read, flushed
//! and merged.

use std::collections::hash_map::Entry;

use arrow::array::RecordBatch;
use telemetry::time::MICROS_PER_DAY;
use telemetry::{HistogramSample, RejectReason, Rejection};

use super::{Applied, Inner, State};
use crate::buffer::samples::SampleRow;
use crate::columns::{self, SeriesColumns};
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::SeriesIndex;
use crate::wal::payload::PreparedBatch;

impl State {
    /// The running totals of delta histograms for a checkpoint, as rows of `metric_histograms`.
    pub fn histogram_totals(&self) -> Result<Option<RecordBatch>, LakeError> {
        let inner = self.inner.lock();
        if inner.histogram_totals.is_empty() {
            return Ok(None);
        }
        let cells = self.series.cells();
        let rows: Vec<(i64, &HistogramSample)> =
            inner.histogram_totals.iter().map(|(slot, total)| (cells.of(*slot).id(), total)).collect();
        Ok(Some(columns::histogram_rows(&rows)?))
    }

    /// Brings back the running totals of a checkpoint.
    pub fn restore_histogram_totals(&self, totals: Option<&RecordBatch>) -> Result<(), LakeError> {
        let mut inner = self.inner.lock();
        inner.histogram_totals.clear();
        for (id, total) in totals.map(columns::read_histograms).transpose()?.unwrap_or_default() {
            if let Ok([slot]) = self.series.slots_of([id].into_iter()).as_deref() {
                inner.histogram_totals.insert(*slot, total);
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Takes the histograms and exemplars out of a batch.
    pub(super) fn apply_histograms(
        &mut self,
        position: i64,
        batch: &mut PreparedBatch,
        series: &SeriesIndex,
        applied: &mut Applied,
    ) -> Result<(), LakeError> {
        if let Some(rows) = batch.tables[Table::MetricHistograms.index()].take() {
            applied.histograms += rows.num_rows() as u64;
            self.apply_rows(position, Table::MetricHistograms, rows, series)?;
        }
        if let Some(points) = batch.delta_histograms.take() {
            self.apply_histogram_deltas(position, &batch.source, &points, series, applied)?;
        }
        if let Some(rows) = batch.tables[Table::MetricExemplars.index()].take() {
            applied.exemplars += rows.num_rows() as u64;
            self.apply_rows(position, Table::MetricExemplars, rows, series)?;
        }
        Ok(())
    }

    fn apply_rows(
        &mut self,
        position: i64,
        table: Table,
        rows: RecordBatch,
        series: &SeriesIndex,
    ) -> Result<(), LakeError> {
        let columns = SeriesColumns::of(&rows)?;
        let slots = slots_of(position, series, &columns)?;
        let cells = series.cells();
        let mut seen = None;
        for (slot, ts) in slots.into_iter().zip(columns.times) {
            cells.of(slot).cover(*ts);
            let day = ts.div_euclid(MICROS_PER_DAY) as i32;
            // Rows of a series stand together.
            if seen != Some((slot, day)) {
                seen = Some((slot, day));
                self.note_day(position, SampleRow { slot, ts: *ts, value: 0.0 }, day);
            }
        }
        drop(cells);
        if position > self.committed[table.index()] {
            self.active.push_rows(table, rows);
        }
        Ok(())
    }

    /// Adds points up to what was counted before, as for delta sums: one that is not newer than the
    /// last is refused.
    fn apply_histogram_deltas(
        &mut self,
        position: i64,
        source: &str,
        points: &RecordBatch,
        series: &SeriesIndex,
        applied: &mut Applied,
    ) -> Result<(), LakeError> {
        let slots = slots_of(position, series, &SeriesColumns::of(points)?)?;
        let (mut sums, mut refused) = (Vec::new(), Vec::new());
        for (slot, (id, point)) in slots.into_iter().zip(columns::read_histograms(points)?) {
            match self.histogram_totals.entry(slot) {
                Entry::Occupied(total) if point.ts <= total.get().ts => refused.push((slot, point.ts)),
                // A stale marker ends the series and is no amount.
                Entry::Occupied(mut total) if point.is_stale() => {
                    total.get_mut().ts = point.ts;
                    sums.push((id, point));
                }
                Entry::Occupied(mut total) => {
                    total.get_mut().add(&point);
                    sums.push((id, total.get().clone()));
                }
                Entry::Vacant(_) if point.is_stale() => sums.push((id, point)),
                Entry::Vacant(none) => {
                    none.insert(point.clone());
                    sums.push((id, point));
                }
            }
        }
        if let Some((slot, ts)) = refused.first() {
            let entry = &series.entries_of(&[*slot])[0];
            applied.rejections.push(Rejection {
                source: source.to_owned(),
                reason: RejectReason::DeltaOutOfOrder,
                count: refused.len() as u64,
                sample: format!("histogram {} at {ts}", entry.labels),
            });
        }
        if !sums.is_empty() {
            applied.histograms += sums.len() as u64;
            let rows: Vec<(i64, &HistogramSample)> = sums.iter().map(|(id, sum)| (*id, sum)).collect();
            self.apply_rows(position, Table::MetricHistograms, columns::histogram_rows(&rows)?, series)?;
        }
        Ok(())
    }
}

fn slots_of(position: i64, series: &SeriesIndex, columns: &SeriesColumns<'_>) -> Result<Vec<u32>, LakeError> {
    series
        .slots_of(columns.ids.values().iter().copied())
        .map_err(|id| LakeError::WalRecord { position, problem: format!("series {id} was never defined") })
}
