//! Many people who look at dashboards at once: each asks for the next panel as soon as the last is there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::data::Data;
use crate::draw::Draw;
use crate::latencies::{clock, quantile_ms};
use crate::process::{cpu_secs, rss_mib};
use crate::queries::PANELS;
use crate::servers::{Kind, Server};

pub struct Crowd {
    pub kind: Kind,
    pub answers_per_sec: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub cpu_secs_per_answer: f64,
    /// Files that are mapped into memory, as both peers do, count as far as they are in memory.
    pub peak_rss_mib: f64,
    pub errors: usize,
    pub first_error: Option<String>,
}

impl Crowd {
    pub fn json(&self) -> Value {
        json!({
            "answers_per_sec": self.answers_per_sec, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms,
            "cpu_secs_per_answer": self.cpu_secs_per_answer, "peak_rss_mib": self.peak_rss_mib.round(),
            "errors": self.errors, "first_error": self.first_error,
        })
    }
}

/// What one of them met.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    errors: Vec<String>,
}

pub async fn measure(server: Server, data: Data, people: usize, length: Duration) -> Crowd {
    let process = server.process_id();
    forget_peak(&process);
    let (server, started, cpu_before) = (Arc::new(server), clock(), cpu_secs(&process));
    let mut tasks = tokio::task::JoinSet::new();
    for person in 0..people {
        let server = server.clone();
        tasks.spawn(async move {
            let mut seen = Seen::default();
            // Each begins with another panel.
            for (round, panel) in PANELS.iter().cycle().skip(person % PANELS.len()).enumerate() {
                if started.elapsed() >= length {
                    break;
                }
                let request = (panel.make)(&mut Draw::new(&data, panel.name, person * 1_000_000 + round));
                let asked = clock();
                match server.ask(&request).await {
                    Ok(_) => seen.latencies.push(asked.elapsed()),
                    Err(error) => seen.errors.push(error),
                }
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = tasks.join_next().await {
        let seen = seen.expect("nobody panics");
        all.latencies.extend(seen.latencies);
        all.errors.extend(seen.errors);
    }
    all.latencies.sort_unstable();
    let answers = all.latencies.len() as f64;
    Crowd {
        kind: server.kind,
        answers_per_sec: answers / started.elapsed().as_secs_f64(),
        p50_ms: quantile_ms(&all.latencies, 0.5),
        p99_ms: quantile_ms(&all.latencies, 0.99),
        cpu_secs_per_answer: (cpu_secs(&process) - cpu_before) / answers.max(1.0),
        peak_rss_mib: rss_mib(&process, "VmHWM:"),
        errors: all.errors.len(),
        first_error: all.errors.into_iter().next(),
    }
}

/// Linux counts the most memory that a process ever had anew from here.
fn forget_peak(process: &str) {
    const PEAK: &str = "5";
    if let Err(error) = std::fs::write(format!("/proc/{process}/clear_refs"), PEAK) {
        eprintln!("peak memory is that since the start: {error}");
    }
}
