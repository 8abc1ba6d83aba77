//! Puts the game's past into the lake: metrics by import, deploys and incidents as events.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use telemetry::{Timestamp, time::MICROS_PER_DAY};

use super::DemoOptions;
use super::api::Api;
use super::control::SharedGame;
use super::game::Outage;
use super::traffic::{HISTORY_STEP, Traffic};
use crate::console::tell;
use crate::server::Server;

/// Remembers, beside the data, that the history is in.
const MARKER: &str = "history-imported";

/// Imports `history_days` unless a former run did. Returns the traffic from which live telemetry
/// goes on.
pub async fn backfill(
    server: &Server,
    api: &Api,
    game: &SharedGame,
    options: &DemoOptions,
    now: Timestamp,
) -> anyhow::Result<Traffic> {
    let marker: PathBuf = options.data_dir.join(MARKER);
    if marker.exists() {
        // Counters start anew, as those of a restarted exporter would.
        return Ok(Traffic::starting_at(now));
    }
    let now = now.floor_to(HISTORY_STEP);
    let start = now.minus(Duration::from_secs(u64::from(options.history_days) * 86_400));
    let mut traffic = Traffic::starting_at(start);
    tell!("\nImporting {} days of simulated history ...", options.history_days);
    while traffic.counted_to() < now {
        let next_day = Timestamp::from_micros((traffic.counted_to().days() + 1) * MICROS_PER_DAY);
        let request = game.with(|game| traffic.history(game, next_day.min(now)));
        server.import_otlp(&request).await.context("importing the history")?;
    }
    let outages = game.with(|game| game.outages.clone());
    let events: Vec<Value> =
        outages.iter().filter(|outage| outage.from >= start).flat_map(events_of).collect();
    api.post("/api/events", &Value::Array(events)).await?;
    server.backfill_slos(start, now).await.context("computing the history of the objectives")?;
    std::fs::write(&marker, now.to_string())
        .with_context(|| format!("{} cannot be written", marker.display()))?;
    Ok(traffic)
}

/// What CI and the incident tool of the time would have recorded.
fn events_of(outage: &Outage) -> Vec<Value> {
    let to = outage.to.unwrap_or(outage.from);
    let key = format!("demo-{}-{}", outage.service, outage.from.secs());
    let after = |secs: u64| outage.from.plus(Duration::from_secs(secs));
    let mut events = vec![json!({
        "id": format!("{key}-incident"),
        "kind": "incident",
        "subject": format!("{key}-incident"),
        "service": outage.service,
        "env": "demo",
        "severity": if outage.errors > 0.2 { "SEV2" } else { "SEV3" },
        "at": to,
        "payload": {
            "title": outage.title,
            "started_at": outage.from,
            "detected_at": after(150),
            "acknowledged_at": after(260),
            "restored_at": to,
            "resolved_at": to.plus(Duration::from_secs(1_800)),
        },
    })];
    if let Some(version) = outage.version {
        let finished = outage.from.minus(Duration::from_secs(20));
        events.push(json!({
            "id": format!("{key}-deploy"),
            "kind": "deploy",
            "subject": format!("{}-{version}", outage.service),
            "service": outage.service,
            "env": "demo",
            "actor": "demo-ci",
            "at": finished,
            "payload": { "version": version, "status": "failed", "started_at": finished.minus(Duration::from_secs(90)), "finished_at": finished },
        }));
    }
    events
}
