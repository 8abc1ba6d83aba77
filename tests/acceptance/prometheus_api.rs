//! Prometheus' own command line and a client library ask the Prometheus API as they would ask
//! Prometheus.

use std::process::Command;

use serde_json::json;

use crate::harness::{
    ADMIN_TOKEN, PEOPLE, SOON, Series, Server, ServerOptions, WriteRequest, eventually, now_ms, peer_to_end,
    rule, run,
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
