//! What a record's payload holds: tagged parts, samples as [`samples`], log records as [`logs`],
//! everything else as Arrow IPC.
//!
//! A batch is one record, so it is in the log whole or not at all. Series that the log and the tables
//! may not know yet are defined before the samples that refer to them by number. Arrow carries its own
//! schema, so that a later version reads the log of an earlier one.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimestampMicrosecondType};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use telemetry::{Labels, LogRows, MetricType, SeriesId, SeriesMeta, Timestamp};

use crate::buffer::samples::SampleRow;
use crate::columns::{self, SeriesRow};
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::sequence::Sequence;
use crate::series::{SeriesEntry, SeriesIndex};

use super::{logs, samples};

/// A validated batch on its way into the log and the buffer.
#[derive(Debug, Default)]
pub struct PreparedBatch {
    pub at: Timestamp,
    /// Who sent it, for rows that are refused while it is applied.
    pub source: String,
    pub retry_key: Option<u128>,
    /// Series that the log may not know yet.
    pub undefined: Vec<Arc<SeriesEntry>>,
    /// Samples of all series that are stored as they come.
    pub samples: Vec<SampleRow>,
    /// Points of delta series: the values count anew for each.
    pub deltas: Vec<SampleRow>,
    /// Points of delta histograms, as rows of `metric_histograms`.
    pub delta_histograms: Option<RecordBatch>,
    pub logs: LogRows,
    /// Batches of the other tables, by [`Table::index`].
    pub tables: [Option<RecordBatch>; Table::COUNT],
    /// Rows among them that no sender sent; not part of the record.
    pub starts: Starts,
}

/// Zeros that stand for start times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    pub samples: u64,
    pub histograms: u64,
}

impl PreparedBatch {
    /// Whether there is nothing to log.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
            && self.deltas.is_empty()
            && self.delta_histograms.is_none()
            && self.logs.is_empty()
            && self.tables.iter().all(Option::is_none)
    }
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
const PART_TOTALS: u8 = 5;
const PART_SAMPLES: u8 = 6;
const PART_DELTAS: u8 = 7;
const PART_RETRY_KEYS: u8 = 8;
const PART_DELTA_HISTOGRAMS: u8 = 9;
const PART_HISTOGRAM_TOTALS: u8 = 10;
const PART_LOGS: u8 = 11;
/// Tables follow, by their index.
const PART_TABLE: u8 = 16;

/// The payload of a batch record.
pub fn encode(batch: &PreparedBatch, index: &SeriesIndex) -> Result<Vec<u8>, LakeError> {
    let mut payload = Vec::new();
    let key = batch.retry_key.unwrap_or_default().to_le_bytes();
    let meta = [
        &batch.at.micros().to_le_bytes()[..],
        &[u8::from(batch.retry_key.is_some())],
        &key,
        batch.source.as_bytes(),
    ];
    part(&mut payload, PART_META, &meta.concat());

    let undefined: Vec<SeriesRow<'_>> = batch.undefined.iter().map(|entry| definition(entry)).collect();
    if !undefined.is_empty() {
        part(&mut payload, PART_SERIES, &ipc(&columns::series_rows(&undefined)?)?);
    }
    for (tag, rows) in [(PART_SAMPLES, &batch.samples), (PART_DELTAS, &batch.deltas)] {
        if !rows.is_empty() {
            let start = begin_part(&mut payload, tag);
            samples::encode(rows, index, &mut payload);
            end_part(&mut payload, start);
        }
    }
    if let Some(points) = &batch.delta_histograms {
        part(&mut payload, PART_DELTA_HISTOGRAMS, &ipc(points)?);
    }
    if !batch.logs.is_empty() {
        let start = begin_part(&mut payload, PART_LOGS);
        logs::encode(&batch.logs, &mut payload);
        end_part(&mut payload, start);
    }
    for (index, rows) in batch.tables.iter().enumerate() {
        if let Some(rows) = rows {
            part(&mut payload, PART_TABLE + index as u8, &ipc(rows)?);
        }
    }
    Ok(payload)
}

