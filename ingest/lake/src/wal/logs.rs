//! Log records in a record: columns without a schema, each text once.
//!
//! All numbers are varints, signed ones in zigzag. The words with their lengths and then their text; the
//! bodies likewise; times as differences to the one before (µs) with the nanoseconds below; at last per
//! row the numbers of its words, those of its columns and then of its attributes, but only where they
//! differ from the row before: rows of one request come from few places, so that a row is little more
//! than its body. Nothing is compressed: what is left is text, and the disk is faster than that.

use telemetry::{LogColumn, LogRow, LogRows, Texts, Timestamp, Word};

use crate::error::LakeError;

use super::payload::unreadable;

const COLUMNS: usize = LogColumn::ALL.len();

/// Appends rows.
pub fn encode(rows: &LogRows, out: &mut Vec<u8>) {
    const ROW_BYTES: usize = 24;
    let texts = rows.words().texts();
    out.reserve(
        texts.joined().len() + 2 * texts.len() + rows.bodies().joined().len() + rows.len() * ROW_BYTES,
    );
    put(out, rows.len() as u64);
    put_texts(out, texts);
    put_texts(out, rows.bodies());
    let mut before = 0;
    for (ts, ns_rem) in rows.times().iter().zip(rows.ns_rems()) {
        put_signed(out, ts.micros().wrapping_sub(before));
        put_signed(out, i64::from(*ns_rem));
        before = ts.micros();
    }
    let (mut last, mut now): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
    for row in 0..rows.len() {
        let attrs = rows.attrs_of(row);
        now.clear();
        now.extend(LogColumn::ALL.map(|column| number(rows.column(column)[row])));
        now.extend(attrs.iter().flat_map(|(key, value)| [number(*key), number(*value)]));
        put(out, attrs.len() as u64);
        put_changes(out, &last, &now);
        std::mem::swap(&mut last, &mut now);
    }
}

fn number(word: Word) -> u64 {
    word.place().map_or(0, |place| place as u64 + 1)
}

fn put_texts(out: &mut Vec<u8>, texts: &Texts) {
    put(out, texts.len() as u64);
    texts.iter().for_each(|text| put(out, text.len() as u64));
    out.extend_from_slice(texts.joined().as_bytes());
}

/// Eight numbers at a time: a byte that says which of them follow, and those.
fn put_changes(out: &mut Vec<u8>, last: &[u64], now: &[u64]) {
    for (start, numbers) in (0..).step_by(8).zip(now.chunks(8)) {
        let changed = |at: usize| last.get(start + at) != Some(&numbers[at]);
        let flags = (0..numbers.len()).fold(0_u8, |flags, at| flags | u8::from(changed(at)) << at);
        out.push(flags);
        (0..numbers.len()).filter(|at| flags >> at & 1 == 1).for_each(|at| put(out, numbers[at]));
    }
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number << 1 ^ number >> 63) as u64);
}

/// Reads what [`encode`] wrote.
pub fn decode(position: i64, content: &[u8]) -> Result<LogRows, LakeError> {
    let mut rest = content;
    let rows = read(&mut rest).ok_or_else(|| unreadable(position, "log records are cut off or damaged"))?;
    if !rest.is_empty() {
        return Err(unreadable(position, "bytes follow the last log record"));
    }
    Ok(rows)
}

fn read(rest: &mut &[u8]) -> Option<LogRows> {
    let mut rows = LogRows::default();
    let row_count = take_count(rest)?;
    let words: Vec<Word> = take_texts(rest)?.into_iter().map(|text| rows.word(text)).collect();
    let word = |number: u64| match usize::try_from(number).ok()?.checked_sub(1) {
        None => Some(Word::NONE),
        Some(place) => words.get(place).copied(),
    };
    let bodies = take_texts(rest)?;
    if bodies.len() != row_count {
        return None;
    }
    let mut times = Vec::with_capacity(row_count);
    let mut before = 0_i64;
    for _ in 0..row_count {
        before = before.wrapping_add(take_signed(rest)?);
        times.push((Timestamp::from_micros(before), i16::try_from(take_signed(rest)?).ok()?));
    }
    let mut numbers: Vec<u64> = Vec::new();
    let mut attrs = Vec::new();
    for ((ts, ts_ns_rem), body) in times.into_iter().zip(bodies) {
        let attr_count = usize::try_from(take(rest)?).ok()?;
        take_changes(rest, &mut numbers, attr_count.checked_mul(2)?.checked_add(COLUMNS)?)?;
        let (columns, pairs) = numbers.split_first_chunk::<COLUMNS>()?;
        let mut row_columns = [Word::NONE; COLUMNS];
        for (column, number) in row_columns.iter_mut().zip(columns) {
            *column = word(*number)?;
        }
        attrs.clear();
        for pair in pairs.chunks_exact(2) {
            attrs.push((word(pair[0])?, word(pair[1])?));
        }
        rows.push_row(LogRow { ts, ts_ns_rem, columns: row_columns, body, attrs: &attrs });
    }
    Some(rows)
}

