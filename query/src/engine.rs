//! The engine: plans and runs SQL and PromQL over one lake, within the limits of whoever asks.

mod evaluation;
mod exemplars;
mod series;
mod work;
mod workers;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use futures::stream::BoxStream;
use lake::Lake;
use prometheus_client::registry::Registry;
use slo::SloStatus;
use telemetry::Clock;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::catalog::{ServiceOwners, SloTables};
use crate::config::{QueryConfig, QueryRole};
use crate::functions::{PromqlFunction, ReportContext};
use crate::guard::{Deadline, Slots, check_read_only, guard_stream};
use crate::pool::Pool;
use crate::samples::{Directories, LakeSeriesSource};
use crate::sli::SloReportSource;
use crate::yielding::stoppable;
use crate::{QueryError, SloHistorySource, catalog, session};
use work::PromqlMetrics;
use workers::PoolWorkers;

pub use work::PromqlWork;

/// A result: its columns, then its rows in batches. Dropping it cancels the query.
pub struct SqlRows {
    pub schema: SchemaRef,
    pub stream: BoxStream<'static, Result<datafusion::arrow::array::RecordBatch, QueryError>>,
}

/// Cheap to clone; all clones share sessions, limits and caches.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    lake: Lake,
    config: QueryConfig,
    clock: Arc<dyn Clock>,
    context: SessionContext,
    pool: Arc<Pool>,
    slots: Slots,
    promql_slots: Arc<Semaphore>,
    promql_metrics: PromqlMetrics,
    directories: Arc<Directories>,
    tail_places: Arc<Semaphore>,
    slo: SloTables,
    owners: ServiceOwners,
    report: ReportContext,
}

/// Limits of one PromQL evaluation.
#[derive(Clone, Debug)]
pub struct PromqlOptions {
    pub eval: promql::EvalOptions,
    /// For loading and computing together.
    pub timeout: Duration,
    /// What it costs is written down here.
    pub work: PromqlWork,
}

/// An engine as its own session sees it: the session does not keep it alive.
pub(crate) struct WeakEngine(Weak<Inner>);

impl WeakEngine {
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

impl Engine {
    /// Sets up the session, the catalog and the views. Reads nothing from the lake yet.
    pub fn open(lake: Lake, config: QueryConfig, clock: Arc<dyn Clock>) -> Result<Engine, QueryError> {
        let context = session::base_context(&config)?;
        let slo = SloTables::default();
        let promql_function = PromqlFunction::default();
        let owners = ServiceOwners::default();
        let production = config.reports.production();
        let report = ReportContext { clock: clock.clone(), owners: owners.clone(), production };
        catalog::register(&context, &lake, &slo, &promql_function, &report)?;
        let pool = Arc::new(Pool::new(config.threads).map_err(DataFusionError::from)?);
        let slots = Slots::new(&config);
        let promql_slots = Arc::new(Semaphore::new(config.promql.concurrency_max));
        let promql_metrics = PromqlMetrics::new(config.promql.concurrency_max);
        let directories = Arc::new(Directories::new(config.promql.directory_bytes_max));
        let tail_places = Arc::new(Semaphore::new(config.logs.tails_max));
        let engine = Engine(Arc::new(Inner {
            lake,
            config,
            clock,
            context,
            pool,
            slots,
            promql_slots,
            promql_metrics,
            directories,
            tail_places,
            slo,
            owners,
            report,
        }));
        promql_function.attach(&engine);
        Ok(engine)
    }

    /// Runs one statement that reads. The limits of `role` hold until the last row is taken.
    pub async fn sql(&self, text: &str, role: QueryRole) -> Result<SqlRows, QueryError> {
        self.sql_with(text, Vec::new(), role).await
    }

    /// As [`Engine::sql`], with values for `$1`, `$2`, ... of the text.
    pub async fn sql_with(
        &self,
        text: &str,
        parameters: Vec<ScalarValue>,
        role: QueryRole,
    ) -> Result<SqlRows, QueryError> {
        let statement = parse_one(text)?;
        let deadline = Deadline::of(&self.0.config, role);
        let state = self.query_state();
        let plan = if is_transaction(&statement) {
            LogicalPlan::EmptyRelation(EmptyRelation {
                produce_one_row: false,
                schema: DFSchema::empty_ref().clone(),
            })
        } else {
            let plan = deadline.within(state.statement_to_plan(statement)).await??;
            if parameters.is_empty() { plan } else { plan.with_param_values(parameters)? }
        };
        self.run_plan(plan, state, role, deadline).await
    }

    /// Looks up where series are in the newest compacted files, before somebody asks for them. Up to half of
    /// `query.promql.directory_bytes_max`; what is known already costs nothing.
    pub async fn learn_files(&self) -> Result<(), QueryError> {
        self.lake_source().learn().await
    }

