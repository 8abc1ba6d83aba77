//! Samples in a record: columns without a schema, because they are most of the log.
//!
//! Little endian: `runs u32`, `shape u8`, a series number (i64) per run, a length (u32) per run unless
//! every run is one sample, `first time i64` (µs), times unless all are equal, values (f64, bit by
//! bit). Times are milliseconds after the first (i32) where that is exact, otherwise microseconds
//! (i64). Values are not compressed: that would cost more processor time than it saves disk.

use crate::buffer::samples::SampleRow;
use crate::error::LakeError;
use crate::series::SeriesIndex;
use crate::series::sequence::Sequence;

use super::payload::{Moved, unreadable};

/// Every run is one sample.
const ONE_EACH: u8 = 1;
/// All samples have the first one's time.
const ONE_TIME: u8 = 2;
/// Times are milliseconds after the first.
const MILLIS: u8 = 4;

const MICROS_PER_MILLI: i64 = 1_000;

fn millis_after(first: i64, ts: i64) -> Option<i32> {
    let micros = ts.checked_sub(first)?;
    let whole = micros % MICROS_PER_MILLI == 0;
    i32::try_from(micros / MICROS_PER_MILLI).ok().filter(|_| whole)
}

/// Appends rows, at least one.
pub fn encode(rows: &[SampleRow], index: &SeriesIndex, out: &mut Vec<u8>) {
    let runs = || rows.chunk_by(|a, b| a.slot == b.slot);
    let first = rows.first().map_or(0, |row| row.ts);
    let run_count = runs().count();
    let mut shape = 0;
    if run_count == rows.len() {
        shape |= ONE_EACH;
    }
    if rows.iter().all(|row| row.ts == first) {
        shape |= ONE_TIME;
    } else if rows.iter().all(|row| millis_after(first, row.ts).is_some()) {
        shape |= MILLIS;
    }
    out.reserve(13 + rows.len() * 28);
    out.extend_from_slice(&(run_count as u32).to_le_bytes());
    out.push(shape);
    let cells = index.cells();
    for run in runs() {
        out.extend_from_slice(&cells.of(run[0].slot).id().to_le_bytes());
    }
    drop(cells);
    if shape & ONE_EACH == 0 {
        runs().for_each(|run| out.extend_from_slice(&(run.len() as u32).to_le_bytes()));
    }
    out.extend_from_slice(&first.to_le_bytes());
    if shape & MILLIS != 0 {
        for row in rows {
            // The difference fits, as was seen above.
            let millis = ((row.ts - first) / MICROS_PER_MILLI) as i32;
            out.extend_from_slice(&millis.to_le_bytes());
        }
    } else if shape & ONE_TIME == 0 {
        rows.iter().for_each(|row| out.extend_from_slice(&row.ts.to_le_bytes()));
    }
    rows.iter().for_each(|row| out.extend_from_slice(&row.value.to_bits().to_le_bytes()));
}

