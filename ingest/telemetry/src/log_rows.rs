//! Many log records, column by column: how they go from a decoder to the lake.
//!
//! Records of one request repeat each other: who wrote them, attribute keys, most values, the ids of
//! traces. Each such text is kept once as a [`Word`] and named by its number; only bodies are written
//! out. Nothing is allocated per record.

use std::fmt;

use crate::{LogRecord, Texts, Timestamp, Word, Words};

/// The columns of a record that hold a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogColumn {
    Service,
    Env,
    Host,
    Severity,
    TraceId,
    SpanId,
}

impl LogColumn {
    pub const ALL: [LogColumn; 6] = [
        LogColumn::Service,
        LogColumn::Env,
        LogColumn::Host,
        LogColumn::Severity,
        LogColumn::TraceId,
        LogColumn::SpanId,
    ];
}

/// One record of [`LogRows`]; the fields are those of [`LogRecord`].
#[derive(Clone, Copy, Debug)]
pub struct LogRow<'a> {
    pub ts: Timestamp,
    pub ts_ns_rem: i16,
    /// By [`LogColumn`].
    pub columns: [Word; LogColumn::ALL.len()],
    pub body: &'a str,
    /// Key and value, no key twice.
    pub attrs: &'a [(Word, Word)],
}

/// See the module's page. Equal when they hold equal records in the same order.
#[derive(Clone, Default)]
pub struct LogRows {
    words: Words,
    times: Vec<Timestamp>,
    ns_rems: Vec<i16>,
    columns: [Vec<Word>; LogColumn::ALL.len()],
    bodies: Texts,
    attrs: Vec<(Word, Word)>,
    attr_ends: Vec<usize>,
}

impl LogRows {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The number of a text, for [`LogRows::push_row`].
    pub fn word(&mut self, text: &str) -> Word {
        self.words.word(text)
    }

    #[inline]
    pub fn push_row(&mut self, row: LogRow<'_>) {
        self.times.push(row.ts);
        self.ns_rems.push(row.ts_ns_rem);
        for (column, word) in self.columns.iter_mut().zip(row.columns) {
            column.push(word);
        }
        self.bodies.push(row.body);
        self.attrs.extend_from_slice(row.attrs);
        self.attr_ends.push(self.attrs.len());
    }

    pub fn push(&mut self, record: &LogRecord) {
        let LogRecord { service, env, host, severity, trace_id, span_id, .. } = record;
        let columns = [service, env, host, severity, trace_id, span_id]
            .map(|text| text.as_deref().map_or(Word::NONE, |text| self.words.word(text)));
        let attrs: Vec<(Word, Word)> =
            record.attrs.iter().map(|(key, value)| (self.words.word(key), self.words.word(value))).collect();
        let (ts, ts_ns_rem, body) = (record.ts, record.ts_ns_rem, record.body.as_ref());
        self.push_row(LogRow { ts, ts_ns_rem, columns, body, attrs: &attrs });
    }

    /// Adds all rows of another.
    pub fn append(&mut self, other: &LogRows) {
        let words: Vec<Word> = other.words.texts().iter().map(|text| self.words.word(text)).collect();
        let own = |word: Word| word.place().map_or(Word::NONE, |place| words[place]);
        let mut attrs = Vec::new();
        for row in 0..other.len() {
            let row = other.row(row);
            attrs.clear();
            attrs.extend(row.attrs.iter().map(|(key, value)| (own(*key), own(*value))));
            self.push_row(LogRow { columns: row.columns.map(own), attrs: &attrs, ..row });
        }
    }

