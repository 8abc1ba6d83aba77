//! Gates: the answer, its record, and overrides.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::world::{As, World};
use crate::Role;

const GATE: &str = "/api/gates/checkout";
const OVERRIDE: &str = "/api/gates/checkout/override";

async fn gate(world: &World, who: &As) -> Value {
    world.get(who, GATE).await.ok()
}

#[tokio::test]
async fn a_gate_answers_with_every_number_that_decided() {
    let world = World::new().await;
    let viewer = world.token(Role::Viewer).await;
    let open = gate(&world, &viewer).await;
    assert_eq!(
        (&open["allowed"], &open["verdict"], &open["policy"]),
        (&json!(true), &json!("allowed"), &json!("default"))
    );

    world.gates.firing_pages.store(2, Ordering::Relaxed);
    let blocked = gate(&world, &viewer).await;
    assert_eq!((&blocked["allowed"], &blocked["verdict"]), (&json!(false), &json!("blocked")));
    let blocking: Vec<&Value> =
        blocked["conditions"].as_array().unwrap().iter().filter(|it| it["blocks"] == true).collect();
    let expect = json!({
        "check": "firing_pages", "subject": null, "window": null, "value": 2.0, "relation": "at_most", "limit": 0.0,
        "outcome": "not_met", "blocks": true,
        "detail": "2 alerts that page are firing, at most 0 may be",
    });
    assert_eq!(blocking, [&expect]);
    assert_eq!(blocked["explanation"], "2 alerts that page are firing, at most 0 may be");
    let unknown =
        blocked["conditions"].as_array().unwrap().iter().filter(|it| it["outcome"] == "unknown").count();
    assert_eq!(unknown, 3, "budget and two burn rates: {blocked}");
    let problem = world.get(&viewer, "/api/gates/chekcout").await.problem(404);
    assert_eq!(problem, "there is no service \"chekcout\"");
}

#[tokio::test]
async fn every_answer_is_recorded() {
    let world = World::new().await;
    let viewer = world.token(Role::Viewer).await;
    gate(&world, &viewer).await;
    gate(&world, &viewer).await;
    // Both wait to be brought to the lake.
    assert_eq!(world.state.alerting.publish_facts().await.unwrap(), 2);
}

#[tokio::test]
async fn a_look_at_all_gates_is_no_question() {
    let world = World::new().await;
    world.gates.firing_pages.store(1, Ordering::Relaxed);
    let viewer = world.token(Role::Viewer).await;
    let list = world.get(&viewer, "/api/gates").await.ok();
    let gates = list["gates"].as_array().unwrap();
    let checkout = gates.iter().find(|gate| gate["service"] == "checkout").unwrap();
    assert_eq!(checkout["verdict"], "blocked");
    assert_eq!(world.state.alerting.publish_facts().await.unwrap(), 0, "nothing was recorded");
    let asked = gate(&world, &viewer).await;
    assert_eq!(asked["conditions"], checkout["conditions"], "asking gives the same answer");
}

#[tokio::test]
async fn an_override_opens_the_gate_with_a_reason_until_it_expires() {
    let world = World::new().await;
    world.gates.firing_pages.store(1, Ordering::Relaxed);
    let (viewer, responder) = (world.token(Role::Viewer).await, world.token(Role::Responder).await);
    let body = json!({"reason": "the fix itself", "expires_at": "2026-11-23T03:00:00Z"});
    world.post(&viewer, OVERRIDE, body.clone()).await.problem(403);
    let given = world.post(&responder, OVERRIDE, body.clone()).await;
    assert_eq!(given.status, 201, "{}", given.text());
    assert_eq!((&given.json()["reason"], &given.json()["active"]), (&json!("the fix itself"), &json!(true)));

    let opened = gate(&world, &viewer).await;
    assert_eq!((&opened["allowed"], &opened["verdict"]), (&json!(true), &json!("overridden")));
    assert_eq!(opened["opened_by"]["expires_at"], "2026-11-23T03:00:00Z");
    world.clock.advance(Duration::from_secs(3_600));
    let expired = gate(&world, &viewer).await;
    assert_eq!((&expired["verdict"], &expired["opened_by"]), (&json!("blocked"), &Value::Null));
    assert_eq!(expired["overrides"][0]["active"], false);
}

