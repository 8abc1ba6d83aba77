//! How a DataFusion session is set up: the options that the layout of the lake wants, memory and
//! spill bounds, UTC, `information_schema`, the catalog `evenkeel` with its schema `public`.
//!
//! There is one base session per engine; every query is planned in a copy of its state with a set of table
//! snapshots of its own, and runs with a memory bound of its own. Nothing a query says changes the base.

use std::sync::Arc;

use datafusion::arrow::temporal_conversions::timestamp_us_to_datetime;
use datafusion::catalog::Session;
use datafusion::common::config::Dialect;
use datafusion::error::Result;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use telemetry::Timestamp;

use crate::config::{QueryConfig, QueryRole};
use crate::guard::QueryMemory;
use crate::provider::QuerySnapshots;
use crate::range_join::RangeJoins;
use crate::run_aggregate::RunAggregates;
use crate::yielding::YieldingJoins;

pub const CATALOG: &str = "evenkeel";
pub const SCHEMA: &str = "public";

/// IN-lists up to this length prune files, row groups and pages; selectors over a few hundred
/// series are ordinary.
pub(crate) const MAX_IN_LIST_SIZE: usize = 1_024;

pub(crate) fn base_context(config: &QueryConfig) -> Result<SessionContext> {
    let memory = FairSpillPool::new(config.memory_bytes_max as usize);
    let spill = DiskManagerBuilder::default().with_max_temp_directory_size(config.spill_bytes_max);
    let runtime = RuntimeEnvBuilder::new()
        .with_metadata_cache_limit(config.footer_bytes_max as usize)
        .with_memory_pool(Arc::new(memory))
        .with_disk_manager_builder(spill)
        .build_arc()?;
    let state = SessionStateBuilder::new_with_default_features()
        .with_config(session_config(config))
        .with_runtime_env(runtime)
        .with_physical_optimizer_rules(optimizer_rules())
        .build();
    Ok(SessionContext::new_with_state(state))
}

/// DataFusion's, and ours where they belong.
fn optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::default().rules;
    let sides_are_chosen = rules.iter().position(|rule| rule.name() == RangeJoins::AFTER);
    rules.insert(sides_are_chosen.map_or(0, |at| at + 1), Arc::new(RangeJoins));
    rules.push(Arc::new(RunAggregates));
    rules.push(Arc::new(YieldingJoins));
    rules
}

fn session_config(config: &QueryConfig) -> SessionConfig {
    let mut session = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_prefer_existing_sort(true);
    if let Some(partitions) = config.partitions {
        session = session.with_target_partitions(partitions.max(1));
    }
    let options = session.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    // Text is Utf8 everywhere, as in the tables.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some("UTC".to_owned());
    options.execution.split_file_groups_by_statistics = true;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.parquet.schema_force_view_types = false;
    options.execution.parquet.max_in_list_size = MAX_IN_LIST_SIZE;
    session
}

/// The state that one query is planned in: a copy, because building one registers every function anew. The
/// query's share of memory comes when it runs ([`bounded_runtime`]). `started` is what `now()` is everywhere in it.
pub(crate) fn query_state(base: &SessionContext, started: Timestamp) -> SessionState {
    let mut state = base.state();
    let started = timestamp_us_to_datetime(started.micros()).map(|time| time.and_utc());
    state.execution_props_mut().query_execution_start_time = started;
    state.config_mut().set_extension(Arc::new(QuerySnapshots::default()));
    state
}

/// When the query of a state began.
pub(crate) fn started(session: &dyn Session) -> Option<Timestamp> {
    let started = session.execution_props().query_execution_start_time?;
    Some(Timestamp::from_micros(started.timestamp_micros()))
}

/// The shared runtime (files, caches, spill directory) with the query's own share of memory.
pub(crate) fn bounded_runtime(
    shared: &Arc<RuntimeEnv>,
    config: &QueryConfig,
    role: QueryRole,
) -> Result<Arc<RuntimeEnv>> {
    let limit = config.limits_of(role).memory_bytes_max;
    let memory = QueryMemory::new(shared.memory_pool.clone(), limit, role);
    RuntimeEnvBuilder::from_runtime_env(shared).with_memory_pool(Arc::new(memory)).build_arc()
}
