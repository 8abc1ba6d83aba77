//! Whatever way samples took into the lake and however far it has filed them: selectors and PromQL
//! answer as over a plain map.

use std::collections::BTreeMap;
use std::time::Duration;

use promql::{Samples, ScanOptions, Selector, SeriesChunks, SeriesData, SeriesSource, Value, chunked};
use proptest::prelude::*;
use telemetry::{Batch, Clock, Labels, MatchOp, Matcher, Timestamp, stale_marker};

use crate::testing::{Bench, at, run, series};

/// What happens to the lake. Samples are (series, steps of 15 s before now, value).
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(usize, u64, u8)>),
    Import(Vec<(usize, u64, u8)>),
    Flush,
    /// After so many minutes.
    Compact(u64),
}

const SERIES: usize = 7;

fn labels_of(series: usize) -> Vec<(&'static str, String)> {
    let metric = ["m", "m", "m", "zeta", "alpha"][series % 5];
    vec![("__name__", metric.to_owned()), ("host", format!("h{series}"))]
}

/// Stale markers and odd bits among numbers whose sums are exact.
fn value_of(byte: u8) -> f64 {
    match byte {
        0 => stale_marker(),
        1 => f64::from_bits(0x7ff8_0000_dead_beef),
        2 => -0.0,
        other => f64::from(other),
    }
}

/// The last value written for each series and time.
#[derive(Clone, Default)]
struct Model(BTreeMap<usize, BTreeMap<Timestamp, f64>>);

impl Model {
    fn find(&self, selector: &Selector) -> Vec<SeriesData> {
        let mut found = Vec::new();
        for (series, samples) in &self.0 {
            let labels = Labels::new(labels_of(*series)).unwrap();
            let wanted = samples.range(..=selector.end).filter(|(ts, _)| **ts > selector.start);
            let (ts, values): (Vec<i64>, Vec<f64>) = wanted.map(|(ts, value)| (ts.millis(), *value)).unzip();
            if !ts.is_empty() && selector.matches(&labels) {
                found.push(SeriesData { labels, samples: Samples::new(ts, values) });
            }
        }
        found
    }
}

impl SeriesSource for Model {
    fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks {
        chunked(self.find(selector), options)
    }
}

/// Series with their samples, values as bits, in the order of labels.
fn shape(mut series: Vec<SeriesData>) -> Vec<(String, Vec<(i64, u64)>)> {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let samples = |of: &SeriesData| {
        let bits = of.samples.values().iter().map(|value| value.to_bits());
        of.samples.ts_ms().iter().copied().zip(bits).collect()
    };
    series.iter().map(|of| (of.labels.to_string(), samples(of))).collect()
}

fn answer(value: Value) -> Vec<(String, Vec<(i64, u64)>)> {
    let Value::Matrix(series) = value else { panic!("a range query answers a matrix") };
    let points = |points: &Vec<(Timestamp, f64)>| {
        points.iter().map(|(ts, value)| (ts.millis(), value.to_bits())).collect()
    };
    series.iter().map(|(labels, of)| (labels.to_string(), points(of))).collect()
}

struct Mix {
    bench: Bench,
    model: Model,
}

impl Mix {
    async fn take(&mut self, step: &Step) {
        match step {
            Step::Append(samples) => {
                let batch = self.batch(samples);
                self.bench.lake.append(batch).await.unwrap();
            }
            Step::Import(samples) => {
                let batch = self.batch(samples);
                self.bench.lake.import(batch).await.unwrap();
            }
            Step::Flush => drop(self.bench.lake.flush().await.unwrap()),
            Step::Compact(minutes) => {
                let later = self.bench.clock.now().plus(Duration::from_secs(60 * minutes));
                self.bench.clock.set(later);
                self.bench.lake.compact().await.unwrap();
            }
        }
    }

    fn batch(&mut self, samples: &[(usize, u64, u8)]) -> Batch {
        let now = self.bench.clock.now();
        let mut batch = Batch::default();
        for (number, steps, byte) in samples {
            let (ts, value) = (now.minus(Duration::from_secs(15 * steps)), value_of(*byte));
            let labels = labels_of(*number);
            let labels: Vec<(&str, &str)> =
                labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            batch.series.push(series(&labels, &[(ts, value)]));
            self.model.0.entry(*number).or_default().insert(ts, value);
        }
        batch
    }

    async fn check(&self, metric: &str, back: u64, span: u64) {
        let end = self.bench.clock.now().minus(Duration::from_secs(15 * back));
        let start = end.minus(Duration::from_secs(15 * span));
        let matchers = vec![Matcher::new("__name__", MatchOp::Regex, metric).unwrap()];
        let selector = Selector { matchers, start, end };
        let source = self.bench.engine.series_source();
        let found = source.select(&selector).await.unwrap();
        assert_eq!(shape(found), shape(self.model.find(&selector)), "{selector:?}");
        for query in
            ["m", "sum(sum_over_time(m[20m]))", "rate(m[1h])", "count({__name__=~\".+\"}) by (__name__)"]
        {
            let query = promql::parse(query).unwrap();
            let options = self.bench.engine.promql_options().eval;
            let step = Duration::from_secs(300);
            let ours = promql::eval_range(&query, start, end, step, source.as_ref(), &options).await.unwrap();
            let plain = promql::eval_range(&query, start, end, step, &self.model, &options).await.unwrap();
            assert_eq!(answer(ours.value), answer(plain.value), "{query:?}");
        }
    }
}

/// Half of the samples are of the last minutes, the others of the last two days.
fn samples() -> impl Strategy<Value = Vec<(usize, u64, u8)>> {
    let age = prop_oneof![0_u64..40, 0_u64..11_520];
    prop::collection::vec((0..SERIES, age, 0_u8..20), 1..25)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => samples().prop_map(Step::Append),
        1 => samples().prop_map(Step::Import),
        2 => Just(Step::Flush),
        1 => (0_u64..3_000).prop_map(Step::Compact),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn answers_do_not_depend_on_how_samples_are_filed(
        steps in prop::collection::vec(step(), 1..12),
        looks in prop::collection::vec((prop_oneof![Just("m"), Just("zeta|m"), Just(".+")], 0_u64..12_000, 1_u64..6_000), 2..4),
    ) {
        run(async move {
            let bench = Bench::new().await;
            bench.clock.set(at("2026-11-23T12:00:00Z"));
            let mut mix = Mix { bench, model: Model::default() };
            for step in &steps {
                mix.take(step).await;
                mix.check(".+", 0, 11_520).await;
            }
            for (metric, back, span) in looks {
                mix.check(metric, back, span).await;
            }
        });
    }
}
