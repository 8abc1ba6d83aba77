//! From an incident to its retrospective, and the acknowledge link of a page.

use http::{Method, StatusCode};
use serde_json::json;

use super::world::{As, MINUTE, World, request};
use crate::Role;

/// Declares an incident that pages and gives the path of the page's link.
async fn paged(world: &World) -> (String, String) {
    let who = world.token(Role::Responder).await;
    let body = json!({"title": "Checkout <b>burns</b>", "service": "checkout", "severity": "SEV1"});
    let incident = world.post(&who, "/api/incidents", body).await.ok();
    world.state.alerting.tick().await.unwrap();
    world.state.alerting.deliver().await.unwrap();
    let link = world.mail.links.lock().last().cloned().expect("a page went out");
    let path = link.split_once("/p/").map(|(_, token)| format!("/p/{token}")).unwrap();
    (incident["incident_id"].as_str().unwrap().to_owned(), path)
}

/// The link with another first letter of its signature: the last one would not do, it can already be the
/// letter it is replaced by.
fn forged(link: &str) -> String {
    let (signed, signature) = link.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{other}{}", &signature[1..])
}

#[tokio::test]
async fn looking_at_the_link_never_acknowledges_and_the_button_does() {
    let world = World::new().await;
    let (incident, link) = paged(&world).await;
    let viewer = world.token(Role::Viewer).await;
    let state = async || world.get(&viewer, &format!("/api/incidents/{incident}")).await.ok();

    for method in [Method::GET, Method::HEAD, Method::GET] {
        let answer = world.send(request(method, &As::Nobody, &link, &[("purpose", "prefetch")], "")).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert!(state().await["acknowledged_at"].is_null());
    let page = world.get(&As::Nobody, &link).await;
    let text = page.text();
    assert!(
        text.contains("Nobody has acknowledged yet.") && text.contains(">Acknowledge</button>"),
        "{text}"
    );
    assert!(text.contains("Checkout &lt;b&gt;burns&lt;") && !text.contains("<b>burns"), "{text}");
    assert!(text.contains("ada by email, 2026-11-23 02:00:00"), "{text}");
    assert!(!text.contains("<script") && page.body.len() < 15 * 1024);

    world.clock.advance(MINUTE);
    let done = world.form(&As::Nobody, &link, "").await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.text().contains("Acknowledged by ada, 2026-11-23 02:01:00."), "{}", done.text());
    assert!(!done.text().contains("</button>"));
    let after = state().await;
    assert_eq!(
        (&after["acknowledged_by"], &after["acknowledged_at"]),
        (&json!("ada"), &json!("2026-11-23T02:01:00Z"))
    );

    world.clock.advance(MINUTE);
    let again = world.form(&As::Nobody, &link, "").await;
    assert!(again.text().contains("Already acknowledged by ada, 2026-11-23 02:01:00."), "{}", again.text());
    assert!(world.get(&As::Nobody, &link).await.text().contains("Already acknowledged by ada"));
    assert_eq!(state().await["acknowledged_at"], "2026-11-23T02:01:00Z");
}

