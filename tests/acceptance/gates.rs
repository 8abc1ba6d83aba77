//! Gates: a pipeline asks whether a service may be changed, by exit code.

use serde_json::json;

use crate::harness::{ADMIN_TOKEN, PAGED_SERVICE, PEOPLE, SOON, Server, ServerOptions, eventually, run};

const POLICY: &str = "apiVersion: evenkeel/v1
kind: GatePolicy
metadata: {name: shop}
spec:
  services: [checkout]
  conditions:
    openIncidentsMax: {SEV1: 0}
    changeFailRateBelow: {rate: 0.5, over: 7d, deploymentsMin: 2}
  freezes:
    - {name: retired, reason: Nobody is left, from: 2999-01-01T00:00, to: 2999-12-31T00:00}
";

async fn gate(server: &Server, more: &[&str]) -> (i32, String) {
    let done = run(server.cli(&[&["gate", PAGED_SERVICE], more].concat()), "").await;
    (done.code, format!("{}{}", done.stdout, done.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_stops_at_a_blocked_gate_and_passes_with_an_override() {
    let options = ServerOptions::settings("").object("people.yaml", PEOPLE).object("gate.yaml", POLICY);
    let server = Server::start(options).await;
    let api = server.api().with_token(ADMIN_TOKEN);
    let (code, text) = gate(&server, &[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("checkout is allowed by the policy shop"), "{text}");
    let coming = "the next freeze is retired (Nobody is left), from 2999-01-01T00:00:00Z until 2999-12-31";
    assert!(text.contains(coming), "{text}");

    let incident = json!({"title": "Checkout is down", "service": PAGED_SERVICE, "severity": "SEV1"});
    let incident = api.post("/api/incidents", &incident).await;
    let (code, text) = gate(&server, &[]).await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("1 open incidents of SEV1, at most 0 may be"), "{text}");
    let (code, text) = gate(&server, &["--override", "--reason", "the fix itself", "--for", "1h"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("checkout is overridden") && text.contains("the fix itself"), "{text}");
    let id = incident["incident_id"].as_str().expect("an id");
    api.post(&format!("/api/incidents/{id}/resolve"), &json!({})).await;

    // Two deployments, both taken back.
    let now = api.sql("SELECT now()").await[0][0].clone();
    for version in ["1", "2"] {
        let payload = json!({"version": version, "status": "rolled_back", "finished_at": now});
        let deploy = json!({"kind": "deploy", "subject": version, "service": PAGED_SERVICE, "at": now, "payload": payload});
        assert_eq!(api.post("/api/events", &deploy).await["accepted"], 1);
    }
    let answer = api.get("/api/gates/checkout").await;
    assert_eq!(
        (&answer["verdict"], &answer["opened_by"]["reason"]),
        (&json!("overridden"), &json!("the fix itself"))
    );
    let conditions = answer["conditions"].as_array().expect("conditions");
    let failing = conditions.iter().find(|it| it["check"] == "change_fail_rate").expect("the condition");
    assert_eq!(
        (&failing["value"], &failing["limit"], &failing["blocks"]),
        (&json!(1.0), &json!(0.5), &json!(true))
    );

    // Who opened it is listed, and taken back with a reason.
    let (code, text) = gate(&server, &["--overrides", "--output", "json"]).await;
    assert_eq!(code, 0, "{text}");
    let overrides: serde_json::Value = serde_json::from_str(&text).expect("a list");
    assert_eq!((&overrides[0]["active"], &overrides[0]["reason"]), (&json!(true), &json!("the fix itself")));
    let id = overrides[0]["id"].to_string();
    let (code, text) = gate(&server, &["--revoke", &id, "--reason", "it is fixed"]).await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("2 of 2 deployments in 1w failed: 100 %, it has to be below 50 %"), "{text}");
    let (code, text) = gate(&server, &["--revoke", &id, "--reason", "once more"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("override {id} is over")), "{text}");

    // What was answered, and to whom, is in the lake.
    eventually(SOON, "five decisions and an override that was revoked", async || {
        let verdicts = api.sql("SELECT verdict, count(*) FROM gate_decisions GROUP BY 1 ORDER BY 1").await;
        let given = api.sql("SELECT reason, revoke_reason FROM gate_overrides").await;
        let expect = json!([["allowed", 1], ["blocked", 2], ["overridden", 2]]);
        if json!(verdicts) == expect && json!(given) == json!([["the fix itself", "it is fixed"]]) {
            Ok(())
        } else {
            Err(format!("{verdicts:?} {given:?}"))
        }
    })
    .await;
    let newest = api.get("/api/gates/checkout/decisions?limit=2").await;
    let decisions = newest["decisions"].as_array().expect("decisions");
    assert_eq!((decisions.len(), &newest["more"]), (2, &json!(true)));
    assert_eq!((&decisions[0]["verdict"], &decisions[0]["policy"]), (&json!("blocked"), &json!("shop")));
    let blocks = |it: &&serde_json::Value| it["blocks"] == true;
    let blocking = decisions[0]["conditions"].as_array().expect("conditions").iter().find(blocks);
    assert_eq!(blocking.map(|it| &it["check"]), Some(&json!("change_fail_rate")));
    let before = decisions[1]["at"].as_str().expect("a time");
    let older = api.get(&format!("/api/gates/checkout/decisions?to={before}")).await;
    let older_ones = older["decisions"].as_array().expect("decisions").iter();
    let verdicts: Vec<&str> = older_ones.filter_map(|it| it["verdict"].as_str()).collect();
    assert_eq!((verdicts, &older["more"]), (vec!["overridden", "blocked", "allowed"], &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_without_an_answer_is_no_blocked_gate() {
    let server = Server::start(ServerOptions::settings("").object("people.yaml", PEOPLE)).await;
    let unknown = run(server.cli(&["gate", "chekcout"]), "").await;
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("there is no service \"chekcout\""), "{}", unknown.stderr);
    let misspelt = run(server.cli(&["gate", "--overide"]), "").await;
    assert_eq!(misspelt.code, 1, "{}", misspelt.stderr);
    let nowhere = run(server.cli(&["gate", PAGED_SERVICE, "--url", "http://127.0.0.1:9"]), "").await;
    assert_eq!(nowhere.code, 1, "{}", nowhere.stderr);
}
