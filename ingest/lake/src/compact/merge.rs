//! A k-way merge of sorted files into sorted files.
//!
//! Samples are merged series by series ([`samples`]), rows of other tables by their keys ([`rows`]).
//! Where a table's key is unique, of rows with one key the one with the highest sequence stays.
//!
//! In memory are a batch per input, a row group of the output, and nothing else: the size of the inputs
//! does not matter.

mod rows;
mod samples;

use std::io::Write;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::error::LakeError;
use crate::read;
use crate::schema::Table;
use crate::writer::{Effort, FileWriter};

/// A sorted file.
pub struct Input {
    pub sequence: i64,
    pub reader: ParquetRecordBatchReader,
}

/// What is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub table: Table,
    pub effort: Effort,
    /// A file ends at the first of these bounds that it reaches.
    pub rows_max: u64,
    pub bytes_max: u64,
}

/// Where finished files go, and what happens in between.
pub trait Sink {
    type File: Write + Send;
    /// A new file to write to.
    fn open(&mut self) -> Result<Self::File, LakeError>;
    /// A file is complete; the highest sequence of all inputs is its.
    fn finish(&mut self, file: FileWriter<Self::File>, sequence: i64) -> Result<(), LakeError>;
    /// Called after each batch of output; an error ends the merge.
    fn go_on(&mut self) -> Result<(), LakeError>;
}

/// Rows that are put together at once.
const OUTPUT_ROWS: usize = 32_768;

/// Merges the inputs. Blocking.
pub fn merge<S: Sink>(target: Target, inputs: Vec<Input>, sink: &mut S) -> Result<(), LakeError> {
    match target.table {
        Table::MetricSamples => write(target, inputs, sink, samples::Merger::new, samples::Merger::next),
        _ => {
            write(target, inputs, sink, |inputs| rows::Merger::new(target.table, inputs), rows::Merger::next)
        }
    }
}

/// `next` puts together at least [`OUTPUT_ROWS`] rows, fewer at the end, and then none.
fn write<M, S: Sink>(
    target: Target,
    inputs: Vec<Input>,
    sink: &mut S,
    merger: impl FnOnce(Vec<Input>) -> Result<M, LakeError>,
    next: impl Fn(&mut M) -> Result<Option<RecordBatch>, LakeError>,
) -> Result<(), LakeError> {
    let sequence = inputs.iter().map(|input| input.sequence).max().unwrap_or_default();
    let mut merger = merger(inputs)?;
    let mut output: Option<FileWriter<S::File>> = None;
    while let Some(batch) = next(&mut merger)? {
        let file = match output.take() {
            Some(file) => file,
            None => FileWriter::to(sink.open()?, target.table, target.effort)?,
        };
        let file = output.insert(file);
        file.write(&batch)?;
        if file.rows() >= target.rows_max || file.bytes() >= target.bytes_max {
            output.take().map_or(Ok(()), |file| sink.finish(file, sequence))?;
        }
        sink.go_on()?;
    }
    output.map_or(Ok(()), |file| sink.finish(file, sequence))
}

impl Input {
    /// The next rows, with all columns of the table.
    fn read(&mut self, table: Table) -> Result<Option<RecordBatch>, LakeError> {
        for batch in self.reader.by_ref() {
            let batch = read::complete(table, &batch?)?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
