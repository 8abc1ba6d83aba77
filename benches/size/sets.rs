//! What is measured: series with their labels, and rounds of scrapes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::random::Random;

/// Samples that were scraped together.
pub struct Scrape {
    pub ts_ms: i64,
    /// Series by number, and value.
    pub samples: Vec<(usize, f64)>,
}

pub struct SampleSet {
    pub name: &'static str,
    /// Label pairs, the metric's name first.
    pub series: Vec<Vec<(String, String)>>,
    /// In time order.
    pub scrapes: Vec<Scrape>,
}

impl SampleSet {
    pub fn sample_count(&self) -> u64 {
        self.scrapes.iter().map(|scrape| scrape.samples.len() as u64).sum()
    }

    /// Scrapes as they are sent: about a thousand samples at a time.
    pub fn requests(&self) -> impl Iterator<Item = &[Scrape]> {
        let per_scrape = self.scrapes.first().map_or(1, |scrape| scrape.samples.len().max(1));
        self.scrapes.chunks((1_000 / per_scrape).max(1))
    }
}

/// A node exporter's answers, as `record.py` writes them.
pub fn recording(path: &Path) -> SampleSet {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut set = SampleSet { name: "node exporter", series: Vec::new(), scrapes: Vec::new() };
    for line in BufReader::new(MultiGzDecoder::new(file)).lines() {
        let line = line.expect("a whole recording");
        if let Some(time) = line.strip_prefix("# scrape ") {
            let ts_ms = time.parse().expect("a time in milliseconds");
            set.scrapes.push(Scrape { ts_ms, samples: Vec::new() });
            continue;
        }
        let Some((name, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else { continue };
        let number = *numbers.entry(name.to_owned()).or_insert_with(|| {
            set.series.push(labels_of(name));
            set.series.len() - 1
        });
        let value = value.parse().expect("a number");
        set.scrapes.last_mut().expect("a scrape has begun").samples.push((number, value));
    }
    set
}

/// `name{label="value",...}`, and who was scraped.
fn labels_of(series: &str) -> Vec<(String, String)> {
    let (metric, mut rest) = series.split_once('{').unwrap_or((series, "}"));
    let mut labels = BTreeMap::new();
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut chars = after.char_indices();
        let mut end = after.len();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped)) => value.push(escaped),
                    None => {}
                },
                plain => value.push(plain),
            }
        }
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        rest = &after[end..];
    }
    labels.insert("instance".to_owned(), "host-0.example:9100".to_owned());
    labels.insert("job".to_owned(), "node".to_owned());
    let named = std::iter::once(("__name__".to_owned(), metric.to_owned()));
    named.chain(labels.into_iter().filter(|(_, value)| !value.is_empty())).collect()
}

const HOSTS: usize = 20;
const SERIES_PER_HOST: usize = 50;
const ROUNDS: i64 = 1_440;
const INTERVAL_MS: i64 = 15_000;
/// 2026-11-23T00:00:00Z.
const START_MS: i64 = 1_795_392_000_000;

/// Counters and gauges of twenty hosts over six hours, each host scraped at its own moment and a
/// quarter of the scrapes a few milliseconds off. Of twenty series seven count in steps up to 100, four
/// count seldom, two count hundredths, two are sizes in pages of 4 KiB, two walk at random with all
/// bits, two jump between small numbers and one never changes.
pub fn synthetic() -> SampleSet {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut set = SampleSet { name: "synthetic", series: Vec::new(), scrapes: Vec::new() };
    let mut values = Vec::new();
    for host in 0..HOSTS {
        for series in 0..SERIES_PER_HOST {
            set.series.push(vec![
                ("__name__".to_owned(), format!("metric_{series:02}_{}", KINDS[series % KINDS.len()].0)),
                ("instance".to_owned(), format!("host-{host}.example:9100")),
                ("job".to_owned(), "node".to_owned()),
            ]);
            values.push((random.below(1_000_000)) as f64);
        }
    }
    let offsets: Vec<i64> = (0..HOSTS).map(|_| random.below(INTERVAL_MS as u64) as i64).collect();
    let mut order: Vec<usize> = (0..HOSTS).collect();
    order.sort_by_key(|host| offsets[*host]);
    for round in 0..ROUNDS {
        for &host in &order {
            let late_ms = if random.below(4) == 0 { random.below(9) as i64 - 4 } else { 0 };
            let mut samples = Vec::with_capacity(SERIES_PER_HOST);
            for series in 0..SERIES_PER_HOST {
                let number = host * SERIES_PER_HOST + series;
                values[number] = KINDS[series % KINDS.len()].1(values[number], &mut random);
                samples.push((number, values[number]));
            }
            // Never before midnight, so that the set is one day.
            let ts_ms = (START_MS + round * INTERVAL_MS + offsets[host] + late_ms).max(START_MS);
            set.scrapes.push(Scrape { ts_ms, samples });
        }
    }
    set.scrapes.sort_by_key(|scrape| scrape.ts_ms);
    set
}

type NextValue = fn(f64, &mut Random) -> f64;

const KINDS: [(&str, NextValue); 20] = [
    ("requests_total", counter),
    ("requests_total", counter),
    ("requests_total", counter),
    ("requests_total", counter),
    ("requests_total", counter),
    ("requests_total", counter),
    ("requests_total", counter),
    ("errors_total", seldom),
    ("errors_total", seldom),
    ("errors_total", seldom),
    ("errors_total", seldom),
    ("seconds_total", hundredths),
    ("seconds_total", hundredths),
    ("bytes", pages),
    ("bytes", pages),
    ("load", walk),
    ("load", walk),
    ("threads", jump),
    ("threads", jump),
    ("info", |value, _| value),
];

fn counter(value: f64, random: &mut Random) -> f64 {
    value + random.below(100) as f64
}

fn seldom(value: f64, random: &mut Random) -> f64 {
    if random.below(50) == 0 { value + 1.0 } else { value }
}

fn hundredths(value: f64, random: &mut Random) -> f64 {
    ((value * 100.0).round() + random.below(1_500) as f64) / 100.0
}

fn pages(value: f64, random: &mut Random) -> f64 {
    let change = random.below(401) as f64 - 200.0;
    ((value / 4_096.0).round() + change).abs() * 4_096.0
}

fn walk(value: f64, random: &mut Random) -> f64 {
    value + random.below(1 << 53) as f64 / (1_u64 << 53) as f64 - 0.5
}

fn jump(_: f64, random: &mut Random) -> f64 {
    random.below(200) as f64
}
