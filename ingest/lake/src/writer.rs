//! Parquet files: row groups, statistics, one file at a time.
//!
//! Rows are held until a row group is complete; then each column is encoded as [`layout`] says. Samples
//! ([`samples`]) get more than the Parquet library's writer does: names and ids run by run ([`runs`]);
//! in compacted files times in the best of several layouts, values ([`values`]) page by page. Compacted log
//! files carry a search index ([`crate::log_index`]).

mod chunk;
pub mod layout;
mod runs;
mod samples;
mod statistics;
mod values;

use std::collections::BTreeMap;
use std::io::Write;

use arrow::array::{Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::error::LakeError;
use crate::file::{ColumnStats, DataFile, FileKind};
use crate::log_index::{self, LogIndexWriter};
use crate::schema::Table;
use samples::SampleWriter;
use statistics::{merge_stats, stats_of, stats_of_ends};

pub use layout::{Effort, ROW_GROUP_ROWS};
pub use runs::Runs;
pub use samples::SampleRows;

/// A file that is being written, in memory or to a sink.
pub struct FileWriter<W: Write + Send = Vec<u8>> {
    table: Table,
    effort: Effort,
    file: SerializedFileWriter<Counted<W>>,
    columns: ArrowRowGroupWriterFactory,
    samples: Option<SampleWriter>,
    log_index: Option<LogIndexWriter>,
    group: RowGroup,
    rows: u64,
    stats: BTreeMap<String, ColumnStats>,
}

/// Rows of the row group that is being filled.
#[derive(Default)]
struct RowGroup {
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

/// A complete file that is not stored yet.
pub struct NewFile<W = Vec<u8>> {
    pub file: DataFile,
    pub content: W,
}

impl FileWriter {
    pub fn new(table: Table, effort: Effort) -> Result<FileWriter, LakeError> {
        FileWriter::to(Vec::new(), table, effort)
    }
}

impl<W: Write + Send> FileWriter<W> {
    /// Writes to a sink as row groups become complete.
    pub fn to(sink: W, table: Table, effort: Effort) -> Result<FileWriter<W>, LakeError> {
        let properties = layout::properties(table, effort);
        let (file, columns) = parquet_writer(Counted { sink, bytes: 0 }, table, properties.clone())?;
        let samples = match table {
            Table::MetricSamples => Some(SampleWriter::new(&properties, effort)?),
            _ => None,
        };
        let is_searched = table == Table::Logs && effort != Effort::Flush;
        let log_index = is_searched.then(LogIndexWriter::default);
        let (group, stats) = (RowGroup::default(), BTreeMap::new());
        Ok(FileWriter { table, effort, file, columns, samples, log_index, group, rows: 0, stats })
    }

    /// Takes rows of [`Table::file_schema`], in file order.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.rows += batch.num_rows() as u64;
        for name in self.table.stats_columns() {
            let Some(column) = batch.column_by_name(name) else { continue };
            let seen = match self.table.sort_columns().first() {
                // Its bounds stand at the ends.
                Some(leading) if leading == name => stats_of_ends(column),
                _ => stats_of(column),
            };
            self.count_in(name, seen);
        }
        let mut rest = batch.clone();
        while rest.num_rows() > 0 {
            let part = rest.slice(0, rest.num_rows().min(self.effort.row_group_rows() - self.group.rows));
            rest = rest.slice(part.num_rows(), rest.num_rows() - part.num_rows());
            self.group.push(part)?;
            if self.group.rows >= self.effort.row_group_rows() || self.group.bytes >= layout::ROW_GROUP_BYTES
            {
                let end = self.samples.as_ref().and_then(|samples| samples.good_end(&self.group.batches));
                let next = self.group.split_off(end.unwrap_or(self.group.rows));
                self.end_row_group()?;
                for batch in next {
                    self.group.push(batch)?;
                }
            }
        }
        Ok(())
    }

    /// Takes samples that follow those before in file order, as a row group of their own.
    pub fn write_samples(&mut self, rows: &SampleRows<'_>) -> Result<(), LakeError> {
        self.end_row_group()?;
        self.rows += rows.len() as u64;
        for (name, seen) in rows.stats() {
            self.count_in(name, seen);
        }
        match &self.samples {
            Some(samples) => samples.write_row_group(&mut self.file, &self.columns, rows),
            None => Err(ParquetError::General(format!("{} has no samples", self.table.name())).into()),
        }
    }

    fn count_in(&mut self, column: &str, seen: ColumnStats) {
        match self.stats.get_mut(column) {
            Some(stats) => merge_stats(stats, seen),
            None => drop(self.stats.insert(column.to_owned(), seen)),
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the row groups that are complete.
    pub fn bytes(&self) -> u64 {
        self.file.bytes_written() as u64
    }

    pub fn finish(mut self, partition: &str, kind: FileKind, sequence: i64) -> Result<NewFile<W>, LakeError> {
        self.end_row_group()?;
        if let Some(index) = self.log_index.take() {
            let (directory, place) = index.finish(self.file.bytes_written() as u64);
            self.file.write_all(&directory).map_err(ParquetError::from)?;
            let key = log_index::METADATA_KEY.to_owned();
            self.file.append_key_value_metadata(KeyValue::new(key, place));
        }
        let Counted { sink, bytes } = self.file.into_inner()?;
        let file = DataFile {
            path: DataFile::path_for(self.table, partition, kind, sequence),
            bytes,
            rows: self.rows,
            partition: Some((self.table.partition_column().to_owned(), partition.to_owned())),
            stats: self.stats,
            kind,
            sequence,
        };
        Ok(NewFile { file, content: sink })
    }

    fn end_row_group(&mut self) -> Result<(), LakeError> {
        let batches = std::mem::take(&mut self.group).batches;
        if batches.is_empty() {
            return Ok(());
        }
        if let Some(samples) = &self.samples {
            return samples.write_row_group(&mut self.file, &self.columns, &SampleRows::of(&batches));
        }
        let number = self.file.flushed_row_groups().len();
        let mut writers = self.columns.create_column_writers(number)?.into_iter();
        // The file's columns; texts may be dictionaries.
        let schema = batches[0].schema();
        let mut row_group = self.file.next_row_group()?;
        for (at, field) in schema.fields().iter().enumerate() {
            // Per batch the column's leaves: one, or two of a map.
            let parts: Vec<Vec<ArrowLeafColumn>> = batches
                .iter()
                .map(|batch| compute_leaves(field, batch.column(at)))
                .collect::<Result<_, _>>()?;
            let leaves = parts[0].len();
            let writers: Vec<ArrowColumnWriter> = writers.by_ref().take(leaves).collect();
            for (leaf, writer) in writers.into_iter().enumerate() {
                let leaves = parts.iter().map(|leaves| &leaves[leaf]);
                encode(writer, leaves)?.append_to_row_group(&mut row_group)?;
            }
        }
        row_group.close()?;
        if let Some(index) = &mut self.log_index {
            let filters = index.row_group(&batches, self.file.bytes_written() as u64);
            self.file.write_all(&filters).map_err(ParquetError::from)?;
        }
        Ok(())
    }
}

impl RowGroup {
    fn push(&mut self, batch: RecordBatch) -> Result<(), LakeError> {
        self.rows += batch.num_rows();
        for column in batch.columns() {
            self.bytes += column.to_data().get_slice_memory_size()?;
        }
        self.batches.push(batch);
        Ok(())
    }

    /// Takes away the rows from the given one on.
    fn split_off(&mut self, rows: usize) -> Vec<RecordBatch> {
        let (mut kept, mut taken, mut left) = (Vec::new(), Vec::new(), rows);
        for batch in std::mem::take(&mut self.batches) {
            let here = batch.num_rows().min(left);
            left -= here;
            if here > 0 {
                kept.push(batch.slice(0, here));
            }
            if here < batch.num_rows() {
                taken.push(batch.slice(here, batch.num_rows() - here));
            }
        }
        (self.batches, self.rows) = (kept, rows.min(self.rows));
        taken
    }
}

type ParquetWriter<W> = (SerializedFileWriter<W>, ArrowRowGroupWriterFactory);

fn parquet_writer<W: Write + Send>(
    sink: W,
    table: Table,
    properties: WriterProperties,
) -> Result<ParquetWriter<W>, LakeError> {
    Ok(ArrowWriter::try_new(sink, table.file_schema(), Some(properties))?.into_serialized_writer()?)
}

fn encode<'a>(
    mut writer: ArrowColumnWriter,
    leaves: impl Iterator<Item = &'a ArrowLeafColumn>,
) -> Result<ArrowColumnChunk, ParquetError> {
    for leaf in leaves {
        writer.write(leaf)?;
    }
    writer.close()
}

/// A sink that knows how much went into it.
struct Counted<W> {
    sink: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, content: &[u8]) -> std::io::Result<usize> {
        let written = self.sink.write(content)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests;
