//! Indicators over rows and buckets.

use slo::indicator::{Counted, Indicator, Numerator, Query, QueryForm, QueryLanguage};

use super::*;

/// The catalogue with another indicator.
fn with_indicator(indicator: Indicator) -> Vec<Slo> {
    let mut catalog = ratio(GOOD, TOTAL, true);
    catalog[0].objectives[0].generation =
        slo::indicator::generation(&indicator, catalog[0].slice, false, None);
    catalog[0].objectives[0].indicator = indicator;
    catalog
}

fn query_in(language: QueryLanguage, text: &str) -> Query {
    Query { text: text.to_owned(), language, form: QueryForm::Gauge, data_source: None }
}

#[test]
fn statements_count_rows() {
    run(async {
        let bench = Bench::new().await;
        let order = |index: i64| {
            let payload = serde_json::json!({ "went": if index % 4 == 0 { "wrong" } else { "well" } });
            let kind = telemetry::EventKind::new("order");
            crate::testing::event(kind, &format!("order-{index}"), 1, second(20 * index as u64), payload)
        };
        bench.events((0..12).map(order).collect()).await;
        let text = "SELECT valid_at AS ts, CASE WHEN json_text(payload, 'went') = 'well' THEN 1 ELSE 0 END AS good, 1 AS total
                    FROM events WHERE kind = 'order' AND valid_at >= $from AND valid_at < $to";
        let indicator = |text: &str| Indicator::Statement {
            query: query_in(QueryLanguage::Sql, text),
            counts: Counted::Good,
        };
        let now = second(300);
        let of = async |indicator| {
            let evaluator = super::evaluator(&bench, with_indicator(indicator), now).await;
            evaluator.tick(now).await.unwrap();
            evaluator
        };
        let evaluator = of(indicator(text)).await;
        assert_eq!(evaluator.problems(), []);
        let status = evaluator.statuses()[0].clone();
        assert_eq!((status.good, status.total), (Some(9.0), Some(12.0)));
        let wrong = of(indicator("SELECT now() AS ts, 1 AS good FROM events WHERE valid_at < $to")).await;
        let [(_, problem)] = &wrong.problems()[..] else { panic!("one problem") };
        assert!(problem.contains(r#"returns no column "total""#), "{problem}");
        let outside = of(indicator(
            "SELECT TIMESTAMP '2020-01-01' AS ts, 1 AS good, 1 AS total FROM events WHERE valid_at < $to",
        ))
        .await;
        assert!(outside.problems()[0].1.contains("outside of $from and $to"), "{:?}", outside.problems());
        // The same by conditions: every slice is measured, most of them with nothing.
        let condition = |text: &str| query_in(QueryLanguage::Events, text);
        let bad = "json_text(payload, 'went') = 'wrong'";
        let events = Indicator::Ratio {
            counter: false,
            numerator: Numerator::Bad(condition(bad)),
            total: condition("kind = 'order'"),
        };
        let evaluator = of(events).await;
        assert_eq!(evaluator.problems(), []);
        let status = evaluator.statuses()[0].clone();
        assert_eq!((status.good, status.total), (Some(9.0), Some(12.0)));
        // Fresh while the newest order is at most a minute old.
        let fresh =
            Indicator::Freshness { newest: condition("kind = 'order'"), age_secs_max: "60".parse().unwrap() };
        let evaluator = of(fresh).await;
        assert_eq!(evaluator.problems(), []);
        // Orders from 0 to 220 s: fresh at the ends of slices 30 to 270, of an hour and 120 slices.
        let status = evaluator.statuses()[0].clone();
        assert_eq!((status.good, status.total), (Some(9.0), Some(120.0)));
    });
}

#[test]
fn latencies_are_read_from_buckets() {
    run(async {
        let bench = Bench::new().await;
        for (le, each) in [("0.1", 800.0), ("0.25", 950.0), ("0.5", 990.0), ("+Inf", 1000.0)] {
            let samples: Vec<_> = (0..5).map(|n| (second(30 * n), each * n as f64)).collect();
            bench.samples(&[("__name__", "latency_bucket"), ("le", le)], &samples).await;
        }
        let indicator = |threshold: &str| Indicator::Latency {
            buckets: Query {
                form: QueryForm::Counter,
                ..query_in(QueryLanguage::PromQl, "sum by (le) (latency_bucket)")
            },
            threshold: threshold.parse().unwrap(),
            off_boundary: slo::indicator::latency::OffBoundary::LowerBound,
        };
        for threshold in ["0.25", "0.3"] {
            let now = second(180);
            let evaluator = evaluator(&bench, with_indicator(indicator(threshold)), now).await;
            tick(&evaluator, now).await;
            // Between two boundaries what is surely fast enough counts.
            let status = evaluator.statuses()[0].clone();
            assert_eq!((status.good, status.total), (Some(3_800.0), Some(4_000.0)), "{threshold}");
        }
    });
}