fn definition(entry: &SeriesEntry) -> SeriesRow<'_> {
    // The times are not read back; the column just cannot be null.
    SeriesRow {
        id: entry.id.get(),
        labels: &entry.labels,
        meta: &entry.meta,
        source: &entry.source,
        first_ts: 0,
        last_ts: 0,
    }
}

/// What is known where a flush begins and cannot be read from tables.
#[derive(Debug, Default, PartialEq)]
pub struct Checkpoint {
    pub totals: Vec<DeltaTotal>,
    /// Of delta histograms, as rows of `metric_histograms`.
    pub histogram_totals: Option<RecordBatch>,
    /// Keys of acknowledged batches that may be repeated, oldest first, and when that was.
    pub retry_keys: Vec<(u128, Timestamp)>,
}

impl Checkpoint {
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.histogram_totals.is_none() && self.retry_keys.is_empty()
    }
}

/// The payload of a checkpoint record.
pub fn encode_checkpoint(checkpoint: &Checkpoint) -> Result<Vec<u8>, LakeError> {
    let Checkpoint { totals, histogram_totals, retry_keys } = checkpoint;
    let mut payload = Vec::new();
    if let Some(totals) = histogram_totals {
        part(&mut payload, PART_HISTOGRAM_TOTALS, &ipc(totals)?);
    }
    if !retry_keys.is_empty() {
        let start = begin_part(&mut payload, PART_RETRY_KEYS);
        for (key, at) in retry_keys {
            payload.extend_from_slice(&key.to_le_bytes());
            payload.extend_from_slice(&at.micros().to_le_bytes());
        }
        end_part(&mut payload, start);
    }
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
    let start = begin_part(payload, tag);
    payload.extend_from_slice(content);
    end_part(payload, start);
}

/// Leaves room for the length; returns where the content begins.
fn begin_part(payload: &mut Vec<u8>, tag: u8) -> usize {
    payload.push(tag);
    payload.extend_from_slice(&[0; 8]);
    payload.len()
}

fn end_part(payload: &mut [u8], start: usize) {
    let length = (payload.len() - start) as u64;
    payload[start - 8..start].copy_from_slice(&length.to_le_bytes());
}

fn ipc(batch: &RecordBatch) -> Result<Vec<u8>, LakeError> {
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options)?;
    writer.write(batch)?;
    writer.finish()?;
    Ok(writer.into_inner()?)
}

/// The series that a batch record defines. Most of the work that a new series makes is here, and needs no
/// registry: who reads many records does it ahead.
pub fn decode_series(position: i64, payload: &[u8]) -> Result<Vec<DefinedSeries>, LakeError> {
    let mut defined = Vec::new();
    for (tag, content) in parts(position, payload)? {
        if tag == PART_SERIES {
            for_each_series(&read_ipc(content)?, |series| {
                let StoredSeries { id, labels, meta, source, .. } = series;
                let known = defined.last().map(|last: &DefinedSeries| &last.source);
                let source = known.filter(|known| known.as_ref() == source).cloned();
                let source = source.unwrap_or_else(|| series.source.into());
                defined.push(DefinedSeries { id, labels, meta, source });
            })?;
        }
    }
    Ok(defined)
}

/// A series as a record defines it.
#[derive(Debug)]
pub struct DefinedSeries {
    pub id: SeriesId,
    pub labels: Labels,
    pub meta: SeriesMeta,
    pub source: Arc<str>,
}

/// Reads a batch record; registers the series that it defines.
pub fn decode(position: i64, payload: &[u8], index: &SeriesIndex) -> Result<PreparedBatch, LakeError> {
    let defined = decode_series(position, payload)?;
    decode_rows(position, payload, defined, index, &mut Sequence::default())
}

