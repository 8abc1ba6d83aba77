//! The limits of a query: each is named in the error it causes, and ends with the reader.

use std::time::Duration;

use futures::StreamExt;

use crate::testing::{Bench, run};
use crate::{ErrorClass, QueryConfig, QueryRole, RoleLimits};

fn viewer(limits: RoleLimits) -> QueryConfig {
    QueryConfig { viewer: limits, ..QueryConfig::default() }
}

const CROSS_JOIN: &str =
    "SELECT a.value, b.value FROM generate_series(1, 100000) a, generate_series(1, 100000) b";

#[test]
fn too_many_rows_are_refused_by_name() {
    run(async {
        let bench = Bench::with(viewer(RoleLimits { rows_max: 1_000, ..RoleLimits::default() })).await;
        let error = bench.error(CROSS_JOIN, QueryRole::Viewer).await;
        assert_eq!(error.class(), ErrorClass::TooExpensive);
        assert_eq!(
            error.to_string(),
            "the result has more than 1000 rows (limit `query.viewer.rows_max`): add a LIMIT, aggregate, or \
             narrow the time range"
        );
        // The limit is on what comes out, and others have their own.
        assert_eq!(bench.rows("SELECT count(*) FROM generate_series(1, 5000)").await, ["5000"]);
        let many = "SELECT * FROM generate_series(1, 5000)";
        assert!(
            bench
                .engine
                .sql(many, QueryRole::Admin)
                .await
                .unwrap()
                .stream
                .all(|b| async move { b.is_ok() })
                .await
        );
    });
}

#[test]
fn a_query_that_never_ends_is_ended() {
    run(async {
        let limits = RoleLimits { timeout: Duration::from_millis(300), ..RoleLimits::default() };
        let bench = Bench::with(viewer(limits)).await;
        let query = format!("SELECT count(*) FROM ({CROSS_JOIN}) WHERE 1 > random()");
        let error = bench.error(&query, QueryRole::Viewer).await;
        assert_eq!(error.class(), ErrorClass::Timeout);
        assert!(error.to_string().contains("longer than 300ms (limit `query.viewer.timeout`)"), "{error}");
    });
}

#[test]
fn memory_is_bounded_by_name() {
    run(async {
        let limits = RoleLimits { memory_bytes_max: 1024 * 1024, ..RoleLimits::default() };
        let bench = Bench::with(viewer(limits)).await;
        let query = "SELECT array_agg(value) FROM generate_series(1, 10000000)";
        let error = bench.error(query, QueryRole::Viewer).await;
        assert_eq!(error.class(), ErrorClass::TooExpensive);
        assert!(
            error.to_string().contains("more than 1 MiB of memory (limit `query.viewer.memory_bytes_max`)"),
            "{error}"
        );
    });
}

#[test]
fn places_are_given_back_when_the_reader_goes() {
    run(async {
        let limits =
            RoleLimits { concurrency_max: 1, queue_timeout: Duration::from_secs(1), ..RoleLimits::default() };
        let bench = Bench::with(viewer(limits)).await;
        let mut running = bench.engine.sql(CROSS_JOIN, QueryRole::Viewer).await.unwrap();
        running.stream.next().await.unwrap().unwrap();
        let error = bench.error("SELECT 1", QueryRole::Viewer).await;
        assert_eq!(error.class(), ErrorClass::Overloaded);
        assert!(
            error
                .to_string()
                .contains("1 queries are running already (limit `query.viewer.concurrency_max`)"),
            "{error}"
        );
        // Somebody else's place is not taken.
        assert!(bench.engine.sql("SELECT 1", QueryRole::Responder).await.is_ok());
        drop(running);
        assert_eq!(bench.rows("SELECT 1").await, ["1"]);
    });
}

#[test]
fn a_query_changes_nothing_for_the_next_one() {
    run(async {
        let bench = Bench::new().await;
        let before = bench.rows("SHOW datafusion.execution.batch_size").await;
        bench.error("SET datafusion.execution.batch_size = 1", QueryRole::Admin).await;
        assert_eq!(bench.rows("SHOW datafusion.execution.batch_size").await, before);
    });
}

#[test]
fn explain_and_describe_work() {
    run(async {
        let bench = Bench::new().await;
        assert!(!bench.rows("EXPLAIN SELECT * FROM metrics").await.is_empty());
        assert!(bench.rows("EXPLAIN ANALYZE SELECT 1").await[0].contains("metrics"));
        let columns = bench.rows("DESCRIBE deploys").await;
        assert!(columns[0].starts_with("deploy_id,"), "{columns:?}");
        assert!(bench.rows("SHOW TABLES").await.iter().any(|row| row.contains("incidents")));
    });
}
