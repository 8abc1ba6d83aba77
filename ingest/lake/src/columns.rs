//! Rows of the domain into columns: one function per table, no decisions.

mod histograms;
mod logs;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, Int64Array, MapBuilder, MapFieldNames,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use telemetry::{Event, Identity, Labels, Rejection, SeriesMeta, SloSlice, Timestamp};

use crate::schema::{Partition, Table, map_entries};

pub use histograms::{SeriesColumns, exemplar_rows, histogram_rows, read_histograms, renumbered};
pub use logs::{LogPlace, LogTable, log_rows, read_logs};

/// A batch of a table's file columns, with the partition column computed and put at the end.
pub fn with_partition(table: Table, mut columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let time_at = table.file_schema().index_of(table.time_column())?;
    let times = columns[time_at].as_primitive::<TimestampMicrosecondType>();
    let partition: ArrayRef = match table.partition() {
        Partition::Date => {
            let day = |micros: &i64| Timestamp::from_micros(*micros).max(Timestamp::EPOCH).days() as i32;
            Arc::new(Date32Array::from_iter_values(times.values().iter().map(day)))
        }
        Partition::Month => {
            let month = |micros: &i64| table.partition_value(Timestamp::from_micros(*micros));
            Arc::new(StringArray::from_iter_values(times.values().iter().map(month)))
        }
    };
    columns.push(partition);
    RecordBatch::try_new(table.schema(), columns)
}

