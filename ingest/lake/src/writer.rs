//! Parquet files: row groups, statistics, one file at a time.
//!
//! Rows are held until a row group is complete; then each column is encoded as [`layout`] says. The
//! sorted samples of compacted files are worth trying: their times in several layouts, their values
//! ([`values`]) page by page.

pub mod layout;
mod statistics;
mod values;

use std::collections::BTreeMap;
use std::io::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::error::LakeError;
use crate::file::{ColumnStats, DataFile, FileKind};
use crate::schema::Table;
use statistics::{merge_stats, stats_of, stats_of_ends};

pub use layout::{Effort, ROW_GROUP_ROWS};

/// A file that is being written, in memory or to a sink.
pub struct FileWriter<W: Write + Send = Vec<u8>> {
    table: Table,
    effort: Effort,
    file: SerializedFileWriter<Counted<W>>,
    columns: ArrowRowGroupWriterFactory,
    samples: Option<SampleLayouts>,
    group: RowGroup,
    rows: u64,
    stats: BTreeMap<String, ColumnStats>,
}

/// How else columns of samples are written where they are worth it.
struct SampleLayouts {
    names: ArrowRowGroupWriterFactory,
    /// To compare, and to write.
    times: Vec<[ArrowRowGroupWriterFactory; 2]>,
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
        let is_tuned = table == Table::MetricSamples && effort != Effort::Flush;
        let samples = if is_tuned { Some(SampleLayouts::new(&properties, effort)?) } else { None };
        let (file, columns) = parquet_writer(Counted { sink, bytes: 0 }, table, properties)?;
        let (group, stats) = (RowGroup::default(), BTreeMap::new());
        Ok(FileWriter { table, effort, file, columns, samples, group, rows: 0, stats })
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
            match self.stats.get_mut(*name) {
                Some(stats) => merge_stats(stats, seen),
                None => drop(self.stats.insert((*name).to_owned(), seen)),
            }
        }
        let mut rest = batch.clone();
        while rest.num_rows() > 0 {
            let part = rest.slice(0, rest.num_rows().min(self.effort.row_group_rows() - self.group.rows));
            rest = rest.slice(part.num_rows(), rest.num_rows() - part.num_rows());
            self.group.push(part)?;
            if self.group.rows >= self.effort.row_group_rows() || self.group.bytes >= layout::ROW_GROUP_BYTES
            {
                // A metric that begins in the second half goes into the next group as a whole.
                let starts = self.metric_starts();
                let rows = starts.last().copied().filter(|start| *start > self.group.rows / 2);
                let next = self.group.split_off(rows.unwrap_or(self.group.rows));
                self.end_row_group()?;
                for batch in next {
                    self.group.push(batch)?;
                }
            }
        }
        Ok(())
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

    /// Rows of the group where another metric begins, where that matters.
    fn metric_starts(&self) -> Vec<usize> {
        if self.samples.is_some() { self.group.starts_of("metric") } else { Vec::new() }
    }

    fn end_row_group(&mut self) -> Result<(), LakeError> {
        let starts = self.metric_starts();
        let batches = std::mem::take(&mut self.group).batches;
        if batches.is_empty() {
            return Ok(());
        }
        let number = self.file.flushed_row_groups().len();
        let mut writers = self.columns.create_column_writers(number)?.into_iter();
        // The file's columns; texts may be dictionaries.
        let schema = batches[0].schema();
        // Of samples each column is one leaf.
        let leaf_columns = self.file.schema_descr().columns().to_vec();
        let mut row_group = self.file.next_row_group()?;
        for (at, field) in schema.fields().iter().enumerate() {
            // Per batch the column's leaves: one, or two of a map.
            let parts: Vec<Vec<ArrowLeafColumn>> = batches
                .iter()
                .map(|batch| compute_leaves(field, batch.column(at)))
                .collect::<Result<_, _>>()?;
            let leaves = parts[0].len();
            let writers: Vec<ArrowColumnWriter> = writers.by_ref().take(leaves).collect();
            let written_as = |factory: &ArrowRowGroupWriterFactory| {
                let writer = factory.create_column_writers(number)?.swap_remove(at);
                encode(writer, parts.iter().flatten())
            };
            match (&self.samples, field.data_type()) {
                (Some(_), DataType::Float64) => {
                    let values = |batch: &RecordBatch| {
                        batch.column(at).as_primitive::<Float64Type>().values().to_vec()
                    };
                    let values: Vec<f64> = batches.iter().flat_map(values).collect();
                    let layout = self.effort.values(self.table);
                    let chunk = values::encode(leaf_columns[at].clone(), &values, &starts, layout)?;
                    row_group.append_column(&chunk.pages, chunk.close)?;
                }
                (Some(layouts), DataType::Timestamp(..)) => {
                    smallest(&layouts.times, written_as)?.append_to_row_group(&mut row_group)?;
                }
                (Some(layouts), DataType::Utf8) => {
                    written_as(&layouts.names)?.append_to_row_group(&mut row_group)?;
                }
                _ => {
                    for (leaf, writer) in writers.into_iter().enumerate() {
                        let leaves = parts.iter().map(|leaves| &leaves[leaf]);
                        encode(writer, leaves)?.append_to_row_group(&mut row_group)?;
                    }
                }
            }
        }
        row_group.close()?;
        Ok(())
    }
}

impl SampleLayouts {
    fn new(base: &WriterProperties, effort: Effort) -> Result<SampleLayouts, LakeError> {
        let table = Table::MetricSamples;
        let columns = |properties| parquet_writer(std::io::sink(), table, properties).map(|writer| writer.1);
        let mut times = Vec::new();
        for layout in layout::time_layouts(base, effort, table.time_column()) {
            times.push([columns(layout.probe)?, columns(layout.thorough)?]);
        }
        Ok(SampleLayouts { names: columns(layout::name_layout(base, effort))?, times })
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

    /// Rows at which a text column has another value than in the row before.
    fn starts_of(&self, column: &str) -> Vec<usize> {
        let (mut starts, mut before, mut row) = (Vec::new(), None, 0);
        for batch in &self.batches {
            let Some(values) = batch.column_by_name(column) else { continue };
            for value in values.as_string::<i32>() {
                if row > 0 && before != Some(value) {
                    starts.push(row);
                }
                before = Some(value);
                row += 1;
            }
        }
        starts
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
