//! What a selector reads from the lake, bit by bit.

mod mix;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use promql::{ScanOptions, Selector, SeriesData, SeriesSource, TimeRange, Value};
use telemetry::{Batch, MatchOp, Matcher, STALE_NAN_BITS, Timestamp, stale_marker};

use crate::testing::{Bench, at, run, series};
use crate::{Engine, QueryConfig, QueryError};

fn selector(metric: &str, start: Timestamp, end: Timestamp) -> Selector {
    let matcher = Matcher::new("__name__", MatchOp::Equal, metric).unwrap();
    Selector { matchers: vec![matcher], start, end }
}

#[test]
fn every_bit_of_a_value_survives() {
    run(async {
        let bench = Bench::new().await;
        let start = at("2026-11-23T11:00:00Z");
        let odd = f64::from_bits(0x7ff8_0000_dead_beef);
        let values = [stale_marker(), odd, -0.0, f64::INFINITY, 1.5];
        let samples: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(n, value)| (start.plus(Duration::from_secs(n as u64)), *value))
            .collect();
        bench.samples(&[("__name__", "m"), ("host", "a")], &samples).await;
        for state in ["buffered", "flushed", "compacted"] {
            let source = bench.engine.series_source();
            let wanted =
                selector("m", start.minus(Duration::from_secs(1)), start.plus(Duration::from_secs(9)));
            let found = source.select(&wanted).await.unwrap();
            let bits: Vec<u64> = found[0].samples.values().iter().map(|value| value.to_bits()).collect();
            let expected: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
            assert_eq!(bits, expected, "{state}");
            assert_eq!(bits[0], STALE_NAN_BITS);
            bench.lake.flush().await.unwrap();
            if state == "flushed" {
                bench.clock.set(at("2026-11-25T13:00:00Z"));
                bench.lake.compact().await.unwrap();
            }
        }
    });
}

#[test]
fn the_start_is_left_out_and_corrections_win() {
    run(async {
        let bench = Bench::new().await;
        let start = at("2026-11-23T11:00:00Z");
        let second = |n| start.plus(Duration::from_secs(n));
        bench.samples(&[("__name__", "m")], &[(start, 1.0), (second(10), 2.0), (second(20), 3.0)]).await;
        bench.lake.flush().await.unwrap();
        bench.samples(&[("__name__", "m")], &[(second(10), 20.0), (second(30), 4.0)]).await;
        let source = bench.engine.series_source();
        let found = source.select(&selector("m", start, second(30))).await.unwrap();
        assert_eq!(found[0].samples.values(), [20.0, 3.0, 4.0]);
        let found = source.select(&selector("m", second(30), second(90))).await.unwrap();
        assert!(found.is_empty());
        assert!(source.select(&selector("other", start, second(30))).await.unwrap().is_empty());
    });
}

#[test]
fn expressions_evaluate_over_the_lake() {
    run(async {
        let bench = Bench::new().await;
        let start = at("2026-11-23T11:00:00Z");
        for host in ["a", "b"] {
            let samples: Vec<_> =
                (0..40).map(|n| (start.plus(Duration::from_secs(15 * n)), (n * 30) as f64)).collect();
            bench.samples(&[("__name__", "requests_total"), ("host", host)], &samples).await;
        }
        let options = bench.engine.promql_options();
        let end = start.plus(Duration::from_secs(585));
        let query = "sum(rate(requests_total[5m]))";
        let instant = bench.engine.promql_instant(query, end, options.clone()).await.unwrap();
        let Value::Vector(found) = instant.value else { panic!("an instant query answers a vector") };
        assert_eq!(found.iter().map(|(_, value)| (value * 1e9).round() / 1e9).collect::<Vec<_>>(), [4.0]);
        let range = TimeRange { start, end, step: Duration::from_secs(60) };
        let matrix = bench.engine.promql_range("requests_total", range, options.clone()).await.unwrap();
        let Value::Matrix(series) = matrix.value else { panic!("a range query answers a matrix") };
        assert_eq!(series.iter().map(|(_, points)| points.len()).collect::<Vec<_>>(), [10, 10]);
        let mut few = options.clone();
        few.eval.max_samples = 10;
        let error = bench.engine.promql_instant("requests_total", end, few).await.unwrap_err();
        assert!(matches!(error, promql::PromqlError::TooManySamples { limit: 10 }), "{error:?}");
        let mut hurried = options;
        hurried.timeout = Duration::ZERO;
        let error = bench.engine.promql_instant("requests_total", end, hurried).await.unwrap_err();
        assert!(matches!(error, promql::PromqlError::Timeout), "{error:?}");
    });
}

