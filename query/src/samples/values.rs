//! Values of a row group of a compacted file, read forwards: pages without wanted rows stay packed, and
//! of the others only wanted rows are decoded.
//!
//! A query for few series spends its time here, so pages are unpacked in a thread's own zstd context and
//! one buffer instead of through the Parquet library's column reader, which makes a context for each
//! column chunk and cannot begin within a page of byte planes. It reads what our writer makes of
//! values: pages of doubles without NULLs, plain, in byte planes, or as indexes of a byte into a
//! dictionary. Other column chunks are left to it
//! ([`columns`](super::columns)).

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::basic::{Compression, Encoding, Type};
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::parquet::file::page_index::offset_index::PageLocation;
use datafusion::parquet::file::reader::ChunkReader;
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use zstd::bulk::Decompressor;

use super::input::Input;

const VALUE_BYTES: usize = size_of::<f64>();
/// Rows that are put together from byte planes at a time.
const BLOCK_ROWS: usize = 512;

thread_local! {
    static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(super) struct ValuePages {
    input: Input,
    metadata: Arc<ParquetMetaData>,
    group: usize,
    leaf: usize,
    /// Rows of the page that is unpacked; none at first.
    rows: Range<usize>,
    encoding: Encoding,
    content: Vec<u8>,
    /// Where the indexes of the page begin.
    indexes: usize,
    /// Empty until a page needs it.
    dictionary: Vec<f64>,
}

impl ValuePages {
    /// `None` where the column chunk is not made as our writer makes it.
    pub(super) fn open(
        input: &Input,
        metadata: &Arc<ParquetMetaData>,
        group: usize,
        leaf: usize,
    ) -> Option<ValuePages> {
        let column = metadata.row_group(group).column(leaf);
        let described = column.column_descr();
        let is_ours = described.physical_type() == Type::DOUBLE
            && (described.max_def_level(), described.max_rep_level()) == (0, 0)
            && matches!(column.compression(), Compression::ZSTD(_))
            && column.encodings().all(|encoding| {
                matches!(
                    encoding,
                    Encoding::PLAIN | Encoding::BYTE_STREAM_SPLIT | Encoding::RLE | Encoding::RLE_DICTIONARY
                )
            });
        // Checked once, for `locations`.
        metadata.offset_index()?.get(group)?.get(leaf)?;
        is_ours.then(|| ValuePages {
            input: input.clone(),
            metadata: metadata.clone(),
            group,
            leaf,
            rows: 0..0,
            encoding: Encoding::PLAIN,
            content: Vec::new(),
            indexes: 0,
            dictionary: Vec::new(),
        })
    }

    /// Appends ascending ranges of rows, and tells `found` in turn where each begins.
    pub(super) fn read_all(
        &mut self,
        ranges: impl Iterator<Item = Range<usize>>,
        into: &mut Vec<f64>,
        mut found: impl FnMut(usize),
    ) -> Result<()> {
        for range in ranges {
            found(into.len());
            self.read(range, into)?;
        }
        Ok(())
    }

    fn read(&mut self, rows: Range<usize>, into: &mut Vec<f64>) -> Result<()> {
        let mut start = rows.start;
        while start < rows.end {
            if !self.rows.contains(&start) {
                self.unpack(start)?;
            }
            let end = rows.end.min(self.rows.end);
            let within = start - self.rows.start..end - self.rows.start;
            match self.encoding {
                Encoding::BYTE_STREAM_SPLIT => append_planes(&self.content, within, into),
                Encoding::RLE_DICTIONARY => {
                    let indexes = &self.content[self.indexes + within.start..self.indexes + within.end];
                    append_indexed(indexes, &self.dictionary, into)?;
                }
                _ => append_plain(&self.content, within, into),
            }
            start = end;
        }
        Ok(())
    }

    /// Unpacks the page that holds a row.
    fn unpack(&mut self, row: usize) -> Result<()> {
        // Until it succeeds, none is unpacked.
        self.rows = 0..0;
        let group = self.metadata.row_group(self.group);
        let locations = self.locations()?;
        let number = locations.partition_point(|page| page.first_row_index as usize <= row);
        let next = locations.get(number).map_or(group.num_rows(), |page| page.first_row_index) as usize;
        let Some(location) = number.checked_sub(1).map(|at| &locations[at]).filter(|_| row < next) else {
            return Err(ParquetError::EOF("a column has fewer rows than its row group".to_owned()));
        };
        let rows = location.first_row_index as usize..next;
        let length = usize::try_from(location.compressed_page_size)?;
        let packed = self.input.get_bytes(location.offset as u64, length)?;
        let Page::DataPageV2 { buf, num_values, encoding, is_compressed, .. } =
            packed_page(packed, group.column(self.leaf))?
        else {
            return Err(ParquetError::General("a page of values is of an old version".to_owned()));
        };
        let bytes_max = rows.len() * VALUE_BYTES + INDEXES_BEGIN_MAX;
        self.content.clear();
        if is_compressed {
            self.content.reserve(bytes_max);
            unpack_zstd(&buf, &mut self.content)?;
        } else {
            self.content.extend_from_slice(&buf);
        }
        let is_whole = match encoding {
            Encoding::PLAIN | Encoding::BYTE_STREAM_SPLIT => self.content.len() == rows.len() * VALUE_BYTES,
            Encoding::RLE_DICTIONARY => {
                if self.dictionary.is_empty() {
                    self.dictionary = self.read_dictionary()?;
                }
                let begin = indexes_begin(&self.content, rows.len());
                self.indexes = begin.unwrap_or_default();
                begin.is_some()
            }
            _ => false,
        };
        if !is_whole || num_values as usize != rows.len() {
            return Err(ParquetError::General(format!(
                "a page of {} rows has {num_values} values in {} bytes of {encoding}",
                rows.len(),
                self.content.len()
            )));
        }
        (self.rows, self.encoding) = (rows, encoding);
        Ok(())
    }

    fn read_dictionary(&self) -> Result<Vec<f64>> {
        let column = self.metadata.row_group(self.group).column(self.leaf);
        let Some(begin) = column.dictionary_page_offset() else {
            return Err(ParquetError::General("a page of values is without its dictionary".to_owned()));
        };
        let length = usize::try_from(column.data_page_offset() - begin)?;
        let packed = self.input.get_bytes(u64::try_from(begin)?, length)?;
        let Page::DictionaryPage { buf, num_values, .. } = packed_page(packed, column)? else {
            return Err(ParquetError::General(
                "a page of values stands where its dictionary should".to_owned(),
            ));
        };
        let (mut content, mut values) = (Vec::new(), Vec::new());
        content.reserve(num_values as usize * VALUE_BYTES);
        unpack_zstd(&buf, &mut content)?;
        append_plain(&content, 0..content.len() / VALUE_BYTES, &mut values);
        Ok(values)
    }

    fn locations(&self) -> Result<&[PageLocation]> {
        let index = self.metadata.offset_index().and_then(|index| index.get(self.group)?.get(self.leaf));
        let index =
            index.ok_or_else(|| ParquetError::General("a column has no index of pages".to_owned()))?;
        Ok(index.page_locations())
    }
}

/// A page that stands alone, header and content, with its content as it is stored.
fn packed_page(page: Bytes, column: &ColumnChunkMetaData) -> Result<Page> {
    let length = page.len();
    let alone = ColumnChunkMetaData::builder(column.column_descr_ptr())
        .set_compression(Compression::UNCOMPRESSED)
        .set_data_page_offset(0)
        .set_total_compressed_size(i64::try_from(length)?)
        .build()?;
    let page = SerializedPageReader::new(Arc::new(page), &alone, 0, None)?.get_next_page()?;
    page.ok_or_else(|| ParquetError::EOF("a page of values is empty".to_owned()))
}

/// As much as there is room for.
fn unpack_zstd(packed: &[u8], into: &mut Vec<u8>) -> Result<()> {
    ZSTD.with_borrow_mut(|kept| {
        let zstd = match kept {
            Some(zstd) => zstd,
            None => kept.insert(Decompressor::new()?),
        };
        zstd.decompress_to_buffer(packed, into)?;
        Ok(())
    })
}

fn append_plain(content: &[u8], rows: Range<usize>, into: &mut Vec<f64>) {
    let (values, _) = content[rows.start * VALUE_BYTES..rows.end * VALUE_BYTES].as_chunks::<VALUE_BYTES>();
    into.extend(values.iter().map(|bytes| f64::from_le_bytes(*bytes)));
}

/// Of a page of indexes: how wide they are, and how many eights of them are packed in one run.
const INDEXES_BEGIN_MAX: usize = 1 + 5;

/// Where the indexes of a page begin; `None` unless it is one run of them, a byte each.
fn indexes_begin(content: &[u8], rows: usize) -> Option<usize> {
    let mut rest = content.strip_prefix(&[8])?;
    let (mut number, mut shift) = (0_u64, 0);
    while shift < 35 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let indexes = number & 1 == 1 && number >> 1 == rows.div_ceil(8) as u64 && rest.len() >= rows;
    indexes.then_some(content.len() - rest.len())
}

fn append_indexed(indexes: &[u8], dictionary: &[f64], into: &mut Vec<f64>) -> Result<()> {
    let mut values = [0.0; 256];
    let Some(known) = values.get_mut(..dictionary.len()) else {
        return Err(ParquetError::General("a dictionary of values has more than a byte tells".to_owned()));
    };
    known.copy_from_slice(dictionary);
    let (greatest, size) = (indexes.iter().max().copied().unwrap_or_default(), dictionary.len());
    if usize::from(greatest) >= size {
        return Err(ParquetError::General(format!("value {greatest} of a dictionary with {size}")));
    }
    into.extend(indexes.iter().map(|index| values[usize::from(*index)]));
    Ok(())
}

/// All lowest bytes come first, then all second ones, and so on. Planes of nothing but zeros, which
/// small whole numbers have, are passed over.
fn append_planes(content: &[u8], rows: Range<usize>, into: &mut Vec<f64>) {
    let count = content.len() / VALUE_BYTES;
    let mut bits = [0_u64; BLOCK_ROWS];
    let mut start = rows.start;
    into.reserve(rows.len());
    while start < rows.end {
        let end = rows.end.min(start + BLOCK_ROWS);
        let block = &mut bits[..end - start];
        block.fill(0);
        for plane in 0..VALUE_BYTES {
            let bytes = &content[plane * count + start..plane * count + end];
            if bytes.iter().fold(0, |all, byte| all | byte) == 0 {
                continue;
            }
            for (bits, byte) in block.iter_mut().zip(bytes) {
                *bits |= u64::from(*byte) << (8 * plane);
            }
        }
        into.extend(block.iter().map(|bits| f64::from_bits(*bits)));
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn indexes_are_one_run_of_bytes() {
        let page = [&[8, 5][..], &[1, 0, 2, 2, 1, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(indexes_begin(&page, 9), Some(2));
        // Of another length, cut off, and of other widths and runs.
        for (content, rows) in
            [(&page[..], 8), (&page[..10], 9), (&[7, 5, 0][..], 9), (&[8, 18, 0], 9), (&[8], 0)]
        {
            assert_eq!(indexes_begin(content, rows), None, "{content:?}");
        }
        let mut values = vec![7.0];
        append_indexed(&page[4..7], &[1.0, -0.0, f64::INFINITY], &mut values).unwrap();
        assert_eq!(values, [7.0, f64::INFINITY, f64::INFINITY, 0.0]);
        assert!(append_indexed(&page[4..7], &[1.0, 2.0], &mut values).is_err());
    }

    proptest! {
        #[test]
        fn rows_of_either_encoding_come_bit_by_bit(
            bits in prop::collection::vec(prop_oneof![any::<u64>(), (0_u64..200).prop_map(|n| (n as f64).to_bits())], 1..1_500),
            ends in (0.0..1.0, 0.0..1.0),
        ) {
            let at = |share: f64| (share * bits.len() as f64) as usize;
            let rows = at(ends.0).min(at(ends.1))..at(ends.0).max(at(ends.1));
            let plain: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
            let planes: Vec<u8> =
                (0..8).flat_map(|plane| bits.iter().map(move |bits| bits.to_le_bytes()[plane])).collect();
            let (mut from_plain, mut from_planes) = (vec![0.5], vec![0.5]);
            append_plain(&plain, rows.clone(), &mut from_plain);
            append_planes(&planes, rows.clone(), &mut from_planes);
            for found in [from_plain, from_planes] {
                let found: Vec<u64> = found[1..].iter().map(|value| value.to_bits()).collect();
                prop_assert_eq!(&found, &bits[rows.clone()]);
            }
        }
    }
}
