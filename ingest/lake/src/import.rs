//! History: straight to sorted day files, past the log.
//!
//! Files are stored first and named by one commit per table, series before samples, so that a crash
//! leaves either nothing visible or a table's whole import. Numbering its series is the only thing an
//! import shares with the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take;
use telemetry::time::MICROS_PER_DAY;
use telemetry::{Batch, Timestamp};

use crate::buffer::samples::SampleRow;
use crate::buffer::{SeriesDay, series_batch};
use crate::columns;
use crate::commit::Purpose;
use crate::error::LakeError;
use crate::file::FileKind;
use crate::flush::{sequence_of, split_into_files};
use crate::lake::{Appended, Inner};
use crate::prepare::{AppendOptions, prepare};
use crate::schema::Table;
use crate::series::{SeriesEntry, SeriesIndex};
use crate::wal::payload::PreparedBatch;
use crate::writer::{Effort, FileWriter, NewFile, ROW_GROUP_ROWS};

impl Inner {
    pub(crate) async fn import(&self, mut batch: Batch) -> Result<Appended, LakeError> {
        // What changes running state, or is not history, goes through the log.
        let (deltas, series) = batch.series.into_iter().partition(|series| series.meta.delta);
        batch.series = series;
        let logged = Batch {
            series: deltas,
            rejections: std::mem::take(&mut batch.rejections),
            events: std::mem::take(&mut batch.events),
            histograms: std::mem::take(&mut batch.histograms),
            exemplars: std::mem::take(&mut batch.exemplars),
            ..Batch::default()
        };
        let mut total = Appended::default();
        if !logged.is_empty() {
            total = self.append(logged, AppendOptions::default()).await?;
        }
        self.check_room()?;
        let prepared =
            prepare(batch, &AppendOptions::default(), self.clock.now(), &self.config, &self.state.series)?;
        if !prepared.refused.is_empty() {
            let refused = Batch { rejections: prepared.refused.clone(), ..Batch::default() };
            self.append(refused, AppendOptions::default()).await?;
            total.rejections.extend(prepared.refused);
        }
        let rows = prepared.batch;
        let row_count =
            |table: Table| rows.tables[table.index()].as_ref().map_or(0, |rows| rows.num_rows() as u64);
        (total.logs, total.slices) = (rows.logs.len() as u64, row_count(Table::SloSlices));
        total.samples += self.import_samples(&rows).await?;
        let logs = if rows.logs.is_empty() { None } else { Some(columns::log_rows(&rows.logs)?) };
        let slices = rows.tables[Table::SloSlices.index()].clone();
        for (table, rows) in [(Table::Logs, logs), (Table::SloSlices, slices)] {
            if let Some(rows) = rows {
                let sequence = sequence_of(self.reserve_position().await?);
                self.import_files(table, move |_| {
                    split_into_files(table, &rows, FileKind::Day, sequence, Effort::Day)
                })
                .await?;
            }
        }
        self.metrics.samples.inc_by(total.samples);
        self.metrics.logs.inc_by(total.logs);
        self.metrics.slices.inc_by(total.slices);
        Ok(total)
    }

    async fn import_samples(&self, batch: &PreparedBatch) -> Result<u64, LakeError> {
        if batch.samples.is_empty() {
            return Ok(0);
        }
        let runs: Vec<&[SampleRow]> = batch.samples.chunk_by(|a, b| a.slot == b.slot).collect();
        let slots: Vec<u32> = runs.iter().map(|rows| rows[0].slot).collect();
        let entries = self.state.series.entries_of(&slots);
        let mut series: Vec<ImportSeries> =
            entries.into_iter().zip(runs).map(|(entry, rows)| ImportSeries::new(entry, rows)).collect();
        series.sort_by(|a, b| {
            a.entry.labels.metric().cmp(b.entry.labels.metric()).then(a.entry.id.cmp(&b.entry.id))
        });
        let series = merge_same(series);
        let count = series.iter().map(|series| series.rows.len() as u64).sum();

        // Registered first: a sample never refers to a series that readers do not find.
        let mut new_days = Vec::new();
        for one in &series {
            for (day, rows) in one.days() {
                if let [first, .., last] | [first @ last] = rows {
                    let (first_ts, last_ts) = (first.ts, last.ts);
                    new_days.push(SeriesDay { slot: one.entry.slot, day, first_ts, last_ts });
                }
            }
        }
        let unknown = self.state.unknown_series_days(new_days);
        let ranges: Vec<(Arc<SeriesEntry>, i64, i64)> =
            series.iter().filter_map(ImportSeries::range).collect();
        let repeats = self.state.claim_ranges(&ranges);
        let (mut late, mut fresh) = (Vec::new(), Vec::new());
        for (one, may_repeat) in series.into_iter().zip(repeats) {
            if may_repeat { late.push(one) } else { fresh.push(one) }
        }
        if !late.is_empty() {
            // What it repeats may still be in the buffer, and a buffered row counts as later than files.
            self.flush().await?;
        }
        let sequence = sequence_of(self.reserve_position().await?);
        if !unknown.is_empty() {
            let days = unknown.clone();
            self.import_files(Table::MetricSeries, move |index| {
                let rows = series_batch(&days, index)?;
                split_into_files(Table::MetricSeries, &rows, FileKind::Day, sequence, Effort::Day)
            })
            .await?;
            for day in &unknown {
                self.state.remember_series_day(day.slot, day.day);
            }
        }
        ranges.iter().for_each(|(entry, ..)| entry.cell().set_durable());
        self.import_files(Table::MetricSamples, move |_| {
            let mut files = sample_files(&fresh, FileKind::Day, sequence)?;
            files.extend(sample_files(&late, FileKind::Late, sequence + 1)?);
            Ok(files)
        })
        .await?;
        Ok(count)
    }