    /// # Panics
    ///
    /// When there is no such row, as the other readers by row.
    pub fn row(&self, row: usize) -> LogRow<'_> {
        LogRow {
            ts: self.times[row],
            ts_ns_rem: self.ns_rems[row],
            columns: std::array::from_fn(|column| self.columns[column][row]),
            body: self.bodies.get(row),
            attrs: self.attrs_of(row),
        }
    }

    /// One row as a record of its own.
    pub fn record(&self, row: usize) -> LogRecord {
        let text = |word: Word| self.words.get(word).unwrap_or_default();
        let [service, env, host, severity, trace_id, span_id] =
            LogColumn::ALL.map(|column| self.words.get(self.column(column)[row]).map(Into::into));
        LogRecord {
            ts: self.times[row],
            ts_ns_rem: self.ns_rems[row],
            service,
            env,
            host,
            severity,
            trace_id,
            span_id,
            body: self.bodies.get(row).into(),
            attrs: self
                .attrs_of(row)
                .iter()
                .map(|(key, value)| (text(*key).into(), text(*value).into()))
                .collect(),
        }
    }

    pub fn records(&self) -> impl ExactSizeIterator<Item = LogRecord> {
        (0..self.len()).map(|row| self.record(row))
    }

    /// Gives every row an attribute, its last; a former value of the key is gone.
    pub fn set_attribute(&mut self, key: &str, value: &str) {
        let (key, value) = (self.words.word(key), self.words.word(value));
        let (mut attrs, mut ends) = (Vec::new(), Vec::with_capacity(self.len()));
        for row in 0..self.len() {
            attrs.extend(self.attrs_of(row).iter().filter(|(present, _)| *present != key));
            attrs.push((key, value));
            ends.push(attrs.len());
        }
        (self.attrs, self.attr_ends) = (attrs, ends);
    }

    /// Keeps the rows of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let kept: Vec<usize> = (0..self.len()).filter(|row| keep(*row)).collect();
        if kept.len() < self.len() {
            let all = std::mem::take(self);
            kept.into_iter().for_each(|row| self.push_row(all.row(row)));
            self.words = all.words;
        }
    }

    pub fn words(&self) -> &Words {
        &self.words
    }

    #[inline]
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    #[inline]
    pub fn ns_rems(&self) -> &[i16] {
        &self.ns_rems
    }

    #[inline]
    pub fn column(&self, column: LogColumn) -> &[Word] {
        &self.columns[column as usize]
    }

    #[inline]
    pub fn bodies(&self) -> &Texts {
        &self.bodies
    }

    #[inline]
    pub fn attrs_of(&self, row: usize) -> &[(Word, Word)] {
        let start = row.checked_sub(1).map_or(0, |before| self.attr_ends[before]);
        &self.attrs[start..self.attr_ends[row]]
    }

    /// Attributes of all rows.
    pub fn attr_count(&self) -> usize {
        self.attrs.len()
    }

    /// Memory.
    pub fn bytes(&self) -> usize {
        let words = self.columns.iter().map(Vec::capacity).sum::<usize>() + 2 * self.attrs.capacity();
        self.words.bytes()
            + self.bodies.bytes()
            + self.times.capacity() * size_of::<Timestamp>()
            + self.ns_rems.capacity() * size_of::<i16>()
            + words * size_of::<Word>()
            + self.attr_ends.capacity() * size_of::<usize>()
    }
}

impl fmt::Debug for LogRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.records()).finish()
    }
}

impl PartialEq for LogRows {
    fn eq(&self, other: &LogRows) -> bool {
        // The same words may have other numbers.
        self.records().eq(other.records())
    }
}

impl<'a> FromIterator<&'a LogRecord> for LogRows {
    fn from_iter<I: IntoIterator<Item = &'a LogRecord>>(records: I) -> LogRows {
        let mut rows = LogRows::default();
        records.into_iter().for_each(|record| rows.push(record));
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Vec<LogRecord>> {
        let text = || "[a-c]{0,2}".prop_map(|text| text.into_boxed_str());
        let record = (
            any::<i32>(),
            prop::option::of(text()),
            prop::option::of(text()),
            text(),
            prop::collection::vec((text(), text()), 0..3),
        );
        let record = record.prop_map(|(micros, service, span_id, body, attrs)| LogRecord {
            ts: Timestamp::from_micros(micros.into()),
            ts_ns_rem: 7,
            service,
            span_id,
            body,
            attrs,
            ..LogRecord::default()
        });
        prop::collection::vec(record, 0..20)
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_were(records in records()) {
            let rows: LogRows = records.iter().collect();
            prop_assert_eq!(rows.records().collect::<Vec<_>>(), records);
        }

        #[test]
        fn rows_that_are_not_kept_are_gone(records in records(), divisor in 1_usize..4) {
            let mut rows: LogRows = records.iter().collect();
            rows.retain(|row| row % divisor == 0);
            let kept: LogRows = records.iter().step_by(divisor).collect();
            prop_assert_eq!(rows, kept);
        }
    }

    #[test]
    fn an_attribute_of_all_rows_replaces_and_comes_last() {
        let pair = |key: &str, value: &str| (key.into(), value.into());
        let attrs = vec![pair("tenant", "x"), pair("z", "1")];
        let mut rows: LogRows =
            [LogRecord { attrs, ..LogRecord::default() }, LogRecord::default()].iter().collect();
        rows.set_attribute("tenant", "a");
        assert_eq!(rows.record(0).attrs, [pair("z", "1"), pair("tenant", "a")]);
        assert_eq!(rows.record(1).attrs, [pair("tenant", "a")]);
    }
}
