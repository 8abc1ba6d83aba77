//! A data file as readers and commits see it: name, size, statistics.
//!
//! Kind and sequence are part of the file's name, so that they survive checkpoints of the Delta log
//! and need nothing that other Delta readers do not know.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use telemetry::Timestamp;
use uuid::Uuid;

use crate::schema::Table;

/// How a file came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Written from the buffer; no row repeats a row of another file that is not `Late`.
    Flush,
    /// Merged from flush files of one hour (of the other tables: of one partition).
    Hour,
    /// Merged from a day's files, or imported as history.
    Day,
    /// Rows that may repeat (series, time) of other files; merged away by compaction.
    Late,
}

impl FileKind {
    fn prefix(self) -> &'static str {
        match self {
            FileKind::Flush => "flush",
            FileKind::Hour => "hour",
            FileKind::Day => "day",
            FileKind::Late => "late",
        }
    }

    fn from_prefix(prefix: &str) -> Option<FileKind> {
        [FileKind::Flush, FileKind::Hour, FileKind::Day, FileKind::Late]
            .into_iter()
            .find(|kind| kind.prefix() == prefix)
    }
}

/// A minimum or maximum.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum StatValue {
    Int(i64),
    Text(String),
    Time(Timestamp),
}

/// What is known about one column of a file. `min` and `max` are bounds; `None` when unknown or when
/// all values are null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStats {
    pub min: Option<StatValue>,
    pub max: Option<StatValue>,
    pub null_count: Option<u64>,
}

/// An active file of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFile {
    /// Relative to the table's root.
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
    /// Partition column and value.
    pub partition: Option<(String, String)>,
    /// By column name; columns without statistics are absent.
    pub stats: BTreeMap<String, ColumnStats>,
    pub kind: FileKind,
    /// Of two rows with the same key the one from the file with the higher sequence is right.
    pub sequence: i64,
}

impl DataFile {
    /// A new file's path.
    pub(crate) fn path_for(table: Table, partition: &str, kind: FileKind, sequence: i64) -> String {
        let column = table.partition_column();
        // The random part keeps a retried flush from writing over a file of the first attempt.
        let unique = Uuid::new_v4().simple().to_string();
        format!("{column}={partition}/{}-{sequence:016x}-{}.parquet", kind.prefix(), &unique[..12])
    }

    /// Kind and sequence from a path; `None` for a file that the lake did not name.
    pub(crate) fn parse_name(path: &str) -> Option<(FileKind, i64)> {
        let name = path.rsplit('/').next()?.strip_suffix(".parquet")?;
        let mut parts = name.split('-');
        let kind = FileKind::from_prefix(parts.next()?)?;
        let sequence = i64::from_str_radix(parts.next()?, 16).ok()?;
        Some((kind, sequence))
    }

    /// First and last time of the file's rows, by the table's time column.
    pub fn time_range(&self, table: Table) -> Option<(Timestamp, Timestamp)> {
        let stats = self.stats.get(table.time_column())?;
        match (&stats.min, &stats.max) {
            (Some(StatValue::Time(min)), Some(StatValue::Time(max))) => Some((*min, *max)),
            _ => None,
        }
    }

    /// The statistics as Delta writes them into an add action.
    pub(crate) fn stats_json(&self) -> String {
        let (mut min, mut max, mut nulls) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (column, stats) in &self.stats {
            if let Some(value) = &stats.min {
                min.insert(column, stat_json(value));
            }
            if let Some(value) = &stats.max {
                max.insert(column, stat_json(value));
            }
            if let Some(count) = stats.null_count {
                nulls.insert(column, count);
            }
        }
        json!({"numRecords": self.rows, "minValues": min, "maxValues": max, "nullCount": nulls}).to_string()
    }

    /// Reads a file of the Delta log back.
    pub(crate) fn from_log(
        table: Table,
        path: String,
        bytes: u64,
        partition: Option<String>,
        stats_json: Option<&str>,
    ) -> DataFile {
        let stats: Value = stats_json.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let (kind, sequence) = DataFile::parse_name(&path).unwrap_or((FileKind::Late, 0));
        let mut columns = BTreeMap::new();
        for name in table.stats_columns() {
            let column = ColumnStats {
                min: stat_value(table, name, &stats["minValues"][name], Bound::Lower),
                max: stat_value(table, name, &stats["maxValues"][name], Bound::Upper),
                null_count: stats["nullCount"][name].as_u64(),
            };
            if column != ColumnStats::default() {
                columns.insert((*name).to_owned(), column);
            }
        }
        DataFile {
            path,
            bytes,
            rows: stats["numRecords"].as_u64().unwrap_or_default(),
            partition: partition.map(|value| (table.partition_column().to_owned(), value)),
            stats: columns,
            kind,
            sequence,
        }
    }
}

fn stat_json(value: &StatValue) -> Value {
    match value {
        StatValue::Int(number) => json!(number),
        StatValue::Text(text) => json!(text),
        StatValue::Time(time) => json!(time.to_string()),
    }
}

#[derive(PartialEq)]
enum Bound {
    Lower,
    Upper,
}

fn stat_value(table: Table, column: &str, value: &Value, bound: Bound) -> Option<StatValue> {
    use arrow::datatypes::DataType;

    let schema = table.file_schema();
    match schema.field_with_name(column).ok()?.data_type() {
        DataType::Utf8 => value.as_str().map(|text| StatValue::Text(text.to_owned())),
        DataType::Timestamp(..) => {
            let time = Timestamp::parse_rfc3339(value.as_str()?).ok()?;
            // Delta writers may cut times to the millisecond.
            let cut = bound == Bound::Upper && time.micros() % 1_000 == 0;
            Some(StatValue::Time(Timestamp::from_micros(time.micros() + if cut { 999 } else { 0 })))
        }
        _ => value.as_i64().map(StatValue::Int),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_kind_and_sequence() {
        let path = DataFile::path_for(Table::Logs, "2026-11-23", FileKind::Late, 77);
        assert!(path.starts_with("date=2026-11-23/late-000000000000004d-"), "{path}");
        assert_eq!(DataFile::parse_name(&path), Some((FileKind::Late, 77)));
        assert_eq!(DataFile::parse_name("date=2026-11-23/part-00001.parquet"), None);
    }

    #[test]
    fn statistics_survive_the_log() {
        let time = Timestamp::from_micros(1_700_000_000_123_456);
        let column = |value: StatValue| ColumnStats {
            min: Some(value.clone()),
            max: Some(value),
            null_count: Some(0),
        };
        let file = DataFile {
            path: DataFile::path_for(Table::MetricSamples, "2023-11-14", FileKind::Flush, 3),
            bytes: 10,
            rows: 5,
            partition: Some(("date".into(), "2023-11-14".into())),
            stats: BTreeMap::from([
                ("metric".to_owned(), column(StatValue::Text("up".into()))),
                ("series_id".to_owned(), column(StatValue::Int(9_007_199_254_740_993))),
                ("ts".to_owned(), column(StatValue::Time(time))),
            ]),
            kind: FileKind::Flush,
            sequence: 3,
        };
        let read = DataFile::from_log(
            Table::MetricSamples,
            file.path.clone(),
            10,
            Some("2023-11-14".into()),
            Some(&file.stats_json()),
        );
        assert_eq!(read, file);
    }
}
