//! The PostgreSQL port as a place to work in: encrypted when there is a certificate, statements that
//! can be cancelled, and the small talk of clients.

use std::process::Command;

use serde_json::json;

use crate::harness::{Finished, Server, ServerOptions, peer_to_end, run};

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
