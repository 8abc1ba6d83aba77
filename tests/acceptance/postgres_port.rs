//! The PostgreSQL port as a place to work in: encrypted when there is a certificate, statements that
//! can be cancelled, and what psql, drivers and tools ask beside their queries.

use std::process::Command;

use serde_json::json;

use crate::harness::{Finished, Series, Server, ServerOptions, WriteRequest, now_ms, peer_to_end, run};

/// Enough for a statement that only ends when it is cancelled.
const LIMITS: &str = "query: {viewer: {rows_max: 1000000000, timeout: 60s}}\n";

async fn psql(server: &Server, token: &str, sslmode: &str, commands: &[&str]) -> Finished {
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
        "ada",
        "-d",
        "evenkeel",
    ]);
    for command in commands {
        psql.args(["-c", command]);
    }
    psql.env("PGPASSWORD", token).env("PGSSLMODE", sslmode).env("PGCONNECT_TIMEOUT", "30");
    run(psql, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_clients_are_told_and_go_on_in_clear() {
    let server = Server::start(ServerOptions::settings(LIMITS)).await;
    let token = server.token("ada", "viewer").await;
    let required = psql(&server, &token, "require", &["SELECT 1"]).await;
    assert!(
        required.code != 0 && required.stderr.contains("server does not support SSL"),
        "{}",
        required.stderr
    );
    let habits =
        [r"\d", r"\dt", r"\dv", r"\d incidents", "SET search_path = public", "BEGIN", "SELECT 1", "COMMIT"];
    let done = psql(&server, &token, "prefer", &habits).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("public|slo_status|"), "{}", done.stdout);
    assert!(done.stdout.ends_with("SET\nBEGIN\n1\nCOMMIT\n"), "{}", done.stdout);

    let (host, port) = server.postgres();
    let answers = peer_to_end("psycopg_session.py", &[host, port, "ada", &token, "prefer"]).await;
    assert_eq!(answers, session(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_connections_are_encrypted() {
    let keys = tempfile::tempdir().expect("a directory can be made");
    let (cert_file, key_file) = (keys.path().join("cert.pem"), keys.path().join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.arg("-keyout").arg(&key_file).arg("-out").arg(&cert_file);
    let made = run(openssl, "").await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    let files = json!({ "cert_file": cert_file, "key_file": key_file });
    let server = Server::start(ServerOptions::settings(&format!("{LIMITS}postgres_tls: {files}\n"))).await;
    let token = server.token("ada", "viewer").await;

    let done = psql(&server, &token, "require", &[r"\conninfo", "SELECT 1"]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("SSL connection (protocol: TLSv1.3"), "{}", done.stdout);
    let clear = psql(&server, &token, "disable", &["SELECT 1"]).await;
    assert_eq!(clear.code, 0, "encryption is offered, not demanded: {}", clear.stderr);
    let (host, port) = server.postgres();
    let answers = peer_to_end("psycopg_session.py", &[host, port, "ada", &token, "require"]).await;
    assert_eq!(answers, session(true));
}

fn session(encrypted: bool) -> serde_json::Value {
    json!({
        "encrypted": encrypted,
        "within": 1,
        "block": 2,
        "rows": "57014",
        "came_before": true,
        "long": "57014",
        "in_time": true,
        "after": 3,
    })
}

/// What is asked by the commands of psql, by catalogue tables and functions, is answered.
#[tokio::test(flavor = "multi_thread")]
async fn psql_finds_its_way_around() {
    let server = Server::start(ServerOptions::settings(LIMITS)).await;
    let token = server.token("ada", "viewer").await;
    for (command, expected) in [
        (r"\conninfo", "as user \"ada\""),
        (r"\l", "evenkeel|"),
        (r"\dn+", "public|"),
        (r"\dt", "public|events|table|"),
        (r"\dv", "public|incidents|view|"),
        (r"\d metrics", "timestamp with time zone"),
        (r"\d+ metrics", "timestamp with time zone"),
        (r"\dtv+ metrics", "public|metrics|view|"),
        (r"\dp metrics", "public|metrics|view|"),
        (r"\df", "public|rate|double|ts, value [, window_start, window_end]|agg"),
        (r"\df time_buckets", "SETOF record|width, start, end"),
        (r"\df+ rate", "Growth of a counter per second"),
        (r"\d+ events", "The same id is the same event."),
        (r"\dd", ""),
        (r"\du", "ada|"),
        (r"\dT", ""),
        (r"\sv metrics", "metric_samples"),
        (r"\dx", "plpgsql|"),
        (r"\copy (SELECT 1 AS one, 'a,b' AS two) TO STDOUT CSV HEADER", "one,two\n1,\"a,b\"\n"),
        ("SELECT current_user, current_database()", "ada|evenkeel"),
        ("SELECT current_setting('server_version_num')::int / 100", "1500"),
        ("SELECT quote_ident('a b'), array_length(string_to_array('a,b', ','), 1)", "\"a b\"|2"),
        ("SELECT i FROM generate_series(1, 3) AS s(i) WHERE i = 3", "3"),
        ("SHOW server_version", "15.0 (Evenkeel "),
        ("SHOW TIME ZONE", "UTC"),
    ] {
        let done = psql(&server, &token, "prefer", &[command]).await;
        assert!(
            done.code == 0 && done.stdout.contains(expected),
            "{command}: {}{}",
            done.stdout,
            done.stderr
        );
    }
    let header = psql_header(&server, &token, "SELECT count(*), 1, now()::date").await;
    assert_eq!(header, "count|?column?|now");
}

/// The names of the columns as psql shows them.
async fn psql_header(server: &Server, token: &str, query: &str) -> String {
    let (host, port) = server.postgres();
    let mut psql = Command::new("psql");
    psql.args(["-X", "-A", "-h", host, "-p", port, "-U", "ada", "-d", "evenkeel", "-c", query]);
    psql.env("PGPASSWORD", token);
    let done = run(psql, "").await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_prepare_introspect_and_copy() {
    let server = Server::start(ServerOptions::default()).await;
    let token = server.token("ada", "viewer").await;
    let now = now_ms();
    let samples: Vec<(i64, f64)> = (0..100).map(|n| (now - (100 - n) * 1_000, n as f64)).collect();
    let labels = [("__name__", "drivers_numbers"), ("job", "api")];
    let series = [Series { labels: &labels, samples: &samples }];
    let written = server.api().remote_write(&WriteRequest::of(&series)).await.expect("the server answers");
    assert_eq!(written.status, 204, "{}", written.text());

    let (host, port) = server.postgres();
    let answers = peer_to_end("postgres_drivers.py", &[host, port, "ada", &token]).await;
    assert_eq!(
        answers["asyncpg"],
        json!({
            "values": [0.0, 1.0],
            "labels": {"job": "api"},
            "any": 100,
            "array": ["a", "b"],
            "numbers": [[1, 2], [0.5], [0.0, 1.0], true],
            "row": [1, "x"],
            "parameters": ["float8"],
            "columns": ["count", "max"],
            "cursor": 100,
            "unknown": "8",
            "reset": 1,
        })
    );
    assert_eq!(
        answers["psycopg"],
        json!({
            "timeout": "45s",
            "version": 1500,
            "named": 99.0,
            "interval": 100,
            "copy": [["drivers_numbers", "0.0"], ["drivers_numbers", "1.0"]],
            "csv": "metric,value\ndrivers_numbers,0.0\ndrivers_numbers,1.0\n",
            "states": {
                "table": "42P01",
                "column": "42703",
                "function": "42883",
                "syntax": "42601",
                "zero": "22012",
                "cast": "22P02",
                "write": "25006",
                "file": "25006",
                "setting": "42704",
            },
        })
    );
    let tools = &answers["sqlalchemy"];
    assert_eq!(tools["has_table"], json!([true, false]), "{tools}");
    assert_eq!(
        (&tools["tables"], &tools["views"], &tools["max"]),
        (&json!(true), &json!(true), &json!(99.0))
    );
    assert_eq!(tools["schemas"], json!(true), "{tools}");
    assert_eq!(
        tools["columns"],
        json!({
            "ts": "TIMESTAMP",
            "metric": "TEXT",
            "value": "DOUBLE PRECISION",
            "labels": "TEXT",
            "service": "TEXT",
            "series_id": "BIGINT",
        })
    );
    assert_eq!(tools["comments"][1], json!("The same id is the same event."), "{tools}");
    assert_eq!(tools["keys"], json!([[], [], [], [], []]), "there are none");
    assert_eq!((&tools["definition"], &tools["reflected"]), (&json!(true), &json!(true)), "{tools}");

    let jdbc = jdbc(&[host, port, "ada", &token]).await;
    let lines: Vec<&str> = jdbc.lines().collect();
    assert_eq!(
        lines,
        [
            "catalogs 1 evenkeel",
            "schemas 1 public",
            "table 1 TABLE",
            "view 1 VIEW Every incident in its current state, imported history included.",
            "columns 1 float8 NO The value; of a counter its running total.",
            "primary keys 0",
            "imported keys 0",
            "exported keys 0",
            "cross reference 0",
            "indexes 0",
            "best row 0",
            "types some",
            "functions 1 time_bucket",
            "procedures 0",
            "table privileges some",
            "column privileges some",
            "prepared 1 100 99.0",
            "array sent 1 t",
            "arrays [1, 2][1.5]",
            "in parts 7 1",
            "cancelled 57014",
        ]
    );
}

/// What a Java program gets from the driver that DBeaver, Metabase and JetBrains' tools use.
async fn jdbc(args: &[&str]) -> String {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/JdbcMetadata.java");
    let mut java = Command::new("java");
    java.args(["-cp", "/usr/share/java/postgresql.jar"]).arg(script).args(args);
    let done = run(java, "").await;
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    done.stdout
}

/// What Grafana's PostgreSQL data source asks: its pickers, and queries with its macros expanded.
#[tokio::test(flavor = "multi_thread")]
async fn grafana_finds_tables_and_time_columns() {
    let server = Server::start(ServerOptions::default()).await;
    let token = server.token("ada", "viewer").await;
    for (query, expected) in [
        ("SELECT current_setting('server_version_num')::int/100 as version", "1500"),
        (
            "SELECT CASE WHEN quote_ident(table_schema) = 'public' THEN quote_ident(table_name) ELSE \
             quote_ident(table_schema) || '.' || quote_ident(table_name) END AS \"table\" \
             FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN \
             ('information_schema', 'pg_catalog') ORDER BY 1",
            "incidents\n",
        ),
        (
            "SELECT quote_ident(column_name) AS \"column\", data_type AS \"type\" FROM information_schema.columns \
             WHERE quote_ident(table_name) = 'metrics'",
            "ts|timestamp with time zone\n",
        ),
        (
            "SELECT quote_ident(column_name) FROM information_schema.columns WHERE quote_ident(table_name) = 'metrics' \
             AND data_type IN ('timestamp without time zone','timestamp with time zone','bigint','integer','double precision','real')",
            "ts\nvalue\nseries_id\n",
        ),
        (
            "SELECT floor(extract(epoch from ts)/60)*60 AS time, metric, avg(value) AS value FROM metrics \
             WHERE ts BETWEEN '2026-11-23T00:00:00Z' AND '2026-11-23T01:00:00Z' GROUP BY 1, 2 ORDER BY 1, 2",
            "",
        ),
        ("SELECT 1, 1, now()::date = now()::date, EXISTS (SELECT 1 FROM logs)", "1|1|t|f\n"),
        ("SELECT i FROM generate_series(1, 9) AS g(i) ORDER BY i FETCH FIRST 2 ROWS ONLY", "1\n2\n"),
    ] {
        let done = psql(&server, &token, "prefer", &[query]).await;
        assert!(done.code == 0 && done.stdout.contains(expected), "{query}: {}{}", done.stdout, done.stderr);
    }
}
