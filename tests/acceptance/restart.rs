//! Nothing that counts lives in memory alone: alert states, escalations, sessions, tokens, the
//! history of objectives and links in mails go on after an orderly end and after `kill -9`.

use serde_json::{Value, json};

use crate::harness::{
    Api, Mailbox, PEOPLE, SOON, Series, Server, ServerOptions, WriteRequest, eventually, now_ms, rule,
};

const SETTINGS: &str = "slo: {evaluation_delay: 1s}";

const SLO: &str = "apiVersion: openslo/v1
kind: SLO
metadata: {name: restart-up, annotations: {evenkeel.dev/slice: 10s, evenkeel.dev/alerts: 'off'}}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{duration: 1d, isRolling: true}]
  objectives: [{target: 0.9}]
  indicator:
    metadata: {name: restart-up}
    spec:
      ratioMetric:
        counter: false
        good: {metricSource: {type: Prometheus, spec: {query: 'sum(restart_up)'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'count(restart_up)'}}}
";

/// The samples that the rules and the objective look at, of the last minute.
async fn write(server: &Server) {
    let now = now_ms();
    let up: Vec<(i64, f64)> = (0..30).map(|n| (now - n * 2_000, f64::from(n % 5 > 0))).rev().collect();
    let request = WriteRequest::of(&[
        Series { labels: &[("__name__", "restart_up")], samples: &up },
        Series { labels: &[("__name__", "restart_broken")], samples: &[(now, 1.0)] },
    ]);
    let answer = server.api().remote_write(&request).await.expect("the server answers");
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// The alerts by name: state, since when, of which incident.
async fn alerts(api: &Api) -> Value {
    let listed = api.get("/api/alerts").await;
    let mut alerts: Vec<Value> = listed["alerts"].as_array().expect("alerts").clone();
    alerts.sort_by_key(|alert| alert["alert"].to_string());
    let facts = ["alert", "state", "active_at", "fired_at", "incident_id", "id"];
    json!(alerts.iter().map(|alert| facts.map(|fact| alert[fact].clone())).collect::<Vec<_>>())
}

/// What has to be the same afterwards.
async fn state(api: &Api) -> Value {
    let incident = api.get("/api/incidents/INC-1").await;
    let facts = ["incident_id", "title", "state", "severity", "started_at", "detected_at", "acknowledged_at"];
    let pages = incident["pages"].as_array().expect("pages").iter();
    let pages: Vec<_> =
        pages.map(|page| [&page["page_id"], &page["recipient"], &page["state"], &page["sent_at"]]).collect();
    json!({
        "alerts": alerts(api).await,
        "incident": facts.map(|fact| incident[fact].clone()),
        "pages": pages,
        "events": api.count("SELECT count(*) FROM events WHERE kind IN ('incident', 'page', 'alert')").await,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_escalations_sessions_tokens_and_objectives_go_on() {
    let mailbox = Mailbox::start().await;
    let options = ServerOptions::settings(SETTINGS)
        .object("people.yaml", PEOPLE)
        .object("slo.yaml", SLO)
        .object("fires.yaml", rule("CheckoutBroken", "restart_broken > 0", "0s", "page"))
        .object("waits.yaml", rule("CheckoutBrokenForLong", "restart_broken > 0", "1h", "page"))
        .smtp(mailbox.port());
    let mut server = Server::start(options).await;
    write(&server).await;

    let mail = mailbox.mail("ada@shop.example", "CheckoutBroken", SOON).await;
    let session = log_in(&server).await;
    let viewer = server.token("grafana", "viewer").await;
    let slices = eventually(SOON, "the objective is measured", async || {
        let slices = history(&server.api()).await;
        if slices.len() >= 4 { Ok(slices) } else { Err(format!("{} slices", slices.len())) }
    })
    .await;
    let before = eventually(SOON, "both alerts are known and the page is sent", async || {
        let state = state(&server.api()).await;
        let states = [&state["alerts"][0][1], &state["alerts"][1][1], &state["pages"][0][2]];
        let told = server.api().count("SELECT count(*) FROM pages WHERE state = 'sent'").await;
        if states == ["firing", "pending", "sent"] && told == 1 { Ok(state) } else { Err(state.to_string()) }
    })
    .await;

    for ending in ["SIGTERM", "kill -9", "kill -9"] {
        match ending {
            "SIGTERM" => server.stop().await,
            _ => server.kill9(),
        }
        server.start_again().await;
        let api = server.api();
        // Rules are evaluated again every second: their next evaluation changes nothing.
        let evaluated = "evenkeel_alerting_rules_evaluated_total";
        let from = own_metric(&api, evaluated).await;
        eventually(SOON, "the rules were evaluated again", async || {
            let now = own_metric(&api, evaluated).await;
            if now >= from + 4.0 { Ok(()) } else { Err(format!("{now} evaluations")) }
        })
        .await;
        assert_eq!(state(&api).await, before, "after {ending}");
        assert_eq!(mailbox.mails().len(), 1, "nobody is paged again after {ending}");

        let answer =
            server.nobody().request(reqwest::Method::GET, "/api/session").header("cookie", &session).send();
        assert_eq!(
            answer.await.expect("the server answers").status(),
            200,
            "the session is known after {ending}"
        );
        assert_eq!(
            server.nobody().with_token(&viewer).cell("SELECT 1").await,
            1,
            "the token is known after {ending}"
        );
        let kept = history(&api).await;
        for slice in &slices {
            assert!(kept.contains(slice), "the slice {slice} is gone after {ending}: {kept:?}");
        }
        const TWICE: &str = "SELECT count(*) FROM
            (SELECT slice_start FROM slo_slices GROUP BY slice_start, rev HAVING count(*) > 1)";
        assert_eq!(api.count(TWICE).await, 0, "slices are there once after {ending}");
        const SHOWN: &str = "SELECT count(*) FROM slo_history WHERE slo = 'restart-up' AND total > 0";
        assert!(api.count(SHOWN).await > 0, "the history is shown after {ending}");
    }

    // The link of a mail from before the crashes still acknowledges; the escalation ends with it.
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let page = server
        .nobody()
        .send(&mail.acknowledge_path(), &headers, Vec::new())
        .await
        .expect("the server answers");
    assert!(matches!(page.status, 200 | 303), "{} {}", page.status, page.text());
    let incident = server.api().get("/api/incidents/INC-1").await;
    assert_eq!(
        (&incident["state"], incident["acknowledged_at"].is_string()),
        (&json!("investigating"), true)
    );
    server.kill9();
    server.start_again().await;
    let again = server.api().get("/api/incidents/INC-1").await;
    assert_eq!(
        again["acknowledged_at"], incident["acknowledged_at"],
        "an acknowledgement is durable when it is answered"
    );
}

/// A session by the login form; its cookie.
async fn log_in(server: &Server) -> String {
    let body = json!({"token": crate::harness::ADMIN_TOKEN});
    let answer = server.nobody().try_post("/api/session", &body).await.expect("the server answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer.headers["set-cookie"].to_str().expect("a cookie is ASCII");
    cookie.split(';').next().expect("a cookie has a value").to_owned()
}

/// The measured slices, as text.
async fn history(api: &Api) -> Vec<String> {
    let rows = api.sql("SELECT slice_start, good, total FROM slo_slices WHERE slo_id = 'restart-up/1' ORDER BY slice_start, rev").await;
    rows.iter().map(|row| json!(row).to_string()).collect()
}

/// The sum of one of the server's own metrics.
async fn own_metric(api: &Api, name: &str) -> f64 {
    let answer = api.try_get("/metrics").await.expect("the server answers");
    let text = answer.text();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_server_is_ready_and_says_where_it_listens() {
    let server = Server::start(ServerOptions::default()).await;
    let ready = server.nobody().get("/readyz").await;
    assert_eq!(ready, json!({"ready": true, "failing": []}));
    for role in ["ingest", "query", "engine"] {
        assert_eq!(server.nobody().get(&format!("/readyz?role={role}")).await["ready"], true, "{role}");
    }
    let printed = server.printed();
    assert!(printed.iter().any(|line| line.contains("/login?token=")), "{printed:?}");
    let complaints: Vec<String> = server.logged().into_iter().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(complaints, Vec::<String>::new(), "nothing is wrong with an empty directory");
    assert_eq!(server.api().get("/api/incidents?state=all").await, json!({"incidents": []}));
    assert_eq!(
        server.api().get("/api/slos").await,
        json!({"slos": [], "problems": [], "further_windows": []})
    );
    assert_eq!(server.api().count("SELECT count(*) FROM metrics").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_link_works_once() {
    let server = Server::start(ServerOptions::default()).await;
    let printed = server.printed();
    let link =
        printed.iter().find_map(|line| line.split_whitespace().find(|word| word.contains("/login?token=")));
    let link = link.unwrap_or_else(|| panic!("no link in {printed:?}"));
    let secret = link.split_once("token=").expect("it was looked for").1;
    let page = server.nobody().try_get(&format!("/login?token={secret}")).await.expect("the server answers");
    assert_eq!(page.status, 200, "looking uses nothing up");
    let use_it = async || {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = server.nobody().send("/login", &headers, format!("link={secret}").into_bytes()).await;
        answer.expect("the server answers")
    };
    let first = use_it().await;
    assert_eq!(first.status, 303, "{}", first.text());
    let cookie = first.headers["set-cookie"].to_str().expect("a cookie is ASCII").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(use_it().await.status, 401, "a used link opens nothing");
    let cookie = cookie.split(';').next().unwrap_or_default();
    let session =
        server.nobody().request(reqwest::Method::GET, "/api/session").header("cookie", cookie).send().await;
    assert_eq!(session.expect("the server answers").status(), 200);
}
