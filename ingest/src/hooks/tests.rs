//! Deliveries as the providers document them, from `tests/data/hooks`, over the shared way of a
//! request.

use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::Value;

use super::proof::tests::github_signature;
use super::*;
use crate::receiver::tests::{FakeSink, body, head, ingest_with};
use crate::{Dialect, Ingest};

const SECRET: &str = "a secret of the webhook";

fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hooks").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn hook(provider: Provider, service: Option<&str>) -> Arc<Hook> {
    let config = HookConfig {
        name: "shop".into(),
        provider,
        secret: Some(SECRET.into()),
        secret_file: None,
        service: service.map(str::to_owned),
        environments: [("production".to_owned(), "prod".to_owned())].into(),
    };
    Hooks::from_config(&[config]).unwrap().get(provider, "shop").unwrap()
}

/// What a provider sends, and what is answered.
struct Sent {
    ingest: Ingest,
    sink: Arc<FakeSink>,
}

impl Sent {
    fn new(limits: IngestLimits) -> Sent {
        let (ingest, sink) = ingest_with(limits);
        Sent { ingest, sink }
    }

    async fn github(&self, event: &str, bytes: &[u8]) -> (u16, Value) {
        let signature = github_signature(SECRET.as_bytes(), bytes);
        let headers = [("x-github-event", event), ("x-hub-signature-256", signature.as_str())];
        self.send(&GithubHook, hook(Provider::Github, None), &headers, bytes).await
    }

    async fn gitlab(&self, event: &str, bytes: &[u8]) -> (u16, Value) {
        let headers = [("x-gitlab-event", event), ("x-gitlab-token", SECRET)];
        self.send(&GitlabHook, hook(Provider::Gitlab, None), &headers, bytes).await
    }

    async fn send(
        &self,
        dialect: &'static dyn Dialect,
        hook: Arc<Hook>,
        headers: &[(&str, &str)],
        bytes: &[u8],
    ) -> (u16, Value) {
        let mut parts = head(&[&[("content-type", "application/json")], headers].concat());
        parts.extensions.insert(hook);
        let answer = self.ingest.receive(dialect, parts, body(bytes), "shop").await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }

    fn events(&self) -> Vec<Event> {
        self.sink.batches.lock().iter().flat_map(|(batch, _, _)| batch.events.clone()).collect()
    }
}

fn told(event: &Event) -> String {
    let head = format!(
        "{}\n{} {:?} {:?} {:?} {}",
        event.event_id, event.subject_id, event.service, event.env, event.actor, event.valid_at
    );
    format!("{head}\n{}", serde_json::to_string_pretty(&event.payload).unwrap())
}

fn check(event: &Event, expect: Expect) {
    expect.assert_eq(&told(event));
}

