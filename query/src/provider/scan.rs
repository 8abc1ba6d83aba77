//! From a snapshot to an execution plan.
//!
//! Every part of a table carries a sequence column in addition to the table's own: the later of two
//! equal rows is the one with the higher sequence. Files carry their WAL position, buffered rows
//! come after all files in the order in which they were appended.

mod files;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr, conjunction};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use lake::{Table, TableSnapshot};
use parquet::arrow::arrow_reader::RowSelection;

use super::components::{Component, components};
use super::merge::MergeDedupExec;
use super::prune::prune;
use super::row_groups::FilePieces;
use crate::logs::FoundRows;

/// The column that says which of two equal rows is the later one.
pub(crate) const SEQUENCE: &str = "__sequence";

/// Buffered rows are later than every file.
const BUFFER_SEQUENCE: i64 = i64::MAX / 2;

/// What a scan has to deliver.
pub(crate) struct ScanRequest<'a> {
    /// Indices into the table's schema, in the order wanted; the one after its last is the sequence.
    pub(crate) columns: &'a [usize],
    /// Over the table's schema; all of them hold for every row that is wanted.
    pub(crate) predicates: &'a [Arc<dyn PhysicalExpr>],
    pub(crate) limit: Option<usize>,
    /// Drop the rows that `predicates` on key columns exclude, and not only files. For callers
    /// without a physical optimizer; predicates on other columns are theirs in any case.
    pub(crate) filter_rows: bool,
    /// Hand over rows that were written more than once as often, for callers that take the latest.
    pub(crate) keep_repeated: bool,
    /// Rows that an index found; of other files all may be wanted.
    pub(crate) found_rows: Option<&'a FoundRows>,
    /// The row groups that may be wanted, of files where some are not.
    pub(crate) pieces: Option<&'a FilePieces>,
}

/// Plans the scan of one snapshot.
pub(crate) fn plan_scan(
    snapshot: &TableSnapshot,
    request: &ScanRequest<'_>,
    options: &ConfigOptions,
    runtime: &Arc<RuntimeEnv>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let scan = Scan::new(snapshot, request, options, runtime)?;
    let mut parts = scan.parts()?;
    match parts.len() {
        0 => Ok(Arc::new(EmptyExec::new(scan.output_schema()?))),
        1 => Ok(parts.remove(0)),
        _ => UnionExec::try_new(parts),
    }
}

struct Scan<'a> {
    snapshot: &'a TableSnapshot,
    table: Table,
    request: &'a ScanRequest<'a>,
    options: &'a ConfigOptions,
    runtime: &'a Arc<RuntimeEnv>,
    /// The table's columns, then the sequence.
    full_schema: SchemaRef,
    store_url: ObjectStoreUrl,
    /// The predicates that say something about the identity of rows only, so that they may be
    /// applied before equal rows are merged.
    key_predicates: Vec<Arc<dyn PhysicalExpr>>,
}

