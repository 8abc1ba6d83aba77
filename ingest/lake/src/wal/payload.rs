//! What a record's payload holds: parts of tagged Arrow IPC streams.
//!
//! A batch is one record, so it is in the log whole or not at all. Series that the log and the tables
//! may not know yet are defined before the samples that refer to them by number. Arrow carries its own
//! schema, so that a later version reads the log of an earlier one.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimestampMicrosecondType};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use telemetry::{Labels, MetricType, SeriesId, SeriesMeta, Timestamp};

use crate::buffer::samples::SampleRow;
use crate::columns::{self, SeriesRow};
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::{SeriesEntry, SeriesIndex};

/// A validated batch on its way into the log and the buffer.
#[derive(Debug, Default)]
pub struct PreparedBatch {
    pub at: Timestamp,
    /// Who sent it, for rows that are refused while it is applied.
    pub source: String,
    pub retry_key: Option<u128>,
    /// Samples by series, in the order of `rows`.
    pub series: Vec<PreparedSeries>,
    pub rows: Vec<SampleRow>,
    /// Batches of the other tables, by [`Table::index`].
    pub tables: [Option<RecordBatch>; Table::COUNT],
}

#[derive(Debug)]
pub struct PreparedSeries {
    pub entry: Arc<SeriesEntry>,
    pub rows: Range<usize>,
    /// The values count anew for each point.
    pub delta: bool,
}

/// A running total of a delta series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeltaTotal {
    pub series: SeriesId,
    pub last_ts: i64,
    pub total: f64,
}

const PART_META: u8 = 1;
const PART_SERIES: u8 = 2;
const PART_SAMPLES: u8 = 3;
const PART_DELTAS: u8 = 4;
const PART_TOTALS: u8 = 5;
/// Tables follow, by their index.
const PART_TABLE: u8 = 16;

/// The payload of a batch record.
pub fn encode(batch: &PreparedBatch) -> Result<Vec<u8>, LakeError> {
    let mut payload = Vec::new();
    let key = batch.retry_key.unwrap_or_default().to_le_bytes();
    let meta = [
        &batch.at.micros().to_le_bytes()[..],
        &[u8::from(batch.retry_key.is_some())],
        &key,
        batch.source.as_bytes(),
    ];
    part(&mut payload, PART_META, &meta.concat());

    let unknown: Vec<SeriesRow<'_>> =
        batch.series.iter().filter(|series| !series.entry.is_durable()).map(definition).collect();
    if !unknown.is_empty() {
        part(&mut payload, PART_SERIES, &ipc(&columns::series_rows(&unknown)?)?);
    }
    for (tag, delta) in [(PART_SAMPLES, false), (PART_DELTAS, true)] {
        if batch.series.iter().any(|series| series.delta == delta) {
            part(&mut payload, tag, &ipc(&sample_columns(batch, delta)?)?);
        }
    }
    for (index, rows) in batch.tables.iter().enumerate() {
        if let Some(rows) = rows {
            part(&mut payload, PART_TABLE + index as u8, &ipc(rows)?);
        }
    }
    Ok(payload)
}

fn definition(series: &PreparedSeries) -> SeriesRow<'_> {
    // The times are not read back; the column just cannot be null.
    SeriesRow {
        id: series.entry.id.get(),
        labels: &series.entry.labels,
        meta: &series.entry.meta,
        first_ts: 0,
        last_ts: 0,
    }
}