    /// The PromQL view of the lake. What it hands out counts against `query.memory_bytes_max` as long
    /// as somebody holds it.
    pub fn series_source(&self) -> Arc<dyn promql::SeriesSource> {
        Arc::new(self.lake_source())
    }

    pub(crate) fn lake_source(&self) -> LakeSeriesSource {
        let (lake, runtime) = (self.0.lake.clone(), self.0.context.runtime_env());
        let memory_bytes_max = self.0.config.memory_bytes_max;
        let (pool, directories) = (self.0.pool.clone(), self.0.directories.clone());
        LakeSeriesSource::new(lake, runtime, pool, memory_bytes_max, directories)
    }

    /// Options with the configured limits, for surfaces to narrow.
    pub fn promql_options(&self) -> PromqlOptions {
        let limits = &self.0.config.promql;
        let eval = promql::EvalOptions {
            lookback: limits.lookback,
            max_samples: limits.samples_max,
            max_points: limits.points_max,
            experimental_functions: limits.experimental_functions,
            workers: Some(Arc::new(PoolWorkers(self.0.pool.clone()))),
            ..promql::EvalOptions::default()
        };
        PromqlOptions { eval, timeout: limits.timeout, work: PromqlWork::default() }
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.promql_metrics.register(registry);
    }

    /// Replaces the rows of the view `slo_status`.
    pub fn publish_slo_status(&self, statuses: Vec<SloStatus>) {
        self.0.slo.publish_status(statuses);
    }

    /// Replaces the rows of the table `services`: each service that is configured, with its team.
    pub fn publish_services(&self, teams: BTreeMap<String, Option<String>>) {
        self.0.owners.publish(teams);
    }

    /// Where the view `slo_history` gets its rows from.
    pub fn publish_slo_history(&self, source: Arc<dyn SloHistorySource>) {
        self.0.slo.publish_history(source);
    }

    /// Where the function `budget_causes` gets its rows from.
    pub fn publish_slo_reports(&self, source: Arc<dyn SloReportSource>) {
        self.0.slo.publish_reports(source);
    }

    pub fn lake(&self) -> &Lake {
        &self.0.lake
    }

    pub fn config(&self) -> &QueryConfig {
        &self.0.config
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// One for each live tail of logs.
    pub(crate) fn tail_places(&self) -> &Arc<Semaphore> {
        &self.0.tail_places
    }

    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.0))
    }

    /// The shared session: for looking names up, never for running queries.
    pub(crate) fn context(&self) -> &SessionContext {
        &self.0.context
    }

    pub(crate) fn report_context(&self) -> &ReportContext {
        &self.0.report
    }

    /// A state of its own for one query.
    pub(crate) fn query_state(&self) -> SessionState {
        session::query_state(&self.0.context, self.0.clock.now())
    }

    /// Runs a plan that anybody may have made: the guard looks at it first.
    pub(crate) async fn run_plan(
        &self,
        plan: LogicalPlan,
        state: SessionState,
        role: QueryRole,
        deadline: Deadline,
    ) -> Result<SqlRows, QueryError> {
        check_read_only(&plan)?;
        let limits = self.0.config.limits_of(role);
        let slot = self.0.slots.take(&self.0.config, role).await?;
        let runtime = session::bounded_runtime(state.runtime_env(), &self.0.config, role)?;
        let given_up = CancellationToken::new();
        let wanted = given_up.clone().drop_guard();
        let start = self.0.pool.run(async move {
            // As it is: a context would begin the query anew, with another `now()`.
            let frame = DataFrame::new(state, plan);
            let context = Arc::new(frame.task_ctx().with_runtime(runtime));
            let plan = stoppable(frame.create_physical_plan().await?, &given_up)?;
            execute_stream(plan, context)
        });
        let stream = self.0.pool.drive(deadline.within(start).await???);
        let schema = stream.schema();
        Ok(SqlRows { schema, stream: guard_stream(stream, limits, role, deadline, (slot, wanted)) })
    }
}

/// Exactly one statement; what follows a `;` would otherwise be dropped in silence.
fn parse_one(text: &str) -> Result<Statement, QueryError> {
    let mut parser = DFParserBuilder::new(text).with_dialect(&PostgreSqlDialect {}).build()?;
    let mut statements = parser.parse_statements()?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (None, _) => Err(QueryError::Invalid("the query is empty".to_owned())),
        (Some(_), false) => {
            Err(QueryError::Invalid(format!("one statement at a time, not {}", statements.len() + 1)))
        }
    }
}

/// BEGIN, COMMIT and ROLLBACK answer with no rows: every query is its own read of a snapshot.
fn is_transaction(statement: &Statement) -> bool {
    let Statement::Statement(statement) = statement else { return false };
    matches!(
        statement.as_ref(),
        ast::Statement::StartTransaction { .. }
            | ast::Statement::Commit { .. }
            | ast::Statement::Rollback { .. }
    )
}

#[cfg(test)]
mod tests;
