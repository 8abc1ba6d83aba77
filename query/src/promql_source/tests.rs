//! What a selector reads from the lake, bit by bit.

use std::time::Duration;

use promql::{Selector, TimeRange, Value};
use telemetry::{MatchOp, Matcher, STALE_NAN_BITS, Timestamp, stale_marker};

use crate::testing::{Bench, at, run};

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
