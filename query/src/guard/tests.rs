//! Attacks on the limits and on what keeps queries from changing anything.

use std::time::Duration;

use futures::StreamExt;

use crate::testing::{Bench, at, run};
use crate::{ErrorClass, QueryConfig, QueryError, QueryRole, RoleLimits};

const MIB: u64 = 1024 * 1024;

/// Viewers may do little, everybody else what is usual.
async fn bench(viewer: RoleLimits) -> Bench {
    let bench = Bench::with(QueryConfig { viewer, ..QueryConfig::default() }).await;
    bench.samples(&[("__name__", "up")], &[(at("2026-11-23T11:00:00Z"), 1.0)]).await;
    bench
}

/// The query is killed by the limit, says which and how to get out, and nobody else notices: another
/// query of the same role that was under way goes on, and the next one runs.
async fn killed(viewer: RoleLimits, attack: &str, expected: &str) {
    let bench = bench(viewer).await;
    let mut other =
        bench.engine.sql("SELECT value FROM generate_series(1, 10)", QueryRole::Viewer).await.unwrap();
    let error = bench.error(attack, QueryRole::Viewer).await;
    assert_eq!(error.to_string(), expected);
    let mut rows = 0;
    while let Some(batch) = other.stream.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, 10);
    drop(other);
    assert_eq!(bench.rows("SELECT count(*) FROM metrics").await, ["1"]);
}

#[test]
fn too_many_rows() {
    run(async {
        let limits = RoleLimits { rows_max: 1_000, ..RoleLimits::default() };
        let expected = "the result has more than 1000 rows (limit `query.viewer.rows_max`): add a LIMIT, \
                        aggregate, or narrow the time range";
        killed(limits, "SELECT * FROM generate_series(1, 100000)", expected).await;
    });
}

#[test]
fn too_much_time() {
    run(async {
        let limits = RoleLimits { timeout: Duration::from_secs(3), ..RoleLimits::default() };
        let expected = "the query ran longer than 3s (limit `query.viewer.timeout`): narrow the time range \
                        or filter by metric, service or kind";
        let attack = "SELECT count(*) FROM generate_series(1, 1000000000000) WHERE 1 > random()";
        killed(limits, attack, expected).await;
    });
}

/// Joins that find nothing for hours: the only thread has to come free for the next query.
#[test]
fn too_much_time_without_a_row() {
    run(async {
        let numbers = |name: &str| {
            format!("(SELECT value / 1000000 AS k, value FROM generate_series(1, 300000)) {name}")
        };
        for condition in ["a.value * b.value < 0", "a.k = b.k AND a.value * b.value < 0"] {
            let viewer = RoleLimits { timeout: Duration::from_secs(3), ..RoleLimits::default() };
            let config =
                QueryConfig { viewer, threads: Some(1), partitions: Some(1), ..QueryConfig::default() };
            let bench = Bench::with(config).await;
            let attack =
                format!("SELECT count(*) FROM {} JOIN {} ON {condition}", numbers("a"), numbers("b"));
            let error = bench.error(&attack, QueryRole::Viewer).await;
            assert!(error.to_string().contains("(limit `query.viewer.timeout`)"), "{condition}: {error}");
            assert_eq!(bench.rows("SELECT count(*) FROM metrics").await, ["0"]);
        }
    });
}

#[test]
fn too_much_memory() {
    run(async {
        for attack in [
            "SELECT array_agg(value) FROM generate_series(1, 10000000)",
            "SELECT count(*) FROM generate_series(1, 5000000) a JOIN generate_series(1, 5000000) b ON a.value = b.value",
            "SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY value % 7) AS n, array_agg(value) OVER () FROM generate_series(1, 1000000))",
        ] {
            let limits = RoleLimits { memory_bytes_max: 8 * MIB, ..RoleLimits::default() };
            let expected = "the query needs more than 8 MiB of memory (limit `query.viewer.memory_bytes_max`): \
                            narrow the time range, select fewer columns, or join and group on fewer keys";
            killed(limits, attack, expected).await;
        }
    });
}

