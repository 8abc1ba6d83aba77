//! What a plan leaves out, sorts and merges.

use datafusion::physical_plan::displayable;
use telemetry::{Batch, Labels};

use crate::QueryConfig;
use crate::testing::{Bench, at, run, series};

const HOUR: u64 = 3_600;

fn hour(hour: u64, second: u64) -> telemetry::Timestamp {
    at("2026-11-23T00:00:00Z").plus(std::time::Duration::from_secs(HOUR * hour + second))
}

async fn plan(bench: &Bench, query: &str) -> String {
    let state = bench.engine.query_state();
    let logical = state.create_logical_plan(query).await.unwrap();
    let physical = state.create_physical_plan(&logical).await.unwrap();
    displayable(physical.as_ref()).indent(true).to_string()
}

/// Three hours of two series, flushed hour by hour.
async fn three_hours() -> Bench {
    let config = QueryConfig { partitions: Some(2), ..QueryConfig::default() };
    let bench = Bench::with(config).await;
    for start in 7..10 {
        for host in ["a", "b"] {
            let samples: Vec<_> = (0..60).map(|minute| (hour(start, minute * 60), minute as f64)).collect();
            bench.samples(&[("__name__", "load"), ("host", host)], &samples).await;
        }
        bench.lake.flush().await.unwrap();
    }
    bench
}

#[test]
fn files_outside_of_the_time_range_are_left_out() {
    run(async {
        let bench = three_hours().await;
        let files = |plan: &str| plan.matches(".parquet").count();
        let all = plan(&bench, "SELECT ts, value FROM metric_samples").await;
        assert_eq!(files(&all), 3, "{all}");
        let query = "SELECT ts, value FROM metric_samples WHERE ts >= TIMESTAMP '2026-11-23T09:00:00Z'";
        let one = plan(&bench, query).await;
        assert_eq!(files(&one), 1, "{one}");
        assert_eq!(bench.rows(query).await.len(), 120);
        let none = plan(&bench, "SELECT ts FROM metric_samples WHERE metric = 'zzz'").await;
        assert!(none.contains("EmptyExec"), "{none}");
    });
}

#[test]
fn row_groups_of_other_metrics_are_left_out() {
    run(async {
        let bench = Bench::new().await;
        let start = at("2026-11-20T00:00:00Z");
        let times = |step_millis: u64, count: u64| -> Vec<_> {
            let time = |n: u64| start.plus(std::time::Duration::from_millis(step_millis * n));
            (0..count).map(|n| (time(n), (n % 8) as f64)).collect()
        };
        // More than a row group of each.
        let (many, few) = (times(300, 270_000), times(1_000, 80));
        let of = |metric, samples: &[_]| series(&[("__name__", metric), ("host", "h")], samples);
        let series = vec![of("alpha", &many), of("beta", &many), of("gamma", &few)];
        bench.lake.import(Batch { series, ..Batch::default() }).await.unwrap();
        let sum =
            |condition: &str| format!("SELECT count(*), sum(value) FROM metric_samples WHERE {condition}");
        for (condition, expect) in [
            ("metric = 'alpha'", "270000,945000.0"),
            ("metric = 'beta' AND value = 1", "33750,33750.0"),
            ("metric IN ('beta', 'gamma')", "270080,945280.0"),
            ("metric = 'gamma' AND ts >= TIMESTAMP '2026-11-20T00:01:00Z'", "20,78.0"),
            ("metric = 'delta'", "0,"),
            ("metric = 'alpha' OR value > 6", "303760,1181320.0"),
        ] {
            assert_eq!(bench.rows(&sum(condition)).await, [expect], "{condition}");
        }
        let beta = plan(&bench, &sum("metric = 'beta'")).await;
        // The first row group begins behind the file's four bytes of magic.
        assert!(beta.contains(".parquet:") && !beta.contains(".parquet:4.."), "{beta}");
    });
}

#[test]
fn the_order_of_a_file_saves_the_sort() {
    run(async {
        let bench = three_hours().await;
        let query = "SELECT metric, series_id, ts, value FROM metric_samples ORDER BY metric, series_id, ts";
        let text = plan(&bench, query).await;
        assert!(text.contains("SortPreservingMergeExec") && !text.contains("SortExec:"), "{text}");
        assert_eq!(bench.rows(query).await.len(), 360);
    });
}

