//! A column chunk written page by page, for columns whose pages we make ourselves.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// A column chunk that stands alone: its pages, and what the file's footer says about them with offsets
/// from the beginning of the pages.
pub struct ColumnChunk {
    pub pages: Bytes,
    pub close: ColumnCloseResult,
}

/// What a footer says of a chunk's values.
pub struct Bounds {
    /// Of each page.
    pub pages: ColumnIndexBuilder,
    pub chunk: Statistics,
}

/// Takes the pages of a required column in order, the dictionary first.
pub struct ChunkWriter {
    column: ColumnDescPtr,
    zstd_level: i32,
    sink: TrackedWrite<Vec<u8>>,
    offsets: OffsetIndexBuilder,
    page_counts: Vec<PageEncodingStats>,
    dictionary_bytes: Option<i64>,
    rows: u64,
    compressed_bytes: i64,
    uncompressed_bytes: i64,
}

impl ChunkWriter {
    pub fn new(column: ColumnDescPtr, zstd_level: i32) -> ChunkWriter {
        ChunkWriter {
            column,
            zstd_level,
            sink: TrackedWrite::new(Vec::new()),
            offsets: OffsetIndexBuilder::new(),
            page_counts: Vec::new(),
            dictionary_bytes: None,
            rows: 0,
            compressed_bytes: 0,
            uncompressed_bytes: 0,
        }
    }

    pub fn push(&mut self, page: CompressedPage) -> Result<(), ParquetError> {
        let (rows, encoding, page_type) = (page.num_values(), page.encoding(), page.page_type());
        match self.page_counts.iter_mut().find(|of| of.encoding == encoding && of.page_type == page_type) {
            Some(of) => of.count += 1,
            None => self.page_counts.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.compressed_bytes += written.compressed_size as i64;
        self.uncompressed_bytes += written.uncompressed_size as i64;
        if page_type == PageType::DICTIONARY_PAGE {
            self.dictionary_bytes = Some(written.compressed_size as i64);
        } else {
            self.rows += u64::from(rows);
            self.offsets.append_row_count(i64::from(rows));
            self.offsets.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        }
        Ok(())
    }

    pub fn finish(self, bounds: Option<Bounds>) -> Result<ColumnChunk, ParquetError> {
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(self.zstd_level)?))
            .set_encodings(self.page_counts.iter().map(|of| of.encoding).collect())
            .set_page_encoding_stats(self.page_counts)
            .set_total_compressed_size(self.compressed_bytes)
            .set_total_uncompressed_size(self.uncompressed_bytes)
            .set_num_values(self.rows as i64)
            .set_data_page_offset(self.dictionary_bytes.unwrap_or_default());
        if self.dictionary_bytes.is_some() {
            metadata = metadata.set_dictionary_page_offset(Some(0));
        }
        let mut column_index = None;
        if let Some(Bounds { pages, chunk }) = bounds {
            metadata = metadata.set_statistics(chunk);
            column_index = Some(pages.build()?);
        }
        let close = ColumnCloseResult {
            bytes_written: self.compressed_bytes as u64,
            rows_written: self.rows,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index,
            offset_index: Some(self.offsets.build()),
        };
        Ok(ColumnChunk { pages: self.sink.into_inner()?.into(), close })
    }
}

/// A page of `rows` values, none of them NULL. `content` is compressed if that was worth it.
pub fn data_page(
    rows: usize,
    encoding: Encoding,
    content: Vec<u8>,
    is_compressed: bool,
    uncompressed_bytes: usize,
) -> CompressedPage {
    let page = Page::DataPageV2 {
        buf: content.into(),
        num_values: rows as u32,
        encoding,
        num_nulls: 0,
        num_rows: rows as u32,
        def_levels_byte_len: 0,
        rep_levels_byte_len: 0,
        is_compressed,
        statistics: None,
    };
    CompressedPage::new(page, uncompressed_bytes)
}
