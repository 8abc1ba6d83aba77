//! The query engine: DataFusion session, catalog, SQL surfaces, PromQL over the lake, SLI evaluation.
//!
//! Reads snapshots of the lake and never writes a table; the slices that [`sli`] computes go through
//! `lake.append` like anybody's rows. Every query runs read-only in a session of its own, within the
//! limits of its role ([`config`]), on one snapshot per table.

pub mod cardinality;
mod catalog;
pub mod config;
mod engine;
mod error;
mod events;
pub mod formats;
mod functions;
mod guard;
pub mod logs;
pub mod pgwire;
mod pool;
mod provider;
mod range_join;
pub mod reports;
mod run_aggregate;
mod samples;
mod scan_filter;
mod session;
pub mod sli;
#[cfg(test)]
mod sql_tests;
#[cfg(test)]
mod testing;
mod views;
mod yielding;

/// The evaluator, for surfaces that speak its errors and values.
pub use promql;

pub use config::{QueryConfig, QueryRole, RoleLimits};
pub use engine::{Engine, PromqlOptions, PromqlWork, SqlRows};
pub use error::{ErrorClass, Position, QueryError};

/// The value of a parameter of a query.
pub use datafusion::common::ScalarValue;
pub use sli::{ObjectiveHistory, SloEvaluator, SloHistorySource};
