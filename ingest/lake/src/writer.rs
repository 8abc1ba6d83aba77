//! Parquet files: encodings per column, statistics, one file at a time in memory.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use telemetry::Timestamp;

use crate::error::LakeError;
use crate::file::{ColumnStats, DataFile, FileKind, StatValue};
use crate::schema::Table;

/// How much work a file is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Read for an hour at most.
    Flush,
    /// Stays.
    Compact,
}

/// Rows of a row group: the unit of pruning.
pub const ROW_GROUP_ROWS: usize = 131_072;
/// Rows of a page, the unit of reading within a row group.
const PAGE_ROWS: usize = 8_192;
/// Longer text has no maximum in the statistics, and its minimum is cut here.
const STAT_TEXT_BYTES: usize = 64;

fn properties(table: Table, effort: Effort) -> WriterProperties {
    let zstd = match effort {
        Effort::Flush => 1,
        Effort::Compact => 3,
    };
    let level = ZstdLevel::try_new(zstd).expect("1 and 3 are zstd levels");
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by(concat!("evenkeel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(1024)
        .set_sorting_columns(Some(sorting_columns(table)));
    for field in table.file_schema().fields() {
        let path = ColumnPath::from(field.name().as_str());
        match field.data_type() {
            // A dictionary of times or values costs two to four times the room.
            DataType::Int64 | DataType::Timestamp(..) => {
                builder = builder
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            DataType::Float64 => {
                let encoding = match effort {
                    Effort::Flush => Encoding::PLAIN,
                    Effort::Compact => Encoding::BYTE_STREAM_SPLIT,
                };
                builder = builder
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, encoding);
            }
            _ => {}
        }
    }
    if table == Table::Logs {
        builder = builder.set_column_bloom_filter_enabled(ColumnPath::from("trace_id"), true);
    }
    builder.build()
}

fn sorting_columns(table: Table) -> Vec<SortingColumn> {
    let schema = table.file_schema();
    let leaf_of = |name: &str| {
        let leaves = |data_type: &DataType| if matches!(data_type, DataType::Map(..)) { 2 } else { 1 };
        let before = schema.fields().iter().take_while(|field| field.name() != name);
        before.map(|field| leaves(field.data_type())).sum::<i32>()
    };
    let ascending =
        |name: &&str| SortingColumn { column_idx: leaf_of(name), descending: false, nulls_first: true };
    table.sort_columns().iter().map(ascending).collect()
}

/// A file that is being written, in memory.
pub struct FileWriter {
    table: Table,
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
    stats: BTreeMap<String, ColumnStats>,
}

/// A complete file that is not stored yet.
pub struct NewFile {
    pub file: DataFile,
    pub content: Vec<u8>,
}

impl FileWriter {
    pub fn new(table: Table, effort: Effort) -> Result<FileWriter, LakeError> {
        let writer = ArrowWriter::try_new(Vec::new(), table.file_schema(), Some(properties(table, effort)))?;
        Ok(FileWriter { table, writer, rows: 0, stats: BTreeMap::new() })
    }

    /// Takes rows of [`Table::file_schema`], in file order.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.rows += batch.num_rows() as u64;
        for name in self.table.stats_columns() {
            let Some(column) = batch.column_by_name(name) else { continue };
            let seen = stats_of(column);
            match self.stats.get_mut(*name) {
                Some(stats) => merge_stats(stats, seen),
                None => drop(self.stats.insert((*name).to_owned(), seen)),
            }
        }
        Ok(self.writer.write(batch)?)
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn finish(self, partition: &str, kind: FileKind, sequence: i64) -> Result<NewFile, LakeError> {
        let content = self.writer.into_inner()?;
        let file = DataFile {
            path: DataFile::path_for(self.table, partition, kind, sequence),
            bytes: content.len() as u64,
            rows: self.rows,
            partition: Some((self.table.partition_column().to_owned(), partition.to_owned())),
            stats: self.stats,
            kind,
            sequence,
        };
        Ok(NewFile { file, content })
    }
}

fn stats_of(column: &dyn Array) -> ColumnStats {
    let (min, max) = match column.data_type() {
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            (compute::min(values).map(StatValue::Int), compute::max(values).map(StatValue::Int))
        }
        DataType::Timestamp(..) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            let time = |micros| StatValue::Time(Timestamp::from_micros(micros));
            (compute::min(values).map(time), compute::max(values).map(time))
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            let max = compute::max_string(values).filter(|text| text.len() <= STAT_TEXT_BYTES);
            (
                compute::min_string(values).map(|text| StatValue::Text(cut(text).to_owned())),
                max.map(|text| StatValue::Text(text.to_owned())),
            )
        }
        _ => (None, None),
    };
    ColumnStats { min, max, null_count: Some(column.null_count() as u64) }
}