/// Reads the rest of a record whose series [`decode_series`] has read, and registers those. Who reads many
/// records keeps `sequence`.
pub fn decode_rows(
    position: i64,
    payload: &[u8],
    defined: Vec<DefinedSeries>,
    index: &SeriesIndex,
    sequence: &mut Sequence,
) -> Result<PreparedBatch, LakeError> {
    let mut batch = PreparedBatch::default();
    let moved = restore_series(defined, index);
    for (tag, content) in parts(position, payload)? {
        match tag {
            PART_META => read_meta(position, content, &mut batch)?,
            PART_SERIES => {}
            PART_SAMPLES => batch.samples = samples::decode(position, content, index, &moved, sequence)?,
            PART_DELTAS => batch.deltas = samples::decode(position, content, index, &moved, sequence)?,
            PART_LOGS => batch.logs = logs::decode(position, content)?,
            // As earlier versions wrote them.
            tag if tag == PART_TABLE + Table::Logs.index() as u8 => {
                batch.logs = columns::read_logs(&read_ipc(content)?)?;
            }
            PART_DELTA_HISTOGRAMS => batch.delta_histograms = Some(moved.renumber(read_ipc(content)?)?),
            tag if usize::from(tag.wrapping_sub(PART_TABLE)) < Table::COUNT => {
                let at = usize::from(tag - PART_TABLE);
                let rows = read_ipc(content)?;
                let refers_to_series =
                    at == Table::MetricHistograms.index() || at == Table::MetricExemplars.index();
                batch.tables[at] = Some(if refers_to_series { moved.renumber(rows)? } else { rows });
            }
            tag => return Err(unreadable(position, format!("part {tag} is unknown to this version"))),
        }
    }
    Ok(batch)
}

/// Reads a checkpoint record.
pub fn decode_checkpoint(position: i64, payload: &[u8]) -> Result<Checkpoint, LakeError> {
    const KEY_BYTES: usize = 16;
    let mut checkpoint = Checkpoint::default();
    for (tag, content) in parts(position, payload)? {
        match tag {
            PART_TOTALS => {
                let batch = read_ipc(content)?;
                let (ids, times, values) = number_columns(position, &batch)?;
                for row in 0..batch.num_rows() {
                    let series = SeriesId::from_stored(ids.value(row));
                    let (last_ts, total) = (times.value(row), values.value(row));
                    checkpoint.totals.push(DeltaTotal { series, last_ts, total });
                }
            }
            PART_HISTOGRAM_TOTALS => checkpoint.histogram_totals = Some(read_ipc(content)?),
            PART_RETRY_KEYS => {
                let (keys, _) = content.as_chunks::<{ KEY_BYTES + 8 }>();
                for stored in keys {
                    let (key, at) = stored.split_first_chunk::<KEY_BYTES>().expect("a key is in front");
                    let at = i64::from_le_bytes(at.try_into().expect("8 bytes are left"));
                    checkpoint.retry_keys.push((u128::from_le_bytes(*key), Timestamp::from_micros(at)));
                }
            }
            tag => return Err(unreadable(position, format!("part {tag} is unknown to this version"))),
        }
    }
    Ok(checkpoint)
}

pub fn unreadable(position: i64, problem: impl Into<String>) -> LakeError {
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

/// Series that have another number than the record says: it was written before the registry was read.
/// Nearly always empty.
#[derive(Debug, Default)]
pub struct Moved(Vec<(i64, i64)>);

impl Moved {
    /// The number that a number of the record stands for.
    pub fn now(&self, id: i64) -> i64 {
        self.0.iter().find(|(stored, _)| *stored == id).map_or(id, |(_, now)| *now)
    }

    fn renumber(&self, rows: RecordBatch) -> Result<RecordBatch, LakeError> {
        if self.0.is_empty() {
            return Ok(rows);
        }
        Ok(columns::renumbered(rows, |id| self.now(id))?)
    }
}

/// Registers the series that a record defines.
fn restore_series(defined: Vec<DefinedSeries>, index: &SeriesIndex) -> Moved {
    let mut moved = Moved::default();
    for DefinedSeries { id: stored, labels, meta, source } in defined {
        let id = index.adopt(stored, labels, meta, &source);
        if id != stored {
            moved.0.push((stored.get(), id.get()));
        }
    }
    moved
}

/// A row of `metric_series`.
pub struct StoredSeries<'a> {
    pub id: SeriesId,
    pub labels: Labels,
    pub meta: SeriesMeta,
    pub source: &'a str,
    pub first_ts: i64,
    pub last_ts: i64,
}

