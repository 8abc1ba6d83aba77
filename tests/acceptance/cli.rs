//! The command line: every command that asks a server, as a table, as JSON and as CSV.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{
    ADMIN_TOKEN, Finished, PAGED_SERVICE, PEOPLE, SOON, Series, Server, ServerOptions, WriteRequest,
    eventually, now_ms, peer_to_end, run,
};

const SLO: &str = "apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout-up, displayName: Checkout is up, annotations: {evenkeel.dev/slice: 10s}}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{duration: 1d, isRolling: true}]
  objectives: [{target: 0.9}]
  indicator:
    metadata: {name: checkout-up}
    spec:
      ratioMetric:
        counter: false
        good: {metricSource: {type: Prometheus, spec: {query: 'sum(cli_up)'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'count(cli_up)'}}}
";

async fn start() -> Server {
    let options = ServerOptions::settings("slo: {evaluation_delay: 1s}");
    let server = Server::start(options.object("people.yaml", PEOPLE).object("slo.yaml", SLO)).await;
    let now = now_ms();
    let samples: Vec<(i64, f64)> = (1..=30).map(|n| (now - n * 2_000, 1.0)).rev().collect();
    let series = ["eu", "us"].map(|region| [("__name__", "cli_up"), ("region", region)]);
    let series: Vec<_> = series.iter().map(|labels| Series { labels, samples: &samples }).collect();
    let answer = server.api().remote_write(&WriteRequest::of(&series)).await.expect("the server answers");
    assert_eq!(answer.status, 204, "{}", answer.text());
    server
}

/// The output of a command that must work.
async fn cli(server: &Server, args: &[&str]) -> String {
    let done = run(server.cli(args), "").await;
    assert_eq!(done.code, 0, "{args:?}: {}{}", done.stdout, done.stderr);
    done.stdout
}

async fn cli_json(server: &Server, args: &[&str]) -> Value {
    let args = [args, &["--output", "json"]].concat();
    let text = cli(server, &args).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: no JSON ({error}): {text}"))
}