/// The longest beginning within the bound: still not above the text itself.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(STAT_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn merge_stats(stats: &mut ColumnStats, seen: ColumnStats) {
    let nulls = |stats: &ColumnStats| stats.null_count.unwrap_or_default();
    // A missing maximum beside a minimum means "too long to say", not "no values".
    let unbounded = |stats: &ColumnStats| stats.min.is_some() && stats.max.is_none();
    let drop_max = unbounded(stats) || unbounded(&seen);
    let null_count = nulls(stats) + nulls(&seen);
    let min = match (stats.min.take(), seen.min) {
        (Some(a), Some(b)) => Some(if b < a { b } else { a }),
        (a, b) => a.or(b),
    };
    let max = match (stats.max.take(), seen.max) {
        (Some(a), Some(b)) => Some(if b > a { b } else { a }),
        (a, b) => a.or(b),
    };
    *stats = ColumnStats { min, max: max.filter(|_| !drop_max), null_count: Some(null_count) };
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use telemetry::LogRecord;

    use super::*;
    use crate::columns;

    #[test]
    fn encodings_are_those_that_were_measured() {
        let samples = arrow::array::RecordBatch::try_new(
            Table::MetricSamples.file_schema(),
            vec![
                std::sync::Arc::new(arrow::array::StringArray::from(vec!["up"; 3])),
                std::sync::Arc::new(arrow::array::Int64Array::from(vec![1, 1, 2])),
                columns::timestamps([1_000, 2_000, 1_000]),
                std::sync::Arc::new(arrow::array::Float64Array::from(vec![1.0, 2.0, 3.0])),
            ],
        )
        .unwrap();
        for (effort, value_encoding) in
            [(Effort::Flush, Encoding::PLAIN), (Effort::Compact, Encoding::BYTE_STREAM_SPLIT)]
        {
            let mut writer = FileWriter::new(Table::MetricSamples, effort).unwrap();
            writer.write(&samples).unwrap();
            let new = writer.finish("1970-01-01", FileKind::Flush, 1).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(new.content)).unwrap();
            let group = reader.metadata().row_group(0).clone();
            let encodings = |column: usize| group.column(column).encodings().collect::<Vec<_>>();
            assert!(encodings(2).contains(&Encoding::DELTA_BINARY_PACKED));
            assert!(encodings(3).contains(&value_encoding));
            for column in 1..4 {
                assert!(group.column(column).dictionary_page_offset().is_none(), "column {column}");
            }
            assert_eq!(group.sorting_columns().map(Vec::len), Some(3));
        }
    }

    #[test]
    fn statistics_bound_what_is_in_the_file() {
        let long = "x".repeat(200);
        let log = |service: Option<&str>, micros| LogRecord {
            ts: Timestamp::from_micros(micros),
            service: service.map(Into::into),
            body: "b".into(),
            ..LogRecord::default()
        };
        let mut writer = FileWriter::new(Table::Logs, Effort::Flush).unwrap();
        for rows in
            [vec![log(Some("api"), 5), log(None, 3)], vec![log(Some(&long), 9)], vec![log(Some("b"), 1)]]
        {
            let batch = columns::log_rows(&rows).unwrap();
            let columns: Vec<usize> = (0..batch.num_columns() - 1).collect();
            writer.write(&batch.project(&columns).unwrap()).unwrap();
        }
        let file = writer.finish("1970-01-01", FileKind::Flush, 1).unwrap().file;
        assert_eq!(file.rows, 4);
        let time = |micros| Timestamp::from_micros(micros);
        assert_eq!(file.time_range(Table::Logs), Some((time(1), time(9))));
        let service = &file.stats["service"];
        assert_eq!(service.min, Some(StatValue::Text("api".into())));
        assert_eq!((&service.max, service.null_count), (&None, Some(1)));
    }
}
