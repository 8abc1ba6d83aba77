//! The tables: columns, partition, order in file. One place that says what a Delta reader sees.
//!
//! The partition column is the last one of [`Table::schema`]; as Delta wants it, the Parquet files
//! themselves do not hold it ([`Table::file_schema`]).

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use telemetry::Timestamp;

/// The tables that the lake writes.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Who a series is: one row per series and day. Written before the samples that refer to it.
    MetricSeries,
    MetricSamples,
    Logs,
    Events,
    SloSlices,
    IngestRejections,
    /// Native histograms.
    MetricHistograms,
    MetricExemplars,
}

/// What a table is partitioned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// Column `date` (DATE, UTC).
    Date,
    /// Column `month` (text such as `2026-11`, UTC).
    Month,
}

impl Table {
    /// In flush order: a series is visible before its samples.
    pub const ALL: [Table; 8] = [
        Table::MetricSeries,
        Table::MetricSamples,
        Table::Logs,
        Table::Events,
        Table::SloSlices,
        Table::IngestRejections,
        Table::MetricHistograms,
        Table::MetricExemplars,
    ];
    pub(crate) const COUNT: usize = Table::ALL.len();

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub fn name(self) -> &'static str {
        match self {
            Table::MetricSeries => "metric_series",
            Table::MetricSamples => "metric_samples",
            Table::Logs => "logs",
            Table::Events => "events",
            Table::SloSlices => "slo_slices",
            Table::IngestRejections => "ingest_rejections",
            Table::MetricHistograms => "metric_histograms",
            Table::MetricExemplars => "metric_exemplars",
        }
    }

    pub fn partition(self) -> Partition {
        match self {
            Table::MetricSeries
            | Table::MetricSamples
            | Table::MetricHistograms
            | Table::MetricExemplars
            | Table::Logs => Partition::Date,
            Table::Events | Table::SloSlices | Table::IngestRejections => Partition::Month,
        }
    }

    pub fn partition_column(self) -> &'static str {
        match self.partition() {
            Partition::Date => "date",
            Partition::Month => "month",
        }
    }

    /// The partition that a point in time belongs to, as Delta writes it.
    pub fn partition_value(self, time: Timestamp) -> String {
        // Years before 1970 and after 9999 are refused long before; the text is at least this long.
        let text = time.max(Timestamp::EPOCH).to_string();
        let length = match self.partition() {
            Partition::Date => "1970-01-01".len(),
            Partition::Month => "1970-01".len(),
        };
        text.get(..length).unwrap_or("1970-01-01").to_owned()
    }

    /// The time that says which partition, and which hour, a row belongs to.
    pub fn time_column(self) -> &'static str {
        match self {
            Table::MetricSamples | Table::MetricHistograms | Table::MetricExemplars | Table::Logs => "ts",
            Table::MetricSeries => "first_ts",
            Table::Events | Table::IngestRejections => "recorded_at",
            Table::SloSlices => "slice_start",
        }
    }

    /// The columns by which every file is sorted, ascending. The last ones make rows unique where
    /// the table knows what a duplicate is.
    pub fn sort_columns(self) -> &'static [&'static str] {
        match self {
            Table::MetricSamples => &["metric", "series_id", "ts"],
            Table::MetricSeries => &["metric", "service", "series_id"],
            Table::Logs => &["service", "ts", "ts_ns_rem"],
            Table::Events => &["kind", "subject_id", "seq", "event_id"],
            Table::SloSlices => &["slo_id", "group_key", "slice_start", "generation", "rev"],
            Table::IngestRejections => &["recorded_at"],
            Table::MetricHistograms => &["series_id", "ts"],
            // A histogram may have several exemplars of one time.
            Table::MetricExemplars => &["series_id", "ts", "value", "trace_id", "span_id"],
        }
    }

    /// Whether two rows with equal sort columns are the same row (the later one wins).
    pub fn sort_key_is_unique(self) -> bool {
        !matches!(self, Table::Logs | Table::IngestRejections)
    }

    /// Files of these tables never cross an hour until they are merged into day files.
    pub(crate) fn is_hourly(self) -> bool {
        matches!(self, Table::MetricSamples | Table::MetricHistograms | Table::MetricExemplars | Table::Logs)
    }

    /// Columns whose minimum and maximum every file carries.
    pub fn stats_columns(self) -> &'static [&'static str] {
        match self {
            Table::MetricSamples => &["metric", "series_id", "ts"],
            Table::MetricSeries => &["metric", "series_id", "service", "first_ts", "last_ts"],
            Table::Logs => &["ts", "service", "severity", "trace_id"],
            Table::Events => &["kind", "subject_id", "valid_at", "recorded_at"],
            Table::SloSlices => &["slo_id", "slice_start", "recorded_at"],
            Table::IngestRejections => &["recorded_at"],
            Table::MetricHistograms => &["series_id", "ts"],
            Table::MetricExemplars => &["series_id", "ts", "trace_id"],
        }
    }

    /// All columns, the partition column last.
    pub fn schema(self) -> SchemaRef {
        SCHEMAS[self.index()].0.clone()
    }

    /// The columns of the Parquet files.
    pub fn file_schema(self) -> SchemaRef {
        SCHEMAS[self.index()].1.clone()
    }
}

