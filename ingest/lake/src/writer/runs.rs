//! Columns of sorted samples in which a value stands for many rows: names of metrics, and ids of series.
//! They are encoded run by run and not row by row: a dictionary of the runs' values, and how often each.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use parquet::basic::{BoundaryOrder, Encoding, Type};
use parquet::column::page::{CompressedPage, Page};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::chunk::{Bounds, ChunkWriter, ColumnChunk, data_page};

/// Neighbouring rows of equal value. No value occurs in two runs.
#[derive(Debug, Default, PartialEq)]
pub struct Runs<V> {
    pub values: Vec<V>,
    /// Where the rows of each value end.
    pub ends: Vec<usize>,
}

/// What a required column may hold.
pub trait RunValue: Copy + PartialEq {
    const TYPE: Type;
    /// Whether the values of sorted samples ascend throughout a row group.
    const ASCENDS: bool;
    /// Appends the value as in a page with the encoding PLAIN.
    fn put_plain(self, page: &mut Vec<u8>);
    /// The value as bounds of pages are written.
    fn bound(self) -> Vec<u8>;
    fn statistics(least: Self, greatest: Self) -> Statistics;
    fn least_and_greatest(values: &[Self]) -> Option<(Self, Self)>;
}

impl RunValue for &str {
    const TYPE: Type = Type::BYTE_ARRAY;
    const ASCENDS: bool = true;

    fn put_plain(self, page: &mut Vec<u8>) {
        page.extend((self.len() as u32).to_le_bytes());
        page.extend(self.as_bytes());
    }

    fn bound(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn statistics(least: &str, greatest: &str) -> Statistics {
        let bound = |text: &str| Some(ByteArray::from(text));
        Statistics::byte_array(bound(least), bound(greatest), None, Some(0), false)
    }

    fn least_and_greatest(values: &[Self]) -> Option<(Self, Self)> {
        Some((*values.first()?, *values.last()?))
    }
}

impl RunValue for i64 {
    const TYPE: Type = Type::INT64;
    /// Only within a metric.
    const ASCENDS: bool = false;

    fn put_plain(self, page: &mut Vec<u8>) {
        page.extend(self.to_le_bytes());
    }

    fn bound(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }

    fn statistics(least: i64, greatest: i64) -> Statistics {
        Statistics::int64(Some(least), Some(greatest), None, Some(0), false)
    }

    fn least_and_greatest(values: &[Self]) -> Option<(Self, Self)> {
        Some((*values.iter().min()?, *values.iter().max()?))
    }
}

impl Runs<i64> {
    /// Each row's value.
    pub fn repeated(&self) -> ArrayRef {
        let mut values = Vec::with_capacity(self.rows());
        for (value, end) in self.values.iter().zip(&self.ends) {
            values.resize(*end, *value);
        }
        Arc::new(Int64Array::from(values))
    }
}

impl<V: RunValue> Runs<V> {
    /// The rows up to `end` have this value; those before the end of the last run keep theirs.
    pub fn extend_to(&mut self, value: V, end: usize) {
        match (self.values.last(), self.ends.last_mut()) {
            (Some(last), Some(last_end)) if *last == value => *last_end = end,
            _ => {
                self.values.push(value);
                self.ends.push(end);
            }
        }
    }

    /// Whether a dictionary and runs take less room than the values.
    pub fn are_long(&self) -> bool {
        2 * self.values.len() <= self.rows()
    }

    pub fn rows(&self) -> usize {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Encodes the column in pages of so many rows.
    pub fn encode(
        &self,
        column: ColumnDescPtr,
        page_rows: usize,
        zstd_level: i32,
    ) -> Result<ColumnChunk, ParquetError> {
        let mut writer = ChunkWriter::new(column, zstd_level);
        writer.push(self.dictionary(zstd_level)?)?;
        let mut page_bounds = ColumnIndexBuilder::new(V::TYPE);
        let mut begin = 0;
        while begin < self.rows() {
            let rows = begin..(begin + page_rows).min(self.rows());
            begin = rows.end;
            let runs = self.runs_of(&rows);
            if let Some((least, greatest)) = V::least_and_greatest(&self.values[runs.clone()]) {
                page_bounds.append(false, least.bound(), greatest.bound(), 0);
            }
            writer.push(self.page(rows, runs, zstd_level)?)?;
        }
        if V::ASCENDS {
            page_bounds.set_boundary_order(BoundaryOrder::ASCENDING);
        }
        let bounds = V::least_and_greatest(&self.values)
            .map(|(least, greatest)| Bounds { pages: page_bounds, chunk: V::statistics(least, greatest) });
        writer.finish(bounds)
    }

    fn dictionary(&self, zstd_level: i32) -> Result<CompressedPage, ParquetError> {
        let mut plain = Vec::new();
        self.values.iter().for_each(|value| value.put_plain(&mut plain));
        let page = Page::DictionaryPage {
            buf: zstd::bulk::compress(&plain, zstd_level)?.into(),
            num_values: self.values.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: V::ASCENDS,
        };
        Ok(CompressedPage::new(page, plain.len()))
    }

    /// The runs that have some of the rows.
    fn runs_of(&self, rows: &Range<usize>) -> Range<usize> {
        self.ends.partition_point(|end| *end <= rows.start)
            ..self.ends.partition_point(|end| *end < rows.end) + 1
    }

    fn page(
        &self,
        rows: Range<usize>,
        runs: Range<usize>,
        zstd_level: i32,
    ) -> Result<CompressedPage, ParquetError> {
        let bits = bits_for(self.values.len());
        let mut indexes = IndexEncoder { content: vec![bits as u8], bits, literals: Vec::new() };
        let (row_count, mut begin) = (rows.len(), rows.start);
        for run in runs {
            let end = self.ends[run].min(rows.end);
            indexes.put(run as u32, end - begin);
            begin = end;
        }
        let content = indexes.finish();
        let bytes = content.len();
        let compressed = zstd::bulk::compress(&content, zstd_level)?;
        let is_smaller = compressed.len() < bytes;
        let content = if is_smaller { compressed } else { content };
        Ok(data_page(row_count, Encoding::RLE_DICTIONARY, content, is_smaller, bytes))
    }
}

/// Bits of the greatest index into so many values.
fn bits_for(values: usize) -> u32 {
    usize::BITS - values.saturating_sub(1).leading_zeros()
}

/// Indexes into a dictionary in Parquet's hybrid of runs and packed bits.
struct IndexEncoder {
    content: Vec<u8>,
    bits: u32,
    /// Indexes that are packed, in eights.
    literals: Vec<u32>,
}

/// Packed at once; more would need longer headers.
const LITERALS_MAX: usize = 63 * 8;

impl IndexEncoder {
    fn put(&mut self, index: u32, mut times: usize) {
        // What was begun is filled up first; a short rest is packed, too.
        let missing = (8 - self.literals.len() % 8) % 8;
        let literal = if times < 8 + missing { times } else { missing };
        self.put_literals(index, literal);
        times -= literal;
        if times > 0 {
            self.pack();
            self.put_number((times as u64) << 1);
            let bytes = self.bits.div_ceil(8) as usize;
            self.content.extend(&index.to_le_bytes()[..bytes]);
        }
    }

