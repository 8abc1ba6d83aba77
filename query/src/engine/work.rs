//! What PromQL costs: one evaluation's account, and the sum of all as metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use promql::{ScanOptions, Selector, SeriesChunks, SeriesSource};

/// The account of one evaluation; clones share it. It is complete when the evaluation has ended.
#[derive(Clone, Debug, Default)]
pub struct PromqlWork(Arc<Account>);

#[derive(Debug, Default)]
struct Account {
    parsed_us: AtomicU64,
    queued_us: AtomicU64,
    samples: AtomicU64,
}

impl PromqlWork {
    /// How long reading its text took.
    pub fn parsed(&self) -> Duration {
        Duration::from_micros(self.0.parsed_us.load(Ordering::Relaxed))
    }

    /// How long it waited for others to end.
    pub fn queued(&self) -> Duration {
        Duration::from_micros(self.0.queued_us.load(Ordering::Relaxed))
    }

    /// Samples that were read for it.
    pub fn samples(&self) -> u64 {
        self.0.samples.load(Ordering::Relaxed)
    }

    pub(super) fn was_parsed(&self, took: Duration) {
        self.0.parsed_us.store(micros(took), Ordering::Relaxed);
    }

    pub(super) fn was_queued(&self, waited: Duration) {
        self.0.queued_us.store(micros(waited), Ordering::Relaxed);
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// A source that counts what is read from it.
pub(super) struct Counted {
    pub source: Arc<dyn SeriesSource>,
    pub work: PromqlWork,
    pub metrics: PromqlMetrics,
}

impl SeriesSource for Counted {
    fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks {
        let (work, metrics) = (self.work.clone(), self.metrics.clone());
        let chunks = self.source.scan(selector, options).inspect(move |chunk| {
            let series = chunk.as_deref().unwrap_or_default();
            let samples: usize = series.iter().map(|series| series.samples.len()).sum();
            work.0.samples.fetch_add(samples as u64, Ordering::Relaxed);
            metrics.samples.inc_by(samples as u64);
        });
        chunks.boxed()
    }
}

/// Cheap to clone: all clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct PromqlMetrics {
    pub queued: Gauge,
    pub running: Gauge,
    concurrency_max: Gauge,
    samples: Counter,
}

impl PromqlMetrics {
    pub(super) fn new(concurrency_max: usize) -> PromqlMetrics {
        let metrics = PromqlMetrics::default();
        metrics.concurrency_max.set(i64::try_from(concurrency_max).unwrap_or(i64::MAX));
        metrics
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let mut gauge = |name: &str, help: &str, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("evenkeel_promql_queries_queued", "PromQL queries that wait for others to end", &self.queued);
        gauge("evenkeel_promql_queries_running", "PromQL queries that are evaluated", &self.running);
        gauge(
            "evenkeel_promql_queries_concurrent_max",
            "PromQL queries that are evaluated at once (query.promql.concurrency_max)",
            &self.concurrency_max,
        );
        registry.register(
            "evenkeel_promql_samples_read",
            "Samples that were read for PromQL queries",
            self.samples.clone(),
        );
    }
}

/// Counted while it lives, also when the query is given up.
pub(super) struct Counting(Gauge);

impl Counting {
    pub(super) fn on(gauge: &Gauge) -> Counting {
        gauge.inc();
        Counting(gauge.clone())
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use telemetry::Timestamp;

    use crate::testing::{Bench, at, run};

    use super::*;

    #[test]
    fn what_is_read_is_accounted_for_and_nothing_runs_on() {
        run(async {
            let bench = Bench::new().await;
            let noon = at("2026-11-23T12:00:00Z");
            let samples: Vec<(Timestamp, f64)> =
                (0..10).map(|second| (Timestamp::from_secs(noon.secs() - second), 1.0)).collect();
            bench.samples(&[("__name__", "up")], &samples).await;
            let options = bench.engine.promql_options();
            let work = options.work.clone();
            bench.engine.promql_instant("sum_over_time(up[1m]) + up", noon, options).await.unwrap();
            // The longer window holds the shorter one.
            let read = work.samples();
            assert!((10..=20).contains(&read), "{read}");

            let (mut registry, mut text) = (Registry::default(), String::new());
            bench.engine.register_metrics(&mut registry);
            encode(&mut text, &registry).unwrap();
            let lines = [
                "evenkeel_promql_queries_queued 0",
                "evenkeel_promql_queries_running 0",
                "evenkeel_promql_queries_concurrent_max 20",
                &format!("evenkeel_promql_samples_read_total {read}"),
            ];
            for line in lines {
                assert!(text.lines().any(|it| it == line), "{line}: {text}");
            }
        });
    }
}