fn sample_columns(batch: &PreparedBatch, delta: bool) -> Result<RecordBatch, LakeError> {
    let (mut ids, mut times, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for series in batch.series.iter().filter(|series| series.delta == delta) {
        for row in &batch.rows[series.rows.clone()] {
            ids.push(series.entry.id.get());
            times.push(row.ts);
            values.push(row.value);
        }
    }
    numbers(ids, times, values)
}

/// The payload of a checkpoint record: all running totals.
pub fn encode_totals(totals: &[DeltaTotal]) -> Result<Vec<u8>, LakeError> {
    let mut payload = Vec::new();
    if !totals.is_empty() {
        let batch = numbers(
            totals.iter().map(|total| total.series.get()).collect(),
            totals.iter().map(|total| total.last_ts).collect(),
            totals.iter().map(|total| total.total).collect(),
        )?;
        part(&mut payload, PART_TOTALS, &ipc(&batch)?);
    }
    Ok(payload)
}

fn numbers(ids: Vec<i64>, times: Vec<i64>, values: Vec<f64>) -> Result<RecordBatch, LakeError> {
    let field = |name, data_type| Field::new(name, data_type, false);
    let schema = Schema::new(vec![
        field("series_id", DataType::Int64),
        field("ts", DataType::Int64),
        field("value", DataType::Float64),
    ]);
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(Int64Array::from(ids)),
        Arc::new(Int64Array::from(times)),
        Arc::new(Float64Array::from(values)),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

fn part(payload: &mut Vec<u8>, tag: u8, content: &[u8]) {
    payload.push(tag);
    payload.extend_from_slice(&(content.len() as u64).to_le_bytes());
    payload.extend_from_slice(content);
}

fn ipc(batch: &RecordBatch) -> Result<Vec<u8>, LakeError> {
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options)?;
    writer.write(batch)?;
    writer.finish()?;
    Ok(writer.into_inner()?)
}

/// Reads a batch record; registers the series that it defines.
pub fn decode(position: i64, payload: &[u8], index: &SeriesIndex) -> Result<PreparedBatch, LakeError> {
    let mut batch = PreparedBatch::default();
    for (tag, content) in parts(position, payload)? {
        match tag {
            PART_META => read_meta(position, content, &mut batch)?,
            PART_SERIES => restore_series(&read_ipc(content)?, index)?,
            PART_SAMPLES => read_samples(position, content, false, index, &mut batch)?,
            PART_DELTAS => read_samples(position, content, true, index, &mut batch)?,
            tag if usize::from(tag.wrapping_sub(PART_TABLE)) < Table::COUNT => {
                batch.tables[usize::from(tag - PART_TABLE)] = Some(read_ipc(content)?);
            }
            tag => return Err(unreadable(position, format!("part {tag} is unknown to this version"))),
        }
    }
    Ok(batch)
}

/// Reads a checkpoint record.
pub fn decode_totals(position: i64, payload: &[u8]) -> Result<Vec<DeltaTotal>, LakeError> {
    let mut totals = Vec::new();
    for (tag, content) in parts(position, payload)? {
        if tag != PART_TOTALS {
            return Err(unreadable(position, format!("part {tag} is unknown to this version")));
        }
        let batch = read_ipc(content)?;
        let (ids, times, values) = number_columns(position, &batch)?;
        for row in 0..batch.num_rows() {
            let series = SeriesId::from_stored(ids.value(row));
            totals.push(DeltaTotal { series, last_ts: times.value(row), total: values.value(row) });
        }
    }
    Ok(totals)
}

fn unreadable(position: i64, problem: impl Into<String>) -> LakeError {
    LakeError::WalRecord { position, problem: problem.into() }
}

fn parts(position: i64, mut payload: &[u8]) -> Result<Vec<(u8, &[u8])>, LakeError> {
    const HEAD_BYTES: usize = 9;
    let mut parts = Vec::new();
    while let Some((head, rest)) = payload.split_first_chunk::<HEAD_BYTES>() {
        let [tag, length @ ..] = *head;
        let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
        let (content, after) = rest
            .split_at_checked(length)
            .ok_or_else(|| unreadable(position, "a part is longer than its record"))?;
        parts.push((tag, content));
        payload = after;
    }
    if payload.is_empty() { Ok(parts) } else { Err(unreadable(position, "bytes follow the last part")) }
}

fn read_ipc(content: &[u8]) -> Result<RecordBatch, LakeError> {
    let reader = StreamReader::try_new(content, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    match batches.as_slice() {
        [batch] => Ok(batch.clone()),
        batches => Ok(arrow::compute::concat_batches(&schema, batches)?),
    }
}

fn read_meta(position: i64, content: &[u8], batch: &mut PreparedBatch) -> Result<(), LakeError> {
    let read = || {
        let (at, rest) = content.split_first_chunk::<8>()?;
        let (has_key, rest) = rest.split_first()?;
        let (key, source) = rest.split_first_chunk::<16>()?;
        Some((i64::from_le_bytes(*at), *has_key != 0, u128::from_le_bytes(*key), source))
    };
    let (at, has_key, key, source) = read().ok_or_else(|| unreadable(position, "the head is cut off"))?;
    batch.at = Timestamp::from_micros(at);
    batch.retry_key = has_key.then_some(key);
    batch.source = String::from_utf8_lossy(source).into_owned();
    Ok(())
}

type NumberColumns<'a> = (&'a Int64Array, &'a Int64Array, &'a Float64Array);

fn number_columns(position: i64, batch: &RecordBatch) -> Result<NumberColumns<'_>, LakeError> {
    let long = |at: usize| batch.columns().get(at)?.as_primitive_opt::<Int64Type>();
    let double = |at: usize| batch.columns().get(at)?.as_primitive_opt::<Float64Type>();
    match (long(0), long(1), double(2)) {
        (Some(ids), Some(times), Some(values)) => Ok((ids, times, values)),
        _ => Err(unreadable(position, "samples have other columns than expected")),
    }
}