async fn cli_csv(server: &Server, args: &[&str]) -> Vec<String> {
    let args = [args, &["--output", "csv"]].concat();
    cli(server, &args).await.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_and_promql_print_tables_json_and_csv() {
    let server = start().await;
    let query = "SELECT labels['region'] AS region, count(*) AS n, CAST(NULL AS TEXT) AS nothing FROM metrics GROUP BY 1 ORDER BY 1";
    let table = cli(&server, &["sql", query]).await;
    assert!(table.contains("region") && table.contains("eu") && table.contains("(2 rows)"), "{table}");
    let rows = cli_json(&server, &["sql", query]).await;
    assert_eq!(
        rows,
        json!([{"region": "eu", "n": 30, "nothing": null}, {"region": "us", "n": 30, "nothing": null}])
    );
    assert_eq!(cli_csv(&server, &["sql", query]).await, ["region,n,nothing", "eu,30,", "us,30,"]);
    let piped = run(server.cli(&["sql", "-", "--output", "csv"]), "SELECT 1 AS one").await;
    assert_eq!((piped.code, piped.stdout.replace('\r', "").as_str()), (0, "one\n1\n"), "{}", piped.stderr);

    let table = cli(&server, &["promql", "sum(cli_up)"]).await;
    assert!(table.contains("(1 row)"), "{table}");
    let vector = cli_json(&server, &["promql", "sum by (region) (cli_up)"]).await;
    assert_eq!(vector["resultType"], "vector");
    assert_eq!(vector["result"].as_array().map(Vec::len), Some(2), "{vector}");
    let series = cli_csv(&server, &["promql", "cli_up{region=\"eu\"}"]).await;
    assert_eq!(series.len(), 2, "{series:?}");
    assert!(series[1].starts_with(r#""cli_up{region=""eu""}","#) && series[1].ends_with(",1"), "{series:?}");
    let (start, end) = ((now_ms() / 1000 - 30).to_string(), (now_ms() / 1000).to_string());
    let range =
        cli_json(&server, &["promql", "cli_up", "--start", &start, "--end", &end, "--step", "10s"]).await;
    assert_eq!(
        (&range["resultType"], range["result"][0]["values"].as_array().map(Vec::len)),
        (&json!("matrix"), Some(4))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_result_comes_as_it_is_found_and_times_are_readable() {
    let server = start().await;
    let done = run(server.cli(&["sql", "SELECT value FROM generate_series(1, 5000)"]), "").await;
    assert_eq!((done.code, done.stdout.lines().count()), (0, 5_003), "{}", done.stderr);
    assert!(done.stdout.ends_with("(5000 rows)\n"));
    let rows = cli_json(&server, &["sql", "SELECT value FROM generate_series(1, 5000)"]).await;
    assert_eq!((rows.as_array().map(Vec::len), &rows[4_999]["value"]), (Some(5_000), &json!(5_000)));
    assert_eq!(cli_json(&server, &["sql", "SELECT 1 WHERE false"]).await, json!([]));
    let piped = run(server.cli(&["sql", "--output", "csv"]), "SELECT 1 AS one").await;
    assert_eq!((piped.code, piped.stdout.replace('\r', "").as_str()), (0, "one\n1\n"), "{}", piped.stderr);

    let vector = cli_csv(&server, &["promql", "cli_up{region=\"eu\"}"]).await;
    let time = vector[1].rsplit(',').nth(1).unwrap_or_default();
    assert!(time.len() >= 20 && time.contains('T') && time.ends_with('Z'), "{vector:?}");
    let chart = cli(&server, &["promql", "sum by (region) (cli_up)", "--chart"]).await;
    assert!(
        chart.contains("region=") && chart.contains("eu") && chart.contains("us") && chart.contains("UTC"),
        "{chart}"
    );
    let nothing = run(server.cli(&["promql", "nosuch", "--chart"]), "").await;
    assert!(nothing.code == 3 && nothing.stderr.contains("nothing to draw"), "{}", nothing.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_is_a_place_to_work_in() {
    let server = Server::start(ServerOptions::default()).await;
    let now = now_ms();
    let samples: Vec<(i64, f64)> = (1..=60).map(|n| (now - n * 1_000, (n % 7) as f64)).rev().collect();
    let labels = [("__name__", "shell_numbers")];
    let series = [Series { labels: &labels, samples: &samples }];
    let answer = server.api().remote_write(&WriteRequest::of(&series)).await.expect("the server answers");
    assert_eq!(answer.status, 204, "{}", answer.text());
    let dir = tempfile::tempdir().expect("a directory can be made");
    let dir = dir.path().to_str().expect("it has a plain name");
    let binary = env!("CARGO_BIN_EXE_evenkeel");
    let seen = peer_to_end("shell_session.py", &[binary, server.http(), ADMIN_TOKEN, dir]).await;
    assert_eq!(
        seen,
        json!({
            "statement": true,
            "described": true,
            "unknown": true,
            "error": true,
            "expanded": true,
            "timing": true,
            "paged": true,
            "chart": true,
            "promql": true,
            "file": "one,two\n1,\"x,y\"\n",
            "interrupted": true,
            "after": true,
            "completed": true,
            "exit": 0,
            "history": true,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slo_list_and_show_print_the_numbers_of_the_view() {
    let server = start().await;
    eventually(SOON, "the objective is measured", async || {
        let slo = cli_json(&server, &["slo", "show", "checkout-up"]).await;
        if slo["total"].as_f64().is_some_and(|total| total > 0.0) { Ok(()) } else { Err(slo.to_string()) }
    })
    .await;
    let listed = cli_json(&server, &["slo", "list"]).await;
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["slo"]), (Some(1), &json!("checkout-up")));
    let csv = cli_csv(&server, &["slo", "list"]).await;
    assert_eq!(
        csv[0],
        "slo,objective,service,window,target,good,total,sli,error_budget_remaining,burn_rate_1h,burn_rate_6h,coverage,state,as_of,\
         group_key,method,bad,allowed_bad,consumed,error_budget_remaining_units,error_budget_remaining_secs,\
         error_budget_remaining_to_date,exhausted_at,exhausted_in_pace_secs,exhausted_in_fixed_window_secs,\
         exhausted_in_rolling_secs,clamped_slices,no_data"
    );
    assert!(csv[1].starts_with("checkout-up,"), "{csv:?}");
    let table = cli(&server, &["slo", "show", "checkout-up"]).await;
    assert!(table.contains("burn rates of") && table.contains("healthy"), "{table}");
    let unknown = run(server.cli(&["slo", "show", "none"]), "").await;
    assert!(unknown.code != 0 && unknown.stderr.contains("none"), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_listed_shown_and_handled() {
    let server = start().await;
    let body = json!({"title": "Nobody can pay", "service": PAGED_SERVICE, "severity": "SEV3"});
    server.api().post("/api/incidents", &body).await;
    let listed = cli_json(&server, &["incident", "list"]).await;
    assert_eq!((&listed[0]["incident_id"], &listed[0]["title"]), (&json!("INC-1"), &json!("Nobody can pay")));

    let said = cli(&server, &["incident", "acknowledge", "INC-1", "--note", "Looking at it"]).await;
    assert_eq!(said, "INC-1 is investigating\n");
    cli(&server, &["incident", "note", "INC-1", "The card provider is down"]).await;
    assert_eq!(cli(&server, &["incident", "mitigate", "INC-1"]).await, "INC-1 is mitigated\n");
    assert_eq!(cli(&server, &["incident", "resolve", "INC-1"]).await, "INC-1 is resolved\n");
    let shown = cli_json(&server, &["incident", "show", "INC-1"]).await;
    assert!(shown["acknowledged_at"].is_string() && shown["resolved_at"].is_string(), "{shown}");
    let timeline = shown["timeline"].to_string();
    assert!(
        timeline.contains("Looking at it") && timeline.contains("The card provider is down"),
        "{timeline}"
    );
    assert_eq!(cli_json(&server, &["incident", "list"]).await, json!([]), "it is not open any more");
    let all = cli_csv(&server, &["incident", "list", "--all"]).await;
    assert!(all.len() == 2 && all[1].starts_with("INC-1,SEV3,resolved,checkout,Nobody can pay,"), "{all:?}");
    assert_eq!(cli(&server, &["incident", "close", "INC-1"]).await, "INC-1 is closed\n");
    let again = run(server.cli(&["incident", "acknowledge", "INC-77"]), "").await;
    assert!(again.code != 0 && again.stderr.contains("INC-77"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn oncall_says_who_it_is() {
    let server = start().await;
    let rows = cli_json(&server, &["oncall"]).await;
    assert_eq!(
        (&rows[0]["schedule"], &rows[0]["on_call"], &rows[0]["timezone"]),
        (&json!("primary"), &json!("ada"), &json!("UTC"))
    );
    let csv = cli_csv(&server, &["oncall"]).await;
    assert_eq!(csv[0], "schedule,on_call,until,next,next_at,timezone");
    assert!(csv[1].starts_with("primary,ada,"), "{csv:?}");
    assert!(cli(&server, &["oncall"]).await.contains("ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_used_listed_and_revoked() {
    let server = start().await;
    let token = cli(&server, &["token", "create", "grafana", "--role", "viewer"]).await;
    let token = token.trim();
    let ask = async || -> Finished {
        let mut command = server.cli(&["sql", "SELECT 1 AS one", "--output", "csv"]);
        command.env("EVENKEEL_TOKEN", token);
        run(command, "").await
    };
    let works = ask().await;
    assert_eq!(works.code, 0, "{}", works.stderr);
    let listed = cli_json(&server, &["token", "list"]).await;
    let listed = listed.as_array().expect("tokens");
    assert!(listed.iter().any(|row| row["name"] == "grafana" && row["role"] == "viewer"), "{listed:?}");
    assert!(!json!(listed).to_string().contains(token), "a list shows no secrets");
    let twice = run(server.cli(&["token", "create", "grafana", "--role", "viewer"]), "").await;
    assert!(twice.code != 0 && twice.stderr.contains("grafana"), "{}", twice.stderr);
    cli(&server, &["token", "revoke", "grafana"]).await;
    let revoked = ask().await;
    assert!(revoked.code != 0 && revoked.stderr.contains("401"), "{}", revoked.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_work_says_why() {
    let mut nobody = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    nobody.args(["sql", "SELECT 1", "--url", "http://127.0.0.1:1", "--token", "x"]);
    let done = run(nobody, "").await;
    assert!(done.code != 0 && done.stderr.contains("127.0.0.1:1"), "{}", done.stderr);

    let server = start().await;
    let mut without_token = server.cli(&["sql", "SELECT 1"]);
    without_token.env_remove("EVENKEEL_TOKEN");
    let done = run(without_token, "").await;
    assert!(done.code != 0 && done.stderr.contains("EVENKEEL_TOKEN"), "{}", done.stderr);
    let done = run(server.cli(&["sql", "SELEKT 1"]), "").await;
    assert!(done.code != 0 && done.stderr.contains("syntax error"), "{}", done.stderr);
    let done = run(server.cli(&["promql", "histogram_quantile(0.9"]), "").await;
    assert!(done.code != 0 && done.stderr.contains("parse error"), "{}", done.stderr);
}