const HOSTS: usize = 100;

/// `m` of [`HOSTS`] hosts, `count` samples 15 s apart; the value says which sample of which host it is.
fn fleet(start: Timestamp, count: usize) -> Batch {
    let of_host = |host: usize| {
        let sample = |n: usize| (start.plus(Duration::from_secs(15 * n as u64)), (host * count + n) as f64);
        let samples: Vec<_> = (0..count).map(sample).collect();
        series(&[("__name__", "m"), ("host", &format!("h{host:03}"))], &samples)
    };
    Batch { series: (0..HOSTS).map(of_host).collect(), ..Batch::default() }
}

fn number_of(series: &SeriesData) -> usize {
    series.labels.get("host").unwrap()[1..].parse().unwrap()
}

#[test]
fn chunks_hold_each_series_once_and_whole_and_are_bounded() {
    run(async {
        let bench = Bench::new().await;
        let start = at("2026-11-23T11:00:00Z");
        bench.lake.append(fleet(start, 50)).await.unwrap();
        bench.lake.flush().await.unwrap();
        bench.lake.append(fleet(start.plus(Duration::from_secs(750)), 50)).await.unwrap();
        let source = bench.engine.series_source();
        let wanted =
            selector("m", start.minus(Duration::from_secs(1)), start.plus(Duration::from_secs(3_600)));
        let mut orders = Vec::new();
        for chunk_samples_max in [250, 99, 1_000_000] {
            let options = ScanOptions { chunk_samples_max, ..ScanOptions::default() };
            let chunks: Vec<Vec<SeriesData>> = source.scan(&wanted, options).try_collect().await.unwrap();
            for chunk in &chunks {
                let samples: usize = chunk.iter().map(|series| series.samples.len()).sum();
                assert!(samples <= chunk_samples_max || chunk.len() == 1, "{samples}");
                assert!(chunk.iter().all(|series| series.samples.len() == 100));
            }
            let mut hosts: Vec<usize> = chunks.iter().flatten().map(number_of).collect();
            orders.push(hosts.clone());
            hosts.sort_unstable();
            assert_eq!(hosts, (0..HOSTS).collect::<Vec<_>>());
        }
        assert!(
            source.scan(&wanted, ScanOptions::default()).count().await > 1,
            "parts run beside each other"
        );
        let options = ScanOptions { chunk_samples_max: 250, ..ScanOptions::default() };
        let again: Vec<Vec<SeriesData>> = source.scan(&wanted, options).try_collect().await.unwrap();
        assert_eq!(again.iter().flatten().map(number_of).collect::<Vec<_>>(), orders[0]);
    });
}

