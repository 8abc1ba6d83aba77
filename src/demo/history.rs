//! Puts the game's past into the lake: metrics by import, deploys and incidents as events.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use telemetry::{Timestamp, time::MICROS_PER_DAY};

use super::DemoOptions;
use super::api::Api;
use super::control::SharedGame;
use super::deploys;
use super::game::Outage;
use super::traffic::{HISTORY_STEP, Traffic};
use crate::console::tell;
use crate::server::Server;

/// Remembers, beside the data, that the history is in.
const MARKER: &str = "history-imported";
/// Who plays at a time, roughly.
const PLAYERS: f64 = 40_000.0;

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
    let mut events = deploys::routine(&outages, start, now);
    for outage in outages.iter().filter(|outage| outage.from >= start) {
        events.extend(deploys::of_outage(outage));
        events.push(incident_of(outage));
    }
    api.post("/api/events", &Value::Array(events)).await?;
    server.backfill_slos(start, now).await.context("computing the history of the objectives")?;
    std::fs::write(&marker, now.to_string())
        .with_context(|| format!("{} cannot be written", marker.display()))?;
    Ok(traffic)
}

/// What the incident tool of the time would have recorded.
fn incident_of(outage: &Outage) -> Value {
    let to = outage.to.unwrap_or(outage.from);
    let key = format!("demo-{}-{}", outage.service, outage.from.secs());
    let after = |secs: u64| outage.from.plus(Duration::from_secs(secs));
    let mut incident = json!({
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
    });
    // Somebody counted the players, but only of what hit many.
    if outage.errors > 0.2 {
        incident["payload"]["impact"] = json!({ "users": (outage.errors * PLAYERS) as u64 });
    }
    incident
}
