//! What an evaluation may cost, and what it may use.

use std::sync::Arc;
use std::time::Duration;

use crate::meter::StopSignal;
use crate::workers::Workers;

/// Limits and defaults of an evaluation.
#[derive(Clone)]
pub struct EvalOptions {
    /// How old a sample may be and still count at a step; 5 minutes, as in Prometheus.
    pub lookback: Duration,
    /// The step of subqueries that do not name one; 1 minute, Prometheus' evaluation interval.
    pub subquery_step: Duration,
    /// Loaded samples and computed points in memory at once; 50 million (8 bytes a point, 16 a sample).
    /// Samples that were read, reduced and dropped do not count.
    pub max_samples: u64,
    /// Steps of a range query after the first; 11 000, enough for a week in minutes or a year in hours.
    pub max_points: usize,
    /// Ends the evaluation early: deadline and cancellation.
    pub stop: Option<StopSignal>,
    /// Functions and aggregations that Prometheus calls experimental; without them they are refused.
    pub experimental_functions: bool,
    /// Threads for what is computed while series are read; without them it is done where the query is
    /// polled.
    pub workers: Option<Arc<dyn Workers>>,
}

impl Default for EvalOptions {
    fn default() -> Self {
        EvalOptions {
            lookback: Duration::from_secs(5 * 60),
            subquery_step: Duration::from_secs(60),
            max_samples: 50_000_000,
            max_points: 11_000,
            stop: None,
            experimental_functions: true,
            workers: None,
        }
    }
}

impl std::fmt::Debug for EvalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvalOptions")
            .field("lookback", &self.lookback)
            .field("subquery_step", &self.subquery_step)
            .field("max_samples", &self.max_samples)
            .field("max_points", &self.max_points)
            .field("stop", &self.stop.is_some())
            .field("experimental_functions", &self.experimental_functions)
            .field("workers", &self.workers.as_ref().map(|workers| workers.threads()))
            .finish()
    }
}

impl EvalOptions {
    pub(crate) fn lookback_ms(&self) -> i64 {
        whole_millis(self.lookback)
    }

    pub(crate) fn subquery_step_ms(&self) -> i64 {
        whole_millis(self.subquery_step).max(1)
    }
}

/// Bounded, so that adding it to a time does not overflow.
pub(super) fn whole_millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 256)
}
