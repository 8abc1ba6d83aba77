//! The deploys of the game's past: a routine one per service every few days, and those that broke
//! something. Each tells its commits, so that there is a lead time to measure.

use std::time::Duration;

use serde_json::{Value, json};
use telemetry::Timestamp;

use super::game::{Outage, SERVICES};

const HOUR: Duration = Duration::from_secs(3_600);
/// Between two routine deploys of a service.
const ROUTINE_EVERY: Duration = Duration::from_secs(3 * 86_400);
/// Nobody deploys so soon before what broke by itself: it would be held responsible.
const QUIET_BEFORE_OUTAGE: Duration = Duration::from_secs(36 * 3_600);

/// The deploy that brought an outage, as far as one did.
pub fn of_outage(outage: &Outage) -> Option<Value> {
    let version = outage.version?;
    let finished = outage.from.minus(Duration::from_secs(20));
    Some(deploy(outage.service, version, "rolled_back", finished, 5))
}

/// Everything that went out without anybody noticing.
pub fn routine(outages: &[Outage], start: Timestamp, end: Timestamp) -> Vec<Value> {
    let breaks_soon = |service: &str, at: Timestamp| {
        let of_service = outages.iter().filter(|outage| outage.service == service);
        of_service.clone().any(|outage| at <= outage.from && outage.from < at.plus(QUIET_BEFORE_OUTAGE))
    };
    let mut deploys = Vec::new();
    for (index, service) in SERVICES.iter().enumerate() {
        let mut at = start.plus(HOUR * (7 + 17 * index as u32));
        while at < end {
            if !breaks_soon(service.name, at) {
                let version = format!("build-{}", at.days());
                deploys.push(deploy(service.name, &version, "succeeded", at, 4 + 9 * index as u32));
            }
            at = at.plus(ROUTINE_EVERY);
        }
    }
    deploys
}

/// Two commits, the older one `hours_waiting` before the deploy finished.
fn deploy(service: &str, version: &str, status: &str, finished: Timestamp, hours_waiting: u32) -> Value {
    let commit = |nth: u32| {
        json!({
            "id": format!("{service}-{version}-{nth}"),
            "timestamp": finished.minus(HOUR * hours_waiting / nth),
        })
    };
    json!({
        "id": format!("demo-{service}-{version}-deploy"),
        "kind": "deploy",
        "subject": format!("{service}-{version}"),
        "service": service,
        "env": "production",
        "actor": "demo-ci",
        "at": finished,
        "payload": {
            "version": version,
            "status": status,
            "started_at": finished.minus(Duration::from_secs(90)),
            "finished_at": finished,
            "commits": [commit(1), commit(2)],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::game::Game;

    #[test]
    fn a_routine_deploy_is_never_held_responsible() {
        let end = Timestamp::parse_rfc3339("2026-11-23T12:00:00Z").unwrap();
        let start = end.minus(Duration::from_secs(21 * 86_400));
        let outages = Game::with_history(end).outages;
        let deploys = routine(&outages, start, end);
        assert!(deploys.len() > 15, "{} in three weeks", deploys.len());
        for one in &deploys {
            let at = Timestamp::parse_rfc3339(one["at"].as_str().unwrap()).unwrap();
            assert!(start <= at && at < end, "{one}");
            let day_after = at.plus(Duration::from_secs(86_400));
            let blamed = outages.iter().any(|outage| {
                one["service"] == outage.service && at <= outage.from && outage.from < day_after
            });
            assert!(!blamed, "{one}");
        }
        let mut ids: Vec<&str> = deploys.iter().filter_map(|one| one["id"].as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), deploys.len(), "each has an id of its own");
    }
}
