//! What was measured, as a table and as JSON.

use serde_json::{Value, json};

/// One system's figures.
pub struct Figures {
    pub name: &'static str,
    pub samples_per_sec: f64,
    pub request_p50_ms: f64,
    pub request_p99_ms: f64,
    pub cpu_secs_per_million: f64,
    /// At half of the rate.
    pub ack_p50_ms: f64,
    pub ack_p99_ms: f64,
    /// Over both phases.
    pub peak_rss_mib: f64,
}

impl Figures {
    pub fn json(&self) -> Value {
        json!({
            "samples_per_sec": self.samples_per_sec.round(),
            "request_p50_ms": self.request_p50_ms,
            "request_p99_ms": self.request_p99_ms,
            "cpu_secs_per_million_samples": self.cpu_secs_per_million,
            "half_rate_ack_p50_ms": self.ack_p50_ms,
            "half_rate_ack_p99_ms": self.ack_p99_ms,
            "peak_rss_mib": self.peak_rss_mib.round(),
        })
    }

    pub fn ratios_to(&self, peer: &Figures) -> Value {
        json!({
            "samples_per_sec": self.samples_per_sec / peer.samples_per_sec,
            "cpu": self.cpu_secs_per_million / peer.cpu_secs_per_million,
            "peak_rss": self.peak_rss_mib / peer.peak_rss_mib,
        })
    }
}

/// Ours first; below, what we are to each of the others.
pub fn print_table(all: &[Figures]) {
    println!(
        "\n{:<20}{:>12}{:>15}{:>11}{:>10}{:>10}{:>11}{:>11}",
        "", "samples/s", "CPU s/million", "peak MiB", "p50 ms", "p99 ms", "half: p50", "half: p99"
    );
    for it in all {
        println!(
            "{:<20}{:>12.0}{:>15.2}{:>11.0}{:>10.1}{:>10.1}{:>11.1}{:>11.1}",
            it.name,
            it.samples_per_sec,
            it.cpu_secs_per_million,
            it.peak_rss_mib,
            it.request_p50_ms,
            it.request_p99_ms,
            it.ack_p50_ms,
            it.ack_p99_ms
        );
    }
    for peer in &all[1..] {
        println!(
            "{:<20}{:>11.2}x{:>14.2}x{:>10.2}x",
            format!("to {}", peer.name),
            all[0].samples_per_sec / peer.samples_per_sec,
            all[0].cpu_secs_per_million / peer.cpu_secs_per_million,
            all[0].peak_rss_mib / peer.peak_rss_mib
        );
    }
}
