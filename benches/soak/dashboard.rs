//! What a dashboard costs ingest, and what ingest costs the dashboard.
//!
//! Phases of equal length: two fill the last hour, then an open loop at 60 % of the peak without and
//! with the dashboard, then the peak without and with it, twice in turn. The dashboard asks for its five
//! panels at once, every ten seconds, over the last hour of the server's time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Load;
use crate::latencies::{clock, quantile_ms};
use crate::phase::{Pace, Phase};
use crate::series::SCRAPE_INTERVAL_MS;
use crate::stamped::ServerClock;
use crate::target::Target;

const PHASES: u32 = 8;
const REFRESH: Duration = Duration::from_secs(10);
const SPAN_MS: i64 = 3_600_000;
const STEP_SECS: i64 = SCRAPE_INTERVAL_MS / 1_000;
const PART_OF_PEAK: f64 = 0.6;

/// A metric has 2,000 of the series: ten devices of each host.
const PANELS: [(&str, &str); 5] = [
    ("rate, summed by device", "sum by (device) (rate(node_metric_0_total[5m]))"),
    ("quantile by device", "quantile by (device) (0.9, node_metric_1_bytes)"),
    ("the five busiest", "topk(5, sum by (instance) (rate(node_metric_2_total[5m])))"),
    ("average by job", "avg by (job) (node_metric_3_bytes)"),
    ("one host", r#"node_metric_5_bytes{instance="host-7.example:9100"}"#),
];

pub async fn measure(load: &Load) -> Value {
    let target = Target::start(load.speed).await;
    let length = load.length / PHASES;
    println!("{} series, {} senders, {PHASES} phases of {} s", load.series, load.senders, length.as_secs());
    let panels = Panels::of(&target);
    let run = async |name: &str, pace: Pace, dashboard: Option<&Panels>| {
        let looking = dashboard.map(|panels| tokio::spawn(panels.clone().refresh()));
        let phase = Phase::run(load, &target, pace, length).await;
        if let Some(looking) = looking {
            looking.abort();
        }
        phase.print(name);
        phase
    };

    run("filling", Pace::Fast, None).await;
    let peak = run("peak", Pace::Fast, None).await.samples_per_sec;
    let part = Pace::SamplesPerSec(peak * PART_OF_PEAK);
    let alone = run("60 %", part, None).await;
    let watched = run("60 % + dashboard", part, Some(&panels)).await;
    let panels_at_part = panels.take("at 60 %");
    let (mut peak_alone, mut peak_watched) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        peak_alone.push(run("peak", Pace::Fast, None).await);
        peak_watched.push(run("peak + dashboard", Pace::Fast, Some(&panels)).await);
    }
    let panels_at_peak = panels.take("at peak");

    let rate = |phases: &[Phase]| {
        phases.iter().map(|phase| phase.samples_per_sec).sum::<f64>() / phases.len() as f64
    };
    let lost = 1.0 - rate(&peak_watched) / rate(&peak_alone);
    println!(
        "\nat 60 % of the peak p99 is {:.1} ms with the dashboard (at most 100 ms is wanted); at peak it costs \
         {:.1} % (at most 20 %)",
        watched.ack_p99_ms,
        lost * 100.0
    );
    json!({
        "phase_secs": length.as_secs(),
        "at_60_percent": {"alone": alone.json(), "dashboard": watched.json(), "panels": panels_at_part},
        "at_peak": {
            "alone": peak_alone.iter().map(Phase::json).collect::<Vec<_>>(),
            "dashboard": peak_watched.iter().map(Phase::json).collect::<Vec<_>>(),
            "lost": lost,
            "panels": panels_at_peak,
        },
    })
}

/// The dashboard, and how long its panels took.
#[derive(Clone)]
struct Panels {
    http: reqwest::Client,
    base: String,
    clock: ServerClock,
    seen: Arc<Mutex<BTreeMap<&'static str, Vec<Duration>>>>,
}

impl Panels {
    fn of(target: &Target) -> Panels {
        let (base, clock) = (target.server.base.clone(), target.clock);
        Panels { http: reqwest::Client::new(), base, clock, seen: Arc::default() }
    }

    /// Until it is given up. A refresh that takes longer than the pause delays the next one.
    async fn refresh(self) {
        let mut again = tokio::time::interval(REFRESH);
        again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            again.tick().await;
            let mut asked = JoinSet::new();
            for (name, query) in PANELS {
                asked.spawn(self.clone().ask(name, query));
            }
            asked.join_all().await;
        }
    }

    async fn ask(self, name: &'static str, query: &'static str) {
        let end_secs = self.clock.now_ms() / 1_000;
        let parameters = [
            ("query", query.to_owned()),
            ("start", (end_secs - SPAN_MS / 1_000).to_string()),
            ("end", end_secs.to_string()),
            ("step", STEP_SECS.to_string()),
        ];
        let request = self.http.get(format!("{}/prometheus/api/v1/query_range", self.base));
        let asked = clock();
        let answer = request.query(&parameters).bearer_auth(crate::target::TOKEN).send().await;
        let answer = answer.expect("the server answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a whole answer"));
        let took = asked.elapsed();
        assert!(status.is_success(), "{query}: {status} {text}");
        let answer: Value = serde_json::from_str(&text).expect("an answer in JSON");
        let series = answer["data"]["result"].as_array().map_or(0, Vec::len);
        assert!(series > 0, "{query}: no series");
        self.seen.lock().expect("no panic with the lock").entry(name).or_default().push(took);
    }

    /// What came since the last time; printed, too.
    fn take(&self, when: &str) -> Value {
        let seen = std::mem::take(&mut *self.seen.lock().expect("no panic with the lock"));
        let mut panels = serde_json::Map::new();
        for (name, mut took) in seen {
            took.sort_unstable();
            let (p50, max) = (quantile_ms(&took, 0.5), quantile_ms(&took, 1.0));
            println!("  {name} {when}: {} times, p50 {p50:.0} ms, at most {max:.0} ms", took.len());
            panels.insert(name.to_owned(), json!({"count": took.len(), "p50_ms": p50, "max_ms": max}));
        }
        panels.into()
    }
}