    fn put_literals(&mut self, index: u32, times: usize) {
        for _ in 0..times {
            self.literals.push(index);
            if self.literals.len() == LITERALS_MAX {
                self.pack();
            }
        }
    }

    /// Writes the literals; the last eight may be incomplete only at the end of a page.
    fn pack(&mut self) {
        if self.literals.is_empty() {
            return;
        }
        let eights = self.literals.len().div_ceil(8);
        self.put_number((eights as u64) << 1 | 1);
        self.literals.resize(8 * eights, 0);
        let (mut buffer, mut filled) = (0_u64, 0);
        for index in self.literals.drain(..) {
            buffer |= u64::from(index) << filled;
            filled += self.bits;
            while filled >= 8 {
                self.content.push(buffer as u8);
                buffer >>= 8;
                filled -= 8;
            }
        }
    }

    /// Seven bits a byte, the lowest first.
    fn put_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.content.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.content.push(number as u8);
    }

    fn finish(mut self) -> Vec<u8> {
        self.pack();
        self.content
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Float64Array, RecordBatch, StringArray};
    use arrow::datatypes::Int64Type;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use proptest::prelude::*;

    use crate::columns;
    use crate::file::FileKind;
    use crate::schema::Table;
    use crate::writer::{Effort, FileWriter};

    use super::*;

    #[test]
    fn indexes_need_as_many_bits_as_the_greatest_of_them() {
        assert_eq!([1, 2, 3, 4, 5, 256, 257].map(bits_for), [0, 1, 2, 2, 3, 8, 9]);
    }

    /// How many rows each series has; a metric has up to three series.
    fn lengths() -> impl Strategy<Value = Vec<usize>> {
        let length = prop_oneof![4 => 1_usize..9, 2 => 1_usize..60, 1 => 9_000_usize..20_000];
        proptest::collection::vec(length, 1..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_encoded_run_by_run_reads_back_row_by_row(lengths in lengths(), is_flush in any::<bool>()) {
            let rows = |of: fn(usize) -> i64| lengths.iter().enumerate().flat_map(move |(series, length)| std::iter::repeat_n(of(series), *length));
            let metrics: Vec<String> = rows(|series| series as i64 / 3).map(|metric| format!("metric_{metric:03}")).collect();
            let ids: Vec<i64> = rows(|series| (series as i64 * 7_919) % 1_009).collect();
            let count = ids.len() as i64;
            let batch = RecordBatch::try_new(Table::MetricSamples.file_schema(), vec![
                Arc::new(StringArray::from(metrics.clone())),
                Arc::new(Int64Array::from(ids.clone())),
                columns::timestamps(0..count),
                Arc::new(Float64Array::from_iter_values((0..count).map(|row| row as f64))),
            ]).unwrap();
            let mut writer = FileWriter::new(Table::MetricSamples, if is_flush { Effort::Flush } else { Effort::Hour }).unwrap();
            writer.write(&batch).unwrap();
            let content = writer.finish("1970-01-01", FileKind::Hour, 1).unwrap().content;
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content)).unwrap().build().unwrap();
            let (mut metrics_read, mut ids_read) = (Vec::new(), Vec::<i64>::new());
            for batch in reader {
                let batch = batch.unwrap();
                metrics_read.extend(batch.column(0).as_string::<i32>().iter().map(|metric| metric.unwrap().to_owned()));
                ids_read.extend(batch.column(1).as_primitive::<Int64Type>().values());
            }
            prop_assert_eq!(metrics_read, metrics);
            prop_assert_eq!(ids_read, ids);
        }
    }
}