#[test]
fn predicates_reach_the_parquet_reader() {
    run(async {
        let bench = three_hours().await;
        let text =
            plan(&bench, "SELECT value FROM metric_samples WHERE metric = 'load' AND value > 58").await;
        assert!(text.contains("predicate=metric@0 = load AND value@3 > 58"), "{text}");
        assert!(!text.contains("FilterExec"), "{text}");
    });
}

#[test]
fn only_what_may_repeat_is_merged_and_the_later_row_wins() {
    run(async {
        let bench = three_hours().await;
        assert!(!plan(&bench, "SELECT value FROM metric_samples").await.contains("MergeDedupExec"));
        // A correction of one sample of hour 8.
        bench.samples(&[("__name__", "load"), ("host", "a")], &[(hour(8, 60), 1_000.0)]).await;
        for state in ["buffered", "flushed"] {
            let text = plan(&bench, "SELECT ts, value FROM metric_samples").await;
            assert!(text.contains("MergeDedupExec: keys=[metric@2, series_id@3, ts@0]"), "{state}: {text}");
            // Hours 7 and 9 are read as they are.
            let below_merge = text.split("MergeDedupExec").nth(1).unwrap();
            assert!(text.matches(".parquet").count() >= 3, "{state}: {text}");
            assert!(below_merge.contains(".parquet"), "{state}: {text}");
            let sum = bench.rows("SELECT count(*), sum(value), max(value) FROM metric_samples").await;
            assert_eq!(sum, ["360,11619.0,1000.0"], "{state}");
            // A filter on the value must look at the winner alone.
            let query = "SELECT count(*) FROM metric_samples WHERE value = 1 AND ts = TIMESTAMP '2026-11-23T08:01:00Z'";
            assert_eq!(bench.rows(query).await, ["1"], "{state}");
            bench.lake.flush().await.unwrap();
        }
    });
}

#[test]
fn buffered_rows_join_the_files() {
    run(async {
        let bench = three_hours().await;
        bench.samples(&[("__name__", "load"), ("host", "c")], &[(hour(10, 0), 7.0)]).await;
        assert_eq!(bench.rows("SELECT count(*) FROM metric_samples").await, ["361"]);
        assert_eq!(bench.rows("SELECT value FROM metrics WHERE labels['host'] = 'c'").await, ["7.0"]);
        let query = "SELECT ts FROM metric_samples ORDER BY metric, series_id, ts DESC LIMIT 2";
        assert_eq!(bench.rows(query).await.len(), 2);
    });
}

#[test]
fn one_statement_sees_one_snapshot() {
    run(async {
        let bench = three_hours().await;
        let state = bench.engine.query_state();
        let snapshots = state.config().get_extension::<super::QuerySnapshots>().unwrap();
        let first = snapshots.get(&bench.lake, lake::Table::MetricSamples).await.unwrap();
        bench.samples(&[("__name__", "load"), ("host", "z")], &[(hour(10, 0), 7.0)]).await;
        let second = snapshots.get(&bench.lake, lake::Table::MetricSamples).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(&first, &second));
        assert_eq!(bench.rows("SELECT count(*) FROM metric_samples").await, ["361"]);
    });
}

#[test]
fn a_day_of_a_series_is_one_row_of_its_table() {
    run(async {
        let bench = Bench::new().await;
        let labels = [("__name__", "up"), ("job", "api")];
        for day in ["2026-11-22", "2026-11-23"] {
            for time in ["01:00:00Z", "02:00:00Z"] {
                let samples = [(at(&format!("{day}T{time}")), 1.0)];
                let batch = Batch { series: vec![series(&labels, &samples)], ..Batch::default() };
                bench.lake.append(batch).await.unwrap();
                bench.lake.flush().await.unwrap();
            }
        }
        let query = "SELECT date, metric, service FROM metric_series ORDER BY date";
        assert_eq!(bench.rows(query).await, ["2026-11-22,up,api", "2026-11-23,up,api"]);
        let id = telemetry::SeriesId::proposed_for(&Labels::new(labels).unwrap());
        assert_eq!(bench.rows("SELECT DISTINCT series_id FROM metric_series").await, [id.to_string()]);
    });
}