#[tokio::test]
async fn a_github_deployment_and_its_statuses_are_one_deploy() {
    let sent = Sent::new(IngestLimits::default());
    let accepted = json!({"accepted": 1, "rejected": []});
    // The last status comes first: the order is told by the provider, not by the network.
    for (event, name) in [
        ("deployment_status", "github-deployment-status-success.json"),
        ("deployment", "github-deployment.json"),
        ("deployment_status", "github-deployment-status-in-progress.json"),
    ] {
        assert_eq!(sent.github(event, &file(name)).await, (202, accepted.clone()), "{name}");
    }
    let mut events = sent.events();
    assert!(events.iter().all(|event| event.kind == telemetry::EventKind::DEPLOY));
    assert!(events.iter().all(|event| event.subject_id == "github:octo-games/matchmaking#1042"));
    events.sort_by_key(|event| event.seq);
    let statuses: Vec<_> = events.iter().map(|event| event.payload["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["pending", "running", "succeeded"]);
    assert_eq!(sent.sink.batches.lock()[0].1, "github_hook:shop");
    check(
        &events[2],
        expect![[r#"
            github:octo-games/matchmaking#1042/status/5002
            github:octo-games/matchmaking#1042 Some("matchmaking") Some("prod") Some("mona") 2027-01-15T07:54:00Z
            {
              "commits": [
                "279484c09fbe69ededfced8c1bb6e6d24616b468"
              ],
              "description": "Deployed to 3 regions",
              "environment_url": "https://play.example.com",
              "finished_at": "2027-01-15T07:54:00Z",
              "log_url": "https://github.com/octo-games/matchmaking/actions/runs/90001",
              "production": true,
              "provider": "github",
              "ref": "v2.4.0",
              "repository": "octo-games/matchmaking",
              "repository_url": "https://github.com/octo-games/matchmaking",
              "started_at": "2027-01-15T07:50:00Z",
              "state": "success",
              "status": "succeeded",
              "task": "deploy",
              "version": "v2.4.0"
            }"#]],
    );
}

#[tokio::test]
async fn a_gitlab_deployment_is_one_deploy_and_the_end_does_not_make_up_a_beginning() {
    let sent = Sent::new(IngestLimits::default());
    for name in ["running", "success", "canceled"] {
        let (status, answer) =
            sent.gitlab("Deployment Hook", &file(&format!("gitlab-deployment-{name}.json"))).await;
        assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{name}: {answer}");
    }
    let events = sent.events();
    let period = |event: &Event| (event.payload["started_at"].clone(), event.payload["finished_at"].clone());
    assert_eq!(period(&events[0]), (json!("2027-01-15T07:30:00Z"), Value::Null));
    assert_eq!(period(&events[1]), (Value::Null, json!("2027-01-15T07:33:20Z")));
    assert_eq!(events[0].subject_id, events[1].subject_id);
    assert_eq!(events[2].payload["status"], "canceled");
    check(
        &events[1],
        expect![[r#"
            gitlab:games/backend/chat#15/success/1799998400000000
            gitlab:games/backend/chat#15 Some("chat") Some("production/eu") Some("ada") 2027-01-15T07:33:20Z
            {
              "commits": [
                "7b1c0d4e9f0a55d1a6c4a5b3f9d2f6b8c0e1a2b3"
              ],
              "description": "Limit messages per player",
              "environment_tier": "production",
              "environment_url": "https://eu.play.example.com",
              "finished_at": "2027-01-15T07:33:20Z",
              "log_url": "https://gitlab.example.com/games/backend/chat/-/jobs/796",
              "provider": "gitlab",
              "ref": "main",
              "repository": "games/backend/chat",
              "repository_url": "https://gitlab.example.com/games/backend/chat",
              "started_at": null,
              "state": "success",
              "status": "succeeded",
              "version": "7b1c0d4e9f0a"
            }"#]],
    );
}

#[tokio::test]
async fn what_is_no_deployment_is_ignored_with_a_reason() {
    let sent = Sent::new(IngestLimits::default());
    assert_eq!(
        sent.github("ping", &file("github-ping.json")).await,
        (200, json!({"message": "the hook works"}))
    );
    let ignored = |reason: &str| (202, json!({"accepted": 0, "rejected": [], "ignored": reason}));
    assert_eq!(
        sent.github("workflow_run", &file("github-workflow-run.json")).await,
        ignored("workflow_run is no deployment; send deployment and deployment_status")
    );
    assert_eq!(
        sent.github("deployment_status", &file("github-deployment-status-inactive.json")).await,
        ignored("inactive: a later deployment took its place")
    );
    assert_eq!(
        sent.gitlab("Pipeline Hook", &file("gitlab-pipeline.json")).await,
        ignored("Pipeline Hook is no deployment; send deployment events")
    );
    assert!(sent.events().is_empty());
}

#[tokio::test]
async fn a_delivery_that_comes_again_is_the_same_event() {
    let sent = Sent::new(IngestLimits::default());
    let bytes = file("github-deployment-status-failure.json");
    for _ in 0..2 {
        assert_eq!(sent.github("deployment_status", &bytes).await.0, 202);
    }
    let events = sent.events();
    assert_eq!(events[0].event_id, events[1].event_id, "the lake keeps it once");
    assert_eq!(events[0].payload["status"], "failed");
}

#[tokio::test]
async fn without_the_right_proof_nothing_is_stored() {
    let sent = Sent::new(IngestLimits::default());
    let bytes = file("github-deployment.json");
    let right = github_signature(SECRET.as_bytes(), &bytes);
    let wrong = github_signature(b"another secret of a webhook", &bytes);
    let github = hook(Provider::Github, None);
    let missing = [("x-github-event", "deployment")];
    let (status, problem) = sent.send(&GithubHook, github.clone(), &missing, &bytes).await;
    assert_eq!((status, &problem["title"]), (401, &json!("Unauthorized")));
    assert_eq!(problem["detail"], "X-Hub-Signature-256 is missing: set the webhook's secret");
    let signed = |signature| [("x-github-event", "deployment"), ("x-hub-signature-256", signature)];
    for (signature, sent_bytes) in [(wrong.as_str(), bytes.as_slice()), (right.as_str(), b"{}")] {
        let (status, problem) = sent.send(&GithubHook, github.clone(), &signed(signature), sent_bytes).await;
        assert_eq!(
            (status, &problem["detail"]),
            (401, &json!("the signature is not right for this hook's secret"))
        );
    }
    let gitlab = hook(Provider::Gitlab, None);
    for headers in [vec![], vec![("x-gitlab-token", "a secret of another hook")]] {
        let (status, _) = sent.send(&GitlabHook, gitlab.clone(), &headers, b"{}").await;
        assert_eq!(status, 401);
    }
    assert!(sent.sink.batches.lock().is_empty());
    let counts = sent.ingest.counts();
    let failed = |name: &str| counts.iter().find(|it| it.dialect == name).unwrap().failed_requests;
    assert_eq!((failed("github_hook"), failed("gitlab_hook")), (3, 2));
}

#[tokio::test]
async fn what_a_body_lacks_is_named() {
    let sent = Sent::new(IngestLimits { hook_body_bytes_max: 10_000, ..IngestLimits::default() });
    let detail = async |event: &str, bytes: &[u8]| {
        let (status, problem) = sent.github(event, bytes).await;
        (status, problem["detail"].as_str().unwrap_or_default().to_owned())
    };
    let missing = "is missing: the body is not what the event's name says";
    assert_eq!(detail("deployment", b"{}").await, (400, format!("/deployment/created_at {missing}")));
    assert_eq!(
        detail("deployment_status", b"{\"deployment_status\": {\"state\": 7}}").await,
        (400, format!("/deployment_status/state {missing}"))
    );
    assert_eq!(detail("", b"{}").await, (400, "X-GitHub-Event is missing".to_owned()));
    assert!(detail("deployment", b"not json").await.1.starts_with("the body is not JSON"));
    let old = String::from_utf8(file("github-deployment.json")).unwrap().replace("2027-01", "1970-01");
    let (status, text) = detail("deployment", old.as_bytes()).await;
    assert_eq!(status, 400, "{text}");
    assert_eq!(detail("deployment", &[b' '; 10_001]).await.0, 413, "before anything is hashed");
    assert!(sent.events().is_empty());
}

#[tokio::test]
async fn the_settings_name_the_service() {
    let sent = Sent::new(IngestLimits::default());
    let bytes = file("gitlab-deployment-success.json");
    let headers = [("x-gitlab-event", "Deployment Hook"), ("x-gitlab-token", SECRET)];
    let hook = hook(Provider::Gitlab, Some("chat-eu"));
    assert_eq!(sent.send(&GitlabHook, hook, &headers, &bytes).await.0, 202);
    let event = &sent.events()[0];
    assert_eq!(event.service.as_deref(), Some("chat-eu"));
}
