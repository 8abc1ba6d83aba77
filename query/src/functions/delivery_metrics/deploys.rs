//! Deployments to production, read from the events about deploys.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use serde_json::Value;
use slo::dora::{Change, Deploy};
use telemetry::Timestamp;

use crate::functions::summary::{InputRow, each_row};
use crate::views::delivery::column;

/// It was in production and was taken back.
const TAKEN_BACK: [&str; 4] = ["rolled_back", "rolledback", "rollback", "reverted"];
/// It did not work; of a deploy that was never told to have finished well, it never got there.
const FAILED: [&str; 6] = ["failed", "failure", "error", "errored", "canceled", "cancelled"];
/// It goes on.
const UNDER_WAY: [&str; 8] =
    ["pending", "queued", "waiting", "created", "running", "in_progress", "started", "inactive"];

/// One event about a deploy.
struct Told {
    order: (i64, Option<Timestamp>),
    at: Option<Timestamp>,
    status: String,
    finished_at: Option<Timestamp>,
    is_rework: bool,
    incident: Option<String>,
    commits: Option<String>,
}

/// Reads the rows of `views::delivery::deploy_events`. What is deployed elsewhere than to `production`
/// is no deployment; an environment that is not told is taken to be production.
pub(crate) fn deploys(batches: &[RecordBatch], production: &[String]) -> Result<Vec<Deploy>> {
    let mut found: BTreeMap<String, (Deploy, Vec<Told>)> = BTreeMap::new();
    each_row(batches, |row| {
        let Some(id) = row.text(column::DEPLOY) else { return };
        let env = row.text(column::ENV).map(|env| env.to_lowercase());
        if env.is_some_and(|env| !production.contains(&env)) {
            return;
        }
        let now_known = || Deploy {
            id: id.clone(),
            service: row.text(column::SERVICE).unwrap_or_default(),
            version: row.text(column::VERSION).unwrap_or_default(),
            ..Deploy::default()
        };
        found.entry(id.clone()).or_insert_with(|| (now_known(), Vec::new())).1.push(told(row));
    })?;
    Ok(found.into_values().map(|(deploy, events)| completed(deploy, events)).collect())
}

fn told(row: &InputRow<'_>) -> Told {
    Told {
        order: (row.integer(column::SEQ).unwrap_or_default(), row.time(column::RECORDED)),
        at: row.time(column::AT),
        status: row.text(column::STATUS_THEN).unwrap_or_default().to_lowercase(),
        finished_at: row.time(column::FINISHED_THEN),
        is_rework: row.is_true(column::REWORK_THEN),
        incident: row.text(column::INCIDENT_THEN),
        commits: row.text(column::COMMITS_THEN),
    }
}

impl Told {
    /// Since when it was running in production, if this event says that it was.
    fn in_production_at(&self) -> Option<Timestamp> {
        let is = |words: &[&str]| words.contains(&self.status.as_str());
        if is(&FAILED) || is(&UNDER_WAY) {
            return None;
        }
        self.finished_at.or(self.at)
    }
}

fn completed(deploy: Deploy, mut events: Vec<Told>) -> Deploy {
    events.sort_by_key(|event| event.order);
    let finished_at = events.iter().find_map(Told::in_production_at);
    let status = events.last().map(|event| event.status.as_str()).unwrap_or_default();
    let commits = events.iter().rev().find_map(|event| event.commits.as_deref());
    Deploy {
        has_failed: TAKEN_BACK.contains(&status) || FAILED.contains(&status),
        is_rework: events.iter().any(|event| event.is_rework || event.incident.is_some()),
        changes: commits.map(changes).unwrap_or_default(),
        finished_at,
        ..deploy
    }
}

/// Commits are ids, or objects with an id and a time; of several times the first counts.
fn changes(json: &str) -> Vec<Change> {
    let commits: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    let text = |commit: &Value, keys: &[&str]| {
        keys.iter().find_map(|key| commit.get(key).and_then(Value::as_str)).map(str::to_owned)
    };
    let change = |commit: &Value| match commit {
        Value::String(id) => Some(Change { id: id.clone(), committed_at: None }),
        commit => {
            let times = ["first_commit_at", "authored_at", "committed_at", "timestamp"];
            let committed_at = text(commit, &times).and_then(|time| Timestamp::parse_rfc3339(&time).ok());
            Some(Change { id: text(commit, &["id", "sha"])?, committed_at })
        }
    };
    commits.iter().filter_map(change).collect()
}

/// The deploy that each incident was last put down to by somebody; `None` takes it back.
pub(super) fn attributions(batches: &[RecordBatch]) -> Result<BTreeMap<String, Option<String>>> {
    let mut named = Vec::new();
    each_row(batches, |row| {
        if let Some(incident) = row.text(0) {
            named.push(((row.integer(1).unwrap_or_default(), row.time(2)), incident, row.text(3)));
        }
    })?;
    named.sort_by_key(|(order, _, _)| *order);
    Ok(named.into_iter().map(|(_, incident, deploy)| (incident, deploy)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: i64, status: &str, finished_secs: Option<i64>) -> Told {
        Told {
            order: (seq, None),
            at: Some(Timestamp::from_secs(1_000 + seq)),
            status: status.to_owned(),
            finished_at: finished_secs.map(Timestamp::from_secs),
            is_rework: false,
            incident: None,
            commits: None,
        }
    }

    fn of(events: Vec<Told>) -> (Option<i64>, bool) {
        let deploy = completed(Deploy::default(), events);
        (deploy.finished_at.map(|at| at.micros() / 1_000_000), deploy.has_failed)
    }

    #[test]
    fn a_deploy_reached_production_when_it_was_first_said_to_have() {
        assert_eq!(of(vec![event(1, "running", None)]), (None, false));
        assert_eq!(of(vec![event(1, "running", None), event(2, "succeeded", Some(50))]), (Some(50), false));
        // What failed on its way is in neither count; what was taken back is in both.
        assert_eq!(of(vec![event(1, "failed", Some(50))]), (None, true));
        assert_eq!(
            of(vec![event(2, "rolled_back", Some(90)), event(1, "succeeded", Some(50))]),
            (Some(50), true)
        );
        assert_eq!(of(vec![event(1, "rolled_back", None)]), (Some(1_001), true));
    }

    #[test]
    fn commits_are_ids_or_objects() {
        let found =
            changes(r#"["a", {"sha": "b", "timestamp": "1970-01-01T00:01:00+00:00"}, {"id": "c"}, {}, 7]"#);
        let times: Vec<_> = found.iter().map(|change| (change.id.as_str(), change.committed_at)).collect();
        assert_eq!(times, [("a", None), ("b", Some(Timestamp::from_secs(60))), ("c", None)]);
    }
}
