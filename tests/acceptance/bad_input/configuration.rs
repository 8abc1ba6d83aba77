//! Mistakes in files and flags: named with file and line; what is running stays as it was.

use std::path::Path;
use std::process::Command;

use crate::harness::{ADMIN_TOKEN, Finished, SOON, Server, ServerOptions, eventually, run};

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");

/// `evenkeel serve` with a settings file, which does not start.
async fn refused(settings: &str, flags: &[&str]) -> Finished {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let file = dir.path().join("evenkeel.yaml");
    std::fs::write(&file, settings).expect("a file can be written");
    let mut command = Command::new(BINARY);
    command.arg("serve").arg("--config").arg(&file).arg("--data-dir").arg(dir.path().join("data"));
    for flag in ["--http-listen", "--otlp-http-listen", "--otlp-grpc-listen", "--postgres-listen"] {
        if !flags.contains(&flag) {
            command.args([flag, "127.0.0.1:0"]);
        }
    }
    command.args(flags).env("EVENKEEL_ADMIN_TOKEN", ADMIN_TOKEN);
    run(command, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settings_file_with_a_mistake_is_refused_with_its_line() {
    for (settings, place, says) in [
        ("lake:\n  flush_interval: 5s\n  flush_intervall: 5s\n", "evenkeel.yaml:3:", "flush_intervall"),
        ("data_dirr: x\n", "evenkeel.yaml:1:", "data_dirr"),
        ("# words\nquery:\n  viewer:\n    rows_max: many\n", "evenkeel.yaml:4:", ""),
        ("lake:\n  flush_interval: soon\n", "evenkeel.yaml:2:", "soon"),
        ("http_listen: localhost\n", "evenkeel.yaml:1:", "localhost"),
        ("lake: [\n", "evenkeel.yaml:", ""),
    ] {
        let done = refused(settings, &[]).await;
        assert_ne!(done.code, 0, "{settings}: {}", done.stdout);
        assert!(done.stderr.contains(place) && done.stderr.contains(says), "{settings}: {}", done.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_work_says_what_to_change() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let address = taken.local_addr().expect("a listener has an address").to_string();
    let done = refused("", &["--http-listen", &address]).await;
    assert!(done.code != 0 && done.stderr.contains("--http-listen"), "{}", done.stderr);

    let done = refused("", &["--smtp-address", "127.0.0.1:25"]).await;
    assert!(done.code != 0 && done.stderr.contains("--smtp-from"), "{}", done.stderr);

    // Two servers over one directory would ruin it.
    let server = Server::start(ServerOptions::default()).await;
    let data_dir = server.data_dir();
    let done = refused("", &["--data-dir", data_dir.to_str().expect("a path in UTF-8")]).await;
    assert_ne!(done.code, 0, "{}", done.stdout);
    assert_eq!(server.api().cell("SELECT 1").await, 1);
}

/// `evenkeel check` of a directory with one file.
async fn check(file: &Path) -> Finished {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let name = file.file_name().expect("a file has a name");
    std::fs::copy(file, dir.path().join(name)).expect("a file can be copied");
    let mut command = Command::new(BINARY);
    command.arg("check").arg(".").current_dir(dir.path());
    run(command, "").await
}

/// Each file of `tests/data/check` says in itself what is expected of it: `expect LINE: WORDS`.
#[tokio::test(flavor = "multi_thread")]
async fn check_finds_each_mistake_with_file_and_line() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/check");
    let mut seen = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is there") {
        let file = entry.expect("the corpus can be read").path();
        let name = file.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a file can be read");
        let (_, expected) = text.split_once("expect ").unwrap_or_else(|| panic!("{name} expects nothing"));
        let expected = expected.lines().next().unwrap_or_default().trim_end_matches('"');
        let (line, words) = expected.split_once(": ").unwrap_or((expected.trim_end_matches(':'), ""));
        let done = check(&file).await;
        assert_eq!(done.code, 1, "{name}: {}{}", done.stdout, done.stderr);
        let is_wanted = |said: &str| said.contains(&format!("{name}:{line}:")) && said.contains(words.trim());
        assert!(done.stdout.lines().any(is_wanted), "{name}: not {expected:?}:\n{}", done.stdout);
        seen += 1;
    }
    assert!(seen >= 10, "the corpus has only {seen} files");
}

const GOOD_SLO: &str = "apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout-availability}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{duration: 30d, isRolling: true}]
  objectives: [{target: 0.999}]
  indicator:
    metadata: {name: checkout-requests}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: 'sum(requests_total{code!~\"5..\"})'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'sum(requests_total)'}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_while_the_server_runs_stays_in_use_as_it_was() {
    let mut server = Server::start(ServerOptions::default().object("slo.yaml", GOOD_SLO)).await;
    let done = {
        let mut command = Command::new(BINARY);
        command.arg("check").arg(server.objects_dir());
        run(command, "").await
    };
    assert_eq!(done.code, 0, "{}", done.stdout);
    let api = server.api();
    assert_eq!(api.get("/api/slos").await["slos"][0]["slo"], "checkout-availability");

    std::fs::write(server.objects_dir().join("slo.yaml"), GOOD_SLO.replace("0.999", "1.5"))
        .expect("a file can be written");
    eventually(SOON, "the defect is shown", async || {
        let status = api.get("/api/status").await;
        let defects = status["objects"]["defects"].as_array().cloned().unwrap_or_default();
        let is_ours = |defect: &&serde_json::Value| {
            let file = defect["file"].as_str().unwrap_or_default();
            file.ends_with("slo.yaml") && defect["line"] == 8 && defect["severity"] == "error"
        };
        if defects.iter().any(|defect| is_ours(&defect)) { Ok(()) } else { Err(format!("{defects:?}")) }
    })
    .await;
    let slo = api.get("/api/slos/checkout-availability").await;
    assert_eq!(slo["target"], 0.999, "the last good version stays");
    assert!(server.is_running());

    std::fs::write(server.objects_dir().join("slo.yaml"), GOOD_SLO.replace("0.999", "0.99"))
        .expect("a file can be written");
    eventually(SOON, "the mended file is in use", async || {
        let slo = api.get("/api/slos/checkout-availability").await;
        if slo["target"] == 0.99 { Ok(()) } else { Err(slo["target"].to_string()) }
    })
    .await;
}
