//! Log shippers and SDKs that nobody here can change send to Evenkeel, and SQL counts every line once.

use serde_json::{Value, json};

use crate::harness::{Rsyslog, SOON, Server, ServerOptions, eventually, node_peer_to_end, peer_to_end};

#[tokio::test(flavor = "multi_thread")]
async fn python_logging_loki_is_read_back_count_exact() {
    let server = Server::start(ServerOptions::default()).await;
    let (api, token) = (server.api(), server.token("loki", "ingest").await);
    let sent = peer_to_end("loki_sender.py", &[server.http(), &token, "120"]).await;
    assert_eq!(sent["sent"], 120);
    let rows = api.sql(
        "SELECT service, env, severity, attrs['region'], attrs['logger'], count(*), count(DISTINCT body) \
         FROM logs GROUP BY 1, 2, 3, 4, 5 ORDER BY 4",
    );
    let row = |region: &str| json!(["matchmaker", "prod", "WARNING", region, "queue", 40, 40]);
    assert_eq!(json!(rows.await), json!([row("eu-0"), row("eu-1"), row("eu-2")]));
    let one = "SELECT count(*) FROM logs WHERE body = 'player 7 left the \"ranked\" queue'";
    assert_eq!(api.count(one).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn elasticsearch_py_bulk_is_read_back_count_exact() {
    let server = Server::start(ServerOptions::default()).await;
    let (api, token) = (server.api(), server.token("shop", "ingest").await);
    let said = peer_to_end("elastic_sender.py", &[server.http(), &token, "1234"]).await;
    assert!(said["version"].as_str().is_some_and(|version| version.starts_with("8.")), "{said}");
    assert_eq!(said["tagline"], "You Know, for Search");
    assert_eq!((&said["index_exists"], &said["health"]), (&json!(true), &json!("green")));
    assert_eq!((&said["sent"], &said["errors"]), (&json!(1234), &json!([])));
    assert_eq!(said["mixed_sent"], 2);
    assert_eq!(said["mixed_errors"], json!([["create", 400, "document_parsing_exception"]]));
    assert!(said["search"].as_str().is_some_and(|reason| reason.contains("/api/sql")), "{said}");
    assert_eq!(said["wrong_key"], 401);

    let rows = api.sql(
        "SELECT service, env, host, severity, attrs['_index'], count(*), count(DISTINCT body), \
                count(DISTINCT trace_id), count(DISTINCT ts) \
         FROM logs WHERE service = 'shop' GROUP BY 1, 2, 3, 4, 5",
    );
    assert_eq!(
        json!(rows.await),
        json!([["shop", "prod", "web-1", "INFO", "shop-logs", 1234, 1234, 1234, 1234]])
    );
    let items = "SELECT attrs['order.items'] FROM logs WHERE attrs['order.id'] = '7' AND service = 'shop'";
    assert_eq!(api.cell(items).await, r#"["sword","shield"]"#);
    assert_eq!(api.count("SELECT count(*) FROM logs WHERE service = 'mixed'").await, 2);
    let ledger = "SELECT sum(count) FROM ingest_rejections WHERE source = 'elastic:shop' AND reason = 'invalid_payload'";
    assert_eq!(api.count(ledger).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_is_read_back_count_exact() {
    const LINES: u64 = 500;
    let server = Server::start(ServerOptions::settings("elastic_listen: 127.0.0.1:0\n")).await;
    let (api, token) = (server.api(), server.token("syslog", "ingest").await);
    let beginning = "listening: Elasticsearch on http://";
    let printed = server.printed();
    let elastic =
        printed.iter().find_map(|line| line.strip_prefix(beginning)).expect("it says where it listens");
    let mut rsyslog = Rsyslog::start(server.dir(), elastic, "any", &token).await;
    let time = api.cell("SELECT date_trunc('second', now())").await;
    let time = time.as_str().expect("a time");
    // Facility daemon (3), severity err (3).
    rsyslog.send(
        (0..LINES).map(|number| format!("<27>1 {time} db-1 postgres 42 - - disk \"sda\" fails, {number}")),
    );
    let arrived = eventually(SOON, "every line", async || {
        let count = api.count("SELECT count(*) FROM logs").await;
        if count >= LINES { Ok(count) } else { Err(format!("{count} lines")) }
    });
    assert_eq!(arrived.await, LINES);
    let rows = api.sql(
        "SELECT host, severity, attrs['facility'], attrs['_index'], count(*), count(DISTINCT body) \
         FROM logs GROUP BY 1, 2, 3, 4",
    );
    assert_eq!(json!(rows.await), json!([["db-1", "ERR", "daemon", "syslog", LINES, LINES]]));
    let body = api.cell("SELECT body FROM logs WHERE body LIKE '% 7'").await;
    assert!(body.as_str().is_some_and(|body| body.trim() == "disk \"sda\" fails, 7"), "{body}");
    let late = api.sql("SELECT DISTINCT ts FROM logs").await;
    assert_eq!(late.len(), 1, "the time is the line's own: {late:?}");
    assert!(rsyslog.is_running());
    let errors: Value =
        json!(std::fs::read_to_string(server.dir().join("rsyslog-errors.json")).unwrap_or_default());
    assert_eq!(errors, "", "rsyslog found errors in an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_sdk_is_read_back_count_exact() {
    let server = Server::start(ServerOptions::default()).await;
    let (api, token) = (server.api(), server.token("js", "ingest").await);
    let sent = node_peer_to_end("otel_sender.js", &[server.otlp_http(), &token, "90"]).await;
    assert_eq!(sent["sent"], 90);
    let logs = api.sql(
        "SELECT service, host, severity, attrs['queue'], count(*), count(DISTINCT body), \
                count(DISTINCT attrs['party']) \
         FROM logs GROUP BY 1, 2, 3, 4",
    );
    assert_eq!(json!(logs.await), json!([["otel-js", "web-7", "WARN", "ranked", 90, 90, 90]]));
    assert_eq!(
        api.cell("SELECT attrs['party'] FROM logs WHERE body LIKE 'player 7 %'").await,
        "[7,\"solo\"]"
    );
    for (expr, value) in [
        ("matches_total{mode=\"ranked\"}", "90"),
        ("queue_wait_seconds_count", "90"),
        ("queue_wait_seconds_sum", "400.5"),
    ] {
        let found = api.promql(expr).await;
        assert_eq!(found.len(), 1, "{expr}: {found:?}");
        assert_eq!(found[0]["value"][1], value, "{expr}: {found:?}");
    }
}
