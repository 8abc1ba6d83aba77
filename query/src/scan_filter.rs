//! Filters that a scan of a metric table can prune by: time, metric, series.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, lit};
use telemetry::Timestamp;

/// Up to this many series are asked for one by one; more as the range of their ids, which are
/// neighbours when they belong to one metric.
const SERIES_LISTED_MAX: usize = 512;

/// All of the predicates have to hold.
pub(crate) struct ScanFilter<'a> {
    schema: &'a SchemaRef,
    predicates: Vec<Arc<dyn PhysicalExpr>>,
}

impl<'a> ScanFilter<'a> {
    pub(crate) fn new(schema: &'a SchemaRef) -> ScanFilter<'a> {
        ScanFilter { schema, predicates: Vec::new() }
    }

    pub(crate) fn time(self, op: Operator, time: Timestamp) -> Result<ScanFilter<'a>, DataFusionError> {
        self.compare("ts", op, ScalarValue::TimestampMicrosecond(Some(time.micros()), Some("UTC".into())))
    }

    pub(crate) fn compare(
        mut self,
        column: &str,
        op: Operator,
        value: ScalarValue,
    ) -> Result<ScanFilter<'a>, DataFusionError> {
        let column = self.column(column)?;
        self.predicates.push(Arc::new(BinaryExpr::new(column, op, lit(value))));
        Ok(self)
    }

    /// One of these series, or, when they are many, one of the range that they span.
    pub(crate) fn series(
        mut self,
        ids: impl Iterator<Item = i64>,
    ) -> Result<ScanFilter<'a>, DataFusionError> {
        let mut ids: Vec<i64> = ids.collect();
        ids.sort_unstable();
        if ids.len() <= SERIES_LISTED_MAX {
            let list = ids.iter().map(|id| lit(*id)).collect();
            let column = self.column("series_id")?;
            self.predicates.push(Arc::new(InListExpr::try_new(column, list, false, self.schema)?));
            return Ok(self);
        }
        let (first, last) = (ids[0], ids[ids.len() - 1]);
        let from_first = self.compare("series_id", Operator::GtEq, first.into())?;
        from_first.compare("series_id", Operator::LtEq, last.into())
    }

    pub(crate) fn predicates(self) -> Vec<Arc<dyn PhysicalExpr>> {
        self.predicates
    }

    fn column(&self, name: &str) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
        Ok(Arc::new(Column::new(name, self.schema.index_of(name)?)))
    }
}
