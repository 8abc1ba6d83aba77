//! Hosts like those of TSBS' devops set: ten labels that say what a host is, and ten CPU gauges that
//! walk at random in whole percents. What is in addition: each host's service counts its requests, and
//! on every tenth host measures how long they take in a classic histogram.
//!
//! A host's values depend on its number alone, so that every server gets the same.

use crate::random::Random;

pub const INTERVAL_MS: i64 = 15_000;
/// Scrapes are not at full steps: a window that is open at its beginning and one that is closed hold
/// the same samples, whatever their server thinks.
pub const OFFSET_MS: i64 = 7_000;

/// Fields of TSBS' measurement `cpu`, as metrics.
pub const CPU_METRICS: [&str; 10] = [
    "cpu_usage_user",
    "cpu_usage_system",
    "cpu_usage_idle",
    "cpu_usage_nice",
    "cpu_usage_iowait",
    "cpu_usage_irq",
    "cpu_usage_softirq",
    "cpu_usage_steal",
    "cpu_usage_guest",
    "cpu_usage_guest_nice",
];
const REGIONS: [&str; 9] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];
const SYSTEMS: [&str; 3] = ["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"];
const TEAMS: [&str; 4] = ["SF", "NYC", "LON", "CHI"];
const ENVIRONMENTS: [&str; 3] = ["production", "staging", "test"];
const SERVICES: usize = 20;

/// Upper bounds in seconds, and the share of requests below each.
const BUCKETS: [(&str, f64); 10] = [
    ("0.005", 0.02),
    ("0.01", 0.08),
    ("0.025", 0.25),
    ("0.05", 0.50),
    ("0.1", 0.75),
    ("0.25", 0.90),
    ("0.5", 0.96),
    ("1", 0.985),
    ("2.5", 0.998),
    ("+Inf", 1.0),
];
const MEAN_SECS: f64 = 0.11;
const HOSTS_PER_HISTOGRAM: usize = 10;
/// A service restarts, and counts from 0, about once a day.
const SCRAPES_PER_RESTART: u64 = 5_760;

/// Name and value, by name.
pub type LabelPairs = Vec<(&'static str, String)>;

pub struct Host {
    pub series: Vec<LabelPairs>,
    random: Random,
    cpu: [f64; CPU_METRICS.len()],
    /// Requests between two scrapes, about.
    load: f64,
    requests: f64,
    /// Requests below each bound, if they are measured; their seconds.
    buckets: Option<[f64; BUCKETS.len()]>,
    seconds: f64,
}

impl Host {
    pub fn new(number: usize) -> Host {
        let mut random =
            Random(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
        let labels = labels_of(number, &mut random);
        let named = |name: &str| series(name, &labels, None);
        let mut all: Vec<LabelPairs> = CPU_METRICS.iter().map(|name| named(name)).collect();
        all.push(named("http_requests_total"));
        let is_measured = number.is_multiple_of(HOSTS_PER_HISTOGRAM);
        if is_measured {
            let bucket =
                |(le, _): &(&str, f64)| series("http_request_duration_seconds_bucket", &labels, Some(le));
            all.extend(BUCKETS.iter().map(bucket));
            all.push(named("http_request_duration_seconds_sum"));
            all.push(named("http_request_duration_seconds_count"));
        }
        Host {
            series: all,
            cpu: std::array::from_fn(|_| random.below(100) as f64),
            // Far enough apart that services have an order.
            load: 10.0 * 1.25_f64.powi((number % SERVICES) as i32),
            requests: 0.0,
            buckets: is_measured.then_some([0.0; BUCKETS.len()]),
            seconds: 0.0,
            random,
        }
    }

    /// The next scrape: each series' value goes to `take`, in the order of `series`.
    pub fn scrape(&mut self, mut take: impl FnMut(usize, f64)) {
        for (at, value) in self.cpu.iter_mut().enumerate() {
            *value = (*value + normal(&mut self.random)).clamp(0.0, 100.0);
            take(at, value.trunc());
        }
        if self.random.below(SCRAPES_PER_RESTART) == 0 {
            self.requests = 0.0;
            self.seconds = 0.0;
            self.buckets = self.buckets.map(|_| [0.0; BUCKETS.len()]);
        }
        let new = (self.load * (0.9 + unit(&mut self.random) / 5.0)).round();
        self.requests += new;
        take(CPU_METRICS.len(), self.requests);
        let Some(buckets) = &mut self.buckets else { return };
        let slower = 0.97 + unit(&mut self.random) * 0.06;
        for (at, (count, (_, share))) in buckets.iter_mut().zip(BUCKETS).enumerate() {
            let below = if share < 1.0 { (new * share * slower).floor().min(new) } else { new };
            *count += below;
            take(CPU_METRICS.len() + 1 + at, *count);
        }
        self.seconds += new * MEAN_SECS;
        take(CPU_METRICS.len() + 1 + BUCKETS.len(), self.seconds);
        take(CPU_METRICS.len() + 2 + BUCKETS.len(), self.requests);
    }
}

fn labels_of(number: usize, random: &mut Random) -> LabelPairs {
    let pick = |random: &mut Random, from: &[&str]| from[random.below(from.len() as u64) as usize].to_owned();
    let region = pick(random, &REGIONS);
    let zone = pick(random, &["a", "b", "c"]);
    vec![
        ("arch", pick(random, &["x64", "x86"])),
        ("datacenter", format!("{region}{zone}")),
        ("hostname", format!("host_{number}")),
        ("os", pick(random, &SYSTEMS)),
        ("rack", random.below(100).to_string()),
        ("region", region),
        ("service", (number % SERVICES).to_string()),
        ("service_environment", pick(random, &ENVIRONMENTS)),
        ("service_version", random.below(2).to_string()),
        ("team", pick(random, &TEAMS)),
    ]
}

fn series(metric: &str, labels: &LabelPairs, le: Option<&str>) -> LabelPairs {
    let mut pairs = vec![("__name__", metric.to_owned())];
    pairs.extend(labels.iter().cloned());
    pairs.extend(le.map(|le| ("le", le.to_owned())));
    pairs.sort_unstable_by_key(|(name, _)| *name);
    pairs
}

/// From 0 to 1.
fn unit(random: &mut Random) -> f64 {
    random.below(1 << 32) as f64 / (1_u64 << 32) as f64
}

/// About normal: mean 0, deviation 1. Twice the sum of three numbers from -1/2 to 1/2.
fn normal(random: &mut Random) -> f64 {
    let bits = random.below(1 << 48);
    let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32);
    (sum as f64 / 65_536.0 - 1.5) * 2.0
}