fn take_changes(rest: &mut &[u8], numbers: &mut Vec<u64>, count: usize) -> Option<()> {
    // Numbers that did not change take a bit each, and that has to be there.
    if count.div_ceil(8) > rest.len() {
        return None;
    }
    numbers.truncate(count);
    let known = numbers.len();
    numbers.resize(count, 0);
    let mut at = 0;
    for eight in numbers.chunks_mut(8) {
        let flags = take_byte(rest)?;
        for (bit, number) in eight.iter_mut().enumerate() {
            if flags >> bit & 1 == 1 {
                *number = take(rest)?;
            } else if at + bit >= known {
                return None;
            }
        }
        at += 8;
    }
    Some(())
}

fn take_texts<'a>(rest: &mut &'a [u8]) -> Option<Vec<&'a str>> {
    let count = take_count(rest)?;
    let lengths: Vec<usize> = (0..count).map(|_| take_count(rest)).collect::<Option<_>>()?;
    let mut texts = Vec::with_capacity(count);
    for length in lengths {
        let (text, after) = rest.split_at_checked(length)?;
        texts.push(std::str::from_utf8(text).ok()?);
        *rest = after;
    }
    Some(texts)
}

/// A number of things of which each takes a byte at least.
fn take_count(rest: &mut &[u8]) -> Option<usize> {
    let count = usize::try_from(take(rest)?).ok()?;
    (count <= rest.len()).then_some(count)
}

fn take_byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, after) = rest.split_first()?;
    *rest = after;
    Some(*byte)
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn take_signed(rest: &mut &[u8]) -> Option<i64> {
    let number = take(rest)?;
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telemetry::LogRecord;

    use super::*;

    fn record(n: i64) -> LogRecord {
        let pair = |key: &str, value: String| (key.into(), value.into());
        LogRecord {
            ts: Timestamp::from_micros(1_790_000_000_000_000 + n * 1_000),
            ts_ns_rem: (n % 1_000) as i16,
            service: Some("checkout".into()),
            host: Some(format!("host-{}", n / 100).into()),
            severity: Some("INFO".into()),
            trace_id: (n % 2 == 0).then(|| format!("{:032x}", n / 10).into()),
            body: format!("request {n} took {}ms", n % 77).into(),
            attrs: vec![pair("pod", format!("p{}", n / 100)), pair("thread", (n % 9).to_string())],
            ..LogRecord::default()
        }
    }

    fn encoded(records: &[LogRecord]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&records.iter().collect(), &mut out);
        out
    }

    #[test]
    fn a_record_of_a_known_place_is_little_more_than_its_text() {
        let records: Vec<LogRecord> = (0..1_000).map(record).collect();
        let text: usize = records.iter().map(|record| record.body.len()).sum();
        let out = encoded(&records);
        assert!(out.len() < text + records.len() * 16, "{} bytes for {text} of text", out.len());
        assert_eq!(decode(1, &out).unwrap().records().collect::<Vec<_>>(), records);
    }

    #[test]
    fn a_row_like_the_one_before_takes_a_bit_for_each_word() {
        let attrs = (0..40).map(|n| (format!("k{n}").into(), "v".into())).collect();
        let record = LogRecord { attrs, ..record(0) };
        let [one, two] = [1, 2].map(|count| encoded(&vec![record.clone(); count]));
        assert!(two.len() - one.len() < record.body.len() + 20);
        assert_eq!(decode(1, &two).unwrap().records().collect::<Vec<_>>(), [record.clone(), record]);
    }

    #[test]
    fn cut_records_are_errors() {
        let out = encoded(&[record(0), record(1), LogRecord::default()]);
        for length in 0..out.len() {
            assert!(decode(1, &out[..length]).is_err(), "cut to {length}");
        }
        assert!(decode(1, &[&out[..], &[0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn any_records_read_back(
            rows in prop::collection::vec(
                (any::<i64>(), any::<i16>(), prop::option::of("\\PC{0,3}"), "\\PC{0,9}", 0_usize..12),
                0..12,
            )
        ) {
            let records: Vec<LogRecord> = rows
                .into_iter()
                .map(|(micros, ts_ns_rem, span_id, body, attrs)| LogRecord {
                    ts: Timestamp::from_micros(micros),
                    ts_ns_rem,
                    span_id: span_id.map(Into::into),
                    body: body.clone().into(),
                    attrs: (0..attrs).map(|n| (n.to_string().into(), body.as_str().into())).collect(),
                    ..LogRecord::default()
                })
                .collect();
            let read = decode(1, &encoded(&records)).unwrap();
            prop_assert_eq!(read.records().collect::<Vec<_>>(), records);
        }

        #[test]
        fn damage_is_an_error_or_other_records(at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let mut out = encoded(&[record(0), record(1), record(2)]);
            let at = at.index(out.len());
            out[at] ^= flip;
            if let Ok(rows) = decode(1, &out) {
                prop_assert!(rows.len() <= out.len());
            }
        }
    }
}
