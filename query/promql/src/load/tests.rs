//! Streams: what is held at once, in which order results come, and how a stream ends early.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use telemetry::{Labels, Timestamp};

use crate::{
    EvalOptions, Evaluated, PromqlError, Samples, ScanOptions, Selector, SeriesChunks, SeriesData,
    SeriesSource, Stop, StopSignal, Workers, eval_range, parse,
};

const STEPS: i64 = 60;

/// `m{n="...", half="..."}` with a sample each 10 s over ten minutes.
fn series(number: usize) -> SeriesData {
    let ts: Vec<i64> = (0..=STEPS).map(|step| step * 10_000).collect();
    // Values of many magnitudes, so that the order of adding them shows.
    let scale = 10_f64.powi(number as i32 % 17 - 8);
    let values = ts.iter().map(|ts| (*ts as f64 + number as f64) * scale / 3.0).collect();
    let (n, half) = (number.to_string(), (number % 2).to_string());
    let labels = [("__name__", "m"), ("half", half.as_str()), ("n", n.as_str())];
    SeriesData { labels: Labels::new(labels).unwrap(), samples: Samples::new(ts, values) }
}

/// So many series, made as they are asked for, a few per chunk; then perhaps an error.
struct Made {
    series: usize,
    per_chunk: usize,
    fails: bool,
    handed_out: Arc<AtomicUsize>,
}

fn made(series: usize, per_chunk: usize) -> Made {
    Made { series, per_chunk, fails: false, handed_out: Arc::default() }
}

impl SeriesSource for Made {
    fn scan(&self, _: &Selector, _: ScanOptions) -> SeriesChunks {
        let (count, per_chunk, handed_out) = (self.series, self.per_chunk, self.handed_out.clone());
        let chunks = (0..count.div_ceil(per_chunk)).map(move |chunk| {
            handed_out.fetch_add(1, Ordering::SeqCst);
            Ok((chunk * per_chunk..count.min((chunk + 1) * per_chunk)).map(series).collect())
        });
        let end = self.fails.then(|| Err("the disk is full of holes".into()));
        stream::iter(chunks.chain(end)).boxed()
    }
}

/// Two threads that take work as it comes.
struct Threads(Vec<mpsc::Sender<Box<dyn FnOnce() + Send>>>, AtomicUsize);

impl Threads {
    fn new() -> Arc<Threads> {
        let senders = (0..2).map(|_| {
            let (sender, work) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
            std::thread::spawn(move || work.into_iter().for_each(|work| work()));
            sender
        });
        Arc::new(Threads(senders.collect(), AtomicUsize::new(0)))
    }
}

impl Workers for Threads {
    fn threads(&self) -> usize {
        2
    }

    fn spawn(&self, work: Box<dyn FnOnce() + Send>) {
        let turn = self.1.fetch_add(1, Ordering::SeqCst) % self.0.len();
        self.0[turn].send(work).unwrap();
    }
}

fn evaluate(text: &str, source: &Made, options: &EvalOptions) -> Result<Evaluated, PromqlError> {
    let (start, end) = (Timestamp::EPOCH, Timestamp::from_secs(10 * STEPS));
    block_on(eval_range(&parse(text).unwrap(), start, end, Duration::from_secs(60), source, options))
}

#[test]
fn an_aggregation_holds_a_few_chunks_of_many() {
    // 61 000 samples, and 11 000 points in rows.
    let source = made(1_000, 10);
    let options = EvalOptions { max_samples: 8_000, ..EvalOptions::default() };
    for text in [
        "sum by (half) (rate(m[5m]))",
        "max(-m * 2)",
        "stddev(max_over_time(rate(m[1m])[5m:1m]))",
        "sum(rate(m[5m])) / sum(rate(m[1m]))",
        "absent_over_time(m[5m])",
    ] {
        evaluate(text, &source, &options).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    for text in ["m", "topk(1, m)", "quantile_over_time(scalar(m), m[5m])"] {
        let error = evaluate(text, &source, &options).expect_err(text);
        assert!(matches!(error, PromqlError::TooManySamples { limit: 8_000 }), "{text}: {error:?}");
    }
    // A chunk that is too large for the limit is refused as it comes.
    let error = evaluate("sum(m)", &made(1_000, 1_000), &options).expect_err("one chunk");
    assert!(matches!(error, PromqlError::TooManySamples { .. }), "{error:?}");
}

#[test]
fn answers_depend_neither_on_threads_nor_on_chunks() {
    for text in
        ["sum by (half) (rate(m[3m]))", "avg(m)", "stddev(m)", "rate(m[2m])", "topk(3, m)", "count(m) > 1"]
    {
        let alone = evaluate(text, &made(300, 300), &EvalOptions::default()).unwrap();
        for per_chunk in [1, 7, 64] {
            let options = EvalOptions { workers: Some(Threads::new()), ..EvalOptions::default() };
            let together = evaluate(text, &made(300, per_chunk), &options).unwrap();
            assert_eq!(alone, together, "{text}, {per_chunk} series in a chunk");
        }
    }
}

#[test]
fn a_stop_signal_ends_a_stream() {
    for workers in [None, Some(Threads::new() as Arc<dyn Workers>)] {
        let asked = AtomicUsize::new(0);
        let stop: StopSignal =
            Arc::new(move || (asked.fetch_add(1, Ordering::SeqCst) > 40).then_some(Stop::Canceled));
        let source = made(usize::MAX, 10);
        let options = EvalOptions { stop: Some(stop), workers, ..EvalOptions::default() };
        let error = evaluate("sum(m)", &source, &options).unwrap_err();
        assert!(matches!(error, PromqlError::Canceled), "{error:?}");
        assert!(source.handed_out.load(Ordering::SeqCst) < 60);
    }
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_the_answer() {
    let source = Made { fails: true, ..made(30, 10) };
    let error = evaluate("sum(m)", &source, &EvalOptions::default()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the disk is full of holes");
}
