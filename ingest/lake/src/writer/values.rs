//! The values of sorted samples as a column chunk, in pages that suit them.
//!
//! Counters and measured floats shrink most as byte planes (BYTE_STREAM_SPLIT), values that come back
//! again and again most when written plainly, and few values as indexes into a [`dictionary`]. A page of planes is compressed with one zstd block per
//! plane: sign and exponent, the middle and the noise at the end have nothing in common, and a shared
//! Huffman table costs a tenth. To a reader that is an ordinary zstd frame of several blocks.
//!
//! A page holds one metric where that has enough rows, because values of different metrics have nothing
//! in common either. Of a metric with many rows it holds about as many as a series has in a day, because
//! queries for one series unpack all of it, unless that costs more than [`SMALL_PAGES_COST`]: then values
//! come back after a long time, and all of the metric's rows are one page.
//!
//! Every bit pattern comes back, NaNs included. There are no statistics of pages.

mod dictionary;

use parquet::basic::Encoding;
use parquet::column::page::CompressedPage;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;
use zstd::stream::raw::{Encoder, InBuffer, Operation, OutBuffer};

use super::chunk::{ChunkWriter, ColumnChunk, data_page};
use dictionary::Dictionary;

const VALUE_BYTES: usize = size_of::<f64>();

/// What small pages of a metric with many rows may cost: a byte for so many rows, which is a bit a row.
const SMALL_PAGES_COST: usize = 8;

/// What values are worth.
#[derive(Clone, Copy, Debug)]
pub struct ValueLayout {
    /// Rows of a page of a metric that has many: from this to the double of it.
    pub page_rows_small: usize,
    /// Rows of most other pages: from this to the double of it.
    pub page_rows: usize,
    /// Rows of the largest pages.
    pub page_rows_max: usize,
    /// With what the alternatives are compared ...
    pub probe_zstd_level: i32,
    /// ... and the best of them is written.
    pub zstd_level: i32,
}

/// Encodes a required DOUBLE column. `starts` are the rows, ascending, where another metric begins.
pub fn encode(
    column: ColumnDescPtr,
    values: &[f64],
    starts: &[usize],
    layout: ValueLayout,
) -> Result<ColumnChunk, ParquetError> {
    let mut compressor = Compressor::new(layout)?;
    let mut pages = Vec::new();
    let mut begin = 0;
    for end in stretches(values.len(), starts, layout) {
        pages.extend(compressor.pages(&values[begin..end])?);
        begin = end;
    }
    let mut writer = ChunkWriter::new(column, layout.zstd_level);
    if pages.iter().any(|page| page.encoding() == Encoding::RLE_DICTIONARY) {
        writer.push(compressor.dictionary.page(layout.zstd_level)?)?;
    }
    pages.into_iter().try_for_each(|page| writer.push(page))?;
    writer.finish(None)
}

/// Where rows that may share a page end.
fn stretches(rows: usize, starts: &[usize], layout: ValueLayout) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut begin, mut metric_begin) = (0, 0);
    for end in starts.iter().copied().chain([rows]) {
        // Small metrics share; a large one begins anew, unless that would leave a crumb behind.
        let is_large = 3 * (end - metric_begin) >= 2 * layout.page_rows;
        if is_large && metric_begin - begin >= layout.page_rows / 3 {
            begin = metric_begin;
            ends.push(begin);
        }
        while end - begin > layout.page_rows_max {
            begin += layout.page_rows_max;
            ends.push(begin);
        }
        if end - begin >= layout.page_rows {
            begin = end;
            ends.push(begin);
        }
        metric_begin = end;
    }
    if begin < rows {
        ends.push(rows);
    }
    ends
}

/// A page's values in one encoding, compressed.
struct Tried {
    encoding: Encoding,
    content: Vec<u8>,
}

struct Compressor {
    layout: ValueLayout,
    /// Of the stretches so far that have few values.
    dictionary: Dictionary,
    probe: Encoder<'static>,
    /// Absent where the probe's result is what is written.
    thorough: Option<Encoder<'static>>,
}

impl Compressor {
    fn new(layout: ValueLayout) -> Result<Compressor, ParquetError> {
        let probe = Encoder::new(layout.probe_zstd_level)?;
        let is_final = layout.probe_zstd_level == layout.zstd_level;
        let thorough = if is_final { None } else { Some(Encoder::new(layout.zstd_level)?) };
        Ok(Compressor { layout, dictionary: Dictionary::default(), probe, thorough })
    }

