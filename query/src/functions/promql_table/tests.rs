//! When the expression is evaluated, and under which limits.

use crate::config::PromqlLimits;
use crate::testing::{Bench, at, run};
use crate::{ErrorClass, QueryConfig, QueryRole, RoleLimits};

const EXPRESSION: &str = "promql('up', '2026-11-23T10:00:00Z')";

#[test]
fn planning_evaluates_nothing_and_running_obeys_the_limits_of_promql() {
    run(async {
        let promql = PromqlLimits { samples_max: 1, ..PromqlLimits::default() };
        let bench = Bench::with(QueryConfig { promql, ..QueryConfig::default() }).await;
        for host in ["a", "b"] {
            bench.samples(&[("__name__", "up"), ("host", host)], &[(at("2026-11-23T10:00:00Z"), 1.0)]).await;
        }
        assert!(!bench.rows(&format!("EXPLAIN SELECT * FROM {EXPRESSION}")).await.is_empty());
        let error = bench.error(&format!("SELECT * FROM {EXPRESSION}"), QueryRole::Viewer).await;
        assert_eq!(error.class(), ErrorClass::TooExpensive);
        assert!(error.to_string().contains("too many samples"), "{error}");
    });
}

#[test]
fn rows_count_against_the_memory_of_the_query() {
    run(async {
        let viewer = RoleLimits { memory_bytes_max: 64 * 1024, ..RoleLimits::default() };
        let bench = Bench::with(QueryConfig { viewer, ..QueryConfig::default() }).await;
        let query = "SELECT value FROM promql('1', '2026-11-23T10:00:00Z', '2026-11-23T12:00:00Z', '1s')";
        let error = bench.error(query, QueryRole::Viewer).await;
        assert_eq!(error.class(), ErrorClass::TooExpensive);
        assert!(error.to_string().contains("`query.viewer.memory_bytes_max`"), "{error}");
        assert_eq!(bench.sql(&query.replace("1s", "1m")).await.unwrap().lines().count(), 1 + 121);
    });
}

#[test]
fn without_a_time_it_is_now() {
    run(async {
        let bench = Bench::new().await;
        assert_eq!(
            bench.rows("SELECT ts, value FROM promql('time()')").await,
            ["2026-11-23T12:00:00Z,1795435200.0"]
        );
    });
}