/// Calls back with each row.
pub fn for_each_series(rows: &RecordBatch, mut each: impl FnMut(StoredSeries<'_>)) -> Result<(), LakeError> {
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
    // Files of the first versions do not say.
    let sources = rows.column_by_name("source").is_some().then(|| text("source")).transpose()?;
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
        let source = sources.as_ref().filter(|sources| sources.is_valid(row));
        each(StoredSeries {
            id: SeriesId::from_stored(ids.value(row)),
            labels,
            meta,
            source: source.map_or("", |sources| sources.value(row)),
            first_ts: firsts.value(row),
            last_ts: lasts.value(row),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use telemetry::{Exemplar, HistogramSample, LogRecord};

    use super::*;
    use crate::series::limits::SeriesLimits;

    fn prepared(index: &SeriesIndex) -> PreparedBatch {
        let sets = ["a", "b"].map(|job| Labels::new([("__name__", "m"), ("job", job)]).unwrap());
        let metas = [SeriesMeta::default(), SeriesMeta { delta: true, ..SeriesMeta::default() }];
        let resolved = index.resolve(sets.iter().zip(&metas), "otlp:x", &SeriesLimits::NONE);
        let rows = |slot| (0..3).map(|n| SampleRow { slot, ts: n, value: n as f64 }).collect();
        let log = LogRecord { body: "hello".into(), ..LogRecord::default() };
        let mut batch = PreparedBatch {
            source: "otlp:x".into(),
            retry_key: Some(9),
            undefined: resolved.undefined,
            samples: rows(resolved.slots[0].unwrap()),
            deltas: rows(resolved.slots[1].unwrap()),
            ..Default::default()
        };
        batch.logs.push(&log);
        batch
    }

    #[test]
    fn a_batch_reads_back_in_a_registry_that_knew_nothing() {
        let index = SeriesIndex::default();
        let batch = prepared(&index);
        let payload = encode(&batch, &index).unwrap();
        let fresh = SeriesIndex::default();
        let read = decode(1, &payload, &fresh).unwrap();
        assert_eq!((read.at, read.retry_key, read.source.as_str()), (batch.at, Some(9), "otlp:x"));
        assert_eq!(read.logs, batch.logs);
        assert_eq!((read.samples.len(), read.deltas.len()), (3, 3));
        let entry = fresh.entries_of(&[read.deltas[0].slot]).remove(0);
        assert_eq!(entry.labels.to_string(), r#"m{job="b"}"#);
        assert!(entry.meta.delta && entry.cell().is_durable());
        assert_eq!(entry.source.as_ref(), "otlp:x");
    }

    #[test]
    fn logs_of_earlier_versions_are_read() {
        let batch = prepared(&SeriesIndex::default());
        let mut payload = Vec::new();
        let rows = columns::log_rows(&batch.logs).unwrap();
        part(&mut payload, PART_TABLE + Table::Logs.index() as u8, &ipc(&rows).unwrap());
        let read = decode(1, &payload, &SeriesIndex::default()).unwrap();
        assert_eq!(read.logs, batch.logs);
    }

    #[test]
    fn samples_of_a_series_that_nobody_defined_are_an_error() {
        let index = SeriesIndex::default();
        let mut batch = prepared(&index);
        let first = encode(&batch, &index).unwrap();
        batch.undefined.clear();
        let second = encode(&batch, &index).unwrap();
        assert!(second.len() < first.len());
        assert!(matches!(decode(1, &second, &SeriesIndex::default()), Err(LakeError::WalRecord { .. })));
    }

    /// What is taken during a replay is numbered without the registry.
    #[test]
    fn rows_of_a_record_that_asks_for_numbers_of_others_follow_their_labels() {
        let own = SeriesIndex::colliding();
        let sets = ["a", "b", "c"].map(|job| Labels::new([("__name__", "m"), ("job", job)]).unwrap());
        let meta = SeriesMeta::default();
        let resolved = own.resolve(sets.iter().map(|set| (set, &meta)), "otlp:x", &SeriesLimits::NONE);
        let slots: Vec<u32> = resolved.slots.into_iter().map(Result::unwrap).collect();
        let ids: Vec<i64> = slots.iter().map(|slot| own.cells().of(*slot).id()).collect();
        // Each row says by its time to which label set it belongs.
        let time = |at: usize| Timestamp::from_millis(at as i64);
        let row = |at: usize| SampleRow { slot: slots[at], ts: time(at).micros(), value: 0.0 };
        let histograms: Vec<HistogramSample> = (0..3).map(|at| HistogramSample::empty(time(at), 3)).collect();
        let exemplar = |at: usize| Exemplar { ts: time(at), value: 0.5, labels: Labels::empty() };
        let exemplars: Vec<Exemplar> = (0..3).map(exemplar).collect();
        let histogram_rows: Vec<_> = ids.iter().copied().zip(&histograms).collect();
        let exemplar_rows: Vec<_> = ids.iter().copied().zip(&exemplars).collect();
        let mut batch = PreparedBatch {
            undefined: resolved.undefined,
            samples: (0..3).map(row).collect(),
            deltas: (0..3).map(row).collect(),
            delta_histograms: Some(columns::histogram_rows(&histogram_rows).unwrap()),
            ..PreparedBatch::default()
        };
        batch.tables[Table::MetricHistograms.index()] =
            Some(columns::histogram_rows(&histogram_rows).unwrap());
        batch.tables[Table::MetricExemplars.index()] = Some(columns::exemplar_rows(&exemplar_rows).unwrap());
        let payload = encode(&batch, &own).unwrap();

        // The registry knows two of them by numbers of the others, and the home of all as a stranger's.
        let registry = SeriesIndex::colliding();
        let stranger = Labels::new([("__name__", "n")]).unwrap();
        for (id, labels) in [(7, &stranger), (8, &sets[0]), (9, &sets[1])] {
            registry.restore(SeriesId::from_stored(id), labels.clone(), meta.clone(), "x");
        }
        let read = decode(1, &payload, &registry).unwrap();
        let slot_of = |id: i64| registry.slots_of([id].into_iter()).unwrap()[0];
        let mut rows: Vec<(u32, i64)> = Vec::new();
        rows.extend(read.samples.iter().chain(&read.deltas).map(|row| (row.slot, row.ts)));
        let tables =
            [Table::MetricHistograms, Table::MetricExemplars].map(|table| read.tables[table.index()].clone());
        for batch in tables.into_iter().chain([read.delta_histograms]) {
            let batch = batch.unwrap();
            let series = columns::SeriesColumns::of(&batch).unwrap();
            rows.extend(series.ids.values().iter().map(|id| slot_of(*id)).zip(series.times.iter().copied()));
        }
        assert_eq!(rows.len(), 5 * 3);
        for (slot, ts) in rows {
            let at = (ts / time(1).micros()) as usize;
            assert_eq!(registry.entries_of(&[slot])[0].labels, sets[at], "the row at {ts}");
        }
        assert_eq!(registry.len(), 4);
    }

    #[test]
    fn checkpoints_read_back() {
        let totals = [DeltaTotal { series: SeriesId::from_stored(4), last_ts: 5, total: 1.5 }];
        let retry_keys = vec![(u128::MAX, Timestamp::from_micros(3)), (7, Timestamp::EPOCH)];
        let sum = HistogramSample { count: 3.0, ..HistogramSample::empty(Timestamp::EPOCH, 2) };
        let histogram_totals = Some(columns::histogram_rows(&[(4, &sum)]).unwrap());
        for checkpoint in
            [Checkpoint { totals: totals.to_vec(), histogram_totals, retry_keys }, Checkpoint::default()]
        {
            let payload = encode_checkpoint(&checkpoint).unwrap();
            assert_eq!(decode_checkpoint(1, &payload).unwrap(), checkpoint);
        }
    }

    #[test]
    fn cut_payloads_are_errors() {
        let index = SeriesIndex::default();
        let payload = encode(&prepared(&index), &index).unwrap();
        for length in [1, 8, 20, payload.len() - 1] {
            assert!(decode(1, &payload[..length], &SeriesIndex::default()).is_err(), "{length}");
        }
    }
}
