//! What a query may cost, by the role that asks. Every limit is named in the error it causes.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::time::duration_text;

const MIB: u64 = 1024 * 1024;

/// Who asks. Surfaces map their tokens to it; `engine` is Evenkeel itself (rules, SLIs, pages).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueryRole {
    Viewer,
    Responder,
    Admin,
    Engine,
}

impl QueryRole {
    pub fn as_str(self) -> &'static str {
        match self {
            QueryRole::Viewer => "viewer",
            QueryRole::Responder => "responder",
            QueryRole::Admin => "admin",
            QueryRole::Engine => "engine",
        }
    }
}

/// The section `query` of the server's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueryConfig {
    pub viewer: RoleLimits,
    pub responder: RoleLimits,
    pub admin: RoleLimits,
    pub engine: RoleLimits,
    /// What all running queries may hold together.
    pub memory_bytes_max: u64,
    /// What all running queries may spill to disk together.
    pub spill_bytes_max: u64,
    /// What is kept of the footers of files, which say where their columns and pages are; 0 keeps nothing
    /// and reads them again for each query.
    pub footer_bytes_max: u64,
    /// Threads that all queries share; `None` is one per core. Receivers have threads of their own.
    pub threads: Option<usize>,
    /// Parts of one query that run beside each other; `None` is one per core.
    pub partitions: Option<usize>,
    pub promql: PromqlLimits,
    pub postgres: PostgresLimits,
    pub logs: LogLimits,
    pub reports: ReportSettings,
}

/// How reports read the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// Environments whose deploys are deployments to production, in any case; a deploy that names no
    /// environment is one too.
    pub production_environments: Vec<String>,
}

impl Default for ReportSettings {
    fn default() -> Self {
        let names = ["prod", "production", "prd", "live"];
        ReportSettings { production_environments: names.map(str::to_owned).into() }
    }
}

impl ReportSettings {
    /// The environments in lower case, for comparing.
    pub(crate) fn production(&self) -> Arc<[String]> {
        self.production_environments.iter().map(|name| name.to_lowercase()).collect()
    }
}

/// What one query of a role may cost, and how many run at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleLimits {
    /// Rows of the result.
    pub rows_max: u64,
    /// From the start of planning to the last row, waiting for a slow reader included.
    #[serde(with = "duration_text")]
    pub timeout: Duration,
    pub memory_bytes_max: u64,
    pub concurrency_max: usize,
    /// How long a query waits for one of those places.
    #[serde(with = "duration_text")]
    pub queue_timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromqlLimits {
    /// Samples and points that one expression may hold at once; what was read, reduced and dropped does
    /// not count.
    pub samples_max: u64,
    /// Steps of a range query.
    pub points_max: usize,
    #[serde(with = "duration_text")]
    pub timeout: Duration,
    /// How old a sample may be and still count.
    #[serde(with = "duration_text")]
    pub lookback: Duration,
    pub concurrency_max: usize,
    /// What is kept of where series are in compacted files, so that queries for a few of them unpack
    /// values only; 0 keeps nothing. Of the newest files it is found out before a query asks, up to half of
    /// this.
    pub directory_bytes_max: u64,
    /// Functions and aggregations that Prometheus calls experimental and may yet change.
    pub experimental_functions: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresLimits {
    pub connections_max: usize,
    /// How long a client may take to log in.
    #[serde(with = "duration_text")]
    pub authentication_timeout: Duration,
}

/// What one request for logs may ask for; scans have the limits of the role beside these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogLimits {
    /// Lines of a page.
    pub page_lines_max: usize,
    /// Lines of a file to be taken away.
    pub export_lines_max: usize,
    /// Lines before a line, and after it.
    pub context_lines_max: usize,
    pub histogram_bars_max: usize,
    /// The newest lines, in which attributes are counted.
    pub facet_sample_lines: usize,
    /// Attributes that are counted, and values of each.
    pub facet_attributes_max: usize,
    pub facet_values_max: usize,
    /// Live tails at once.
    pub tails_max: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        LogLimits {
            page_lines_max: 5_000,
            export_lines_max: 100_000,
            context_lines_max: 500,
            histogram_bars_max: 240,
            facet_sample_lines: 5_000,
            facet_attributes_max: 30,
            facet_values_max: 20,
            tails_max: 64,
        }
    }
}

impl Default for QueryConfig {
    fn default() -> Self {
        QueryConfig {
            viewer: RoleLimits::default(),
            responder: RoleLimits::default(),
            admin: RoleLimits {
                rows_max: 5_000_000,
                timeout: Duration::from_secs(300),
                memory_bytes_max: 1024 * MIB,
                ..RoleLimits::default()
            },
            engine: RoleLimits {
                rows_max: 50_000_000,
                timeout: Duration::from_secs(600),
                memory_bytes_max: 1024 * MIB,
                concurrency_max: 32,
                ..RoleLimits::default()
            },
            memory_bytes_max: 1024 * MIB,
            spill_bytes_max: 4096 * MIB,
            footer_bytes_max: 64 * MIB,
            threads: None,
            partitions: None,
            promql: PromqlLimits::default(),
            postgres: PostgresLimits::default(),
            logs: LogLimits::default(),
            reports: ReportSettings::default(),
        }
    }
}

impl Default for RoleLimits {
    fn default() -> Self {
        RoleLimits {
            rows_max: 1_000_000,
            timeout: Duration::from_secs(60),
            memory_bytes_max: 512 * MIB,
            concurrency_max: 16,
            queue_timeout: Duration::from_secs(10),
        }
    }
}

/// The numbers that Prometheus uses: 50 M samples, 11 000 points, 2 and 5 minutes, 20 at once.
impl Default for PromqlLimits {
    fn default() -> Self {
        PromqlLimits {
            samples_max: 50_000_000,
            points_max: 11_000,
            timeout: Duration::from_secs(120),
            lookback: Duration::from_secs(300),
            concurrency_max: 20,
            directory_bytes_max: 64 * MIB,
            experimental_functions: true,
        }
    }
}

/// The numbers that PostgreSQL uses.
impl Default for PostgresLimits {
    fn default() -> Self {
        PostgresLimits { connections_max: 100, authentication_timeout: Duration::from_secs(60) }
    }
}

impl QueryConfig {
    pub fn limits_of(&self, role: QueryRole) -> &RoleLimits {
        match role {
            QueryRole::Viewer => &self.viewer,
            QueryRole::Responder => &self.responder,
            QueryRole::Admin => &self.admin,
            QueryRole::Engine => &self.engine,
        }
    }
}

/// The name that an error gives a limit: the key in the configuration file.
pub(crate) fn limit_name(role: QueryRole, limit: &str) -> String {
    format!("query.{}.{limit}", role.as_str())
}
