//! A table of the lake for DataFusion: files and buffered rows of one snapshot, pruned, merged
//! where the same row may occur twice, in the order of the files.
//!
//! A query sees one snapshot per table however often it names the table. Files are chosen by their
//! statistics; declared orderings are only those that hold. Filters are never dropped here (they
//! are all inexact): the physical optimizer pushes them as far down as each part can take them.

mod components;
mod merge;
mod prune;
mod row_groups;
mod scan;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use lake::{Lake, LakeError, Table, TableSnapshot, TableVersion};
use tokio::sync::Mutex;

use crate::QueryError;
use crate::logs::{self, FoundRows};
use row_groups::FilePieces;

pub(crate) use row_groups::footer;
pub(crate) use scan::{SEQUENCE, ScanRequest, plan_scan};

/// The snapshots that one query has taken. An extension of the query's session configuration.
#[derive(Default)]
pub(crate) struct QuerySnapshots {
    taken: Mutex<HashMap<Table, Arc<TableSnapshot>>>,
}

impl QuerySnapshots {
    /// The same snapshot for the same table, always.
    pub(crate) async fn get(&self, lake: &Lake, table: Table) -> Result<Arc<TableSnapshot>> {
        let mut taken = self.taken.lock().await;
        if let Some(snapshot) = taken.get(&table) {
            return Ok(snapshot.clone());
        }
        let snapshot = Arc::new(take(lake, table, None).await?);
        taken.insert(table, snapshot.clone());
        Ok(snapshot)
    }
}

async fn take(lake: &Lake, table: Table, version: Option<TableVersion>) -> Result<TableSnapshot> {
    let taken = match version {
        None => lake.snapshot(table).await,
        Some(version) => lake.snapshot_at(table, version).await,
    };
    taken.map_err(|error| DataFusionError::External(Box::new(unanswered(error))))
}

/// A version that cannot be read is what somebody asked for, and no trouble of the lake.
fn unanswered(error: LakeError) -> QueryError {
    match error {
        LakeError::VersionGone { .. } | LakeError::VersionToCome { .. } => {
            QueryError::Invalid(error.to_string())
        }
        other => QueryError::Lake(other),
    }
}

/// One table of the lake.
#[derive(Debug)]
pub(crate) struct LakeTable {
    lake: Lake,
    table: Table,
    /// `None` for what is in it now.
    version: Option<TableVersion>,
    /// Rows as often as they were written, each with its sequence, for who takes the latest anyway.
    keeps_repeated: bool,
    schema: SchemaRef,
}

impl LakeTable {
    pub(crate) fn new(lake: Lake, table: Table) -> LakeTable {
        LakeTable { lake, table, version: None, keeps_repeated: false, schema: table.schema() }
    }

    /// What was written, nothing merged: one more column, [`SEQUENCE`], says which of two rows is later.
    pub(crate) fn as_written(lake: Lake, table: Table) -> LakeTable {
        let mut fields = table.schema().fields().to_vec();
        fields.push(scan::sequence_field());
        let schema = Arc::new(Schema::new(fields));
        LakeTable { keeps_repeated: true, schema, ..LakeTable::new(lake, table) }
    }

    /// The table as it was at a version; scans fail when that is out of log retention.
    pub(crate) fn at(lake: Lake, table: Table, version: TableVersion) -> LakeTable {
        LakeTable { version: Some(version), ..LakeTable::new(lake, table) }
    }

    async fn snapshot(&self, session: &dyn Session) -> Result<Arc<TableSnapshot>> {
        match (self.version, session.config().get_extension::<QuerySnapshots>()) {
            (None, Some(snapshots)) => snapshots.get(&self.lake, self.table).await,
            (version, _) => Ok(Arc::new(take(&self.lake, self.table, version).await?)),
        }
    }
}

impl LakeTable {
    /// What the index in log files says about the predicates, for the files that statistics leave.
    async fn found_rows(
        &self,
        snapshot: &TableSnapshot,
        predicates: &[Arc<dyn PhysicalExpr>],
        session: &dyn Session,
    ) -> Result<FoundRows> {
        let wanted = if self.table == Table::Logs { logs::marks_of(predicates) } else { Vec::new() };
        if wanted.is_empty() {
            return Ok(FoundRows::default());
        }
        let files = prune::prune(self.table, &self.schema, snapshot.files.iter(), predicates)?;
        logs::find_rows(snapshot, &files, &wanted, session.runtime_env()).await
    }

    /// Of the files of samples, the row groups with the metrics that the predicates name.
    async fn pieces(
        &self,
        snapshot: &TableSnapshot,
        predicates: &[Arc<dyn PhysicalExpr>],
        session: &dyn Session,
    ) -> Result<FilePieces> {
        match row_groups::metrics_of(predicates).filter(|_| self.table == Table::MetricSamples) {
            Some(metrics) => {
                let threads = session.config_options().execution.target_partitions;
                row_groups::pieces(snapshot, &metrics, threads, session.runtime_env()).await
            }
            None => Ok(FilePieces::default()),
        }
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let snapshot = self.snapshot(session).await?;
        let df_schema = DFSchema::try_from(self.schema.clone())?;
        let mut predicates = Vec::with_capacity(filters.len());
        for filter in filters {
            predicates.push(session.create_physical_expr(filter.clone(), &df_schema)?);
        }
        let found_rows = self.found_rows(&snapshot, &predicates, session).await?;
        let pieces = self.pieces(&snapshot, &predicates, session).await?;
        let all_columns: Vec<usize> = (0..self.schema.fields().len()).collect();
        let request = ScanRequest {
            columns: projection.unwrap_or(&all_columns),
            predicates: &predicates,
            // A limit may only cut rows when nothing above removes any.
            limit: limit.filter(|_| filters.is_empty()),
            filter_rows: false,
            keep_repeated: self.keeps_repeated,
            found_rows: Some(&found_rows),
            pieces: Some(&pieces),
        };
        plan_scan(&snapshot, &request, session.config_options(), session.runtime_env())
    }
}

#[cfg(test)]
mod tests;
