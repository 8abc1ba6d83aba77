//! Statuses of many objectives from slices in memory: 30 days of five-minute slices each, and for one in a
//! hundred the newest eight days in base slices.

use std::hint::black_box;
use std::time::{Duration, Instant};

use slo::budget::Policy;
use slo::objective::Counting;
use slo::openslo::{Mode, parse_documents};
use slo::{SliceSeries, Slo, catalog, report};
use telemetry::{SloSlice, Timestamp};

use super::{Figures, Options};

const BASE_SECS: i64 = 30;
const WIDE_SECS: i64 = 300;
const DAY_SECS: i64 = 86_400;
const BASE_DAYS: i64 = 8;
/// One in so many has base slices too, and one in so many has spent its budget.
const ONE_IN: usize = 100;
const SPENT_ONE_IN: usize = 10;

const SLO: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: requests}
spec:
  service: shop
  budgetingMethod: Occurrences
  timeWindow: [{duration: 30d, isRolling: true}]
  indicator:
    metadata: {name: requests}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: prometheus, spec: {query: sum(good_total)}}}
        total: {metricSource: {type: prometheus, spec: {query: sum(requests_total)}}}
  objectives: [{target: 0.999}]
"#;

pub fn slo() -> Slo {
    let (documents, _) = parse_documents("slo.yaml", SLO, Mode::Lenient);
    catalog::resolve(documents).0.into_iter().next().expect("the document is an SLO")
}

pub fn measure(options: &Options, figures: &mut Figures) {
    let slo = slo();
    let days = options.days;
    let mut all: Vec<SliceSeries> = (0..options.slos).map(|index| history(index, days)).collect();
    let slices: usize = all.iter().map(SliceSeries::len).sum();
    println!("{} objectives, {slices} slices", all.len());
    let now = Timestamp::from_secs(days * DAY_SECS + BASE_SECS);
    let policy = Policy::default();
    let refresh = &|all: &[SliceSeries]| {
        for series in all {
            black_box(report::status(&slo, &slo.objectives[0], series, now, &policy)).expect("a status");
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    let per_thread = all.len().div_ceil(threads).max(1);

    let began = Instant::now();
    std::thread::scope(|scope| {
        for part in all.chunks(per_thread) {
            scope.spawn(move || refresh(part));
        }
    });
    figures.time("refresh: statuses of all objectives", began.elapsed(), Some(Duration::from_secs(1)));

    let began = Instant::now();
    std::thread::scope(|scope| {
        for part in all.chunks_mut(per_thread) {
            scope.spawn(move || {
                part.iter_mut().for_each(SliceSeries::recompute);
                refresh(part);
            });
        }
    });
    figures.time("refresh: everything from slices", began.elapsed(), Some(Duration::from_secs(10)));
    for day in [1, 90] {
        figures.time(&format!("refresh: adding a slice on day {day}"), appending(day), None);
    }
}

/// The time of one of many base slices that are added, folded and forgotten as in a server.
fn appending(day: i64) -> Duration {
    const ADDED: i64 = 2_000;
    let mut series = history(0, day);
    let wide = Duration::from_secs(WIDE_SECS as u64);
    let began = Instant::now();
    for index in 0..ADDED {
        let start = day * DAY_SECS + index * BASE_SECS;
        series.apply(&slice(start, BASE_SECS, 0)).expect("a slice after all others");
        series.fold_before(Timestamp::from_secs(start - BASE_DAYS * DAY_SECS), wide);
        series.drop_before(Timestamp::from_secs(start - 61 * DAY_SECS));
    }
    began.elapsed() / ADDED as u32
}

fn history(index: usize, days: i64) -> SliceSeries {
    let has_base = index.is_multiple_of(ONE_IN);
    let base_from = if has_base { (days - BASE_DAYS).max(0) * DAY_SECS } else { days * DAY_SECS };
    let mut series = SliceSeries::new(Counting::Occurrences);
    let wide = (0..base_from).step_by(WIDE_SECS as usize).map(|start| slice(start, WIDE_SECS, index));
    let base =
        (base_from..days * DAY_SECS).step_by(BASE_SECS as usize).map(|start| slice(start, BASE_SECS, index));
    for slice in wide.chain(base) {
        series.apply(&slice).expect("slices in order");
    }
    series
}

/// A thousand events a second; those of every tenth objective are a little too often bad.
fn slice(start: i64, secs: i64, index: usize) -> SloSlice {
    let total = secs * 1_000_000;
    let bad_in = if index.is_multiple_of(SPENT_ONE_IN) { 800 } else { 2_500 };
    SloSlice {
        slo_id: String::new(),
        generation: 1,
        group_key: String::new(),
        slice_start: Timestamp::from_secs(start),
        slice_secs: secs as i32,
        good_milli: total - total / bad_in,
        total_milli: total,
        coverage: 1.0,
        rev: 0,
        recorded_at: Timestamp::EPOCH,
    }
}
