//! Log records as Arrow: with every text written out, as readers want them, or with each text once, as
//! files are written; and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int16Array, Int32Array, MapArray, RecordBatch, StringArray,
    StringBuilder, StructArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{Field, Int16Type, Int32Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use telemetry::{LogColumn, LogRow, LogRows, Timestamp, Word, Words};

use super::{Maps, timestamps, with_partition};
use crate::schema::{Table, map_entries};

/// A batch of [`Table::schema`].
pub fn log_rows(rows: &LogRows) -> Result<RecordBatch, ArrowError> {
    let words = rows.words();
    let text = |word: Word| words.get(word).unwrap_or_default();
    let mut attrs = Maps::new();
    for row in 0..rows.len() {
        attrs.push(rows.attrs_of(row).iter().map(|(key, value)| (text(*key), text(*value))))?;
    }
    let mut columns = vec![
        timestamps(rows.times().iter().map(|ts| ts.micros())),
        Arc::new(Int16Array::from(rows.ns_rems().to_vec())) as ArrayRef,
    ];
    for column in LogColumn::ALL {
        let texts = rows.column(column).iter().map(|word| words.get(*word));
        columns.push(Arc::new(StringArray::from_iter(texts)));
    }
    columns.push(Arc::new(StringArray::from_iter_values(rows.bodies().iter())));
    columns.push(attrs.finish());
    with_partition(Table::Logs, columns)
}

/// Rows of several requests under one set of words, to be written to files in any order.
pub struct LogTable<'a> {
    parts: Vec<Part<'a>>,
    words: Words,
    /// Every word, shared by all columns of all batches.
    texts: ArrayRef,
}

struct Part<'a> {
    rows: &'a LogRows,
    /// The common number of each of its words.
    words: Vec<Word>,
}

/// A row by its part and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    part: u32,
    row: u32,
}

impl<'a> LogTable<'a> {
    pub fn of(parts: impl Iterator<Item = &'a LogRows>) -> LogTable<'a> {
        let mut words = Words::default();
        let mut number = |rows: &'a LogRows| {
            let words = rows.words().texts().iter().map(|text| words.word(text)).collect();
            Part { rows, words }
        };
        let parts = parts.map(&mut number).collect();
        let texts = Arc::new(StringArray::from_iter_values(words.texts().iter()));
        LogTable { parts, words, texts }
    }

    pub fn places(&self) -> impl Iterator<Item = LogPlace> {
        let rows_of =
            |(part, it): (u32, &Part<'_>)| (0..it.rows.len() as u32).map(move |row| LogPlace { part, row });
        (0..).zip(&self.parts).flat_map(rows_of)
    }

    pub fn words(&self) -> &Words {
        &self.words
    }

    pub fn service(&self, place: LogPlace) -> Word {
        self.word(place, LogColumn::Service)
    }

    pub fn time(&self, place: LogPlace) -> (Timestamp, i16) {
        let (rows, row) = (self.parts[place.part as usize].rows, place.row as usize);
        (rows.times()[row], rows.ns_rems()[row])
    }

    fn word(&self, place: LogPlace, column: LogColumn) -> Word {
        let part = &self.parts[place.part as usize];
        part.common(part.rows.column(column)[place.row as usize])
    }

    /// The file columns of some rows: as [`Table::file_schema`], but texts that repeat as dictionaries.
    pub fn batch(&self, places: &[LogPlace]) -> Result<RecordBatch, ArrowError> {
        let times = places.iter().map(|place| self.time(*place).0.micros());
        let ns_rems = places.iter().map(|place| self.time(*place).1);
        let mut columns =
            vec![timestamps(times), Arc::new(Int16Array::from_iter_values(ns_rems)) as ArrayRef];
        for column in LogColumn::ALL {
            let keys = places.iter().map(|place| self.word(*place, column).place().map(|place| place as i32));
            columns.push(self.dictionary(keys.collect())?);
        }
        let body = |place: &LogPlace| self.parts[place.part as usize].rows.bodies().get(place.row as usize);
        let body_bytes = places.iter().map(|place| body(place).len()).sum();
        let mut bodies = StringBuilder::with_capacity(places.len(), body_bytes);
        places.iter().for_each(|place| bodies.append_value(body(place)));
        columns.push(Arc::new(bodies.finish()));
        columns.push(self.attrs(places)?);
        RecordBatch::try_new(schema(&columns), columns)
    }

    fn attrs(&self, places: &[LogPlace]) -> Result<ArrayRef, ArrowError> {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let mut ends: Vec<i32> = Vec::with_capacity(places.len() + 1);
        ends.push(0);
        // A word of an attribute is always a text.
        let number = |word: Word| word.place().map_or(0, |place| place as i32);
        for place in places {
            let part = &self.parts[place.part as usize];
            for (key, value) in part.rows.attrs_of(place.row as usize) {
                keys.push(number(part.common(*key)));
                values.push(number(part.common(*value)));
            }
            ends.push(keys.len() as i32);
        }
        let columns = [self.dictionary(Int32Array::from(keys))?, self.dictionary(Int32Array::from(values))?];
        let fields = ["key", "value"].into_iter().zip(&columns);
        let fields =
            fields.map(|(name, column)| Field::new(name, column.data_type().clone(), name == "value"));
        let entries = StructArray::try_new(fields.collect(), columns.to_vec(), None)?;
        let entry = Arc::new(map_entries().with_data_type(entries.data_type().clone()));
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        Ok(Arc::new(MapArray::try_new(entry, ends, entries, None, false)?))
    }

    fn dictionary(&self, keys: Int32Array) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, self.texts.clone())?))
    }
}

