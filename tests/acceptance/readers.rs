//! Other people's tools read: psql, psycopg, pyarrow, delta-rs for Python, DuckDB; while rows come in.
//! They read and change nothing, within limits.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Api, Finished, SOON, Series, Server, ServerOptions, WriteRequest, eventually, now_ms, peer_to_end, run,
    start_peer,
};

/// Four samples of `readers_numbers`: 1, 2, 3, 4, a second apart.
async fn write_numbers(server: &Server) -> i64 {
    let from_ms = now_ms() - 60_000;
    let samples: Vec<(i64, f64)> = (0..4).map(|n| (from_ms + n * 1000, (n + 1) as f64)).collect();
    let labels = [("__name__", "readers_numbers"), ("job", "shop/checkout"), ("region", "eu-west")];
    let answer =
        server.api().remote_write(&WriteRequest::of(&[Series { labels: &labels, samples: &samples }])).await;
    let answer = answer.expect("the server answers");
    assert_eq!(answer.status, 204, "{}", answer.text());
    from_ms
}

async fn psql(server: &Server, user: &str, password: &str, command: &str) -> Finished {
    let (host, port) = server.postgres();
    let mut psql = Command::new("psql");
    psql.args([
        "-X",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        host,
        "-p",
        port,
        "-U",
        user,
        "-d",
        "evenkeel",
    ]);
    psql.args(["-c", command]).env("PGPASSWORD", password).env("PGCONNECT_TIMEOUT", "10");
    run(psql, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_lists_describes_and_queries() {
    let server = Server::start(ServerOptions::default()).await;
    write_numbers(&server).await;
    let token = server.token("analyst", "viewer").await;
    let ask = async |command: &str| {
        let done = psql(&server, "analyst", &token, command).await;
        assert_eq!(done.code, 0, "{command}: {}", done.stderr);
        done.stdout
    };

    let listed = format!("{}{}", ask(r"\dt").await, ask(r"\dv").await);
    for name in
        ["metrics", "logs", "events", "incidents", "pages", "deploys", "alert_history", "metric_samples"]
    {
        assert!(listed.contains(&format!("public|{name}|")), "{name} is not in {listed}");
    }
    let described = ask(r"\d metrics").await;
    for column in ["ts", "metric", "value", "labels", "service", "series_id"] {
        assert!(
            described.lines().any(|line| line.starts_with(&format!("{column}|"))),
            "{column} is not in {described}"
        );
    }
    let rows =
        ask("SELECT metric, CAST(value AS INT), service, labels['region'] FROM metrics ORDER BY ts LIMIT 1")
            .await;
    assert_eq!(rows.trim(), "readers_numbers|1|checkout|eu-west");
    let total = ask(
        "SELECT CAST(sum(value) AS INT) FROM metrics WHERE metric = 'readers_numbers' AND ts > now() - interval '1 hour'",
    );
    assert_eq!(total.await.trim(), "10");

    let unknown = psql(&server, "analyst", &token, "SELECT nothing FROM metrics").await;
    assert!(unknown.code != 0 && unknown.stderr.contains("nothing"), "{}", unknown.stderr);
    let wrong = psql(&server, "analyst", "wrong", "SELECT 1").await;
    assert!(wrong.code != 0 && wrong.stderr.contains("authentication failed"), "{}", wrong.stderr);
    let sender = server.token("sender", "ingest").await;
    assert_ne!(psql(&server, "sender", &sender, "SELECT 1").await.code, 0, "a sender reads nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_binds_parameters_in_text_and_binary() {
    let server = Server::start(ServerOptions::default()).await;
    let from_ms = write_numbers(&server).await;
    let token = server.token("python", "viewer").await;
    let (host, port) = server.postgres();
    let answers = peer_to_end("psycopg_client.py", &[host, port, "python", &token]).await;
    let row = |n: i64| json!(["readers_numbers", (n + 1) as f64, (from_ms + n * 1000) as f64 / 1000.0]);
    assert_eq!(answers["text"], json!([row(1), row(2)]));
    assert_eq!(answers["binary"], answers["text"]);
    assert_eq!(answers["prepared"], json!([1, 1]));
    assert_eq!(answers["injected"], 0);
    assert_eq!(answers["create"], "25006", "read_only_sql_transaction");
    assert_eq!((&answers["after"], &answers["in_transaction"]), (&json!(1), &json!(0)));
    assert_eq!(answers["wrong_password"], "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_query_answers_as_json_ndjson_csv_and_arrow() {
    let server = Server::start(ServerOptions::default()).await;
    write_numbers(&server).await;
    const QUERY: &str = "SELECT metric, value, labels['region'] AS region, CAST(NULL AS BIGINT) AS nothing \
                         FROM metrics WHERE value <= 2 ORDER BY ts";
    let ask = async |accept: &str| {
        let body = json!({ "query": QUERY });
        let headers = [("accept", accept), ("content-type", "application/json")];
        let answer = server.api().send("/api/sql", &headers, body.to_string().into_bytes()).await;
        answer.expect("the server answers")
    };
    let document = ask("application/json").await.json();
    let names: Vec<&Value> =
        document["columns"].as_array().expect("columns").iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["metric", "value", "region", "nothing"]);
    let rows = json!([["readers_numbers", 1.0, "eu-west", null], ["readers_numbers", 2.0, "eu-west", null]]);
    assert_eq!(document["rows"], rows);
    let lines = ask("application/x-ndjson").await.text();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let csv = ask("text/csv").await;
    assert!(csv.content_type.starts_with("text/csv"), "{}", csv.content_type);
    let csv: Vec<String> = csv.text().lines().map(str::to_owned).collect();
    assert_eq!(csv[0], "metric,value,region,nothing");
    assert_eq!(csv.len(), 3, "{csv:?}");
    assert_eq!(ask("image/png").await.status, 406);

    let url = format!("{}/api/sql", server.http());
    let arrow = peer_to_end("arrow_client.py", &[&url, crate::harness::ADMIN_TOKEN, QUERY]).await;
    assert_eq!(arrow["names"], json!(["metric", "value", "region", "nothing"]));
    assert_eq!(arrow["rows"], rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_through_a_query() {
    let server = Server::start(ServerOptions::default()).await;
    write_numbers(&server).await;
    let token = server.token("boss", "admin").await;
    for statement in [
        "INSERT INTO events SELECT * FROM events",
        "DELETE FROM metric_samples",
        "UPDATE logs SET body = ''",
        "DROP TABLE logs",
        "DROP VIEW metrics",
        "CREATE TABLE mine AS SELECT 1",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE EXTERNAL TABLE mine STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/evenkeel-copy.csv'",
        "EXPLAIN ANALYZE INSERT INTO events SELECT * FROM events",
        "SET datafusion.execution.batch_size = 1",
        "SELECT 1; DROP TABLE logs",
    ] {
        let answer = server.api().try_sql(statement).await.expect("the server answers");
        assert_eq!(answer.status, 400, "{statement}: {}", answer.text());
        assert_eq!(answer.content_type, "application/problem+json", "{statement}");
        let done = psql(&server, "boss", &token, statement).await;
        assert_ne!(done.code, 0, "psql: {statement}: {}", done.stdout);
    }
    assert_eq!(server.api().count("SELECT count(*) FROM metrics WHERE metric = 'readers_numbers'").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_stays_within_its_limits_and_the_error_names_them() {
    let settings = "query: {viewer: {rows_max: 100, timeout: 1s, memory_bytes_max: 20000000}}";
    let server = Server::start(ServerOptions::settings(settings)).await;
    let token = server.token("guest", "viewer").await;
    let guest = server.nobody().with_token(&token);
    const MANY: &str = "SELECT * FROM generate_series(1, 101)";
    const ENDLESS: &str =
        "SELECT count(*) FROM generate_series(1, 1000000) a CROSS JOIN generate_series(1, 1000000) b";
    const BIG: &str = "SELECT array_length(array_agg(value)) FROM generate_series(1, 5000000)";
    for (query, status, limit) in [
        (MANY, 422, "query.viewer.rows_max"),
        (ENDLESS, 504, "query.viewer.timeout"),
        (BIG, 422, "query.viewer.memory_bytes_max"),
    ] {
        let answer = guest.try_sql(query).await.expect("the server answers");
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
        assert!(answer.text().contains(limit), "{query}: {}", answer.text());
    }
    assert_eq!(guest.sql("SELECT * FROM generate_series(1, 100)").await.len(), 100);
    assert_eq!(server.api().sql(MANY).await.len(), 101, "the administrator may have more");
    let (many, endless) =
        (psql(&server, "guest", &token, MANY).await, psql(&server, "guest", &token, ENDLESS).await);
    assert!(many.stderr.contains("query.viewer.rows_max"), "{}", many.stderr);
    assert!(endless.stderr.contains("query.viewer.timeout"), "{}", endless.stderr);
}

const SAMPLES_PER_REQUEST: usize = 10;
/// Reads by each outside reader, with rows coming in all the time.
const READS: usize = 12;

/// Writes requests, each with its number as the value of all its samples, until told to stop.
async fn write_on(api: Api, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) {
    let rows: Vec<String> = (0..SAMPLES_PER_REQUEST).map(|row| row.to_string()).collect();
    let from_ms = now_ms();
    while !stop.load(Ordering::Relaxed) {
        let number = acknowledged.load(Ordering::Relaxed);
        let samples = [(from_ms + number as i64, number as f64)];
        let labels: Vec<_> = rows.iter().map(|row| [("__name__", "readers_rows"), ("row", row)]).collect();
        let series: Vec<_> = labels.iter().map(|labels| Series { labels, samples: &samples }).collect();
        let answer = api.remote_write(&WriteRequest::of(&series)).await.expect("the server answers");
        assert_eq!(answer.status, 204, "{}", answer.text());
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_readers_see_whole_requests_while_the_tables_are_written() {
    let server = Server::start(ServerOptions::settings("lake: {flush_interval: 300ms}")).await;
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = tokio::spawn(write_on(server.api(), stop.clone(), acknowledged.clone()));

    let table = server.table_dir("metric_samples");
    eventually(SOON, "the table has a first commit", async || {
        if table.join("_delta_log/00000000000000000001.json").exists() {
            Ok(())
        } else {
            Err("no commit".to_owned())
        }
    })
    .await;
    let per_request = SAMPLES_PER_REQUEST.to_string();
    let mut reader = start_peer("table_reader.py", &[table.to_str().expect("a path in UTF-8"), &per_request]);
    let mut before = json!({"version": -1, "rows": 0});
    let mut versions = 0;
    for read in 1..=READS {
        let seen = next_read(&mut reader, read).await;
        assert_eq!(seen["broken"], 0, "a request was read in part: {seen}");
        assert_eq!(seen["rows"], seen["rows_by_duckdb"], "{seen}");
        assert!(seen["rows"].as_u64() >= before["rows"].as_u64(), "rows went away: {before}, then {seen}");
        versions += u32::from(seen["version"].as_i64() > before["version"].as_i64());
        before = seen;
    }
    assert!(versions > 1, "nothing was committed while they read");

    stop.store(true, Ordering::Relaxed);
    writer.await.expect("every request was acknowledged");
    let rows = acknowledged.load(Ordering::Relaxed) * SAMPLES_PER_REQUEST as u64;
    assert_eq!(server.api().count("SELECT count(*) FROM metrics WHERE metric = 'readers_rows'").await, rows);
    let mut read = READS;
    eventually(SOON, "outside readers see every row after the last flush", async || {
        read += 1;
        let seen = next_read(&mut reader, read).await;
        if seen["rows"] == rows && seen["broken"] == 0 { Ok(()) } else { Err(format!("{seen}, not {rows}")) }
    })
    .await;
}

/// Has the reader read once more; `read` counts from 1.
async fn next_read(reader: &mut crate::harness::Process, read: usize) -> Value {
    reader.say("read");
    let lines = eventually(Duration::from_secs(60), "a read ends", async || {
        assert!(reader.is_running(), "the reader failed: {:?}", reader.errors());
        let lines = reader.lines();
        if lines.len() >= read { Ok(lines) } else { Err(format!("{} reads", lines.len())) }
    })
    .await;
    let seen = lines[read - 1].trim_start_matches("read ");
    serde_json::from_str(seen).expect("a read is JSON")
}