#[test]
fn of_a_day_file_the_wanted_rows_are_found() {
    run(async {
        let bench = Bench::new().await;
        let start = at("2026-11-21T00:00:00Z");
        // More than a row group, and pages that end within a series.
        bench.lake.import(fleet(start, 5_760)).await.unwrap();
        let hour = start.plus(Duration::from_secs(7 * 3_600));
        let wanted = selector("m", hour, hour.plus(Duration::from_secs(3_600)));
        let of_hosts = |hosts| {
            let mut few = wanted.clone();
            few.matchers.push(Matcher::new("host", MatchOp::Regex, hosts).unwrap());
            few
        };
        // A single one is searched for in a directory.
        let (few, one) = (of_hosts("h0(07|42|99)"), of_hosts("h042"));
        for source in without_and_with_directories(&bench) {
            let all = source.select(&wanted).await.unwrap();
            let some = source.select(&few).await.unwrap();
            let single = source.select(&one).await.unwrap();
            assert_eq!((all.len(), some.len(), single.len()), (HOSTS, 3, 1));
            for found in all.iter().chain(&some).chain(&single) {
                let first = number_of(found) * 5_760 + 7 * 240 + 1;
                let expected: Vec<f64> = (first..first + 240).map(|value| value as f64).collect();
                assert_eq!(found.samples.values(), expected);
                assert_eq!(found.samples.ts_ms()[0], hour.millis() + 15_000);
            }
        }
    });
}

/// That unpack everything, that make directories, and that find them.
fn without_and_with_directories(bench: &Bench) -> [Arc<dyn SeriesSource>; 3] {
    let mut config = QueryConfig::default();
    config.promql.directory_bytes_max = 0;
    let without = Engine::open(bench.lake.clone(), config, bench.clock.clone()).unwrap();
    [without.series_source(), bench.engine.series_source(), bench.engine.series_source()]
}

#[test]
fn series_that_are_longer_than_a_batch_come_whole() {
    run(async {
        let bench = Bench::new().await;
        let start = at("2026-11-21T00:00:00Z");
        let samples: Vec<_> =
            (1..=20_000_u64).map(|n| (start.plus(Duration::from_secs(4 * n)), n as f64)).collect();
        let hosts = ["a", "b", "c", "d", "e", "f"];
        let of_host = |host| series(&[("__name__", "m"), ("host", host)], &samples);
        let batch = Batch { series: hosts.map(of_host).to_vec(), ..Batch::default() };
        bench.lake.import(batch).await.unwrap();
        // All but the first and the last of each.
        let wanted = selector("m", samples[0].0, samples[19_998].0);
        let expected: Vec<f64> = (2..20_000).map(f64::from).collect();
        for source in without_and_with_directories(&bench) {
            let found = source.select(&wanted).await.unwrap();
            assert_eq!(found.len(), hosts.len());
            assert!(found.iter().all(|series| series.samples.values() == expected));
        }
    });
}

#[test]
fn memory_is_given_back_and_the_limit_is_named() {
    run(async {
        let config = QueryConfig { memory_bytes_max: 2 * 1024 * 1024, ..QueryConfig::default() };
        let bench = Bench::with(config).await;
        let start = at("2026-11-23T03:00:00Z");
        bench.lake.append(fleet(start, 2_000)).await.unwrap();
        let source = bench.engine.series_source();
        let wanted = selector("m", start, start.plus(Duration::from_secs(86_400)));
        let Err(error) = source.select(&wanted).await else { panic!("200 000 samples in 2 MiB") };
        assert!(error.to_string().contains("(limit `query.memory_bytes_max`)"), "{error}");
        assert!(matches!(error.downcast_ref(), Some(QueryError::TooMuchMemory { .. })), "{error:?}");
        let options = ScanOptions { chunk_samples_max: 20_000, ..ScanOptions::default() };
        let pool = bench.engine.context().runtime_env().memory_pool.clone();
        let mut chunks = source.scan(&wanted, options);
        let mut count = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.unwrap();
            count += chunk.len();
            assert!(pool.reserved() >= 16 * 1_999 * chunk.len(), "what is handed out is charged");
        }
        assert_eq!(count, HOSTS, "what is evaluated chunk by chunk fits");
        // Readers of a scan that was dropped end by themselves.
        let mut dropped = source.scan(&wanted, options);
        dropped.next().await.unwrap().unwrap();
        drop((chunks, dropped));
        while pool.reserved() > 0 {
            tokio::task::yield_now().await;
        }
    });
}