impl<'a> Scan<'a> {
    fn new(
        snapshot: &'a TableSnapshot,
        request: &'a ScanRequest<'a>,
        options: &'a ConfigOptions,
        runtime: &'a Arc<RuntimeEnv>,
    ) -> Result<Scan<'a>> {
        let table = snapshot.table;
        let mut fields: Vec<FieldRef> = snapshot.schema.fields().iter().cloned().collect();
        fields.push(sequence_field());
        // An address of our own for the store that the snapshot brings.
        let store_url = ObjectStoreUrl::parse(format!("lake://{}", table.name().replace('_', "-")))?;
        runtime.register_object_store(store_url.as_ref(), snapshot.store.clone());
        let keys = key_columns(table);
        let key_predicates = request
            .predicates
            .iter()
            .filter(|predicate| {
                request.keep_repeated
                    || !table.sort_key_is_unique()
                    || collect_columns(predicate).iter().all(|column| keys.contains(&column.name()))
            })
            .cloned()
            .collect();
        let full_schema = Arc::new(Schema::new(fields));
        Ok(Scan { snapshot, table, request, options, runtime, full_schema, store_url, key_predicates })
    }

    fn parts(&self) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
        let files =
            prune(self.table, &self.snapshot.schema, self.snapshot.files.iter(), &self.key_predicates)?;
        let (alone, to_merge) = match self.request.keep_repeated {
            true => (Component { files, buffered: self.snapshot.buffered.clone() }, Vec::new()),
            false => components(self.snapshot, files),
        };
        let mut parts = Vec::new();
        for component in to_merge {
            parts.push(self.merged(&component)?);
        }
        let mut files = alone.files;
        if self.key_predicates.len() < self.request.predicates.len() {
            // Nothing is merged into these, so every predicate may rule one out.
            files = prune(self.table, &self.snapshot.schema, files.into_iter(), self.request.predicates)?;
        }
        files.retain(|file| self.found_in(file).is_none_or(RowSelection::selects_any));
        files.retain(|file| self.pieces_of(file).is_none_or(|pieces| !pieces.is_empty()));
        if !files.is_empty() {
            parts.push(self.files(&files, self.request.columns, self.request.limit)?);
        }
        if !alone.buffered.is_empty() {
            parts.push(self.buffered(&alone.buffered, self.request.columns)?);
        }
        Ok(parts)
    }

    /// Parts that may hold the same row twice: merged in key order, the latest row of each key kept.
    fn merged(&self, component: &Component<'_>) -> Result<Arc<dyn ExecutionPlan>> {
        let keys = key_columns(self.table);
        let mut columns = self.request.columns.to_vec();
        for name in keys.iter().copied().chain([SEQUENCE]) {
            let index = self.full_schema.index_of(name)?;
            if !columns.contains(&index) {
                columns.push(index);
            }
        }
        let mut inputs = Vec::new();
        if !component.files.is_empty() {
            inputs.push(self.sorted_files(&component.files, &columns)?);
        }
        if !component.buffered.is_empty() {
            let rows = self.buffered(&component.buffered, &columns)?;
            let order = ordering(&rows.schema(), keys.iter().copied().chain([SEQUENCE]))?;
            // Samples come sorted, each batch a partition of its own.
            let is_sorted = rows.equivalence_properties().ordering_satisfy(order.clone())?;
            inputs.push(if is_sorted { rows } else { Arc::new(SortExec::new(order, rows)) });
        }
        let input = if inputs.len() == 1 { inputs.remove(0) } else { UnionExec::try_new(inputs)? };
        let order = ordering(&input.schema(), keys.iter().copied().chain([SEQUENCE]))?;
        let merged = Arc::new(MergeDedupExec::new(input, order, keys.len()));
        project(merged, self.request.columns.len())
    }

    /// Buffered rows with their sequence, filtered early: they are sorted next.
    fn buffered(&self, batches: &[RecordBatch], columns: &[usize]) -> Result<Arc<dyn ExecutionPlan>> {
        let mut partitions = Vec::with_capacity(batches.len());
        let mut next_sequence = BUFFER_SEQUENCE;
        for batch in batches {
            let end = next_sequence + batch.num_rows() as i64;
            let sequence: ArrayRef = Arc::new(Int64Array::from_iter_values(next_sequence..end));
            next_sequence = end;
            let mut arrays = batch.columns().to_vec();
            arrays.push(sequence);
            partitions.push(vec![RecordBatch::try_new(self.full_schema.clone(), arrays)?]);
        }
        if self.table != Table::MetricSamples {
            // Small batches in the order in which they came.
            partitions = vec![partitions.into_iter().flatten().collect()];
        }
        let mut source = MemorySourceConfig::try_new(&partitions, self.full_schema.clone(), None)?;
        if self.table == Table::MetricSamples {
            let keys = key_columns(self.table).into_iter().chain([SEQUENCE]);
            source = source.try_with_sort_information(vec![ordering(&self.full_schema, keys)?])?;
        }
        let mut plan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(source);
        if !self.key_predicates.is_empty() {
            plan = Arc::new(FilterExec::try_new(conjunction(self.key_predicates.iter().cloned()), plan)?);
        }
        let wanted = columns.iter().map(|index| column_of(&self.full_schema, *index));
        Ok(Arc::new(ProjectionExec::try_new(wanted, plan)?))
    }

    fn output_schema(&self) -> Result<SchemaRef> {
        Ok(Arc::new(self.full_schema.project(self.request.columns)?))
    }
}

pub(super) fn sequence_field() -> FieldRef {
    Arc::new(Field::new(SEQUENCE, DataType::Int64, false))
}

/// The columns that make two rows the same row.
pub(super) fn key_columns(table: Table) -> Vec<&'static str> {
    table.sort_columns().iter().copied().chain(unique_extra(table)).collect()
}

/// `metric_series` has one row per series and day: the day belongs to the key.
fn unique_extra(table: Table) -> Option<&'static str> {
    (table == Table::MetricSeries).then(|| table.partition_column())
}

fn ordering<'n>(schema: &SchemaRef, names: impl Iterator<Item = &'n str>) -> Result<LexOrdering> {
    let mut keys = Vec::new();
    for name in names {
        let column = Column::new(name, schema.index_of(name)?);
        keys.push(PhysicalSortExpr::new(Arc::new(column), SortOptions::default()));
    }
    LexOrdering::new(keys).ok_or_else(|| DataFusionError::Internal("a table without sort columns".to_owned()))
}

fn column_of(schema: &SchemaRef, index: usize) -> ProjectionExpr {
    let name = schema.field(index).name().clone();
    ProjectionExpr { expr: Arc::new(Column::new(&name, index)), alias: name }
}

/// The first `count` columns of a plan.
fn project(input: Arc<dyn ExecutionPlan>, count: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = input.schema();
    if schema.fields().len() == count {
        return Ok(input);
    }
    let wanted = (0..count).map(|index| column_of(&schema, index));
    Ok(Arc::new(ProjectionExec::try_new(wanted, input)?))
}
