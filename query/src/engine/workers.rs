//! The query threads as PromQL's workers.

use std::sync::Arc;

use promql::Workers;

use crate::pool::Pool;

pub(super) struct PoolWorkers(pub Arc<Pool>);

impl Workers for PoolWorkers {
    fn threads(&self) -> usize {
        self.0.threads()
    }

    fn spawn(&self, work: Box<dyn FnOnce() + Send>) {
        let pool = self.0.clone();
        self.0.spawn(async move {
            // Work that cannot run any more is dropped, which its query notices.
            let _ = pool.compute(work).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use promql::{PromqlError, Value};

    use crate::testing::{Bench, at, run};

    #[test]
    fn an_aggregation_may_read_more_than_it_may_hold() {
        run(async {
            let bench = Bench::new().await;
            let start = at("2026-11-23T11:00:00Z");
            for host in 0..40 {
                let sample = |n: u64| (start.plus(Duration::from_secs(15 * n)), (n * 30) as f64);
                let samples: Vec<_> = (0..100).map(sample).collect();
                bench.samples(&[("__name__", "m_total"), ("host", &host.to_string())], &samples).await;
            }
            let mut options = bench.engine.promql_options();
            options.eval.max_samples = 2_000;
            let end = start.plus(Duration::from_secs(15 * 99));
            let text = "count(rate(m_total[30m]))";
            let count = bench.engine.promql_instant(text, end, options.clone()).await.unwrap();
            let Value::Vector(found) = count.value else { panic!("an instant query answers a vector") };
            assert_eq!(found.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [40.0]);
            assert_eq!(options.work.samples(), 4_000);
            let error = bench.engine.promql_instant("m_total[30m]", end, options).await.unwrap_err();
            assert!(matches!(error, PromqlError::TooManySamples { limit: 2_000 }), "{error:?}");
        });
    }
}
