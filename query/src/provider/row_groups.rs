//! The row groups of a day's file that hold the metrics a query names.
//!
//! Files of samples are sorted by metric, so that most row groups hold one. A piece of neighbouring row
//! groups with the same metric tells the scan that constant: the scan then neither decodes the column nor
//! compares it, row groups of other metrics are not looked at, and the wanted ones are dealt out to all threads
//! however small a part of the file they are.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use lake::{DataFile, FileKind, StatValue, TableSnapshot};
use object_store::ObjectMeta;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use crate::QueryError;

/// The first column of the order of samples.
pub(super) const METRIC: &str = "metric";
/// Files that are looked into at the same time.
const FILES_AT_ONCE: usize = 8;
/// A file that would come in more pieces stays whole: each is opened by itself.
const PIECES_MAX: usize = 16;

/// Of files that are not among them every row group may be wanted.
pub(crate) type FilePieces = HashMap<String, Vec<Piece>>;

/// Row groups of a file that follow each other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// Row groups that begin here, as a scan tells them apart.
    pub(super) bytes: Range<i64>,
    pub(super) rows: usize,
    /// The first and the last metric of each of them.
    pub(super) metrics: (String, String),
}

/// The metrics that rows have to have one of; `None` when the predicates name none.
pub(super) fn metrics_of(predicates: &[Arc<dyn PhysicalExpr>]) -> Option<Vec<String>> {
    predicates.iter().flat_map(split_conjunction).find_map(|predicate| {
        if let Some(comparison) = predicate.downcast_ref::<BinaryExpr>() {
            let is_of_metric = *comparison.op() == Operator::Eq && is_metric(comparison.left());
            return is_of_metric.then(|| Some(vec![text(comparison.right())?])).flatten();
        }
        let list = predicate.downcast_ref::<InListExpr>()?;
        let is_of_metric = !list.negated() && is_metric(list.expr());
        is_of_metric.then(|| list.list().iter().map(text).collect()).flatten()
    })
}

fn is_metric(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Column>().is_some_and(|column| column.name() == METRIC)
}

fn text(expr: &Arc<dyn PhysicalExpr>) -> Option<String> {
    expr.downcast_ref::<Literal>()?.value().try_as_str().flatten().map(str::to_owned)
}

