//! `table_at(table, version)`: a stored table as its files were at an earlier version of its Delta log,
//! by number or by time; and `table_versions(table)`, which ones there are.
//!
//! Versions reach back as far as the lake's log retention. What was reported at a time is another
//! question, which the `_as_of` functions answer from the rows themselves.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Int64Array, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use lake::{Lake, Table, TableVersion};

use super::TableFunction;
use super::arguments::Arguments;
use super::documented::{Argument, Manual, Section};
use super::types::timestamp_type;
use crate::QueryError;
use crate::provider::LakeTable;

const TABLE: Argument = ("table", "Name of a stored table, such as 'metric_samples', 'logs' or 'events'.");

const TABLE_AT: &str = "table_at";
const TABLE_AT_MANUAL: Manual = Manual {
    section: Section::Tables,
    syntax: "table_at(table, version)",
    description: "A stored table as its files were at a version of its Delta log; columns of the table. Rows that were not in files yet belong to a later version. Versions reach back for lake.log_retention; an older one is an error that names the oldest.",
    arguments: &[
        TABLE,
        ("version", "Its number, or a time: then the version that was the newest at that time."),
    ],
    example: "SELECT count(*) FROM table_at('logs', now())",
};

const VERSIONS: &str = "table_versions";
const VERSIONS_MANUAL: Manual = Manual {
    section: Section::Tables,
    syntax: "table_versions(table)",
    description: "The versions of a stored table that table_at can read, oldest first, as rows (version, committed_at).",
    arguments: &[TABLE],
    example: "SELECT version, committed_at FROM table_versions('metric_samples') ORDER BY version DESC LIMIT 5",
};

pub(super) fn functions(lake: &Lake) -> Vec<TableFunction> {
    vec![
        ((TABLE_AT, TABLE_AT_MANUAL), Arc::new(TableAt(lake.clone()))),
        ((VERSIONS, VERSIONS_MANUAL), Arc::new(TableVersions(lake.clone()))),
    ]
}

#[derive(Debug)]
struct TableAt(Lake);

impl TableFunctionImpl for TableAt {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(TABLE_AT, TABLE_AT_MANUAL.syntax, args.exprs());
        given.check_count(&[2])?;
        let version = match given.whole(1) {
            Some(number) => TableVersion::Number(number),
            None => TableVersion::At(given.time(1)?),
        };
        Ok(Arc::new(LakeTable::at(self.0.clone(), table(&given)?, version)))
    }
}

fn table(given: &Arguments<'_>) -> Result<Table> {
    let name = given.text(0)?;
    Table::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| {
        let names = Table::ALL.map(Table::name).join(", ");
        given.wrong(format!("{name} is no stored table; there are {names}"))
    })
}

#[derive(Debug)]
struct TableVersions(Lake);

impl TableFunctionImpl for TableVersions {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(VERSIONS, VERSIONS_MANUAL.syntax, args.exprs());
        given.check_count(&[1])?;
        let schema = Schema::new(vec![
            Field::new("version", DataType::Int64, false),
            Field::new("committed_at", timestamp_type(), false),
        ]);
        Ok(Arc::new(VersionTable { lake: self.0.clone(), table: table(&given)?, schema: Arc::new(schema) }))
    }
}

/// The versions of a table; the log is read when the query runs.
#[derive(Debug)]
struct VersionTable {
    lake: Lake,
    table: Table,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for VersionTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let readable = self.lake.readable_versions(self.table).await;
        let readable =
            readable.map_err(|error| DataFusionError::External(Box::new(QueryError::Lake(error))))?;
        let versions: Int64Array = readable.iter().map(|version| version.version).collect();
        let times = readable.iter().map(|version| version.at.micros());
        let times = TimestampMicrosecondArray::from_iter_values(times);
        let batch = RecordBatch::try_new(
            self.schema.clone(),
            vec![Arc::new(versions), Arc::new(times.with_timezone("UTC"))],
        )?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![batch]], self.schema.clone(), projection.cloned())?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use telemetry::{Batch, LogRecord};

    use crate::QueryRole;
    use crate::testing::{Bench, at, run};

    /// A version a minute, the first of which has one line.
    async fn with_versions(count: i64) -> Bench {
        let bench = Bench::new().await;
        for n in 1..=count {
            let record = LogRecord {
                ts: at("2026-11-23T11:59:00Z"),
                body: n.to_string().into(),
                ..LogRecord::default()
            };
            bench.lake.append(Batch { logs: vec![record], ..Batch::default() }).await.unwrap();
            bench.lake.flush().await.unwrap();
            bench.clock.advance(Duration::from_secs(60));
        }
        bench
    }

    #[test]
    fn a_version_is_read_by_number_and_by_time() {
        run(async {
            let bench = with_versions(3).await;
            for (version, expected) in [
                ("0", "0"),
                ("1", "1"),
                ("3", "3"),
                ("TIMESTAMPTZ '2026-11-23T12:01:30Z'", "2"),
                ("'2026-11-23T12:01:00Z'", "2"),
                ("TIMESTAMP '2026-11-23T12:00:30' + INTERVAL '10 seconds'", "1"),
            ] {
                let rows = bench.rows(&format!("SELECT count(*) FROM table_at('logs', {version})")).await;
                assert_eq!(rows, [expected], "{version}");
            }
            // Two versions and the present in one query, with filters that prune.
            let query = "SELECT new.body FROM logs new LEFT JOIN table_at('logs', 2) old USING (body) \
                         WHERE old.body IS NULL AND new.ts > '2026-11-23T00:00:00Z'";
            assert_eq!(bench.rows(query).await, ["3"]);
            let versions = "SELECT version FROM table_versions('logs') \
                            WHERE committed_at >= '2026-11-23T12:00:30Z' ORDER BY version";
            assert_eq!(bench.rows(versions).await, ["2", "3"]);
        });
    }

    #[test]
    fn a_version_that_is_gone_is_an_error_with_the_way_out() {
        run(async {
            let bench = with_versions(3).await;
            bench.clock.set(at("2026-11-24T12:01:30Z"));
            bench.lake.compact().await.unwrap();
            for version in ["0", "1", "'2026-11-23T12:00:30Z'"] {
                let query = format!("SELECT * FROM table_at('logs', {version})");
                let message = bench.error(&query, QueryRole::Viewer).await.to_string();
                assert!(message.contains("cannot be read any more (lake.log_retention)"), "{message}");
                assert!(
                    message.contains("the oldest that can is version 2, of 2026-11-23T12:01:00Z"),
                    "{message}"
                );
            }
            assert_eq!(bench.rows("SELECT count(*) FROM table_at('logs', 2)").await, ["2"]);
            let message =
                bench.error("SELECT * FROM table_at('logs', 99)", QueryRole::Viewer).await.to_string();
            assert!(message.contains("logs has no version 99 yet; the newest is version "), "{message}");
            let message =
                bench.error("SELECT * FROM table_at('incidents', 1)", QueryRole::Viewer).await.to_string();
            assert!(message.contains("incidents is no stored table; there are metric_series, "), "{message}");
        });
    }
}
