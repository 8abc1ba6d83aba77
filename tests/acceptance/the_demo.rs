//! `evenkeel demo`: one command, weeks of history in seconds, and within three minutes an incident to
//! handle with everything that belongs to it.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Api, Process, SOON, eventually};

/// From when the game runs, that is after its history is in.
const PAGED_WITHIN: Duration = Duration::from_secs(180);
/// Backfilling three weeks takes some seconds; a busy machine takes its time.
const HISTORY_WITHIN: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_has_history_breaks_pages_and_can_be_put_right() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("demo").arg("--data-dir").arg(dir.path().join("data"));
    let mut demo = Process::spawn("demo", &mut command);

    let command = demo.line("  command", SOON).await;
    let word = |name: &str| {
        let value = command.split_whitespace().find_map(|word| word.strip_prefix(name));
        value.unwrap_or_else(|| panic!("no {name} in {command:?}")).to_owned()
    };
    let api = Api::new(&word("EVENKEEL_URL="), Some(&word("EVENKEEL_TOKEN=")));
    there_is_history(&api).await;
    somebody_is_paged(&api).await;
    what_is_real_is_real(&api).await;
    the_incident_is_put_right(&api).await;

    demo.terminate();
    let status = demo.ended(SOON).await;
    assert!(status.success(), "the demo ended with {status}");
}

async fn there_is_history(api: &Api) {
    eventually(HISTORY_WITHIN, "objectives have a history", async || {
        let slos = api.get("/api/slos").await;
        let slos = slos["slos"].as_array().cloned().unwrap_or_default();
        let has_numbers =
            |slo: &Value| slo["total"].as_f64() > Some(1000.0) && slo["error_budget_remaining"].is_number();
        if slos.len() == 4 && slos.iter().all(has_numbers) { Ok(()) } else { Err(json!(slos).to_string()) }
    })
    .await;
    // Incidents and deploys of the past, with what they cost.
    eventually(HISTORY_WITHIN, "past incidents after their deploys", async || {
        let rows = api.sql(
            "SELECT i.service, avg(date_part('epoch', i.restored_at) - date_part('epoch', i.started_at))
             FROM incidents i WHERE i.source = 'imported' AND i.restored_at IS NOT NULL GROUP BY 1",
        );
        let rows = rows.await;
        let costs = rows.iter().all(|row| row[1].as_f64() > Some(60.0));
        if !rows.is_empty() && costs { Ok(()) } else { Err(format!("{rows:?}")) }
    })
    .await;
    assert!(api.count("SELECT count(*) FROM deploys").await > 0);
    let day =
        "SELECT count(DISTINCT date_trunc('hour', ts)) FROM metrics WHERE metric = 'game_requests_total'";
    assert!(api.count(day).await >= 47, "two days of samples");
}

/// The mail is in the inbox that the dashboard shows.
async fn somebody_is_paged(api: &Api) {
    eventually(PAGED_WITHIN, "a page by mail", async || {
        let inbox = api.get("/api/inbox").await;
        let mails = inbox["mails"].as_array().cloned().unwrap_or_default();
        let is_page = |mail: &Value| {
            mail["to"] == "you@demo.example"
                && mail["subject"].as_str().is_some_and(|subject| subject.contains("INC-"))
        };
        if mails.iter().any(is_page) { Ok(()) } else { Err(format!("{} mails", mails.len())) }
    })
    .await;
}

async fn what_is_real_is_real(api: &Api) {
    for (whose, pattern) in
        [("this machine's", "system_%"), ("Evenkeel's own", "evenkeel_%"), ("the game's", "game_%")]
    {
        let query = format!("SELECT count(DISTINCT metric) FROM metrics WHERE metric LIKE '{pattern}'");
        assert!(api.count(&query).await > 0, "there are no metrics of {whose}");
    }
    let logs = api.count("SELECT count(*) FROM logs WHERE ts > now() - INTERVAL '10 minutes'").await;
    assert!(logs > 0, "the game logs");
}

async fn the_incident_is_put_right(api: &Api) {
    let inbox = api.get("/api/inbox").await;
    let links = inbox["mails"][0]["links"].as_array().cloned().unwrap_or_default();
    let link = links
        .iter()
        .filter_map(Value::as_str)
        .find(|link| link.contains("/p/"))
        .expect("an acknowledge link");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let path = &link[link.find("/p/").expect("it was looked for")..];
    let pressed = api.send(path, &headers, Vec::new()).await.expect("the server answers");
    assert!(pressed.status < 400, "{} {}", pressed.status, pressed.text());

    let incident = api.get("/api/incidents/INC-1").await;
    assert_eq!((&incident["acknowledged_by"], &incident["service"]), (&json!("you"), &json!("matchmaking")));
    assert_eq!(incident["runbooks"][0]["id"], "roll-back-matchmaking", "{}", incident["runbooks"]);
    let body = json!({"runbook_id": "roll-back-matchmaking", "incident_id": "INC-1", "params": {}});
    let run = api.post("/api/runs", &body).await;
    let run = format!("/api/runs/{}", run["id"].as_str().expect("a run has an id"));
    api.post(&format!("{run}/steps/roll-back/start"), &json!({})).await;
    eventually(SOON, "the roll-back is done", async || {
        let run = api.get(&run).await;
        let step =
            run["steps"].as_array().into_iter().flatten().find(|step| step["name"] == "roll-back").cloned();
        let step = step.unwrap_or_default();
        if step["state"] == "succeeded" { Ok(()) } else { Err(step.to_string()) }
    })
    .await;
    // Errors stop at once, although the burn rate of five minutes takes its time.
    eventually(Duration::from_secs(90), "players find matches again", async || {
        let failed = "sum(rate(game_requests_total{service_name=\"matchmaking\",outcome!=\"ok\"}[30s]))";
        let all = "sum(rate(game_requests_total{service_name=\"matchmaking\"}[30s]))";
        let share = api.promql(&format!("{failed} / {all}")).await;
        let share: Option<f64> = share.first().and_then(|one| one["value"][1].as_str()?.parse().ok());
        if share.is_some_and(|share| share < 0.01) { Ok(()) } else { Err(format!("{share:?} fail")) }
    })
    .await;
    assert_eq!(api.post("/api/incidents/INC-1/resolve", &json!({})).await["state"], "resolved");
    let retro = api.post("/api/incidents/INC-1/retrospective", &json!({})).await;
    let markdown = retro["markdown"].as_str().unwrap_or_default();
    assert!(markdown.contains("Deploy of matchmaking v2.4.0"), "{markdown}");
}
