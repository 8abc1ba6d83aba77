//! Deploys and changes come from the tools that make them: webhooks with signatures, PagerDuty's own
//! client, CloudEvents; and are rows of one view.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Server, ServerOptions, peer_to_end, run};

const SECRET: &str = "the secret of the webhook";
const SETTINGS: &str = "hooks:
  - {name: play, provider: github, secret: the secret of the webhook, environments: {production: prod}}
  - {name: play, provider: gitlab, secret: the secret of the webhook, service: chat}
";

const DEPLOYS: &str = "SELECT deploy_id, service, env, version, started_at, finished_at, status FROM deploys \
                       ORDER BY deploy_id";

fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ingest/tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As GitHub signs, by a tool that is not ours.
async fn github_signature(body: &[u8]) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-hmac", SECRET]);
    let body = std::str::from_utf8(body).expect("JSON is text");
    let done = run(openssl, body).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    format!("sha256={}", done.stdout.split_whitespace().last().expect("a digest"))
}

async fn github(server: &Server, event: &str, name: &str) -> (u16, Value) {
    let body = file(name);
    let signature = github_signature(&body).await;
    let headers = [
        ("content-type", "application/json"),
        ("x-github-event", event),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let answer =
        server.nobody().send("/hooks/github/play", &headers, body).await.expect("the server answers");
    (answer.status, answer.json())
}

async fn gitlab(server: &Server, token: &str, name: &str) -> u16 {
    let headers = [
        ("content-type", "application/json"),
        ("x-gitlab-event", "Deployment Hook"),
        ("x-gitlab-token", token),
    ];
    let answer = server.nobody().send("/hooks/gitlab/play", &headers, file(name)).await;
    answer.expect("the server answers").status
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_code_hosts_are_deploys_and_a_replay_changes_nothing() {
    let mut server = Server::start(ServerOptions::settings(SETTINGS)).await;
    assert_eq!(github(&server, "ping", "hooks/github-ping.json").await.0, 200);
    let statuses =
        ["hooks/github-deployment-status-success.json", "hooks/github-deployment-status-in-progress.json"];
    assert_eq!(github(&server, "deployment", "hooks/github-deployment.json").await.0, 202);
    for name in statuses {
        let (status, answer) = github(&server, "deployment_status", name).await;
        assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{answer}");
    }
    for name in ["running", "success"] {
        assert_eq!(gitlab(&server, SECRET, &format!("hooks/gitlab-deployment-{name}.json")).await, 202);
    }
    assert_eq!(
        gitlab(&server, "another secret of a hook", "hooks/gitlab-deployment-canceled.json").await,
        401
    );
    let expected = json!([
        [
            "github:octo-games/matchmaking#1042",
            "matchmaking",
            "prod",
            "v2.4.0",
            "2027-01-15T07:50:00Z",
            "2027-01-15T07:54:00Z",
            "succeeded"
        ],
        [
            "gitlab:games/backend/chat#15",
            "chat",
            "production/eu",
            "7b1c0d4e9f0a",
            "2027-01-15T07:30:00Z",
            "2027-01-15T07:33:20Z",
            "succeeded"
        ],
    ]);
    assert_eq!(json!(server.api().sql(DEPLOYS).await), expected);

    let events = "SELECT count(*) FROM events WHERE kind = 'deploy'";
    assert_eq!(server.api().count(events).await, 5);
    for name in statuses {
        github(&server, "deployment_status", name).await;
    }
    assert_eq!(server.api().count(events).await, 5, "sent again");
    // What was remembered of them is in the lake.
    server.stop().await;
    server.start_again().await;
    for name in statuses {
        github(&server, "deployment_status", name).await;
    }
    assert_eq!(server.api().count(events).await, 5, "sent again after a restart");
    assert_eq!(json!(server.api().sql(DEPLOYS).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_without_a_secret_does_not_start() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let settings = dir.path().join("evenkeel.yaml");
    std::fs::write(&settings, "hooks:\n  - {name: play, provider: github}\n").expect("a file can be written");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    serve.args(["serve", "--http-listen", "127.0.0.1:0"]).arg("--config").arg(&settings);
    let ended = run(serve, "").await;
    assert_ne!(ended.code, 0);
    let said = ended.stderr;
    assert!(said.contains("hooks: \"play\" has no secret: set secret_file or secret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pagerdutys_client_tells_of_changes() {
    let server = Server::start(ServerOptions::default()).await;
    let made =
        run(server.cli(&["token", "create", "acme-ci", "--role", "ingest", "--service", "checkout"]), "")
            .await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    let key = made.stdout.trim();
    assert_eq!(key.len(), 32, "{key}");
    let base_url = format!("{}/pagerduty", server.http());
    let told = peer_to_end("pagerduty_change.py", &[&base_url, key]).await;
    let body = json!({
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": ["Invalid routing key"],
    });
    assert_eq!(told["refused"], json!({"code": 400, "body": body}), "an unknown key");
    let rows = "SELECT kind, service, actor, valid_at FROM events ORDER BY kind";
    let at = "2026-11-23T02:00:00.315Z";
    assert_eq!(
        json!(server.api().sql(rows).await),
        json!([["change", "checkout", "acme-ci", at], ["deploy", "checkout", "acme-ci", at]])
    );
    assert_eq!(server.api().cell("SELECT version FROM deploys").await, "3.1.0");

    // The key is good for that and nothing else.
    let as_token = server.api().with_token(key).try_post("/api/events", &json!({})).await.expect("an answer");
    assert_eq!(as_token.status, 401);
    let listed = server.api().get("/api/tokens").await;
    let listed = &listed["tokens"][0];
    assert_eq!((&listed["name"], &listed["service"]), (&json!("acme-ci"), &json!("checkout")));
    assert!(listed["last_used_at"].is_string(), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudevents_are_events_by_content_type() {
    let server = Server::start(ServerOptions::default()).await;
    let structured = [("content-type", "application/cloudevents+json")];
    let files = ["cdevents-service-deployed", "cdevents-incident-detected", "cdevents-incident-resolved"];
    for name in files {
        let body = file(&format!("cloudevents/{name}.json"));
        let answer = server.api().send("/api/events", &structured, body).await.expect("the server answers");
        assert_eq!((answer.status, answer.json()), (202, json!({"accepted": 1, "rejected": []})), "{name}");
    }
    let incident = "SELECT title, service, state, started_at, resolved_at FROM incidents";
    assert_eq!(
        json!(server.api().sql(incident).await),
        json!([[
            "Response time above 10ms",
            "matchmaking",
            "resolved",
            "2027-01-15T07:30:00Z",
            "2027-01-15T07:50:00Z"
        ]])
    );
    let deploy = server.api().sql("SELECT service, env, version, status FROM deploys").await;
    assert_eq!(json!(deploy), json!([["matchmaking", "prod", "2.4.0", "succeeded"]]));
}