    /// The pages that hold a stretch.
    fn pages(&mut self, values: &[f64]) -> Result<Vec<CompressedPage>, ParquetError> {
        let are_few = self.dictionary.admit(values);
        let mut pages = self.cut(values, are_few, values.len().max(1))?;
        if values.len() >= 2 * self.layout.page_rows {
            let small = self.cut(values, are_few, self.layout.page_rows_small)?;
            if bytes_of(&small) <= bytes_of(&pages) + values.len() / SMALL_PAGES_COST {
                pages = small;
            } else {
                let apart = self.cut(values, are_few, self.layout.page_rows)?;
                // The whole has to save a twentieth.
                if bytes_of(&pages) > bytes_of(&apart) - bytes_of(&apart) / 20 {
                    pages = apart;
                }
            }
        }
        pages.into_iter().map(|(values, tried)| self.finish(values, tried)).collect()
    }

    /// A stretch in pages of equal size, of at least so many rows each.
    fn cut<'v>(
        &mut self,
        values: &'v [f64],
        are_few: bool,
        page_rows: usize,
    ) -> Result<Vec<(&'v [f64], Tried)>, ParquetError> {
        let rows = values.len().div_ceil((values.len() / page_rows).max(1)).max(1);
        values.chunks(rows).map(|part| Ok((part, self.try_encodings(part, are_few)?))).collect()
    }

    /// The smallest, and indexes where they are not much larger: they are unpacked in half the time.
    fn try_encodings(&mut self, values: &[f64], are_few: bool) -> Result<Tried, ParquetError> {
        let mut best: Option<Tried> = None;
        for encoding in [Encoding::RLE_DICTIONARY, Encoding::BYTE_STREAM_SPLIT, Encoding::PLAIN] {
            if encoding == Encoding::RLE_DICTIONARY && !are_few {
                continue;
            }
            let (unpacked, part) = self.unpacked(values, encoding);
            let content = compress(&mut self.probe, &unpacked, part)?;
            let is_smaller = |best: &Tried| match best.encoding {
                Encoding::RLE_DICTIONARY => content.len() < best.content.len() - best.content.len() / 20,
                _ => content.len() < best.content.len(),
            };
            if best.as_ref().is_none_or(is_smaller) {
                best = Some(Tried { encoding, content });
            }
        }
        best.ok_or_else(|| ParquetError::General("a page of values has no encoding".to_owned()))
    }

    /// The content of a page, and the size of its parts that have nothing in common.
    fn unpacked(&self, values: &[f64], encoding: Encoding) -> (Vec<u8>, usize) {
        let plain = || values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        match encoding {
            Encoding::RLE_DICTIONARY => (self.dictionary.indexes_of(values), usize::MAX),
            Encoding::BYTE_STREAM_SPLIT => (split_planes(&plain()), values.len()),
            _ => (plain(), usize::MAX),
        }
    }

    fn finish(&mut self, values: &[f64], tried: Tried) -> Result<CompressedPage, ParquetError> {
        let Tried { mut encoding, mut content } = tried;
        let (mut unpacked, part) = self.unpacked(values, encoding);
        if let Some(zstd) = &mut self.thorough {
            content = compress(zstd, &unpacked, part)?;
        }
        let is_compressed = content.len() < unpacked.len();
        if !is_compressed {
            // Nothing is won by planes that are not compressed.
            if encoding == Encoding::BYTE_STREAM_SPLIT {
                encoding = Encoding::PLAIN;
                unpacked = self.unpacked(values, encoding).0;
            }
            content.clone_from(&unpacked);
        }
        Ok(data_page(values.len(), encoding, content, is_compressed, unpacked.len()))
    }
}

fn bytes_of(pages: &[(&[f64], Tried)]) -> usize {
    pages.iter().map(|(_, tried)| tried.content.len() + PAGE_BYTES).sum()
}

/// A page's header, and where the footer says that it begins.
const PAGE_BYTES: usize = 40;

/// First all lowest bytes, then all second ones, and so on.
fn split_planes(plain: &[u8]) -> Vec<u8> {
    let count = plain.len() / VALUE_BYTES;
    let mut planes = vec![0; plain.len()];
    for (row, value) in plain.chunks_exact(VALUE_BYTES).enumerate() {
        for (plane, byte) in value.iter().enumerate() {
            planes[plane * count + row] = *byte;
        }
    }
    planes
}

/// One zstd frame with a block boundary after every `part` bytes.
fn compress(zstd: &mut Encoder<'static>, content: &[u8], part: usize) -> Result<Vec<u8>, ParquetError> {
    zstd.reinit()?;
    // Readers find the size in the frame's header.
    zstd.set_pledged_src_size(Some(content.len() as u64))?;
    let mut compressed = vec![0; zstd::zstd_safe::compress_bound(content.len()) + BLOCK_HEADERS_BYTES];
    let mut output = OutBuffer::around(compressed.as_mut_slice());
    for piece in content.chunks(part.max(1)) {
        let mut input = InBuffer::around(piece);
        while input.pos() < piece.len() {
            zstd.run(&mut input, &mut output)?;
        }
        while zstd.flush(&mut output)? > 0 {}
    }
    while zstd.finish(&mut output, true)? > 0 {}
    let length = output.pos();
    compressed.truncate(length);
    Ok(compressed)
}

