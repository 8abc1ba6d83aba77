//! History that is measured afterwards, once and again.

use std::sync::Mutex;

use telemetry::{Batch, Clock};

use super::*;
use crate::testing::series;

#[test]
fn a_backfill_measures_history_once() {
    run(async {
        let bench = Bench::new().await;
        let now = at("2026-11-23T12:00:00Z");
        let start = now.minus(Duration::from_secs(12 * 86_400));
        // Twelve days, a sample a minute, one request in ten bad.
        let times = (0..12 * 1_440_u64).map(|minute| (minute, start.plus(Duration::from_secs(60 * minute))));
        let total: Vec<_> = times.clone().map(|(minute, time)| (time, 10.0 * minute as f64)).collect();
        let good: Vec<_> = times.map(|(minute, time)| (time, 9.0 * minute as f64)).collect();
        let batch = |name: &str, samples| Batch {
            series: vec![series(&[("__name__", name)], samples)],
            ..Batch::default()
        };
        bench.lake.import(batch("requests_total", &total)).await.unwrap();
        bench.lake.import(batch("good_total", &good)).await.unwrap();
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        let seen = Mutex::new(Vec::new());
        let progress =
            |progress: BackfillProgress| seen.lock().unwrap().push((progress.done, progress.total));
        let span = BackfillSpan { from: start, to: now, again: false };
        let report = evaluator.backfill("checkout", span, &progress).await.unwrap();
        // Four days in slices of five minutes, eight in slices of half a minute, every other one of
        // which holds a sample.
        assert_eq!(report.written, 4 * 288 + 8 * 1_440, "{report:?}");
        let seen = seen.into_inner().unwrap();
        assert!(seen.len() > 3 && seen.last().unwrap().0 == seen.last().unwrap().1, "{seen:?}");
        let status = evaluator.statuses()[0].clone();
        // The window of seven days ends at the newest slice.
        assert_eq!(status.total, Some(10.0 * 7.0 * 1_440.0));
        assert_eq!(status.sli, Some(0.9));
        let sums = bench.rows("SELECT sum(total), sum(good) FROM slo_slices").await;
        assert_eq!(sums, ["172790.0,155511.0"]);
        let again = evaluator.backfill("checkout", span, &|_| ()).await.unwrap();
        assert_eq!((again.written, again.present), (0, report.written));
        // Measured once more, with the same numbers: nothing is written.
        let once_more = BackfillSpan { again: true, ..span };
        let again = evaluator.backfill("checkout", once_more, &|_| ()).await.unwrap();
        assert_eq!((again.written, again.present), (0, report.written));
        let of = BudgetOf { slo: "checkout", objective: "1", group: "", window: None };
        let history = evaluator.history(of, (start, now), 24).unwrap();
        assert_eq!(history.len(), 24);
        assert_eq!(history[23].sli, Some(0.9));
        assert!(evaluator.backfill("nobody", span, &|_| ()).await.is_err());
    });
}

#[test]
fn a_backfill_that_was_killed_goes_on_where_it_ended() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 100).await;
        let now = second(3_600);
        let config = SliConfig { slices_per_run_max: 20, ..SliConfig::default() };
        let fresh = async || {
            let evaluator = SloEvaluator::new(bench.engine.clone(), config.clone());
            evaluator.set_catalog(ratio(GOOD, TOTAL, true), now).await.unwrap();
            evaluator
        };
        let span = BackfillSpan { from: second(0), to: second(3_000), again: false };
        // The first process ends in the middle, after two parts of five.
        let parts = std::sync::atomic::AtomicU32::new(0);
        let evaluator = fresh().await;
        let work = async {
            let progress = |_: BackfillProgress| {
                let part = parts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                assert_eq!(part, 0, "killed after the second part");
            };
            evaluator.backfill("checkout", span, &progress).await
        };
        let killed = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(work)).await;
        assert!(killed.is_err());
        let stored = bench.rows("SELECT count(*), sum(total) FROM slo_slices").await;
        assert_eq!(stored, ["40,390.0"]);

        let report = fresh().await.backfill("checkout", span, &|_| ()).await.unwrap();
        assert_eq!((report.written, report.present), (60, 40));
        let stored = bench.rows("SELECT count(*), sum(total), sum(good), max(rev) FROM slo_slices").await;
        assert_eq!(stored, ["100,990.0,891.0,0"]);
    });
}