/// Looks into the footers of the files that may hold one of the metrics.
pub(super) async fn pieces(
    snapshot: &TableSnapshot,
    metrics: &[String],
    threads: usize,
    runtime: &RuntimeEnv,
) -> Result<FilePieces> {
    let may_hold = |file: &&DataFile| {
        let known = file.stats.get(METRIC).map(|known| (&known.min, &known.max));
        match known {
            Some((Some(StatValue::Text(min)), Some(StatValue::Text(max)))) => is_within(metrics, min, max),
            _ => true,
        }
    };
    let look_into = async |file: &DataFile| {
        let footer = footer(snapshot, file, runtime).await?;
        let pieces = pieces_in(&footer, file.bytes, metrics, threads);
        Ok::<_, DataFusionError>(pieces.map(|pieces| (file.path.clone(), pieces)))
    };
    let days = snapshot.files.iter().filter(|file| file.kind == FileKind::Day).filter(may_hold);
    let asked: Vec<_> = days.map(|file| look_into(file).boxed()).collect();
    let found: Vec<Option<(String, Vec<Piece>)>> =
        stream::iter(asked).buffer_unordered(FILES_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

fn is_within(metrics: &[String], min: &str, max: &str) -> bool {
    metrics.iter().any(|metric| (min..=max).contains(&metric.as_str()))
}

/// What is known of a file's row groups, as every scan of the file knows it.
pub(crate) async fn footer(
    snapshot: &TableSnapshot,
    file: &DataFile,
    runtime: &RuntimeEnv,
) -> Result<Arc<ParquetMetaData>> {
    let location = snapshot
        .location(file)
        .map_err(|error| DataFusionError::External(Box::new(QueryError::Lake(error))))?;
    let meta = ObjectMeta {
        location,
        // As the scan itself names the file, so that both find it in the cache.
        last_modified: PartitionedFile::new("", file.bytes).object_meta.last_modified,
        size: file.bytes,
        e_tag: None,
        version: None,
    };
    DFParquetMetadata::new(snapshot.store.as_ref(), &meta)
        .with_file_metadata_cache(Some(runtime.cache_manager.get_file_metadata_cache()))
        .fetch_metadata()
        .await
}

/// `None` when something is unknown, or the pieces would be too many.
fn pieces_in(
    footer: &ParquetMetaData,
    file_bytes: u64,
    metrics: &[String],
    threads: usize,
) -> Option<Vec<Piece>> {
    let groups = footer.row_groups();
    let is_metric = |column: &ColumnChunkMetaData| column.column_path().parts() == [METRIC];
    let leaf = groups.first()?.columns().iter().position(is_metric)?;
    let mut begins: Vec<i64> = groups.iter().map(begin_of).collect();
    begins.push(file_bytes as i64);
    if !begins.is_sorted() {
        return None;
    }
    let mut runs: Vec<((&str, &str), Range<usize>)> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let bounds = bounds_of(group.column(leaf))?;
        if !is_within(metrics, bounds.0, bounds.1) {
            continue;
        }
        match runs.last_mut().filter(|(known, run)| *known == bounds && run.end == at) {
            Some((_, run)) => run.end = at + 1,
            None => runs.push((bounds, at..at + 1)),
        }
    }
    let mut pieces = Vec::new();
    for ((min, max), run) in runs {
        let at_once = run.len().div_ceil(threads.max(1));
        for start in run.clone().step_by(at_once) {
            let end = run.end.min(start + at_once);
            pieces.push(Piece {
                bytes: begins[start]..begins[end],
                rows: groups[start..end].iter().map(|group| group.num_rows() as usize).sum(),
                metrics: (min.to_owned(), max.to_owned()),
            });
        }
    }
    (pieces.len() <= PIECES_MAX).then_some(pieces)
}

/// Where a scan says that a row group is.
fn begin_of(group: &RowGroupMetaData) -> i64 {
    let first = group.column(0);
    first.dictionary_page_offset().unwrap_or_else(|| first.data_page_offset())
}

fn bounds_of(column: &ColumnChunkMetaData) -> Option<(&str, &str)> {
    let known = column.statistics().filter(|known| known.null_count_opt() == Some(0))?;
    if !known.min_is_exact() || !known.max_is_exact() {
        return None;
    }
    let text = |bytes| std::str::from_utf8(bytes).ok();
    Some((text(known.min_bytes_opt()?)?, text(known.max_bytes_opt()?)?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
    use parquet::file::properties::WriterProperties;

    use super::*;

    const GROUP_ROWS: usize = 10;

    /// A file of so many rows of each metric, and how long it is.
    fn file(metrics: &[(&str, usize)]) -> (Arc<ParquetMetaData>, u64) {
        let names: Vec<&str> =
            metrics.iter().flat_map(|(name, rows)| std::iter::repeat_n(*name, *rows)).collect();
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..names.len() as i64));
        let names: ArrayRef = Arc::new(StringArray::from(names));
        let batch = RecordBatch::try_from_iter([("ts", numbers), (METRIC, names)]).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(GROUP_ROWS)).build();
        let mut content = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut content, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let bytes = content.len() as u64;
        let footer = ArrowReaderMetadata::load(&Bytes::from(content), ArrowReaderOptions::new()).unwrap();
        (footer.metadata().clone(), bytes)
    }

    /// As `first row group-last row group: rows of first to last metric`.
    fn pieces(metrics: &[(&str, usize)], wanted: &[&str], threads: usize) -> Option<Vec<String>> {
        let (footer, bytes) = file(metrics);
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let begins: Vec<i64> = footer.row_groups().iter().map(begin_of).collect();
        let said = |piece: Piece| {
            let within: Vec<usize> =
                (0..begins.len()).filter(|at| piece.bytes.contains(&begins[*at])).collect();
            let (first, last) = (within[0], within[within.len() - 1]);
            format!("{first}-{last}: {} of {} to {}", piece.rows, piece.metrics.0, piece.metrics.1)
        };
        Some(pieces_in(&footer, bytes, &wanted, threads)?.into_iter().map(said).collect())
    }

    #[test]
    fn neighbours_with_one_metric_are_a_piece() {
        let metrics = [("a", 30), ("b", 25), ("c", 15)];
        assert_eq!(pieces(&metrics, &["a"], 1).unwrap(), ["0-2: 30 of a to a"]);
        assert_eq!(pieces(&metrics, &["b"], 1).unwrap(), ["3-4: 20 of b to b", "5-5: 10 of b to c"]);
        assert_eq!(
            pieces(&metrics, &["a", "c"], 1).unwrap(),
            ["0-2: 30 of a to a", "5-5: 10 of b to c", "6-6: 10 of c to c"]
        );
        assert_eq!(pieces(&metrics, &["aa"], 1).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn threads_share_a_piece_and_too_many_are_none() {
        assert_eq!(
            pieces(&[("a", 50), ("b", 10)], &["a"], 2).unwrap(),
            ["0-2: 30 of a to a", "3-4: 20 of a to a"]
        );
        let names: Vec<String> = (0..=PIECES_MAX).map(|number| format!("m{number:02}")).collect();
        let metrics: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), GROUP_ROWS)).collect();
        let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(pieces(&metrics, &wanted, 1), None);
        assert_eq!(pieces(&metrics, &wanted[1..], 1).unwrap().len(), PIECES_MAX);
    }
}