/// More than the blocks that are ended early can add to a frame's bound.
const BLOCK_HEADERS_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: ValueLayout = ValueLayout {
        page_rows_small: 1_024,
        page_rows: 4_096,
        page_rows_max: 16_384,
        probe_zstd_level: 3,
        zstd_level: 6,
    };

    fn pages(values: &[f64]) -> Vec<(Encoding, u32)> {
        let pages = Compressor::new(LAYOUT).unwrap().pages(values).unwrap();
        pages.iter().map(|page| (page.encoding(), page.num_values())).collect()
    }

    /// Between 1 and 2, all bits in use; splitmix64.
    fn noise(n: u64) -> f64 {
        let mut bits = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        1.0 + (bits ^ (bits >> 31)) as f64 / u64::MAX as f64
    }

    #[test]
    fn each_page_takes_the_encoding_that_suits_its_values() {
        let floats = (0..4_096).map(noise);
        let few = (0..4_096).map(|n| noise(u64::from(noise(n) > 1.5)));
        assert_eq!(pages(&floats.collect::<Vec<_>>()), [(Encoding::BYTE_STREAM_SPLIT, 4_096)]);
        let again = (0..4_096).map(|n| noise((noise(n).to_bits() >> 7) % 1_000));
        assert_eq!(pages(&few.collect::<Vec<_>>()), [(Encoding::RLE_DICTIONARY, 4_096)]);
        assert_eq!(pages(&again.collect::<Vec<_>>()), [(Encoding::PLAIN, 4_096)]);
    }

    #[test]
    fn a_page_is_large_only_where_values_come_back_after_a_long_time() {
        let one_of = |count: u64, n: u64| noise((noise(n).to_bits() >> 7) % count);
        let again: Vec<f64> = (0..12_500).map(|n| one_of(5_000, n)).collect();
        assert_eq!(pages(&again), [(Encoding::PLAIN, 12_500)]);
        // As often as a page is long: small pages lose them.
        let soon: Vec<f64> = (0..12_500).map(|n| one_of(1_000, n)).collect();
        assert!(pages(&soon).len() < 12);
    }

    #[test]
    fn a_metric_with_many_rows_has_small_pages() {
        let never: Vec<f64> = (0..12_500).map(noise).collect();
        let twelve: Vec<(Encoding, u32)> = pages(&never);
        assert_eq!(twelve.len(), 12);
        assert!(twelve.iter().all(|(encoding, rows)| {
            *encoding == Encoding::BYTE_STREAM_SPLIT && (1_024..=1_042).contains(rows)
        }));
        // Nothing is lost where there is nothing.
        assert_eq!(pages(&[0.0; 8_192]).len(), 8);
        // It has not that many.
        assert_eq!(pages(&never[..8_000]).len(), 1);
    }

    #[test]
    fn large_metrics_have_pages_of_their_own_and_small_ones_share() {
        let check = |rows: usize, starts: &[usize], expected: &[usize]| {
            assert_eq!(stretches(rows, starts, LAYOUT), expected, "{rows} rows, {starts:?}");
        };
        check(0, &[], &[]);
        check(100, &[50], &[100]);
        // Four small ones fill a page; the rest is one more.
        check(6_000, &[1_000, 2_000, 3_000, 4_500], &[4_500, 6_000]);
        // A large one begins anew ...
        check(13_000, &[3_000, 9_000], &[3_000, 9_000, 13_000]);
        // ... but not for a crumb, and ends where it would be too large.
        check(40_000, &[100], &[16_384, 32_768, 40_000]);
    }

    #[test]
    fn planes_are_columns_of_bytes() {
        let planes = split_planes(&(0..16).collect::<Vec<u8>>());
        assert_eq!(planes, [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15]);
    }

    #[test]
    fn a_frame_of_many_blocks_reads_back_as_a_whole() {
        let content: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        let mut zstd = Encoder::new(3).unwrap();
        for part in [100, 1_250, 10_000, 20_000] {
            let compressed = compress(&mut zstd, &content, part).unwrap();
            assert_eq!(zstd::bulk::decompress(&compressed, content.len()).unwrap(), content, "{part}");
            let size = zstd::zstd_safe::get_frame_content_size(&compressed);
            assert!(matches!(size, Ok(Some(10_000))));
        }
    }
}
