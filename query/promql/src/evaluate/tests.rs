//! Bounds, errors and what reaches the source. What PromQL computes is in `tests/*.promql`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use expect_test::{Expect, expect};
use futures::executor::block_on;

use super::*;
use crate::{
    Samples, ScanOptions, Selector, SeriesChunks, SeriesData, Stop, StopSignal, Value, chunked, parse,
};
use futures::{StreamExt, stream};
use telemetry::Labels;

/// `series` series `up{n="..."}` with a sample each 10 s in 0..100 s; notes what it is asked.
struct Source {
    series: usize,
    asked: Mutex<Vec<String>>,
}

fn source(series: usize) -> Source {
    Source { series, asked: Mutex::default() }
}

impl SeriesSource for Source {
    fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks {
        let asked = format!("{:?} ({}, {}]", selector.matchers, selector.start.secs(), selector.end.secs());
        self.asked.lock().unwrap().push(asked);
        if selector.matchers[0].value() == "broken" {
            return stream::once(async { Err("the disk is on fire".into()) }).boxed();
        }
        let ts: Vec<i64> = (0..11).map(|step| step * 10_000).collect();
        // Handed out in reverse: the order of a source must not matter.
        let series = (0..self.series).rev().map(|n| SeriesData {
            labels: Labels::new([("__name__", "up"), ("n", n.to_string().as_str())]).unwrap(),
            samples: Samples::new(ts.clone(), ts.iter().map(|ts| (*ts + n as i64) as f64).collect()),
        });
        chunked(series.collect(), options)
    }
}

fn range(text: &str, source: &Source, options: &EvalOptions) -> Result<Evaluated, PromqlError> {
    let (start, end) = (Timestamp::EPOCH, Timestamp::from_secs(100));
    block_on(eval_range(&parse(text).unwrap(), start, end, Duration::from_secs(10), source, options))
}

fn check_error(text: &str, options: &EvalOptions, expected: Expect) {
    let error = range(text, &source(100), options).expect_err(text);
    expected.assert_eq(&format!("{error:?}"));
}

#[test]
fn results_are_sorted_by_labels_over_a_range_and_in_source_order_at_an_instant() {
    let Value::Matrix(series) = range("up", &source(3), &EvalOptions::default()).unwrap().value else {
        panic!("no matrix");
    };
    let names: Vec<_> = series.iter().map(|(labels, points)| format!("{labels} {}", points.len())).collect();
    assert_eq!(names, [r#"up{n="0"} 11"#, r#"up{n="1"} 11"#, r#"up{n="2"} 11"#]);

    let query = parse("sort_desc(up)").unwrap();
    let at = Timestamp::from_secs(50);
    let answer = block_on(eval_instant(&query, at, &source(2), &EvalOptions::default())).unwrap();
    let Value::Vector(series) = answer.value else { panic!("no vector") };
    assert_eq!(series.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [50_001.0, 50_000.0]);
}

#[test]
fn samples_in_memory_are_bounded() {
    let options = EvalOptions { max_samples: 1_000, ..EvalOptions::default() };
    check_error("up", &options, expect!["TooManySamples { limit: 1000 }"]);
    let enough = EvalOptions { max_samples: 4_000, ..options };
    range("-(up + 1) * 2", &source(100), &enough).unwrap();
    check_error(
        "max_over_time(vector(1)[1y:1ms])",
        &EvalOptions::default(),
        expect![[r#"Execution("a subquery has 31536100000 points, more than 1100000: use a longer step")"#]],
    );
}

#[test]
fn points_and_times_are_checked() {
    // Eleven points are ten and the first.
    let nine = EvalOptions { max_points: 9, ..EvalOptions::default() };
    check_error(
        "up",
        &nine,
        expect![[
            r#"Bad("exceeded maximum resolution of 9 points per timeseries. Try decreasing the query resolution (?step=XX)")"#
        ]],
    );
    let at = |start, end, step| {
        let (start, end) = (Timestamp::from_secs(start), Timestamp::from_secs(end));
        let query = parse("up").unwrap();
        block_on(eval_range(&query, start, end, step, &source(1), &EvalOptions::default()))
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        at(10, 9, Duration::from_secs(1)),
        Err("end timestamp must not be before start time".to_owned())
    );
    assert!(at(0, 10, Duration::from_micros(999)).is_err());
    assert!(at(5, 5, Duration::from_secs(3_600)).is_ok());
}

#[test]
fn a_range_needs_numbers() {
    let options = EvalOptions::default();
    check_error(
        "up[5m]",
        &options,
        expect![[
            r#"Bad("invalid expression type \"range vector\" for range query, must be Scalar or instant Vector")"#
        ]],
    );
    check_error(
        "'text'",
        &options,
        expect![[
            r#"Bad("invalid expression type \"string\" for range query, must be Scalar or instant Vector")"#
        ]],
    );
}

#[test]
fn errors_of_the_source_keep_their_cause() {
    let error = range("broken", &source(1), &EvalOptions::default()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        (error.to_string(), cause),
        ("the series could not be read".into(), "the disk is on fire".into())
    );
}

#[test]
fn a_stop_signal_ends_the_evaluation() {
    for (stop, expected) in [(Stop::Timeout, "Timeout"), (Stop::Canceled, "Canceled")] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let signal: StopSignal =
            Arc::new(move || (counter.fetch_add(1, Ordering::SeqCst) >= 3).then_some(stop));
        let options = EvalOptions { stop: Some(signal), ..EvalOptions::default() };
        check_error(
            "sum(up)",
            &options,
            Expect { position: expect![].position, data: expected, indent: false },
        );
        assert_eq!(asked.load(Ordering::SeqCst), 4, "not asked again");
    }
}

#[test]
fn a_source_is_asked_once_per_scan() {
    let source = source(1);
    range("rate(up[1m]) + up + other offset 1h", &source, &EvalOptions::default()).unwrap();
    let mut asked = source.asked.into_inner().unwrap();
    asked.sort();
    assert_eq!(asked, [r#"[__name__="other"] (-3900, -3500]"#, r#"[__name__="up"] (-300, 100]"#]);
}

#[test]
fn loading_and_computing_can_be_apart() {
    let query = parse("sum(up)").unwrap();
    let times = Times::Instant(Timestamp::from_secs(100));
    let prepared = block_on(prepare(&query, times, &source(2), &EvalOptions::default())).unwrap();
    let answer = std::thread::spawn(move || prepared.run()).join().unwrap().unwrap();
    assert_eq!(answer.value, Value::Vector(vec![(Labels::empty(), 200_001.0)]));
    assert!(answer.warnings.is_empty() && answer.infos.is_empty());
}

#[test]
fn labels_that_calls_make_longer_and_longer_are_refused() {
    let mut expr = "up".to_owned();
    for _ in 0..12 {
        expr = format!("label_replace({expr}, \"n\", \"$1$1$1$1$1$1$1$1\", \"n\", \"(.*)\")");
    }
    check_error(
        &expr,
        &EvalOptions::default(),
        expect![[
            r#"Execution("label_replace() makes a value of the label \"n\" that is longer than 65536 bytes")"#
        ]],
    );
}