    async fn import_files(
        &self,
        table: Table,
        make: impl FnOnce(&SeriesIndex) -> Result<Vec<NewFile>, LakeError> + Send + 'static,
    ) -> Result<(), LakeError> {
        let state = self.state.clone();
        let files = tokio::task::spawn_blocking(move || make(&state.series))
            .await
            .map_err(|_| LakeError::TaskStopped("import writer"))??;
        let mut log = self.logs[table.index()].lock().await;
        let mut stored = Vec::with_capacity(files.len());
        for file in files {
            stored.push(log.store(file).await?);
        }
        log.commit(stored, &[], Purpose::Append(None), self.clock.now()).await?;
        self.publish(&log).await
    }
}

/// One series of an import, its samples in time order, each time once.
struct ImportSeries {
    entry: Arc<SeriesEntry>,
    rows: Vec<SampleRow>,
}

impl ImportSeries {
    fn new(entry: Arc<SeriesEntry>, rows: &[SampleRow]) -> ImportSeries {
        let mut series = ImportSeries { entry, rows: rows.to_vec() };
        series.order();
        series
    }

    fn order(&mut self) {
        if !self.rows.is_sorted_by(|a, b| a.ts < b.ts) {
            self.rows.sort_by_key(|row| row.ts);
            self.rows.dedup_by(|later, kept| {
                let same = later.ts == kept.ts;
                if same {
                    kept.value = later.value;
                }
                same
            });
        }
    }

    fn range(&self) -> Option<(Arc<SeriesEntry>, i64, i64)> {
        Some((self.entry.clone(), self.rows.first()?.ts, self.rows.last()?.ts))
    }

    /// The rows of each day.
    fn days(&self) -> Vec<(i32, &[SampleRow])> {
        let day_of = |row: &SampleRow| row.ts.div_euclid(MICROS_PER_DAY) as i32;
        self.rows.chunk_by(|a, b| day_of(a) == day_of(b)).map(|rows| (day_of(&rows[0]), rows)).collect()
    }
}

/// A batch may name a series twice.
fn merge_same(sorted: Vec<ImportSeries>) -> Vec<ImportSeries> {
    let mut merged: Vec<ImportSeries> = Vec::with_capacity(sorted.len());
    for series in sorted {
        match merged.last_mut() {
            Some(last) if last.entry.id == series.entry.id => {
                last.rows.extend(series.rows);
                last.order();
            }
            _ => merged.push(series),
        }
    }
    merged
}

/// Day files over series in file order.
fn sample_files(series: &[ImportSeries], kind: FileKind, sequence: i64) -> Result<Vec<NewFile>, LakeError> {
    let mut days: BTreeMap<i32, Vec<(usize, &[SampleRow])>> = BTreeMap::new();
    for (place, one) in series.iter().enumerate() {
        for (day, rows) in one.days() {
            days.entry(day).or_default().push((place, rows));
        }
    }
    let metrics = StringArray::from_iter_values(series.iter().map(|one| one.entry.labels.metric()));
    let mut files = Vec::with_capacity(days.len());
    for (day, runs) in days {
        let mut writer = FileWriter::new(Table::MetricSamples, Effort::Day)?;
        let mut group = Columns::default();
        for (place, rows) in runs {
            let id = series[place].entry.id.get();
            for part in rows.chunks(ROW_GROUP_ROWS) {
                group.push(place as u32, id, part);
                if group.ids.len() >= ROW_GROUP_ROWS {
                    writer.write(&std::mem::take(&mut group).batch(&metrics)?)?;
                }
            }
        }
        if !group.ids.is_empty() {
            writer.write(&group.batch(&metrics)?)?;
        }
        let day_start = Timestamp::from_micros(i64::from(day) * MICROS_PER_DAY);
        let partition = Table::MetricSamples.partition_value(day_start);
        files.push(writer.finish(&partition, kind, sequence)?);
    }
    Ok(files)
}

/// Columns of samples that are being put together.
#[derive(Default)]
struct Columns {
    places: Vec<u32>,
    ids: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Columns {
    fn push(&mut self, place: u32, id: i64, rows: &[SampleRow]) {
        self.places.resize(self.places.len() + rows.len(), place);
        self.ids.resize(self.ids.len() + rows.len(), id);
        self.times.extend(rows.iter().map(|row| row.ts));
        self.values.extend(rows.iter().map(|row| row.value));
    }

    fn batch(self, metrics: &StringArray) -> Result<RecordBatch, LakeError> {
        let columns: Vec<ArrayRef> = vec![
            take(metrics, &UInt32Array::from(self.places), None)?,
            Arc::new(Int64Array::from(self.ids)),
            columns::timestamps(self.times),
            Arc::new(Float64Array::from(self.values)),
        ];
        Ok(RecordBatch::try_new(Table::MetricSamples.file_schema(), columns)?)
    }
}