static SCHEMAS: LazyLock<[(SchemaRef, SchemaRef); Table::COUNT]> = LazyLock::new(|| {
    Table::ALL.map(|table| {
        let mut fields = fields_of(table);
        let file_schema = Arc::new(Schema::new(fields.clone()));
        let partition_type = match table.partition() {
            Partition::Date => DataType::Date32,
            Partition::Month => DataType::Utf8,
        };
        fields.push(Field::new(table.partition_column(), partition_type, true));
        (Arc::new(Schema::new(fields)), file_schema)
    })
});

fn fields_of(table: Table) -> Vec<Field> {
    match table {
        Table::MetricSeries => vec![
            required("series_id", DataType::Int64),
            required("metric", DataType::Utf8),
            map("labels"),
            text("service"),
            text("env"),
            text("instance"),
            text("job"),
            text("type"),
            text("unit"),
            text("temporality"),
            required("first_ts", timestamp()),
            required("last_ts", timestamp()),
            text("source"),
        ],
        Table::MetricSamples => vec![
            required("metric", DataType::Utf8),
            required("series_id", DataType::Int64),
            required("ts", timestamp()),
            required("value", DataType::Float64),
        ],
        Table::Logs => vec![
            required("ts", timestamp()),
            required("ts_ns_rem", DataType::Int16),
            text("service"),
            text("env"),
            text("host"),
            text("severity"),
            text("trace_id"),
            text("span_id"),
            required("body", DataType::Utf8),
            map("attrs"),
        ],
        Table::Events => vec![
            required("event_id", DataType::Utf8),
            required("kind", DataType::Utf8),
            required("subject_id", DataType::Utf8),
            required("seq", DataType::Int64),
            required("valid_at", timestamp()),
            required("recorded_at", timestamp()),
            text("service"),
            text("env"),
            text("actor"),
            text("severity"),
            required("payload", DataType::Utf8),
        ],
        Table::SloSlices => vec![
            required("slo_id", DataType::Utf8),
            required("generation", DataType::Int64),
            required("group_key", DataType::Utf8),
            required("slice_start", timestamp()),
            required("slice_secs", DataType::Int32),
            required("good_milli", DataType::Int64),
            required("total_milli", DataType::Int64),
            required("coverage", DataType::Float64),
            required("rev", DataType::Int32),
            required("recorded_at", timestamp()),
        ],
        Table::IngestRejections => vec![
            required("recorded_at", timestamp()),
            required("source", DataType::Utf8),
            required("reason", DataType::Utf8),
            required("count", DataType::Int64),
            required("sample", DataType::Utf8),
        ],
        Table::MetricHistograms => vec![
            required("series_id", DataType::Int64),
            required("ts", timestamp()),
            required("count", DataType::Float64),
            required("sum", DataType::Float64),
            required("schema", DataType::Int32),
            required("zero_threshold", DataType::Float64),
            required("zero_count", DataType::Float64),
            list("positive_spans", span_element()),
            list("positive_counts", count_element()),
            list("negative_spans", span_element()),
            list("negative_counts", count_element()),
            list("custom_values", count_element()),
            required("reset_hint", DataType::Utf8),
        ],
        Table::MetricExemplars => vec![
            required("series_id", DataType::Int64),
            required("ts", timestamp()),
            required("value", DataType::Float64),
            map("labels"),
            text("trace_id"),
            text("span_id"),
        ],
    }
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

/// Microseconds since the epoch, UTC: the only instant that every Delta reader knows.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn map(name: &str) -> Field {
    Field::new(name, DataType::Map(Arc::new(map_entries()), false), true)
}

/// The entries of a text map, named as Delta names them.
pub(crate) fn map_entries() -> Field {
    let fields = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ]);
    Field::new("key_value", DataType::Struct(fields), false)
}

fn list(name: &str, element: Field) -> Field {
    required(name, DataType::List(Arc::new(element)))
}

/// Elements of lists are named as Parquet names them.
pub(crate) fn count_element() -> Field {
    required("element", DataType::Float64)
}

pub(crate) fn span_element() -> Field {
    required("element", DataType::Struct(span_fields()))
}

/// A run of buckets: how many are left out before it, and how many it has.
pub(crate) fn span_fields() -> Fields {
    Fields::from(vec![required("offset", DataType::Int32), required("length", DataType::Int32)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_column_exists_and_tables_stand_where_their_number_says() {
        for (at, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table.index(), at);
            let time_column = table.time_column();
            for column in table.sort_columns().iter().chain(table.stats_columns()).chain([&time_column]) {
                assert!(table.file_schema().index_of(column).is_ok(), "{}.{column}", table.name());
            }
            assert_eq!(table.schema().fields().last().unwrap().name(), table.partition_column());
        }
    }

    #[test]
    fn partitions_are_named_in_utc() {
        let time = Timestamp::parse_rfc3339("2026-11-30T23:30:00-01:00").unwrap();
        assert_eq!(Table::Logs.partition_value(time), "2026-12-01");
        assert_eq!(Table::Events.partition_value(time), "2026-12");
        assert_eq!(Table::Logs.partition_value(Timestamp::from_micros(-1)), "1970-01-01");
    }
}
