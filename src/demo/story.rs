//! The incident that the demo plays, and what it says about it on the console.
//!
//! The story only watches: it deploys a bad version and then looks through the public API, as
//! anybody could, at what Evenkeel and the person in front of it do.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use telemetry::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use super::api::Api;
use super::control::SharedGame;
use super::game::Outage;

use crate::console::tell;

/// From the start of the live telemetry to the bad deploy: time to open the dashboard.
pub const DEPLOY_AFTER: Duration = Duration::from_secs(20);
/// How often the story looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
pub const BAD_VERSION: &str = "v2.4.0";
const SERVICE: &str = "matchmaking";

pub struct Story {
    pub api: Api,
    pub game: SharedGame,
    pub clock: std::sync::Arc<dyn Clock>,
    pub dashboard: String,
}

/// What the story has told already; each is told once.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Burning,
    Paged,
    Acknowledged,
    RolledBack,
    Restored,
    Resolved,
    Written,
}

impl Story {
    /// Plays until it is over or `shutdown`.
    pub async fn play(self, shutdown: CancellationToken) {
        let started = self.clock.now();
        if wait(DEPLOY_AFTER, &shutdown).await {
            return;
        }
        self.deploy_badly().await;
        let mut told = BTreeSet::new();
        while !wait(LOOK_EVERY, &shutdown).await {
            match self.look(&mut told, started).await {
                Ok(()) => {}
                Err(error) => tracing::debug!(error = format!("{error:#}"), "the story could not look"),
            }
            if told.contains(&Told::Written) {
                break;
            }
        }
    }

    async fn deploy_badly(&self) {
        // As any pipeline would; nothing was wrong yet.
        let gate = format!("/api/gates/{SERVICE}");
        if let Err(error) = self.api.get(&gate).await {
            tracing::debug!(error = format!("{error:#}"), "the demo's pipeline could not ask the gate");
        }
        let now = self.clock.now();
        self.game.with(|game| {
            game.outages.push(Outage {
                service: SERVICE,
                region: None,
                from: now,
                to: None,
                errors: 0.97,
                title: "Matches are not found",
                version: Some(BAD_VERSION),
            });
        });
        let deploy = json!({
            "id": format!("demo-deploy-{}", now.micros()),
            "kind": "deploy",
            "subject": format!("{SERVICE}-{BAD_VERSION}-{}", now.secs()),
            "service": SERVICE,
            "env": "production",
            "actor": "demo-ci",
            "at": now,
            "payload": { "version": BAD_VERSION, "status": "succeeded", "started_at": now.minus(Duration::from_secs(40)), "finished_at": now },
        });
        if let Err(error) = self.api.post("/api/events", &deploy).await {
            tracing::warn!(error = format!("{error:#}"), "the demo's deploy could not be told");
        }
        say(&format!("{SERVICE} {BAD_VERSION} was deployed (simulated), and players stop finding matches."));
        hint(&format!("Watch the budget burn: {}/slos/matchmaking-availability", self.dashboard));
    }

    async fn look(&self, told: &mut BTreeSet<Told>, started: Timestamp) -> anyhow::Result<()> {
        if !told.contains(&Told::Burning) {
            let slo = self.api.get("/api/slos/matchmaking-availability").await?;
            if let Some(rate) = slo["burn_rate_1h"].as_f64().filter(|rate| *rate > 2.0) {
                say(&format!(
                    "The error budget of matchmaking burns {rate:.1} times too fast; a page goes out above 14.4."
                ));
                told.insert(Told::Burning);
            }
        }
        let Some(incident) = self.incident(started).await? else { return Ok(()) };
        let id = incident["incident_id"].as_str().unwrap_or_default().to_owned();
        let detail = self.api.get(&format!("/api/incidents/{id}")).await?;
        let is_set = |key: &str| !detail[key].is_null();

        let was_paged =
            detail["pages"].as_array().into_iter().flatten().any(|page| !page["sent_at"].is_null());
        if was_paged && told.insert(Told::Paged) {
            say(&format!("{id} is open and you were paged by e-mail."));
            hint(&format!("Read the mail and follow its link to acknowledge: {}/inbox", self.dashboard));
            hint(&format!("May matchmaking be changed now, and why not? {}/gates/{SERVICE}", self.dashboard));
            hint("Nobody acknowledges? After five minutes Robin, the second line, is paged.");
        }
        if is_set("acknowledged_at") && told.insert(Told::Acknowledged) {
            say(&format!("{id} was acknowledged: no more pages."));
            hint(&format!(
                "Its page suggests a runbook; start it and run the step \u{201c}Roll back\u{201d}: {}/incidents/{id}",
                self.dashboard
            ));
        }
        if !self.game.with(|game| game.has_open_outage(SERVICE)) && told.insert(Told::RolledBack) {
            say("matchmaking runs its previous version again; matches are found.");
            hint(&format!("Say so: press Resolve on {}/incidents/{id}", self.dashboard));
        }
        if is_set("restored_at") && told.insert(Told::Restored) {
            say(&format!("The alert of {id} has cleared."));
        }
        if is_set("resolved_at") && told.insert(Told::Resolved) {
            say(&format!("{id} is resolved."));
            hint(&format!("Draft the retrospective from the timeline on {}/incidents/{id}", self.dashboard));
        }
        if is_set("retrospective") && told.insert(Told::Written) {
            say("The retrospective is drafted; edit, publish and export it as Markdown.");
            hint(&format!("How fast was that, against the weeks before? {}/recovery", self.dashboard));
            hint("All of it is rows. How long did people wait for service, on average and by service?");
            command(
                "SELECT service, count(*) AS incidents, avg(restored_at - started_at) AS mttr FROM incidents WHERE restored_at IS NOT NULL GROUP BY service ORDER BY service",
            );
        }
        Ok(())
    }

    /// The story's incident: the newest one of the service since the demo began.
    async fn incident(&self, started: Timestamp) -> anyhow::Result<Option<Value>> {
        let answer = self.api.get("/api/incidents?state=all&limit=20").await?;
        let incidents = answer["incidents"].as_array().cloned().unwrap_or_default();
        Ok(incidents.into_iter().find(|incident| {
            let detected = incident["detected_at"].as_str().and_then(|at| Timestamp::parse_rfc3339(at).ok());
            incident["service"] == SERVICE && detected.is_some_and(|at| at >= started)
        }))
    }
}

/// True when the process stops first.
async fn wait(span: Duration, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(span) => false,
        () = shutdown.cancelled() => true,
    }
}

/// One thing that happened.
pub fn say(text: &str) {
    tell!("\n● {text}");
}

/// What to look at or click next.
pub fn hint(text: &str) {
    tell!("  → {text}");
}

/// A query to try, ready to paste.
pub fn command(query: &str) {
    tell!("    evenkeel sql \"{query}\"");
}
