//! `lake.series`: every series once, as the index in memory knows it. What `metrics` joins with.
//!
//! Conditions on the metric and on labels are answered by the index, and only the columns that are asked
//! for are made: a query for some series costs what those series cost.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use lake::{Lake, SeriesEntry};
use telemetry::{METRIC_NAME, MatchOp, Matcher, Timestamp, environment_of, service_of};

use crate::QueryError;
use crate::functions::{map_builder, map_type, timestamp_type};

/// The function that `labels['region']` is.
const MEMBER_OF: &str = "get_field";

pub(super) fn table(lake: Lake) -> Arc<dyn TableProvider> {
    Arc::new(SeriesTable { lake, schema: Arc::new(schema()) })
}

fn schema() -> Schema {
    Schema::new(vec![
        Field::new("series_id", DataType::Int64, false),
        Field::new("metric", DataType::Utf8, false),
        Field::new("labels", map_type(), false),
        Field::new("service", DataType::Utf8, true),
        Field::new("env", DataType::Utf8, true),
        Field::new("type", DataType::Utf8, false),
        Field::new("unit", DataType::Utf8, true),
        Field::new("first_ts", timestamp_type(), true),
        Field::new("last_ts", timestamp_type(), true),
    ])
}

#[derive(Debug)]
struct SeriesTable {
    lake: Lake,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for SeriesTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match matcher_of(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replayed = self.lake.check_replayed();
        replayed.map_err(|error| DataFusionError::External(Box::new(QueryError::Lake(error))))?;
        let matchers: Vec<Matcher> = filters.iter().filter_map(matcher_of).collect();
        let entries = self.lake.series().find(&matchers, Timestamp::MIN..Timestamp::MAX);
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema.clone(),
        };
        let columns = schema.fields().iter().map(|field| column(field.name(), &entries));
        let options = RecordBatchOptions::new().with_row_count(Some(entries.len()));
        let rows =
            RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_>>()?, &options)?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![rows]], schema, None)?)
    }
}

/// What the index can answer: that the metric or a label is a certain text. An empty one is not among
/// them, because to a matcher it means a label that is absent, where SQL has NULL.
fn matcher_of(filter: &Expr) -> Option<Matcher> {
    let Expr::BinaryExpr(comparison) = filter else { return None };
    if comparison.op != Operator::Eq {
        return None;
    }
    let (left, right) = (&*comparison.left, &*comparison.right);
    let (name, value) = match (text(left), text(right)) {
        (None, Some(value)) => (label(left)?, value),
        (Some(value), None) => (label(right)?, value),
        _ => return None,
    };
    Matcher::new(name, MatchOp::Equal, value).ok().filter(|_| !value.is_empty())
}

/// The label that an expression reads. The name of the metric is no member of `labels`.
fn label(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) if column.name == "metric" => Some(METRIC_NAME),
        Expr::ScalarFunction(call) if call.name() == MEMBER_OF => match &call.args[..] {
            [Expr::Column(column), name] if column.name == "labels" => {
                text(name).filter(|name| *name != METRIC_NAME)
            }
            _ => None,
        },
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn column(name: &str, entries: &[Arc<SeriesEntry>]) -> Result<ArrayRef> {
    let time = |of: fn(&SeriesEntry) -> Timestamp, unknown: i64| {
        let times = entries.iter().map(|entry| Some(of(entry).micros()).filter(|micros| *micros != unknown));
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_data_type(timestamp_type())) as ArrayRef
    };
    let labels = || entries.iter().map(|entry| &entry.labels);
    Ok(match name {
        "series_id" => Arc::new(Int64Array::from_iter_values(entries.iter().map(|entry| entry.id.get()))),
        "metric" => Arc::new(StringArray::from_iter_values(labels().map(|labels| labels.metric()))),
        "labels" => label_maps(entries)?,
        "service" => Arc::new(labels().map(service_of).collect::<StringArray>()),
        "env" => Arc::new(labels().map(environment_of).collect::<StringArray>()),
        "type" => {
            let types = entries.iter().map(|entry| entry.meta.metric_type.as_str());
            Arc::new(StringArray::from_iter_values(types))
        }
        "unit" => Arc::new(entries.iter().map(|entry| entry.meta.unit.as_deref()).collect::<StringArray>()),
        "first_ts" => time(SeriesEntry::first_ts, i64::MAX),
        "last_ts" => time(SeriesEntry::last_ts, i64::MIN),
        other => return Err(DataFusionError::Internal(format!("lake.series has no column {other}"))),
    })
}

fn label_maps(entries: &[Arc<SeriesEntry>]) -> Result<ArrayRef> {
    let mut maps = map_builder();
    for entry in entries {
        for (name, value) in entry.labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            maps.keys().append_value(name);
            maps.values().append_value(value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, at, run};

    const BY_INDEX: &str = "SELECT series_id FROM series WHERE ";

    #[test]
    fn the_index_selects_as_sql_does() {
        run(async {
            let bench = Bench::new().await;
            let one = [(at("2026-11-23T11:00:00Z"), 1.0)];
            for (metric, host) in [("cpu", Some("a")), ("cpu", Some("b")), ("disk", Some("a")), ("cpu", None)]
            {
                let mut labels = vec![("__name__", metric), ("rack", "1")];
                labels.extend(host.map(|host| ("host", host)));
                bench.samples(&labels, &one).await;
            }
            for (condition, count) in [
                ("metric = 'cpu'", 3),
                ("'a' = labels['host']", 2),
                ("metric = 'cpu' AND labels['host'] = 'a'", 1),
                ("metric = 'cpu' AND labels['host'] = 'c'", 0),
                ("metric = 'cpu' OR labels['host'] = 'a'", 4),
                // An absent label is NULL, and NULL equals nothing.
                ("labels['host'] = ''", 0),
                ("labels['host'] IS NULL", 1),
                ("labels['__name__'] = 'cpu'", 0),
                ("labels['host'] <> 'a'", 1),
            ] {
                let rows = bench.rows(&format!("{BY_INDEX}{condition}")).await;
                assert_eq!(rows.len(), count, "{condition}: {rows:?}");
            }
            assert_eq!(bench.rows("SELECT count(*) FROM series").await, ["4"]);
            assert_eq!(bench.rows("SELECT count(*) FROM metrics WHERE labels['host'] = 'a'").await, ["2"]);
        });
    }

    #[test]
    fn the_index_is_asked_and_no_filter_is_left() {
        run(async {
            let bench = Bench::new().await;
            bench.samples(&[("__name__", "cpu"), ("host", "a")], &[(at("2026-11-23T11:00:00Z"), 1.0)]).await;
            let explain = format!("EXPLAIN {BY_INDEX}metric = 'cpu' AND labels['host'] = 'a'");
            let plan = bench.rows(&explain).await.join("\n");
            assert!(!plan.contains("FilterExec"), "{plan}");
        });
    }
}