/// Reads what [`encode`] wrote.
pub fn decode(
    position: i64,
    content: &[u8],
    index: &SeriesIndex,
    moved: &Moved,
    sequence: &mut Sequence,
) -> Result<Vec<SampleRow>, LakeError> {
    let cut = || unreadable(position, "samples are cut off");
    let (runs, rest) = content.split_first_chunk::<4>().ok_or_else(cut)?;
    let (shape, rest) = rest.split_first().ok_or_else(cut)?;
    let runs = u32::from_le_bytes(*runs) as usize;
    let (ids, rest) = column::<8>(rest, runs).ok_or_else(cut)?;
    let slots = index
        .slots_in_sequence(ids.iter().map(|bytes| moved.now(i64::from_le_bytes(*bytes))), sequence)
        .map_err(|id| unreadable(position, format!("series {id} was never defined")))?;
    let (lengths, rest) = match shape & ONE_EACH {
        0 => column::<4>(rest, runs).ok_or_else(cut)?,
        _ => (&[][..], rest),
    };
    let length_of = |run: usize| lengths.get(run).map_or(1, |bytes| u32::from_le_bytes(*bytes) as usize);
    let row_count: usize = (0..runs).map(length_of).sum();
    let (first, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let first = i64::from_le_bytes(*first);
    let (times, rest) = if shape & ONE_TIME != 0 {
        (Times::One(first), rest)
    } else if shape & MILLIS != 0 {
        let (times, rest) = column::<4>(rest, row_count).ok_or_else(cut)?;
        (Times::Millis(first, times), rest)
    } else {
        let (times, rest) = column::<8>(rest, row_count).ok_or_else(cut)?;
        (Times::Micros(times), rest)
    };
    let (values, rest) = column::<8>(rest, row_count).ok_or_else(cut)?;
    if !rest.is_empty() {
        return Err(unreadable(position, "bytes follow the last sample"));
    }
    let row = |slot: u32, at: usize, bits: &[u8; 8]| SampleRow {
        slot,
        ts: times.at(at),
        value: f64::from_bits(u64::from_le_bytes(*bits)),
    };
    let numbered = values.iter().enumerate();
    if shape & ONE_EACH != 0 {
        return Ok(slots.iter().zip(numbered).map(|(slot, (at, bits))| row(*slot, at, bits)).collect());
    }
    let mut rows = Vec::with_capacity(row_count);
    let mut numbered = numbered;
    for (run, slot) in slots.iter().enumerate() {
        rows.extend(numbered.by_ref().take(length_of(run)).map(|(at, bits)| row(*slot, at, bits)));
    }
    Ok(rows)
}

/// The times of all samples, as they stand in the record.
enum Times<'a> {
    One(i64),
    Millis(i64, &'a [[u8; 4]]),
    Micros(&'a [[u8; 8]]),
}

impl Times<'_> {
    fn at(&self, row: usize) -> i64 {
        match self {
            Times::One(time) => *time,
            Times::Millis(first, after) => {
                first.wrapping_add(i64::from(i32::from_le_bytes(after[row])) * MICROS_PER_MILLI)
            }
            Times::Micros(times) => i64::from_le_bytes(times[row]),
        }
    }
}

/// The next `count` numbers of `N` bytes, and the rest.
fn column<const N: usize>(bytes: &[u8], count: usize) -> Option<(&[[u8; N]], &[u8])> {
    let (column, rest) = bytes.split_at_checked(count.checked_mul(N)?)?;
    let (numbers, _) = column.as_chunks::<N>();
    Some((numbers, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telemetry::{Labels, SeriesMeta};

    use super::*;
    use crate::series::limits::SeriesLimits;

    fn index_of(series: u32) -> SeriesIndex {
        let index = SeriesIndex::default();
        let sets: Vec<Labels> = (0..series).map(|at| Labels::new([("a", at.to_string())]).unwrap()).collect();
        let meta = SeriesMeta::default();
        index.resolve(sets.iter().map(|set| (set, &meta)), "test", &SeriesLimits::NONE);
        index
    }

    fn check(rows: &[SampleRow], bytes_max: usize) {
        let index = index_of(8);
        let mut out = Vec::new();
        encode(rows, &index, &mut out);
        assert!(out.len() <= bytes_max, "{} bytes", out.len());
        let read = decode(1, &out, &index, &Moved::default(), &mut Sequence::default()).unwrap();
        let bits = |row: &SampleRow| (row.slot, row.ts, row.value.to_bits());
        assert_eq!(read.iter().map(bits).collect::<Vec<_>>(), rows.iter().map(bits).collect::<Vec<_>>());
        for length in 0..out.len() {
            assert!(
                decode(1, &out[..length], &index, &Moved::default(), &mut Sequence::default()).is_err(),
                "cut to {length}"
            );
        }
    }

    #[test]
    fn common_shapes_are_small_and_all_read_back() {
        let row = |slot, ts| SampleRow { slot, ts, value: f64::from_bits(0x7ff0_0000_0000_0002) };
        check(&[row(0, 5), row(1, 5), row(2, 5)], 13 + 3 * 16);
        check(&[row(0, 5_000), row(0, 6_000), row(1, 5_000)], 13 + 2 * 12 + 3 * 12);
        check(&[row(0, 1), row(0, 2), row(0, i64::MIN), row(0, i64::MAX)], 13 + 12 + 4 * 16);
    }

    proptest! {
        #[test]
        fn any_rows_read_back(
            rows in prop::collection::vec((0_u32..8, any::<i64>(), any::<u64>()), 1..20)
        ) {
            let row = |&(slot, ts, bits): &(u32, i64, u64)| SampleRow { slot, ts, value: f64::from_bits(bits) };
            let rows: Vec<SampleRow> = rows.iter().map(row).collect();
            check(&rows, usize::MAX);
        }
    }
}