impl Part<'_> {
    fn common(&self, word: Word) -> Word {
        word.place().map_or(Word::NONE, |place| self.words[place])
    }
}

/// The names of [`Table::file_schema`] with the types that the columns have.
fn schema(columns: &[ArrayRef]) -> SchemaRef {
    let file = Table::Logs.file_schema();
    let fields = file.fields().iter().zip(columns);
    let field = |(field, column): (&Arc<Field>, &ArrayRef)| {
        field.as_ref().clone().with_data_type(column.data_type().clone())
    };
    Arc::new(Schema::new(fields.map(field).collect::<Vec<_>>()))
}

/// Rows of a batch as [`log_rows`] makes it.
pub fn read_logs(batch: &RecordBatch) -> Result<LogRows, ArrowError> {
    let missing = |name: &str| ArrowError::SchemaError(format!("logs without a usable column {name}"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
    let text = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| missing(name));
    let times = column("ts")?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| missing("ts"))?;
    let ns_rems = column("ts_ns_rem")?.as_primitive_opt::<Int16Type>().ok_or_else(|| missing("ts_ns_rem"))?;
    let texts = [
        text("service")?,
        text("env")?,
        text("host")?,
        text("severity")?,
        text("trace_id")?,
        text("span_id")?,
    ];
    let bodies = text("body")?;
    let maps = column("attrs")?.as_map_opt().ok_or_else(|| missing("attrs"))?;
    let [keys, values] = [maps.keys(), maps.values()]
        .map(|texts| texts.as_string_opt::<i32>().ok_or_else(|| missing("attrs")));
    let (keys, values) = (keys?, values?);
    let mut rows = LogRows::default();
    let mut attrs = Vec::new();
    for row in 0..batch.num_rows() {
        let columns = texts.map(|texts| match texts.is_valid(row) {
            true => rows.word(texts.value(row)),
            false => Word::NONE,
        });
        attrs.clear();
        for at in maps.value_offsets()[row] as usize..maps.value_offsets()[row + 1] as usize {
            attrs.push((rows.word(keys.value(at)), rows.word(values.value(at))));
        }
        let (ts, ts_ns_rem) = (Timestamp::from_micros(times.value(row)), ns_rems.value(row));
        rows.push_row(LogRow { ts, ts_ns_rem, columns, body: bodies.value(row), attrs: &attrs });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use arrow::compute::cast;
    use arrow::datatypes::DataType;
    use telemetry::LogRecord;

    use super::*;

    fn record(n: i64) -> LogRecord {
        let pair = |key: &str, value: String| (key.into(), value.into());
        LogRecord {
            ts: Timestamp::from_micros(1_790_000_000_000_000 + n),
            ts_ns_rem: n as i16,
            service: (n % 3 > 0).then(|| format!("s{}", n % 2).into()),
            severity: Some("INFO".into()),
            body: format!("line {n}").into(),
            attrs: (0..n % 3).map(|at| pair(&format!("k{at}"), n.to_string())).collect(),
            ..LogRecord::default()
        }
    }

    #[test]
    fn a_batch_reads_back() {
        let rows: LogRows = [record(0), record(1), record(5)].iter().collect();
        assert_eq!(read_logs(&log_rows(&rows).unwrap()).unwrap(), rows);
    }

    #[test]
    fn rows_of_several_requests_in_another_order_say_the_same_as_written_out() {
        let records: Vec<LogRecord> = (0..9).map(record).collect();
        let parts: Vec<LogRows> = records.chunks(4).map(|records| records.iter().collect()).collect();
        let table = LogTable::of(parts.iter());
        let mut places: Vec<LogPlace> = table.places().collect();
        places.reverse();
        let found = table.batch(&places).unwrap();
        let expected = log_rows(&records.iter().rev().collect()).unwrap();
        for (at, field) in Table::Logs.file_schema().fields().iter().enumerate() {
            let found = match field.data_type() {
                DataType::Map(..) => written_out(found.column(at).as_map()),
                data_type => cast(found.column(at), data_type).unwrap(),
            };
            assert_eq!(&found, expected.column(at), "{}", field.name());
        }
    }

    fn written_out(map: &MapArray) -> ArrayRef {
        let texts = [map.keys(), map.values()].map(|texts| cast(texts, &DataType::Utf8).unwrap());
        let fields = map_entries();
        let DataType::Struct(fields) = fields.data_type() else { panic!("{fields}") };
        let entries = StructArray::try_new(fields.clone(), texts.to_vec(), None).unwrap();
        let entry = Arc::new(map_entries());
        Arc::new(MapArray::try_new(entry, map.offsets().clone(), entries, None, false).unwrap())
    }
}
