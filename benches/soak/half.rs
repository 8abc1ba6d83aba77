//! How long answers take at half of the peak, while what the peak left behind is merged.
//!
//! Two phases fill and find the peak; four follow in an open loop at half of it. Hours close all the
//! while, so that merges, which take what processor time ingest leaves, share the disk with the log.

use serde_json::{Value, json};

use crate::Load;
use crate::phase::{Pace, Phase};
use crate::target::Target;

const PHASES: u32 = 6;
const PART_OF_PEAK: f64 = 0.5;
const MERGES: &str = "evenkeel_lake_compaction_seconds_count";
const FLUSHES: &str = "evenkeel_lake_flush_seconds_count";

pub async fn measure(load: &Load) -> Value {
    let target = Target::start(load.speed).await;
    let length = load.length / PHASES;
    println!("{} series, {} senders, {PHASES} phases of {} s", load.series, load.senders, length.as_secs());
    Phase::run(load, &target, Pace::Fast, length).await.print("filling");
    let peak = Phase::run(load, &target, Pace::Fast, length).await;
    peak.print("peak");
    let part = Pace::SamplesPerSec(peak.samples_per_sec * PART_OF_PEAK);
    let mut at_half = Vec::new();
    for _ in 2..PHASES {
        let before = target.metrics().await;
        let phase = Phase::run(load, &target, part, length).await;
        let after = target.metrics().await;
        let during = |name: &str| after.value(name) - before.value(name);
        let (merges, flushes) = (during(MERGES), during(FLUSHES));
        phase.print("half");
        println!("{:>22}{merges} merges, {flushes} flushes", "");
        let mut json = phase.json();
        json["merges"] = merges.into();
        json["flushes"] = flushes.into();
        at_half.push((phase, json));
    }
    let worst = |of: fn(&Phase) -> f64| at_half.iter().map(|(phase, _)| of(phase)).fold(0.0, f64::max);
    let (p50, p99) = (worst(|phase| phase.ack_p50_ms), worst(|phase| phase.ack_p99_ms));
    println!(
        "\nat half of the peak p50 is at most {p50:.1} ms (at most 10 ms is wanted), p99 {p99:.1} ms (at most 50 ms)"
    );
    json!({
        "phase_secs": length.as_secs(),
        "peak": peak.json(),
        "at_half": at_half.into_iter().map(|(_, json)| json).collect::<Vec<_>>(),
        "worst": {"p50_ms": p50, "p99_ms": p99},
    })
}
