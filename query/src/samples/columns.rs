//! Rows of one column of a row group, read forwards: pages without wanted rows are not unpacked, and
//! values between wanted ones are not decoded where the encoding allows it.

use std::ops::Range;
use std::sync::Arc;

use datafusion::parquet::column::reader::ColumnReaderImpl;
use datafusion::parquet::data_type::DataType;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::serialized_reader::SerializedPageReader;

use super::input::Input;

/// Fewer rows than this between two wanted ranges are decoded and left lying: a skip costs more.
const GAP_ROWS_MAX: usize = 64;

pub(super) struct ColumnRows<T: DataType> {
    reader: ColumnReaderImpl<T>,
    /// The row that comes next.
    at: usize,
}

impl<T: DataType> ColumnRows<T> {
    /// Of a column without nulls.
    pub(super) fn open(
        input: &Input,
        metadata: &ParquetMetaData,
        group: usize,
        leaf: usize,
    ) -> Result<ColumnRows<T>> {
        let column = metadata.file_metadata().schema_descr().column(leaf);
        if column.physical_type() != T::get_physical_type() || column.max_def_level() != 0 {
            return Err(ParquetError::General(format!("column {} is of another type", column.name())));
        }
        let row_group = metadata.row_group(group);
        let pages = metadata
            .offset_index()
            .and_then(|index| index.get(group)?.get(leaf))
            .map(|index| index.page_locations().clone());
        let rows = row_group.num_rows() as usize;
        let pages = SerializedPageReader::new(Arc::new(input.clone()), row_group.column(leaf), rows, pages)?;
        Ok(ColumnRows { reader: ColumnReaderImpl::new(column, Box::new(pages)), at: 0 })
    }

    /// Appends rows that do not lie before any that were read.
    pub(super) fn read(&mut self, rows: Range<usize>, into: &mut Vec<T::T>) -> Result<()> {
        let cut_short = || ParquetError::EOF("a column has fewer rows than its row group".to_owned());
        let gap = rows.start - self.at;
        if gap > 0 && self.reader.skip_records(gap)? < gap {
            return Err(cut_short());
        }
        let mut left = rows.len();
        while left > 0 {
            let (read, ..) = self.reader.read_records(left, None, None, into)?;
            if read == 0 {
                return Err(cut_short());
            }
            left -= read;
        }
        self.at = rows.end;
        Ok(())
    }

    /// Appends ascending ranges of rows, and now and then some rows between them; tells `found` in turn
    /// where each range begins.
    pub(super) fn read_all(
        &mut self,
        ranges: impl Iterator<Item = Range<usize>>,
        into: &mut Vec<T::T>,
        mut found: impl FnMut(usize),
    ) -> Result<()> {
        let mut pending: Range<usize> = 0..0;
        for range in ranges {
            if !pending.is_empty() && range.start - pending.end <= GAP_ROWS_MAX {
                found(into.len() + range.start - pending.start);
                pending.end = range.end;
                continue;
            }
            if !pending.is_empty() {
                self.read(pending, into)?;
            }
            found(into.len());
            pending = range;
        }
        if pending.is_empty() { Ok(()) } else { self.read(pending, into) }
    }
}