fn read_samples(
    position: i64,
    content: &[u8],
    delta: bool,
    index: &SeriesIndex,
    batch: &mut PreparedBatch,
) -> Result<(), LakeError> {
    let samples = read_ipc(content)?;
    let (ids, times, values) = number_columns(position, &samples)?;
    let mut row = 0;
    while row < samples.num_rows() {
        let id = SeriesId::from_stored(ids.value(row));
        let entry =
            index.get(id).ok_or_else(|| unreadable(position, format!("series {id} was never defined")))?;
        let first = batch.rows.len();
        while row < samples.num_rows() && ids.value(row) == id.get() {
            let sample = SampleRow { slot: entry.slot, ts: times.value(row), value: values.value(row) };
            batch.rows.push(sample);
            row += 1;
        }
        batch.series.push(PreparedSeries { entry, rows: first..batch.rows.len(), delta });
    }
    Ok(())
}

/// Registers the series of some `metric_series` rows.
pub fn restore_series(rows: &RecordBatch, index: &SeriesIndex) -> Result<(), LakeError> {
    for_each_series(rows, |id, labels, meta, _range| {
        index.restore(id, labels, meta);
    })
}

/// Calls back with number, labels, meta and time range of each row.
pub fn for_each_series(
    rows: &RecordBatch,
    mut each: impl FnMut(SeriesId, Labels, SeriesMeta, (i64, i64)),
) -> Result<(), LakeError> {
    let missing = |name: &str| {
        arrow::error::ArrowError::SchemaError(format!("metric_series without a usable column {name}"))
    };
    let column = |name: &str| rows.column_by_name(name).ok_or_else(|| missing(name));
    let text = |name: &str| {
        arrow::compute::cast(column(name)?, &DataType::Utf8).map(|array| array.as_string::<i32>().clone())
    };
    let ids = column("series_id")?.as_primitive_opt::<Int64Type>().ok_or_else(|| missing("series_id"))?;
    let maps = column("labels")?.as_map_opt().ok_or_else(|| missing("labels"))?;
    let keys = arrow::compute::cast(maps.keys(), &DataType::Utf8)?;
    let values = arrow::compute::cast(maps.values(), &DataType::Utf8)?;
    let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
    let (types, units, temporalities) = (text("type")?, text("unit")?, text("temporality")?);
    let time = |name: &str| {
        column(name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| missing(name))
    };
    let (firsts, lasts) = (time("first_ts")?, time("last_ts")?);
    for row in 0..rows.num_rows() {
        let entries = maps.value_offsets()[row] as usize..maps.value_offsets()[row + 1] as usize;
        let pairs = entries.map(|at| (keys.value(at), values.value(at)));
        let labels = Labels::new(pairs).map_err(|error| {
            arrow::error::ArrowError::ParseError(format!("labels of series {}: {error}", ids.value(row)))
        })?;
        let some =
            |array: &arrow::array::StringArray| array.is_valid(row).then(|| array.value(row).to_owned());
        let meta = SeriesMeta {
            metric_type: some(&types).map_or(MetricType::Unknown, |text| MetricType::from_stored(&text)),
            unit: some(&units).map(Into::into),
            delta: some(&temporalities).as_deref() == Some("delta"),
        };
        each(SeriesId::from_stored(ids.value(row)), labels, meta, (firsts.value(row), lasts.value(row)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use telemetry::LogRecord;

    use super::*;

    fn prepared(index: &SeriesIndex) -> PreparedBatch {
        let sets = ["a", "b"].map(|job| Labels::new([("__name__", "m"), ("job", job)]).unwrap());
        let metas = [SeriesMeta::default(), SeriesMeta { delta: true, ..SeriesMeta::default() }];
        let entries = index.resolve(sets.iter().zip(&metas), 10);
        let mut batch = PreparedBatch { source: "otlp:x".into(), retry_key: Some(9), ..Default::default() };
        for (entry, meta) in entries.into_iter().flatten().zip(&metas) {
            let first = batch.rows.len();
            for n in 0..3 {
                batch.rows.push(SampleRow { slot: entry.slot, ts: n, value: n as f64 });
            }
            batch.series.push(PreparedSeries { entry, rows: first..first + 3, delta: meta.delta });
        }
        let log = LogRecord { body: "hello".into(), ..LogRecord::default() };
        batch.tables[Table::Logs.index()] = Some(columns::log_rows(&[log]).unwrap());
        batch
    }

    #[test]
    fn a_batch_reads_back_in_a_registry_that_knew_nothing() {
        let batch = prepared(&SeriesIndex::default());
        let payload = encode(&batch).unwrap();
        let fresh = SeriesIndex::default();
        let read = decode(1, &payload, &fresh).unwrap();
        assert_eq!((read.at, read.retry_key, read.source.as_str()), (batch.at, Some(9), "otlp:x"));
        assert_eq!(read.tables[Table::Logs.index()], batch.tables[Table::Logs.index()]);
        assert_eq!(read.rows.len(), 6);
        assert_eq!(read.series[1].entry.labels, batch.series[1].entry.labels);
        assert!(read.series[1].delta && read.series[1].entry.meta.delta);
    }

    #[test]
    fn a_durable_series_is_not_defined_again() {
        let index = SeriesIndex::default();
        let batch = prepared(&index);
        let first = encode(&batch).unwrap();
        batch.series.iter().for_each(|series| series.entry.set_durable());
        let second = encode(&batch).unwrap();
        assert!(second.len() < first.len());
        assert!(matches!(decode(1, &second, &SeriesIndex::default()), Err(LakeError::WalRecord { .. })));
    }

    #[test]
    fn totals_read_back() {
        let totals = [DeltaTotal { series: SeriesId::from_stored(4), last_ts: 5, total: 1.5 }];
        assert_eq!(decode_totals(1, &encode_totals(&totals).unwrap()).unwrap(), totals);
        assert_eq!(decode_totals(1, &encode_totals(&[]).unwrap()).unwrap(), []);
    }

    #[test]
    fn cut_payloads_are_errors() {
        let payload = encode(&prepared(&SeriesIndex::default())).unwrap();
        for length in [1, 8, 20, payload.len() - 1] {
            assert!(decode(1, &payload[..length], &SeriesIndex::default()).is_err(), "{length}");
        }
    }
}