#[tokio::test]
async fn forged_and_expired_links_say_so_and_do_nothing() {
    let world = World::new().await;
    let (incident, link) = paged(&world).await;
    let forged = forged(&link);
    for path in ["/p/none", "/p/a.b.c", forged.as_str()] {
        for method in [Method::GET, Method::POST] {
            let form = [("content-type", "application/x-www-form-urlencoded")];
            let answer = world.send(request(method, &As::Nobody, path, &form, "")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(answer.text().contains("damaged"), "{path}");
        }
    }
    world.clock.advance(MINUTE * 60 * 25);
    assert_eq!(world.get(&As::Nobody, &link).await.status, StatusCode::GONE);
    assert_eq!(world.form(&As::Nobody, &link, "").await.status, StatusCode::GONE);
    let viewer = world.token(Role::Viewer).await;
    let state = world.get(&viewer, &format!("/api/incidents/{incident}")).await.ok();
    assert!(state["acknowledged_at"].is_null());
}

#[tokio::test]
async fn an_incident_goes_from_declared_to_written_up() {
    let world = World::new().await;
    let who = world.token(Role::Responder).await;
    let post = async |path: &str, body: serde_json::Value| world.post(&who, path, body).await;
    let made =
        post("/api/incidents", json!({"title": "Slow", "service": "checkout", "severity": "SEV3"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let incident = made.json();
    assert_eq!((&incident["incident_id"], &incident["state"]), (&json!("INC-1"), &json!("triage")));
    assert_eq!(world.get(&who, "/api/incidents").await.ok()["incidents"].as_array().unwrap().len(), 1);

    world.clock.advance(MINUTE);
    let taken = post("/api/incidents/INC-1/acknowledge", json!({"note": "On it"})).await.ok();
    assert_eq!(taken["acknowledged_at"], "2026-11-23T02:01:00Z");
    let severe = post("/api/incidents/INC-1/severity", json!({"severity": "SEV2"})).await.ok();
    assert_eq!(severe["severity"], "SEV2");
    assert_eq!(
        post("/api/incidents/INC-1/notes", json!({"text": "Cache is cold"})).await.status,
        StatusCode::NO_CONTENT
    );
    for (verb, field) in
        [("mitigate", "mitigated_at"), ("restore", "restored_at"), ("resolve", "resolved_at")]
    {
        world.clock.advance(MINUTE);
        let after = post(&format!("/api/incidents/INC-1/{verb}"), json!({})).await.ok();
        assert!(after[field].is_string(), "{verb}: {after}");
    }

    let run = post("/api/runs", json!({"runbook_id": "look", "incident_id": "INC-1", "params": {}})).await;
    assert_eq!(run.status, StatusCode::CREATED);
    let id = run.json()["id"].as_str().unwrap().to_owned();
    let skipped = post(&format!("/api/runs/{id}/steps/disk/skip"), json!({})).await.ok();
    assert_eq!(skipped["steps"][0]["state"], "skipped");
    post(&format!("/api/runs/{id}/steps/disk/start"), json!({})).await.problem(409);
    let done = post(&format!("/api/runs/{id}/steps/ask/done"), json!({})).await.ok();
    assert_eq!((&done["state"], &done["steps"][1]["actor"]), (&json!("done"), &json!("responder-0")));

    let timeline = world.get(&who, "/api/incidents/INC-1/timeline").await.ok();
    let titles: Vec<&str> =
        timeline["entries"].as_array().unwrap().iter().filter_map(|entry| entry["title"].as_str()).collect();
    assert!(titles.contains(&"Cache is cold") && titles.contains(&"On it"), "{titles:?}");

    let retro = post("/api/incidents/INC-1/retrospective", json!({})).await.ok();
    assert_eq!((&retro["id"], &retro["state"]), (&json!("RETRO-1"), &json!("draft")));
    let json_type = [("content-type", "application/json")];
    let body = json!({"markdown": "# What we learnt\n<script>alert(1)</script>"}).to_string();
    let path = "/api/retrospectives/RETRO-1";
    let saved = world.send(request(Method::PUT, &who, path, &json_type, body)).await.ok();
    assert!(!saved["html"].as_str().unwrap().contains("<script"), "{saved}");
    let published = post("/api/retrospectives/RETRO-1/publish", json!({})).await.ok();
    assert_eq!(published["state"], "published");
    let export = world.get(&who, "/retros/RETRO-1/export.md").await;
    assert!(export.header("content-type").starts_with("text/markdown"));
    assert_eq!(export.header("content-disposition"), "attachment; filename=\"RETRO-1.md\"");
    assert!(export.text().starts_with("# What we learnt"));

    let detail = world.get(&who, "/api/incidents/INC-1").await.ok();
    assert_eq!(detail["retrospective"], json!({"id": "RETRO-1", "state": "published"}));
    assert_eq!(detail["runs"][0]["runbook_title"], "Look around");
    assert_eq!(world.get(&who, "/api/retrospectives").await.ok()["retrospectives"][0]["severity"], "SEV2");
}

#[tokio::test]
async fn who_is_on_call_what_can_be_run_and_how_services_are() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let oncall = world.get(&who, "/api/oncall").await.ok();
    assert_eq!(oncall["schedules"][0]["on_call"]["user"], "ada");
    assert_eq!(oncall["schedules"][0]["timezone"], "UTC");
    let services = world.get(&who, "/api/services").await.ok();
    let checkout = &services["services"][0];
    assert_eq!((&checkout["name"], &checkout["display_name"]), (&json!("checkout"), &json!("Checkout")));
    assert_eq!((&checkout["status"], &checkout["on_call"]), (&json!("no_data"), &json!(["ada"])));
    assert!(checkout["worst_slo"].is_null() && checkout["last_change"].is_null());
    let runbook = world.get(&who, "/api/runbooks/look").await.ok();
    assert!(runbook["html"].as_str().unwrap().contains("<strong>look</strong>"), "{runbook}");
    assert_eq!(runbook["steps"][1]["kind"], "manual");
    assert_eq!(world.get(&who, "/api/alerts").await.ok(), json!({"alerts": []}));
    assert_eq!(
        world.get(&who, "/api/slos").await.ok(),
        json!({"slos": [], "problems": [], "further_windows": []})
    );
}
