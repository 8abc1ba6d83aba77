//! How the columns of a file are laid out: encodings, pages, compression.
//!
//! What is chosen here was measured; `docs/file-layout.md` has the table. Every layout is one that any
//! Parquet reader knows.

use arrow::datatypes::DataType;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::schema::types::ColumnPath;

use super::values::ValueLayout;
use crate::schema::Table;

/// How much work a file is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Read for an hour at most.
    Flush,
    /// Read for a day, and often.
    Hour,
    /// Stays.
    Day,
}

/// Of the columns of a day's samples: beyond this nothing is won. Reading is as fast as at any level.
const DAY_SAMPLES_ZSTD: i32 = 17;

impl Effort {
    pub fn zstd_level(self, table: Table) -> i32 {
        match (self, table) {
            (Effort::Flush, _) => 1,
            (Effort::Hour, _) => 3,
            (Effort::Day, Table::MetricSamples) => DAY_SAMPLES_ZSTD,
            (Effort::Day, _) => 9,
        }
    }

    /// With what layouts are compared before the best is written. Below 6 zstd does not see what larger
    /// pages win.
    fn probe_zstd_level(self) -> i32 {
        match self {
            Effort::Flush | Effort::Hour => 3,
            Effort::Day => 6,
        }
    }

    /// Rows of a page, the unit of reading within a row group.
    pub fn page_rows(self) -> usize {
        match self {
            Effort::Flush | Effort::Hour => 8_192,
            Effort::Day => 24_576,
        }
    }

    /// Rows of a page of metric names, which are runs of one value: each page costs more than what it
    /// holds.
    pub fn name_page_rows(self) -> usize {
        4 * self.page_rows()
    }

    /// Rows of a row group, the unit of pruning. A day's rows of one series are many, so that the
    /// groups of day files are larger and share more.
    pub fn row_group_rows(self) -> usize {
        match self {
            Effort::Flush | Effort::Hour => ROW_GROUP_ROWS,
            Effort::Day => 2 * ROW_GROUP_ROWS,
        }
    }

    pub fn values(self, table: Table) -> ValueLayout {
        ValueLayout {
            page_rows_small: VALUE_PAGE_ROWS,
            page_rows: self.page_rows(),
            page_rows_max: ROW_GROUP_ROWS,
            probe_zstd_level: self.probe_zstd_level(),
            zstd_level: self.zstd_level(table),
        }
    }
}

/// Rows of a page of values where a metric has many: what a query for one series has to unpack. A series
/// that is scraped every 15 s has 5 760 in a day.
const VALUE_PAGE_ROWS: usize = 6_144;
/// Rows of a row group, except of day files.
pub const ROW_GROUP_ROWS: usize = 131_072;
/// Rows with much text make smaller row groups; this bounds what a writer holds.
pub const ROW_GROUP_BYTES: usize = 64 << 20;
/// Pages of numbers are bounded by rows; this is never reached.
const NUMBER_PAGE_BYTES: usize = 16 << 20;

pub fn properties(table: Table, effort: Effort) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by(concat!("evenkeel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(zstd(effort.zstd_level(table)))
        .set_data_page_row_count_limit(effort.page_rows())
        .set_write_batch_size(1024)
        .set_sorting_columns(Some(sorting_columns(table)));
    for field in table.file_schema().fields() {
        let path = ColumnPath::from(field.name().as_str());
        match field.data_type() {
            // Runs: one entry for each series, and how often.
            DataType::Int64 if field.name() == "series_id" && effort != Effort::Flush => {}
            // A dictionary of times costs two to four times the room.
            DataType::Int64 | DataType::Timestamp(..) => {
                builder = undictionaried(builder, path, Encoding::DELTA_BINARY_PACKED);
            }
            DataType::Float64 => builder = undictionaried(builder, path, Encoding::PLAIN),
            _ => {}
        }
    }
    if table == Table::Logs {
        // Nothing is found by the first and last text of a page; comparing all of them costs.
        for column in [&["body"][..], &["attrs", "key_value", "key"], &["attrs", "key_value", "value"]] {
            let column = ColumnPath::from(column.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
            builder = builder.set_column_statistics_enabled(column, EnabledStatistics::None);
        }
    }
    if matches!(table, Table::Logs | Table::MetricExemplars) {
        builder = builder.set_column_bloom_filter_enabled(ColumnPath::from("trace_id"), true);
    }
    builder.build()
}

fn undictionaried(
    builder: WriterPropertiesBuilder,
    column: ColumnPath,
    encoding: Encoding,
) -> WriterPropertiesBuilder {
    builder
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_data_page_size_limit(column.clone(), NUMBER_PAGE_BYTES)
        .set_column_encoding(column, encoding)
}

fn zstd(level: i32) -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(level).expect("the levels above are zstd levels"))
}

/// A layout to compare with others, and the same as it is written.
pub struct Alternative {
    pub probe: WriterProperties,
    pub thorough: WriterProperties,
}

/// The layouts that sorted sample times are tried in, the best to read first.
///
/// Neighbouring series of one target were scraped at the same times. A page that holds a whole row
/// group lets zstd find that: written out in full when all series share their times, as packed
/// differences when several targets alternate. Such a page is small where it is chosen, and quick to
/// unpack.
pub fn time_layouts(base: &WriterProperties, effort: Effort, column: &str) -> [Alternative; 3] {
    let column = ColumnPath::from(column);
    let whole_group = effort.row_group_rows();
    [
        (Encoding::DELTA_BINARY_PACKED, effort.page_rows()),
        (Encoding::PLAIN, whole_group),
        (Encoding::DELTA_BINARY_PACKED, whole_group),
    ]
    .map(|(encoding, page_rows)| {
        let mut builder = base
            .clone()
            .into_builder()
            .set_data_page_row_count_limit(page_rows)
            .set_column_encoding(column.clone(), encoding);
        if page_rows == whole_group {
            // What is to say about the one page is said of the row group.
            builder = builder.set_column_statistics_enabled(column.clone(), EnabledStatistics::Chunk);
        }
        let thorough = builder.build();
        let builder = thorough.clone().into_builder();
        let probe = builder.set_column_compression(column.clone(), zstd(effort.probe_zstd_level())).build();
        Alternative { probe, thorough }
    })
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
