//! Row groups of samples, column by column.

use std::io::Write;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::layout::{self, Effort};
use super::runs::Runs;
use super::statistics::{stats_of, stats_of_ends};
use super::{encode, parquet_writer, values};
use crate::error::LakeError;
use crate::file::ColumnStats;
use crate::schema::Table;

const TABLE: Table = Table::MetricSamples;

/// How the columns of a file are written.
pub struct SampleWriter {
    effort: Effort,
    /// Of times, where it is worth comparing: the layouts to compare, and the same to write.
    time_layouts: Vec<[ArrowRowGroupWriterFactory; 2]>,
}

/// Rows of a row group.
pub struct SampleRows<'b> {
    metrics: Runs<&'b str>,
    series: Runs<i64>,
    /// One after the other.
    times: Vec<ArrayRef>,
    values: Vec<ArrayRef>,
}

impl SampleWriter {
    pub fn new(properties: &WriterProperties, effort: Effort) -> Result<SampleWriter, LakeError> {
        let mut time_layouts = Vec::new();
        if effort != Effort::Flush {
            let columns = |properties| parquet_writer(std::io::sink(), TABLE, properties).map(|made| made.1);
            for layout in layout::time_layouts(properties, effort, TABLE.time_column()) {
                time_layouts.push([columns(layout.probe)?, columns(layout.thorough)?]);
            }
        }
        Ok(SampleWriter { effort, time_layouts })
    }

    /// Where a row group that is full had better end: a metric that begins in the second half goes into the next
    /// one as a whole.
    pub fn good_end(&self, batches: &[RecordBatch]) -> Option<usize> {
        if self.effort == Effort::Flush {
            return None;
        }
        let metrics = SampleRows::of(batches).metrics;
        let last_start = metrics.ends.len().checked_sub(2).map(|at| metrics.ends[at])?;
        Some(last_start).filter(|start| *start > metrics.rows() / 2)
    }

    pub fn write_row_group<W: Write + Send>(
        &self,
        file: &mut SerializedFileWriter<W>,
        layout: &ArrowRowGroupWriterFactory,
        rows: &SampleRows<'_>,
    ) -> Result<(), LakeError> {
        let number = file.flushed_row_groups().len();
        // Each column is one leaf.
        let columns = file.schema_descr().columns().to_vec();
        let zstd_level = self.effort.zstd_level(TABLE);
        let mut row_group = file.next_row_group()?;
        for (at, column) in columns.into_iter().enumerate() {
            let written_as = |factory: &_, parts: &[ArrayRef]| written_as(factory, number, at, parts);
            let chunk = match column.name() {
                "metric" => rows.metrics.encode(column, self.effort.name_page_rows(), zstd_level)?,
                "series_id" if rows.series.are_long() => {
                    rows.series.encode(column, self.effort.page_rows(), zstd_level)?
                }
                "series_id" => {
                    written_as(layout, &[rows.series.repeated()])?.append_to_row_group(&mut row_group)?;
                    continue;
                }
                "value" if self.effort != Effort::Flush => {
                    let starts = rows.metrics.ends.split_last().map_or(&[][..], |(_, starts)| starts);
                    values::encode(column, &rows.values(), starts, self.effort.values(TABLE))?
                }
                "value" => {
                    written_as(layout, &rows.values)?.append_to_row_group(&mut row_group)?;
                    continue;
                }
                "ts" if self.effort != Effort::Flush => {
                    let smallest = smallest(&self.time_layouts, |layout| written_as(layout, &rows.times))?;
                    smallest.append_to_row_group(&mut row_group)?;
                    continue;
                }
                _ => {
                    written_as(layout, &rows.times)?.append_to_row_group(&mut row_group)?;
                    continue;
                }
            };
            row_group.append_column(&chunk.pages, chunk.close)?;
        }
        row_group.close()?;
        Ok(())
    }
}

impl<'b> SampleRows<'b> {
    /// Runs of all rows, with their times and values.
    pub fn new(
        metrics: Runs<&'b str>,
        series: Runs<i64>,
        times: ArrayRef,
        values: ArrayRef,
    ) -> SampleRows<'b> {
        SampleRows { metrics, series, times: vec![times], values: vec![values] }
    }

    /// Of batches with the columns of a file.
    pub fn of(batches: &'b [RecordBatch]) -> SampleRows<'b> {
        let (mut metrics, mut series): (Runs<&str>, Runs<i64>) = (Runs::default(), Runs::default());
        let mut row = 0;
        for batch in batches {
            let names = batch.column(0).as_string::<i32>();
            let ids = batch.column(1).as_primitive::<Int64Type>().values();
            let mut begin = 0;
            for same in ids.chunk_by(|id, next| id == next) {
                // A series has one metric.
                let (metric, end) = (names.value(begin), row + begin + same.len());
                metrics.extend_to(metric, end);
                series.extend_to(same[0], end);
                begin += same.len();
            }
            row += begin;
        }
        let column = |at: usize| batches.iter().map(|batch| batch.column(at).clone()).collect();
        SampleRows { metrics, series, times: column(2), values: column(3) }
    }

    pub fn len(&self) -> usize {
        self.series.rows()
    }

    /// Statistics of the file's columns, as far as these rows go.
    pub fn stats(&self) -> Vec<(&'static str, ColumnStats)> {
        let names = StringArray::from_iter_values(&self.metrics.values);
        let ids = Int64Array::from(self.series.values.clone());
        let mut stats = vec![("metric", stats_of_ends(&names)), ("series_id", stats_of(&ids))];
        stats.extend(self.times.iter().map(|times| (TABLE.time_column(), stats_of(times))));
        stats
    }

    fn values(&self) -> Vec<f64> {
        let parts = self.values.iter().map(|part| part.as_primitive::<Float64Type>().values());
        parts.flat_map(|values| values.iter().copied()).collect()
    }
}

/// A column in a layout of the Parquet library.
fn written_as(
    layout: &ArrowRowGroupWriterFactory,
    number: usize,
    at: usize,
    parts: &[ArrayRef],
) -> Result<ArrowColumnChunk, ParquetError> {
    let writer = layout.create_column_writers(number)?.swap_remove(at);
    let schema = TABLE.file_schema();
    let mut leaves = Vec::with_capacity(parts.len());
    for part in parts {
        leaves.extend(compute_leaves(schema.field(at), part)?);
    }
    encode(writer, leaves.iter())
}

/// A column in the layout that is smallest. The first one is the best to read: another one has to be
/// smaller by a tenth.
fn smallest(
    layouts: &[[ArrowRowGroupWriterFactory; 2]],
    encode: impl Fn(&ArrowRowGroupWriterFactory) -> Result<ArrowColumnChunk, ParquetError>,
) -> Result<ArrowColumnChunk, ParquetError> {
    let mut best: Option<(u64, &ArrowRowGroupWriterFactory)> = None;
    for [probe, thorough] in layouts {
        let bytes = encode(probe)?.close().bytes_written;
        best = match best {
            None => Some((bytes - bytes / 10, thorough)),
            Some((least, _)) if bytes < least => Some((bytes, thorough)),
            held => held,
        };
    }
    let (_, layout) = best.ok_or_else(|| ParquetError::General("no layout to write in".into()))?;
    encode(layout)
}
