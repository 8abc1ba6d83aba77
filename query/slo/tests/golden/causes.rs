//! Which incidents and deploys answer for which time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use slo::causes::{CausePolicy, ServiceDeploy, ServiceIncident, causes};
use telemetry::Timestamp;

use super::vectors::read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    at: i64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    deploy_reach: Option<String>,
    #[serde(default)]
    incidents: Vec<Incident>,
    #[serde(default)]
    deploys: Vec<Deploy>,
    /// From which minute to which each answers, by id.
    causes: BTreeMap<String, (i64, i64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Incident {
    id: String,
    started: i64,
    ended: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deploy {
    id: String,
    finished: i64,
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_secs(3_600 + minute * 60)
}

#[test]
fn incidents_and_deploys_answer_for_their_time() {
    let vector: Vector = read("causes");
    for case in vector.cases {
        let incidents = case.incidents.into_iter().map(|incident| ServiceIncident {
            title: String::new(),
            started_at: minute(incident.started),
            ended_at: incident.ended.map(minute),
            id: incident.id,
        });
        let deploys = case.deploys.into_iter().map(|deploy| ServiceDeploy {
            version: String::new(),
            finished_at: minute(deploy.finished),
            id: deploy.id,
        });
        let reach = case.deploy_reach.map(|text| telemetry::time::parse_duration(&text).unwrap());
        let policy = CausePolicy { deploy_reach: reach.unwrap_or(Duration::from_secs(3_600)) };
        let found = causes(incidents, deploys, minute(vector.at), &policy);
        let found: BTreeMap<String, (Timestamp, Timestamp)> =
            found.into_iter().map(|cause| (cause.id, (cause.from, cause.to))).collect();
        let expected: BTreeMap<String, (Timestamp, Timestamp)> =
            case.causes.into_iter().map(|(id, (from, to))| (id, (minute(from), minute(to)))).collect();
        assert_eq!(found, expected, "{}", case.what);
    }
}
