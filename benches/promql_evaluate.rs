//! The evaluator alone, over series in memory: how long a query takes once its samples are there.
//!
//! `cargo bench -p promql` runs every case; `cargo bench -p promql -- rate` those whose text holds the
//! word. A line says the best of a few runs and how many input samples that is per second.

use std::time::{Duration, Instant};

use promql::{
    EvalOptions, Samples, ScanOptions, Selector, SeriesChunks, SeriesData, SeriesSource, Times, chunked,
};
use telemetry::{Labels, Timestamp};

const SCRAPE_MS: i64 = 15_000;
const DAY_MS: i64 = 86_400_000;
const RUNS: usize = 3;

/// `requests_total{instance, path}`: counters over two days, with a reset now and then.
struct Counters {
    series: Vec<SeriesData>,
}

impl Counters {
    fn new(count: usize) -> Counters {
        let series = (0..count).map(|number| {
            let (instance, path) = (format!("host-{}", number % 20), format!("/path/{}", number / 20));
            let labels = [
                ("__name__", "requests_total"),
                ("instance", instance.as_str()),
                ("job", "bench"),
                ("path", path.as_str()),
            ];
            let ts_ms: Vec<i64> = (0..2 * DAY_MS / SCRAPE_MS).map(|n| n * SCRAPE_MS).collect();
            let mut value = 0.0;
            let grown = ts_ms.iter().enumerate().map(|(n, _)| {
                value = if (n + number).is_multiple_of(5_000) {
                    0.0
                } else {
                    value + ((n * 7 + number) % 11) as f64
                };
                value
            });
            let values = grown.collect();
            SeriesData { labels: Labels::new(labels).expect("labels"), samples: Samples::new(ts_ms, values) }
        });
        Counters { series: series.collect() }
    }

    fn samples(&self) -> usize {
        self.series.iter().map(|series| series.samples.len()).sum()
    }
}

impl SeriesSource for Counters {
    fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks {
        let matching = self.series.iter().filter(|series| selector.matches(&series.labels));
        chunked(matching.cloned().collect(), options)
    }
}

/// Text, series, step in seconds; always over the second day.
const CASES: &[(&str, usize, u64)] = &[
    ("requests_total", 200, 60),
    ("rate(requests_total[5m])", 200, 60),
    ("rate(requests_total[1d])", 200, 60),
    ("sum by (path) (rate(requests_total[5m]))", 200, 60),
    ("sum_over_time(requests_total[5m])", 200, 60),
    ("sum_over_time(requests_total[1d])", 40, 60),
    ("avg_over_time(requests_total[1d])", 40, 60),
    ("max_over_time(requests_total[1d])", 40, 60),
    ("changes(requests_total[1d])", 40, 60),
    ("stddev_over_time(requests_total[1h])", 40, 60),
    ("quantile_over_time(0.9, requests_total[1h])", 40, 60),
    ("max_over_time(rate(requests_total[5m])[1h:1m])", 40, 60),
    ("rate(requests_total[5m]) / on (instance, path) rate(requests_total[1h])", 200, 300),
    ("topk(5, rate(requests_total[5m]))", 200, 60),
    ("quantile by (path) (0.9, rate(requests_total[5m]))", 200, 60),
    ("sum(requests_total)", 2_000, 600),
    ("sum by (path) (requests_total * 2) / sum by (path) (requests_total)", 2_000, 600),
];

#[allow(clippy::disallowed_methods, reason = "a bench measures durations")]
fn run(text: &str, source: &Counters, step: Duration) -> Duration {
    let query = promql::parse(text).expect("the query is right");
    let range = promql::TimeRange {
        start: Timestamp::from_millis(DAY_MS),
        end: Timestamp::from_millis(2 * DAY_MS - SCRAPE_MS),
        step,
    };
    let options = EvalOptions { max_samples: u64::MAX / 2, ..EvalOptions::default() };
    let begun = Instant::now();
    let evaluation = async {
        promql::prepare(&query, Times::Range(range), source, &options).await.and_then(promql::Prepared::run)
    };
    std::hint::black_box(futures::executor::block_on(evaluation).expect("the query has an answer"));
    begun.elapsed()
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let mut source = Counters::new(0);
    for (text, series, step) in CASES {
        if !words.iter().all(|word| text.contains(word.as_str())) {
            continue;
        }
        if source.series.len() != *series {
            source = Counters::new(*series);
        }
        let best =
            (0..RUNS).map(|_| run(text, &source, Duration::from_secs(*step))).min().unwrap_or_default();
        let rate = source.samples() as f64 / best.as_secs_f64() / 1e6;
        println!("{:>9.2} ms {rate:>8.1} M samples/s  {series:>6} series  {text}", best.as_secs_f64() * 1e3);
    }
}
