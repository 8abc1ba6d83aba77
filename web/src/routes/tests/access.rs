//! Who may call what: every route of the map, every role.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::json;

use super::world::{As, World, request};
use crate::Role;
use crate::auth::Access;
use crate::routes;

/// `/api/slos/{name}` as a path that can be asked for.
fn concrete(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "INC-999" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_asks_for_its_role_and_nobody_else_gets_in() {
    let world = World::new().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push((role, world.token(role).await));
    }
    for route in routes::routes(&world.state) {
        let path = concrete(route.path);
        let ask = async |who: &As| world.begin(request(route.method.clone(), who, &path, &[], "")).await.0;
        let line = format!("{} {}", route.method, route.path);
        let needed = match route.access {
            Access::Open | Access::Signed => continue,
            Access::AnyRole => None,
            Access::Needs(role) => Some(role),
        };
        assert_eq!(ask(&As::Nobody).await, StatusCode::UNAUTHORIZED, "{line}");
        assert_eq!(ask(&As::Token("ek_wrong".into())).await, StatusCode::UNAUTHORIZED, "{line}");
        assert_eq!(ask(&As::Session("wrong".into())).await, StatusCode::UNAUTHORIZED, "{line}");
        for (role, token) in &tokens {
            let status = ask(token).await;
            match needed {
                Some(needed) if !role.covers(needed) => {
                    assert_eq!(status, StatusCode::FORBIDDEN, "{line} as {role}")
                }
                _ => assert!(
                    status != StatusCode::UNAUTHORIZED
                        && status != StatusCode::FORBIDDEN
                        && !status.is_server_error(),
                    "{line} as {role}: {status}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn what_is_open_is_a_short_list() {
    let world = World::new().await;
    let open: BTreeSet<String> = routes::routes(&world.state)
        .into_iter()
        .filter(|route| route.access == Access::Open)
        // What browsers ask before they send a token; the answer is the same for all.
        .filter(|route| route.method != Method::OPTIONS)
        .map(|route| format!("{} {}", route.method, route.path))
        // Paths that answer 404 to everybody.
        .filter(|line| {
            !line.contains("{*rest}") && !["/api", "/prometheus", "/p"].iter().any(|it| line.ends_with(it))
        })
        .collect();
    let expect = [
        "GET /assets/{*path}",
        "GET /favicon.ico",
        "GET /favicon.svg",
        "GET /healthz",
        "GET /login",
        "GET /p/{token}",
        "GET /readyz",
        "POST /api/session",
        "POST /login",
        "POST /p/{token}",
    ];
    assert_eq!(open.iter().map(String::as_str).collect::<Vec<_>>(), expect);
}

#[tokio::test]
async fn what_brings_its_own_proof_is_refused_without_it() {
    let world = World::new().await;
    let signed: BTreeSet<String> = routes::routes(&world.state)
        .into_iter()
        .filter(|route| route.access == Access::Signed)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let expect =
        ["POST /hooks/github/{name}", "POST /hooks/gitlab/{name}", "POST /pagerduty/v2/change/enqueue"];
    assert_eq!(signed.iter().map(String::as_str).collect::<Vec<_>>(), expect);
    // Neither nobody nor an administrator's token is a proof here.
    for who in [As::Nobody, world.admin()] {
        for (path, status) in [
            ("/hooks/github/shop", StatusCode::UNAUTHORIZED),
            ("/hooks/gitlab/shop", StatusCode::UNAUTHORIZED),
            ("/hooks/github/unknown", StatusCode::NOT_FOUND),
            ("/pagerduty/v2/change/enqueue", StatusCode::BAD_REQUEST),
        ] {
            let body = json!({"payload": {"summary": "x"}});
            assert_eq!(world.post(&who, path, body).await.status, status, "{path} as {who:?}");
        }
    }
    let rows = json!({"query": "SELECT count(*) FROM events WHERE kind IN ('deploy', 'change')"});
    assert_eq!(world.post(&world.admin(), "/api/sql", rows).await.ok()["rows"], json!([[0]]));
}

#[tokio::test]
async fn the_api_document_and_the_map_name_the_same_paths() {
    let world = World::new().await;
    let document = serde_json::to_value(crate::openapi::document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let mounted: BTreeSet<String> = routes::routes(&world.state)
        .into_iter()
        .filter(|route| route.path.starts_with("/api/") && !route.path.contains("{*"))
        // The document itself, and a dialect of `ingest`.
        .filter(|route| !["/api/openapi.json", "/api/events"].contains(&route.path))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(documented, mounted);
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
    let mut ids: Vec<&str> =
        operations.map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let repeated: Vec<&str> = ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(repeated.is_empty(), "operation ids that are given twice: {repeated:?}");
    let cell = &document["components"]["schemas"]["SqlResult"]["properties"]["rows"]["items"]["items"];
    assert!(cell.get("type").is_none(), "a cell is any JSON value: {cell}");
    for name in [
        "Session",
        "ServiceSummary",
        "SloStatus",
        "SloDetail",
        "Alert",
        "Incident",
        "IncidentDetail",
        "Page",
        "TimelineEntry",
        "Retrospective",
        "Runbook",
        "RunbookStep",
        "Run",
        "RunStep",
        "OnCallSchedule",
        "Status",
        "Mail",
        "Problem",
    ] {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn every_form_of_a_token_is_accepted() {
    use base64::Engine as _;
    let world = World::new().await;
    let As::Token(token) = world.token(Role::Viewer).await else { unreachable!() };
    let base64 = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    let forms = [
        format!("Bearer {token}"),
        format!("Basic {}", base64(format!("any:{token}"))),
        format!("ApiKey {token}"),
        format!("ApiKey {}", base64(format!("id:{token}"))),
        format!("GenieKey {token}"),
    ];
    for form in forms {
        let headers = [("authorization", form.as_str())];
        let answer = world.send(request(Method::GET, &As::Nobody, "/api/session", &headers, "")).await;
        assert_eq!(answer.ok()["role"], "viewer", "{form}");
    }
}

#[tokio::test]
async fn a_session_is_a_cookie_that_other_sites_cannot_use() {
    let world = World::new().await;
    let As::Token(token) = world.token(Role::Responder).await else { unreachable!() };
    let opened = world.post(&As::Nobody, "/api/session", json!({ "token": token })).await;
    assert_eq!(opened.ok()["role"], "responder");
    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && cookie.contains("; Path=/;"), "{cookie}");
    let secret = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    assert_ne!(secret, token);
    let session = As::Session(secret.clone());
    assert_eq!(world.get(&session, "/api/session").await.ok()["role"], "responder");

    let body = json!({"title": "Slow", "service": "checkout", "severity": "SEV3"}).to_string();
    let cookie = format!("evenkeel_session={secret}");
    let declare = |extra: &[(&'static str, &str)]| {
        let mut headers = vec![("cookie", cookie.as_str()), ("content-type", "application/json")];
        headers.extend_from_slice(extra);
        request(Method::POST, &As::Nobody, "/api/incidents", &headers, body.clone())
    };
    for elsewhere in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("origin", "http://evil.example"), ("host", "localhost")],
        &[],
    ] {
        let detail = world.send(declare(elsewhere)).await.problem(403);
        assert_eq!(detail, "the request comes from another site");
    }
    let own = [("origin", "http://localhost:7400"), ("host", "localhost:7400")];
    assert_eq!(world.send(declare(&own)).await.status, StatusCode::CREATED);

    let closed = world.send(request(Method::DELETE, &session, "/api/session", &[], "")).await;
    assert_eq!(closed.status, StatusCode::NO_CONTENT);
    world.get(&session, "/api/session").await.problem(401);
}

#[tokio::test]
async fn administrators_make_and_revoke_tokens() {
    let world = World::new().await;
    let admin = world.admin();
    let made = world.post(&admin, "/api/tokens", json!({"name": "ci", "role": "viewer"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let ci = As::Token(made.json()["token"].as_str().unwrap().to_owned());
    assert_eq!(world.get(&ci, "/api/session").await.ok()["name"], "ci");
    let list = world.get(&admin, "/api/tokens").await.ok();
    assert_eq!(list["tokens"][0]["created_by"], "admin");
    assert_eq!(list["tokens"][0]["service"], serde_json::Value::Null);
    assert_eq!(list["tokens"][0]["last_used_at"], "2026-11-23T02:00:00Z", "it was shown just now");
    assert!(list["tokens"][0].get("token").is_none());
    world.post(&admin, "/api/tokens", json!({"name": "ci", "role": "viewer"})).await.problem(409);
    let bad = world.post(&admin, "/api/tokens", json!({"name": "c i", "role": "viewer"})).await;
    bad.problem(400);
    assert_eq!(bad.json()["errors"][0]["pointer"], "/name");
    assert_eq!(world.post(&admin, "/api/tokens/ci/revoke", json!({})).await.status, StatusCode::NO_CONTENT);
    world.get(&ci, "/api/session").await.problem(401);
    world.post(&admin, "/api/tokens/ci/revoke", json!({})).await.problem(404);
}