#[test]
fn very_late_samples_are_taken_by_measuring_again() {
    run(async {
        let bench = Bench::new().await;
        let total: Vec<_> = (0..40).map(|index| (second(30 * index), 10.0 * index as f64)).collect();
        bench.samples(&[("__name__", "requests_total")], &total).await;
        let now = second(3_600);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        let mut span = BackfillSpan { from: second(0), to: second(1_200), again: false };
        evaluator.backfill("checkout", span, &|_| ()).await.unwrap();
        let reported_on = bench.clock.now();
        bench.clock.advance(Duration::from_secs(60));
        // The good ones come an hour later.
        bench.samples(&[("__name__", "good_total")], &total).await;
        assert_eq!(evaluator.backfill("checkout", span, &|_| ()).await.unwrap().written, 0);
        span.again = true;
        // The first slice says 0 of 0 both times.
        assert_eq!(evaluator.backfill("checkout", span, &|_| ()).await.unwrap().written, 39);
        assert_eq!(evaluator.statuses()[0].good, Some(390.0));
        // What was reported before stays what was reported before.
        let query = ReportQuery {
            slo: "checkout".into(),
            objective: Some("1".into()),
            group: String::new(),
            at: Some(second(1_200)),
            recorded_by: Some(reported_on),
            windows: vec![Duration::from_secs(3_600)],
            window: None,
        };
        let good = async |recorded_by| {
            let query = ReportQuery { recorded_by, ..query.clone() };
            evaluator.report(&query).await.unwrap().unwrap().status.good
        };
        assert_eq!((good(Some(reported_on)).await, good(None).await), (Some(0.0), Some(390.0)));
        // The burn-down of then, too.
        let of = BudgetOf { slo: "checkout", objective: "1", group: "", window: None };
        let range = (second(0), second(1_200));
        let then = evaluator.history_as_of(of, range, 4, reported_on).await.unwrap().unwrap();
        let now_known = evaluator.history(of, range, 4).unwrap();
        let goods = |points: &[HistoryPoint]| points.iter().map(|point| point.good).collect::<Vec<_>>();
        assert_eq!(goods(&then), [Some(0.0); 4]);
        assert_eq!(goods(&now_known), [90.0, 190.0, 290.0, 390.0].map(Some));
        let totals = |points: &[HistoryPoint]| points.iter().map(|point| point.total).collect::<Vec<_>>();
        assert_eq!(totals(&then), totals(&now_known));
        let unknown = BudgetOf { group: "{region=\"eu\"}", ..of };
        assert_eq!(evaluator.history_as_of(unknown, range, 4, reported_on).await.unwrap(), None);
        let of_day = format!("SELECT sum(good) FROM slo_slices_as_of('{reported_on}')");
        assert_eq!(bench.rows(&of_day).await, ["0.0"]);
    });
}

#[test]
fn late_samples_of_a_day_are_taken_once_a_day() {
    run(async {
        let bench = Bench::new().await;
        let total: Vec<_> = (0..40).map(|index| (second(30 * index), 10.0 * index as f64)).collect();
        bench.samples(&[("__name__", "requests_total")], &total).await;
        // A look back is done in parts.
        let config = SliConfig { slices_per_run_max: 1_000, ..SliConfig::default() };
        let evaluator = SloEvaluator::new(bench.engine.clone(), config);
        let begun = second(1_230);
        evaluator.set_catalog(ratio(GOOD, TOTAL, true), begun).await.unwrap();
        let hours = |count: u64| begun.plus(Duration::from_secs(count * 3_600));
        tick(&evaluator, begun).await;
        tick(&evaluator, hours(2)).await;
        bench.samples(&[("__name__", "good_total")], &total).await;
        // Too late for the hour.
        tick(&evaluator, hours(3)).await;
        let good = || evaluator.statuses()[0].good;
        assert_eq!(good(), Some(0.0));
        tick(&evaluator, hours(23)).await;
        assert_eq!(good(), Some(390.0));
        assert_eq!(bench.rows("SELECT max(rev), count(*) FROM slo_slices WHERE rev = 1").await, ["1,39"]);
        // What comes a day later still is a backfill's.
        tick(&evaluator, hours(30)).await;
        bench.samples(&[("__name__", "good_total")], &[(second(1_190), 395.0)]).await;
        assert_eq!(tick(&evaluator, hours(48)).await.slices, 0);
    });
}