#[test]
fn too_many_at_once() {
    run(async {
        let viewer =
            RoleLimits { concurrency_max: 1, queue_timeout: Duration::from_secs(1), ..RoleLimits::default() };
        let bench = bench(viewer).await;
        let running = bench.engine.sql("SELECT * FROM generate_series(1, 1000000)", QueryRole::Viewer).await;
        let running = running.unwrap();
        let refused = bench.error("SELECT 1", QueryRole::Viewer).await;
        assert_eq!(refused.class(), ErrorClass::Overloaded);
        let expected =
            "1 queries are running already (limit `query.viewer.concurrency_max`): try again in a moment";
        assert_eq!(refused.to_string(), expected);
        assert!(bench.engine.sql("SELECT 1", QueryRole::Admin).await.is_ok(), "another role does not notice");
        drop(running);
        assert_eq!(bench.rows("SELECT 1").await, ["1"]);
    });
}

#[test]
fn nothing_can_be_changed_whatever_the_spelling() {
    run(async {
        let bench = bench(RoleLimits::default()).await;
        let target = bench._dir.path().join("taken.csv");
        let target = target.to_str().unwrap();
        let tables = "SELECT count(*) FROM information_schema.tables";
        let settings = "SELECT name, value FROM information_schema.df_settings ORDER BY name";
        let (tables_before, settings_before) = (bench.rows(tables).await, bench.rows(settings).await);
        for attack in [
            "INSERT INTO events SELECT * FROM events",
            "UPDATE events SET kind = 'x'",
            "DELETE FROM events",
            "TRUNCATE events",
            "EXPLAIN INSERT INTO events SELECT * FROM events",
            "EXPLAIN ANALYZE INSERT INTO events SELECT * FROM events",
            "WITH gone AS (DELETE FROM events RETURNING *) SELECT * FROM gone",
            "PREPARE p AS INSERT INTO events SELECT * FROM events",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "SELECT 1 AS a INTO t",
            "CREATE TABLE t AS SELECT 1",
            "CREATE VIEW v AS SELECT 1",
            "CREATE OR REPLACE VIEW incidents AS SELECT 1",
            "CREATE SCHEMA s",
            "CREATE DATABASE d",
            "CREATE FUNCTION f() RETURNS int RETURN 1",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "DROP TABLE events",
            "DROP VIEW incidents",
            "ALTER TABLE events ADD COLUMN a int",
            &format!("COPY events TO '{target}'"),
            &format!("COPY (SELECT 1) TO '{target}' STORED AS CSV"),
            &format!("EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}' STORED AS CSV"),
            "SET datafusion.execution.batch_size = 1",
            "SET datafusion.runtime.memory_limit = '100G'",
            "RESET datafusion.execution.batch_size",
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM \"/etc/passwd\"",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM read_parquet('/etc/passwd')",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT lo_import('/etc/passwd')",
            "SELECT 1; DROP TABLE events",
            "GRANT ALL ON events TO PUBLIC",
            "CALL f()",
            "VACUUM",
        ] {
            let error = bench.error(attack, QueryRole::Admin).await;
            assert_eq!(error.class(), ErrorClass::BadRequest, "{attack}: {error}");
        }
        assert_eq!(bench.rows(tables).await, tables_before);
        assert_eq!(bench.rows(settings).await, settings_before);
        assert!(!std::path::Path::new(target).exists());
        assert_eq!(bench.rows("SELECT count(*) FROM metrics").await, ["1"]);
    });
}

#[test]
fn changing_statements_are_named() {
    run(async {
        let bench = bench(RoleLimits::default()).await;
        let error = bench.error("INSERT INTO events SELECT * FROM events", QueryRole::Admin).await;
        assert!(matches!(error, QueryError::ReadOnly { .. }));
        assert!(error.to_string().contains("queries read, they change nothing"), "{error}");
    });
}
