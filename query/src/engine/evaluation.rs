//! PromQL from its text to its value, on the threads for queries.
//!
//! One task reads the text, loads the series and computes: a query of a few series takes less time than being
//! handed from thread to thread. What takes longer leaves the task: scans are read by others
//! ([`samples`](crate::samples)), and what is then left to compute gets a thread where waiting is no harm.

use std::sync::Arc;

use promql::{EvalOptions, Evaluated, PromqlError, SeriesSource, Stop, TimeRange, Times};
use telemetry::Timestamp;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::work::{Counted, Counting};
use super::{Engine, PromqlOptions};
use crate::QueryError;
use crate::pool::Pool;

impl Engine {
    /// Reads a query on the threads for queries: hostile regular expressions take their time.
    pub async fn parse_promql(&self, text: &str) -> Result<promql::Query, PromqlError> {
        let text = text.to_owned();
        let parsed = self.0.pool.compute(move || promql::parse(&text)).await;
        parsed.unwrap_or(Err(PromqlError::Canceled))
    }

    pub async fn promql_instant(
        &self,
        expr: &str,
        at: Timestamp,
        options: PromqlOptions,
    ) -> Result<Evaluated, PromqlError> {
        self.promql_text(expr, Times::Instant(at), options).await.flatten()
    }

    pub async fn promql_range(
        &self,
        expr: &str,
        range: TimeRange,
        options: PromqlOptions,
    ) -> Result<Evaluated, PromqlError> {
        self.promql_text(expr, Times::Range(range), options).await.flatten()
    }

    /// As [`Engine::promql`]. The outer error is what is wrong with the text.
    pub async fn promql_text(
        &self,
        text: &str,
        times: Times,
        options: PromqlOptions,
    ) -> Result<Result<Evaluated, PromqlError>, PromqlError> {
        let (text, work) = (text.to_owned(), options.work.clone());
        let parse = move || {
            let began = Instant::now();
            let query = promql::parse(&text);
            work.was_parsed(began.elapsed());
            query
        };
        self.evaluate(parse, times, options).await
    }

    /// Loads and computes. Dropping the future ends both.
    pub async fn promql(
        &self,
        query: &promql::Query,
        times: Times,
        options: PromqlOptions,
    ) -> Result<Evaluated, PromqlError> {
        let query = query.clone();
        self.evaluate(|| Ok(query), times, options).await.flatten()
    }

    async fn evaluate(
        &self,
        query: impl FnOnce() -> Result<promql::Query, PromqlError> + Send + 'static,
        times: Times,
        mut options: PromqlOptions,
    ) -> Result<Result<Evaluated, PromqlError>, PromqlError> {
        let deadline = Instant::now() + options.timeout;
        let dropped = CancellationToken::new();
        let _ends_with_this_future = dropped.clone().drop_guard();
        let asked_for = options.eval.stop.take();
        options.eval.stop = Some(Arc::new(move || {
            if dropped.is_cancelled() {
                return Some(Stop::Canceled);
            }
            if Instant::now() >= deadline {
                return Some(Stop::Timeout);
            }
            asked_for.as_ref().and_then(|stop| stop())
        }));
        let (work, metrics) = (options.work, self.0.promql_metrics.clone());
        let source = Counted { source: self.series_source(), work: work.clone(), metrics: metrics.clone() };
        let (pool, slots) = (self.0.pool.clone(), self.0.promql_slots.clone());
        let evaluation = async move {
            let query = query()?;
            let (waits, began) = (Counting::on(&metrics.queued), Instant::now());
            // Closed semaphores do not exist here: this one lives as long as the engine.
            let slot = slots.acquire_owned().await;
            drop(waits);
            work.was_queued(began.elapsed());
            let slot = (slot, Counting::on(&metrics.running));
            Ok(load_and_compute(&pool, &query, times, &source, &options.eval, slot).await)
        };
        let canceled = |_shut_down| Ok(Err(PromqlError::Canceled));
        let evaluated = async { self.0.pool.run(evaluation).await.unwrap_or_else(canceled) };
        timeout_at(deadline, evaluated).await.unwrap_or_else(|_elapsed| Ok(Err(PromqlError::Timeout)))
    }
}

/// The slot is held to the end, also by a computation that nobody waits for any more.
async fn load_and_compute(
    pool: &Pool,
    query: &promql::Query,
    times: Times,
    source: &dyn SeriesSource,
    options: &EvalOptions,
    slot: impl Send + 'static,
) -> Result<Evaluated, PromqlError> {
    let prepared = promql::prepare(query, times, source, options).await.map_err(unwrapped)?;
    if prepared.is_small() {
        return prepared.run();
    }
    let compute = move || {
        let _slot = slot;
        prepared.run()
    };
    pool.compute(compute).await.unwrap_or(Err(PromqlError::Canceled))
}

/// The sample limit that the source met is the evaluator's limit.
fn unwrapped(error: PromqlError) -> PromqlError {
    match error {
        PromqlError::Source(source) => match source.downcast::<QueryError>() {
            Ok(ours) => match *ours {
                QueryError::Promql(inner) => inner,
                other => PromqlError::Source(Box::new(other)),
            },
            Err(source) => PromqlError::Source(source),
        },
        other => other,
    }
}
