//! Prometheus' own command line, Grafana's data source and a client library ask the Prometheus API as
//! they would ask Prometheus; a Prometheus beside it answers the same.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{
    ADMIN_TOKEN, PEOPLE, Prometheus, SOON, Series, Server, ServerOptions, WriteRequest, eventually, now_ms,
    peer_to_end, rule, run,
};

/// Four samples of `readers_numbers` in one region: 1, 2, 3, 4, a second apart.
async fn write_numbers(server: &Server) -> i64 {
    let from_ms = (now_ms() - 60_000) / 1000 * 1000;
    let samples: Vec<(i64, f64)> = (0..4).map(|n| (from_ms + n * 1000, (n + 1) as f64)).collect();
    let labels = [("__name__", "readers_numbers"), ("region", "eu-west")];
    let answer =
        server.api().remote_write(&WriteRequest::of(&[Series { labels: &labels, samples: &samples }])).await;
    assert_eq!(answer.expect("the server answers").status, 204);
    from_ms / 1000
}

async fn promtool(server: &Server, args: &[&str]) -> String {
    // The user's name is not looked at; the password is the token.
    let url = format!("{}/prometheus", server.http().replace("://", &format!("://any:{ADMIN_TOKEN}@")));
    let mut promtool = Command::new("promtool");
    promtool.arg("query").arg(args[0]);
    let (flags, operands): (Vec<&&str>, Vec<&&str>) = args[1..].iter().partition(|arg| arg.starts_with("--"));
    promtool.args(flags).arg(url).args(operands);
    let done = run(promtool, "").await;
    assert_eq!(done.code, 0, "{args:?}: {}{}", done.stdout, done.stderr);
    done.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_queries_series_and_labels() {
    let server = Server::start(ServerOptions::default()).await;
    let from_secs = write_numbers(&server).await;
    let (start, end) = (format!("--start={from_secs}"), format!("--end={}", from_secs + 3));

    let time = format!("--time={}", from_secs + 3);
    let instant = promtool(&server, &["instant", &time, "sum(readers_numbers) * 2"]).await;
    assert!(instant.starts_with("{} => 8 @["), "{instant}");
    let range = promtool(&server, &["range", &start, &end, "--step=1s", "readers_numbers"]).await;
    assert!(range.starts_with("readers_numbers{region=\"eu-west\"} =>\n1 @["), "{range}");
    assert_eq!(range.lines().count(), 5, "{range}");
    let series = promtool(&server, &["series", "--match=readers_numbers"]).await;
    assert_eq!(series.trim(), "{__name__=\"readers_numbers\", region=\"eu-west\"}");
    let labels = promtool(&server, &["labels", "region"]).await;
    assert_eq!(labels.trim(), "eu-west");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_library_connects_and_asks() {
    let server = Server::start(ServerOptions::default()).await;
    let from_secs = write_numbers(&server).await;
    let url = format!("{}/prometheus", server.http());
    let answers = peer_to_end("prometheus_client.py", &[&url, ADMIN_TOKEN, &from_secs.to_string()]).await;
    assert_eq!(
        answers,
        json!({
            "connected": true,
            "metrics": true,
            "series": ["eu-west"],
            "names": ["__name__", "region"],
            "values": ["eu-west"],
            "nothing": [],
            "range": ["1", "2", "3", "4"],
            "instant": "4",
            "metadata": ["readers_numbers"],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_their_alerts_are_listed() {
    let options = ServerOptions::default()
        .object("people.yaml", PEOPLE)
        .object("rules.yaml", rule("AlwaysThere", "vector(1) > 0", "0s", "ticket"));
    let server = Server::start(options).await;
    let api = server.api();
    eventually(SOON, "the rule fires", async || {
        let rules = api.get("/prometheus/api/v1/rules?rule_name[]=AlwaysThere").await;
        let rule = &rules["data"]["groups"][0]["rules"][0];
        if rule["state"] == "firing" && rule["health"] == "ok" { Ok(()) } else { Err(rules.to_string()) }
    })
    .await;
    let alerts = api.get("/prometheus/api/v1/alerts").await;
    let alert = &alerts["data"]["alerts"][0];
    assert_eq!((&alert["labels"]["alertname"], &alert["state"]), (&json!("AlwaysThere"), &json!("firing")));
    assert_eq!(alert["value"], "1e+00");
}

const RULES: &str = r#"
groups:
  - name: shop
    interval: 5s
    rules:
      - alert: AlwaysThere
        expr: vector(1) > 0
        labels: {severity: ticket}
        annotations: {summary: "it is there"}
      - alert: NeverThere
        expr: vector(0) > 0
        for: 5m
        keep_firing_for: 10m
        labels: {severity: ticket}
"#;

/// Evenkeel and a Prometheus with the same rules, and where the series of both begin.
struct Pair {
    server: Server,
    prometheus: Prometheus,
    from_secs: i64,
    _dir: tempfile::TempDir,
}

impl Pair {
    async fn start() -> Pair {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let rules = dir.path().join("rules.yml");
        std::fs::write(&rules, RULES).expect("a file can be written");
        let config = format!("rule_files: [{:?}]\n", rules.display().to_string());
        let flags = ["--web.enable-remote-write-receiver"];
        let prometheus = Prometheus::start_with(dir.path(), &flags, |_| config).await;
        let options =
            ServerOptions::default().object("people.yaml", PEOPLE).object("rules.yaml", RULES.to_owned());
        Pair { server: Server::start(options).await, prometheus, from_secs: hour_ago(), _dir: dir }
    }

    async fn ask(&self, script: &str, more: &[&str]) -> Value {
        let (ours, from) = (format!("{}/prometheus", self.server.http()), self.from_secs.to_string());
        let mut args = vec![self.prometheus.url.as_str(), &ours, ADMIN_TOKEN];
        args.extend(more);
        args.push(&from);
        peer_to_end(script, &args).await
    }
}

/// The whole minute from which an hour of series is past.
fn hour_ago() -> i64 {
    (now_ms() / 60_000 - 70) * 60
}

/// Names of differences, none of which there should be.
fn none(answer: &Value, what: &str) {
    let differences = answer[what].as_array().expect("a list");
    let lines: Vec<&str> = differences.iter().filter_map(Value::as_str).collect();
    assert!(lines.is_empty(), "{what}:\n{}", lines.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_answered_as_prometheus_answers_it() {
    let pair = Pair::start().await;
    let answer = pair.ask("prometheus_differential.py", &[]).await;
    none(&answer, "different");
    none(&answer, "no_longer_different");
    assert!(answer["calls"].as_u64() > Some(300), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_has_the_result_that_prometheus_has() {
    let pair = Pair::start().await;
    let queries = format!("{}/tests/data/promql_compliance.txt", env!("CARGO_MANIFEST_DIR"));
    let answer = pair.ask("prometheus_compliance.py", &[&queries]).await;
    none(&answer, "different");
    none(&answer, "no_longer_different");
    assert!(answer["counts"]["queries"].as_u64() > Some(900), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana_sets_up_a_data_source_and_draws_a_panel() {
    let options =
        ServerOptions::default().object("people.yaml", PEOPLE).object("rules.yaml", RULES.to_owned());
    let server = Server::start(options).await;
    let url = format!("{}/prometheus", server.http());
    let asked = peer_to_end("prometheus_grafana.py", &[&url, ADMIN_TOKEN, &hour_ago().to_string()]).await;
    assert!(asked.as_array().is_some_and(|calls| calls.len() >= 12), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_asked_takes_the_server_down_or_from_others() {
    let server = Server::start(ServerOptions::default()).await;
    let url = format!("{}/prometheus", server.http());
    let found = peer_to_end("prometheus_attack.py", &[&url, ADMIN_TOKEN, &hour_ago().to_string()]).await;
    // Each is ended by its limits, those of its parser or its timeout of 5 s.
    assert!(found["slowest_secs"].as_f64() < Some(15.0), "{found}");
    assert!(found["others_median_secs"].as_f64() < Some(1.0), "{found}");
    assert!(found["others_slowest_secs"].as_f64() < Some(10.0), "{found}");
    let answered: u64 = ["200", "422", "503"].iter().filter_map(|it| found["crowd"][it].as_u64()).sum();
    assert_eq!(answered, 100, "{found}");
    // What nobody waits for any more ends.
    assert!(found["given_up_secs"].as_f64() < Some(10.0), "{found}");
    assert!(found["idle_after_secs"].as_f64() < Some(10.0), "{found}");
}