pub fn timestamps(micros: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn optional_texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn longs(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// A column of text maps.
struct Maps(MapBuilder<StringBuilder, StringBuilder>);

impl Maps {
    fn new() -> Maps {
        let names = MapFieldNames {
            entry: map_entries().name().clone(),
            key: "key".to_owned(),
            value: "value".to_owned(),
        };
        Maps(MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()))
    }

    fn push<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), ArrowError> {
        for (key, value) in pairs {
            self.0.keys().append_value(key);
            self.0.values().append_value(value);
        }
        self.0.append(true)
    }

    fn finish(mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

pub fn event_rows(events: &[Event]) -> Result<RecordBatch, ArrowError> {
    let columns = vec![
        texts(events.iter().map(|event| event.event_id.as_str())),
        texts(events.iter().map(|event| event.kind.as_str())),
        texts(events.iter().map(|event| event.subject_id.as_str())),
        longs(events.iter().map(|event| event.seq)),
        timestamps(events.iter().map(|event| event.valid_at.micros())),
        timestamps(events.iter().map(|event| event.recorded_at.micros())),
        optional_texts(events.iter().map(|event| event.service.as_deref())),
        optional_texts(events.iter().map(|event| event.env.as_deref())),
        optional_texts(events.iter().map(|event| event.actor.as_deref())),
        optional_texts(events.iter().map(|event| event.severity.as_deref())),
        Arc::new(StringArray::from_iter_values(events.iter().map(|event| event.payload.to_string()))),
    ];
    with_partition(Table::Events, columns)
}

pub fn slice_rows(slices: &[SloSlice]) -> Result<RecordBatch, ArrowError> {
    let columns = vec![
        texts(slices.iter().map(|slice| slice.slo_id.as_str())),
        longs(slices.iter().map(|slice| slice.generation)),
        texts(slices.iter().map(|slice| slice.group_key.as_str())),
        timestamps(slices.iter().map(|slice| slice.slice_start.micros())),
        Arc::new(Int32Array::from_iter_values(slices.iter().map(|slice| slice.slice_secs))) as ArrayRef,
        longs(slices.iter().map(|slice| slice.good_milli)),
        longs(slices.iter().map(|slice| slice.total_milli)),
        Arc::new(Float64Array::from_iter_values(slices.iter().map(|slice| slice.coverage))),
        Arc::new(Int32Array::from_iter_values(slices.iter().map(|slice| slice.rev))),
        timestamps(slices.iter().map(|slice| slice.recorded_at.micros())),
    ];
    with_partition(Table::SloSlices, columns)
}

pub fn rejection_rows(rejections: &[Rejection], at: Timestamp) -> Result<RecordBatch, ArrowError> {
    let count = |rejection: &Rejection| i64::try_from(rejection.count).unwrap_or(i64::MAX);
    let columns = vec![
        timestamps(rejections.iter().map(|_| at.micros())),
        texts(rejections.iter().map(|rejection| rejection.source.as_str())),
        texts(rejections.iter().map(|rejection| rejection.reason.as_str())),
        longs(rejections.iter().map(count)),
        texts(rejections.iter().map(|rejection| rejection.sample.as_str())),
    ];
    with_partition(Table::IngestRejections, columns)
}

/// One row of `metric_series`.
#[derive(Clone, Copy, Debug)]
pub struct SeriesRow<'a> {
    pub id: i64,
    pub labels: &'a Labels,
    pub meta: &'a SeriesMeta,
    /// Who sent it first; empty when that is not known.
    pub source: &'a str,
    /// First and last time of the row's day, as far as known when the row is written.
    pub first_ts: i64,
    pub last_ts: i64,
}

pub fn series_rows(rows: &[SeriesRow<'_>]) -> Result<RecordBatch, ArrowError> {
    // Row by row: label sets lie anywhere in memory, and looking at one again later waits for it again.
    let mut labels = Maps::new();
    let mut metrics = StringBuilder::new();
    let [mut services, mut envs, mut instances, mut jobs] = std::array::from_fn(|_| StringBuilder::new());
    for row in rows {
        labels.push(row.labels.iter())?;
        let identity = Identity::of(row.labels);
        metrics.append_value(identity.metric);
        services.append_option(identity.service);
        envs.append_option(identity.environment);
        instances.append_option(identity.instance);
        jobs.append_option(identity.job);
    }
    let temporality = |row: &SeriesRow<'_>| row.meta.delta.then_some("delta");
    let columns = vec![
        longs(rows.iter().map(|row| row.id)),
        Arc::new(metrics.finish()),
        labels.finish(),
        Arc::new(services.finish()),
        Arc::new(envs.finish()),
        Arc::new(instances.finish()),
        Arc::new(jobs.finish()),
        optional_texts(rows.iter().map(|row| Some(row.meta.metric_type.as_str()))),
        optional_texts(rows.iter().map(|row| row.meta.unit.as_deref())),
        optional_texts(rows.iter().map(temporality)),
        timestamps(rows.iter().map(|row| row.first_ts)),
        timestamps(rows.iter().map(|row| row.last_ts)),
        optional_texts(rows.iter().map(|row| Some(row.source).filter(|source| !source.is_empty()))),
    ];
    with_partition(Table::MetricSeries, columns)
}

#[cfg(test)]
mod tests {
    use telemetry::{EventKind, RejectReason};

    use super::*;

    #[test]
    fn every_table_takes_its_rows() {
        let at = Timestamp::parse_rfc3339("2026-11-23T10:00:00Z").unwrap();
        let event = Event {
            event_id: "e".into(),
            kind: EventKind::DEPLOY,
            subject_id: "d".into(),
            seq: 1,
            valid_at: at,
            recorded_at: at,
            service: None,
            env: None,
            actor: None,
            severity: None,
            payload: serde_json::json!({"version": "1"}),
        };
        let events = event_rows(&[event]).unwrap();
        assert_eq!(events.column_by_name("month").unwrap().as_string::<i32>().value(0), "2026-11");
        let rejection =
            Rejection { source: "s".into(), reason: RejectReason::TooOld, count: 3, sample: "x".into() };
        assert_eq!(rejection_rows(&[rejection], at).unwrap().num_rows(), 1);
        let labels = Labels::new([("__name__", "up"), ("job", "a/b")]).unwrap();
        let meta = SeriesMeta::default();
        let (first_ts, last_ts) = (at.micros(), at.micros());
        let row = SeriesRow { id: 1, labels: &labels, meta: &meta, source: "s", first_ts, last_ts };
        let series = series_rows(&[row]).unwrap();
        assert_eq!(series.column_by_name("service").unwrap().as_string::<i32>().value(0), "b");
    }
}
