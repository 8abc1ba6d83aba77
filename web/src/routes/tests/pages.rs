//! What browsers get: the login page, the dashboard, headers. The acknowledge page is in `respond`.

use http::{Method, StatusCode};

use super::world::{As, World, request};
use crate::state::ReadyRole;
use crate::{Role, WebConfig};

const PAGE_BYTES_MAX: usize = 15 * 1024;

#[tokio::test]
async fn a_login_link_shows_a_button_and_its_post_logs_in_once() {
    let world = World::new().await;
    let link = world.state.auth.create_login_link("admin", Role::Admin).await.unwrap();
    let path = format!("/login?token={}&next=%2Fslos", link.secret.expose());
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let answer = world.send(request(method, &As::Nobody, &path, &[], "")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("set-cookie").is_empty());
    }
    let page = world.get(&As::Nobody, &path).await;
    assert!(page.text().contains("This link logs you in once") && page.body.len() < PAGE_BYTES_MAX);
    assert!(!page.text().contains("<script"));

    let form = format!("link={}&next=%2Fslos", link.secret.expose());
    let opened = world.form(&As::Nobody, "/login", &form).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, "/slos"));
    assert!(opened.header("set-cookie").starts_with("evenkeel_session="));
    let again = world.form(&As::Nobody, "/login", &form).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(again.text().contains("unknown, used or expired"));
    assert!(world.get(&As::Nobody, &path).await.text().contains("unknown, used or expired"));
}

#[tokio::test]
async fn a_token_logs_in_and_a_wrong_one_is_told_so() {
    let world = World::new().await;
    let As::Token(token) = world.token(Role::Viewer).await else { unreachable!() };
    let opened =
        world.form(&As::Nobody, "/login", &format!("token={token}&next=https%3A%2F%2Fevil.example")).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, "/"));
    let refused = world.form(&As::Nobody, "/login", "token=%3Cscript%3E&next=%22%3E%3Cb%3E").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.text().contains("unknown, revoked or expired"));
    assert!(!refused.text().contains("<script>") && !refused.text().contains("\"><b>"));
    for _ in 0..20 {
        world.form(&As::Nobody, "/login", "token=wrong").await;
    }
    let throttled = world.form(&As::Nobody, "/login", &format!("token={token}")).await;
    assert_eq!(throttled.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_browser_without_a_session_is_sent_to_the_login() {
    let world = World::new().await;
    let navigate = async |site: &str| {
        let headers = [("accept", "text/html,*/*"), ("sec-fetch-site", site)];
        world.send(request(Method::GET, &As::Nobody, "/incidents/INC-1?x=1", &headers, "")).await
    };
    let sent = navigate("none").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(sent.header("location"), "/login?next=%2Fincidents%2FINC-1%3Fx%3D1");
    // From a web mailer the browser keeps the cookie back: reload as a request of our own first.
    let reloads = navigate("cross-site").await;
    assert_eq!(reloads.status, StatusCode::OK);
    assert!(reloads.text().contains("http-equiv=\"refresh\""));
    world.get(&As::Nobody, "/incidents/INC-1").await.problem(401);
}

#[tokio::test]
async fn the_dashboard_answers_every_page_with_a_fresh_nonce() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let (one, other) = (world.get(&who, "/").await, world.get(&who, "/slos/login").await);
    for page in [&one, &other] {
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.header("content-type").starts_with("text/html"));
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        assert!(page.text().contains(&format!("nonce=\"{nonce}\"")), "{}", page.text());
        assert!(!page.text().contains("__CSP_NONCE__") && !page.text().contains("__BASE_HREF__"));
    }
    assert_ne!(one.header("content-security-policy"), other.header("content-security-policy"));
}

#[tokio::test]
async fn security_headers_are_on_every_answer() {
    let world = World::new().await;
    for path in ["/", "/login", "/healthz", "/api/slos", "/api/nothing", "/assets/none.js", "/p/none"] {
        let answer = world.get(&As::Nobody, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn probes_say_what_works() {
    let world = World::new().await;
    assert_eq!(world.get(&As::Nobody, "/healthz").await.text(), "ok\n");
    world.health.say("engine", ReadyRole::Engine, true);
    assert_eq!(world.get(&As::Nobody, "/readyz").await.ok()["ready"], true);
    world.health.say("lake", ReadyRole::Ingest, false);
    let answer = world.get(&As::Nobody, "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), serde_json::json!({"ready": false, "failing": ["lake"]}));
    assert_eq!(world.get(&As::Nobody, "/readyz?role=engine").await.status, StatusCode::OK);

    let who = world.token(Role::Viewer).await;
    let status = world.get(&who, "/api/status").await.ok();
    assert_eq!(status["components"][1]["detail"], "as told");
    assert_eq!(status["started_at"], "2026-11-23T02:00:00Z");
    let metrics = world.get(&who, "/metrics").await;
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    let line = r#"evenkeel_http_requests_total{method="GET",route="/readyz",status="503"} 1"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
}

#[tokio::test]
async fn behind_a_proxy_with_a_path_links_and_cookies_fit_the_external_url() {
    let external_url = Some("https://ops.example/keel".parse().unwrap());
    let world = World::with(WebConfig { external_url, ..WebConfig::default() }).await;
    let headers = [("accept", "text/html")];
    let sent = world.send(request(Method::GET, &As::Nobody, "/slos", &headers, "")).await;
    assert_eq!(sent.header("location"), "/keel/login?next=%2Fkeel%2Fslos");
    assert!(sent.header("strict-transport-security").starts_with("max-age="));
    let As::Token(token) = world.token(Role::Viewer).await else { unreachable!() };
    let opened = world.form(&As::Nobody, "/login", &format!("token={token}")).await;
    assert_eq!(opened.header("location"), "/keel/");
    assert!(opened.header("set-cookie").ends_with("; Secure"));
    let made = world
        .post(&world.admin(), "/api/login-links", serde_json::json!({"name": "ada", "role": "viewer"}))
        .await;
    assert!(made.json()["url"].as_str().unwrap().starts_with("https://ops.example/keel/login?token="));
}