#[tokio::test]
async fn an_override_is_taken_back_with_a_reason() {
    let world = World::new().await;
    world.gates.firing_pages.store(1, Ordering::Relaxed);
    let (viewer, responder) = (world.token(Role::Viewer).await, world.token(Role::Responder).await);
    let overrides = "/api/gates/checkout/overrides";
    assert_eq!(world.get(&viewer, overrides).await.ok(), json!({"overrides": []}));
    world.get(&viewer, "/api/gates/chekcout/overrides").await.problem(404);
    let body = json!({"reason": "the fix itself", "expires_at": "2026-11-23T03:00:00Z"});
    let given = world.post(&responder, OVERRIDE, body).await.json();
    let revoke = format!("{overrides}/{}/revoke", given["id"]);
    let reason = json!({"reason": "the fix made it worse"});
    world.post(&viewer, &revoke, reason.clone()).await.problem(403);
    assert_eq!(
        world.post(&responder, &revoke, json!({"reason": ""})).await.problem(400),
        "must not be empty"
    );
    let nowhere = format!("{overrides}/77/revoke");
    let unknown = world.post(&responder, &nowhere, reason.clone()).await.problem(404);
    assert_eq!(unknown, "there is no override of the gate \"77\"");
    assert_eq!(gate(&world, &viewer).await["verdict"], "overridden");

    world.clock.advance(Duration::from_secs(60));
    let revoked = world.post(&responder, &revoke, reason.clone()).await.ok();
    assert_eq!((&revoked["active"], &revoked["reason"]), (&json!(false), &json!("the fix itself")));
    assert_eq!(revoked["revoked_at"], "2026-11-23T02:01:00Z");
    assert_eq!(revoked["revoke_reason"], "the fix made it worse");
    assert!(revoked["revoked_by"].is_string(), "{revoked}");
    assert_eq!(gate(&world, &viewer).await["verdict"], "blocked");
    assert_eq!(world.get(&viewer, overrides).await.ok()["overrides"], json!([revoked]));
    let again = world.post(&responder, &revoke, reason).await.problem(409);
    assert!(again.starts_with("override 1 is over: ") && again.contains("revoked it at"), "{again}");
    // Given, asked twice, revoked.
    assert_eq!(world.state.alerting.publish_facts().await.unwrap(), 4);
}

#[tokio::test]
async fn an_override_without_reason_or_bounds_is_refused() {
    let world = World::new().await;
    let responder = world.token(Role::Responder).await;
    let refused = async |reason: &str, expires_at: &str| {
        let body = json!({"reason": reason, "expires_at": expires_at});
        let answer = world.post(&responder, OVERRIDE, body).await;
        let detail = answer.problem(400);
        (answer.json()["errors"][0]["pointer"].as_str().unwrap().to_owned(), detail)
    };
    let in_an_hour = "2026-11-23T03:00:00Z";
    assert_eq!(refused("  ", in_an_hour).await, ("/reason".into(), "must not be empty".into()));
    assert_eq!(refused(&"x".repeat(1_001), in_an_hour).await.0, "/reason");
    assert_eq!(
        refused("why", "2026-11-23T02:00:00Z").await,
        ("/expires_at".into(), "2026-11-23T02:00:00Z has passed".into())
    );
    let (pointer, detail) = refused("why", "2026-11-24T02:00:01Z").await;
    assert_eq!(pointer, "/expires_at");
    assert_eq!(detail, "an override lasts 1d at most (overrideMax of the gate policy)");
    assert_eq!(refused("why", "soon").await.0, "/expires_at");
    let body = json!({"reason": "why", "expires_at": in_an_hour});
    world.post(&responder, "/api/gates/nobody/override", body).await.problem(404);
}

#[tokio::test]
async fn past_answers_are_read_by_time_the_newest_first() {
    let world = World::new().await;
    let (sender, viewer) = (world.token(Role::Ingest).await, world.token(Role::Viewer).await);
    let tell = async |id: &str, at: &str, payload: Value| {
        let event = json!({"id": id, "kind": "gate_decision", "subject": "checkout", "service": "checkout",
            "at": at, "payload": payload});
        assert_eq!(world.post(&sender, "/api/events", event).await.ok()["accepted"], 1);
    };
    let condition = json!({"check": "firing_pages", "subject": null, "window": null, "value": 2.0,
        "relation": "at_most", "limit": 0.0, "outcome": "not_met", "blocks": true, "detail": "2 alerts"});
    let blocked = json!({"verdict": "blocked", "policy": "shop", "explanation": "2 alerts",
        "override_id": null, "conditions": [condition]});
    tell("first", "2026-11-23T01:00:00Z", json!({"verdict": "allowed", "policy": "shop"})).await;
    tell("second", "2026-11-23T01:10:00Z", blocked).await;
    tell("third", "2026-11-23T01:20:00Z", json!({"verdict": "overridden", "override_id": 7})).await;
    // Anybody may send events.
    tell("odd", "2026-11-23T01:30:00Z", json!({"verdict": "perhaps"})).await;
    let path = "/api/gates/checkout/decisions";
    let ids = |list: &Value| {
        let decisions = list["decisions"].as_array().unwrap().clone();
        decisions.iter().map(|it| it["at"].as_str().unwrap()[11..16].to_owned()).collect::<Vec<_>>()
    };
    let all = world.get(&viewer, path).await.ok();
    assert_eq!(
        (ids(&all), &all["more"]),
        (vec!["01:20".into(), "01:10".into(), "01:00".into()], &json!(false))
    );
    assert_eq!(
        (
            &all["decisions"][0]["override_id"],
            &all["decisions"][1]["conditions"],
            &all["decisions"][2]["policy"]
        ),
        (&json!(7), &json!([condition]), &json!("shop"))
    );
    let some = world.get(&viewer, &format!("{path}?to=2026-11-23T01:30:00Z&limit=2")).await.ok();
    assert_eq!((ids(&some), &some["more"]), (vec!["01:20".into(), "01:10".into()], &json!(true)));
    let rest = format!("{path}?to=2026-11-23T01:10:00Z&from=2026-11-23T01:00:00Z");
    assert_eq!(ids(&world.get(&viewer, &rest).await.ok()), ["01:00"]);
    assert!(world.get(&viewer, &format!("{path}?from=soon")).await.problem(400).contains("soon"));
    world.get(&viewer, "/api/gates/chekcout/decisions").await.problem(404);
    world.get(&sender, path).await.problem(403);
}
