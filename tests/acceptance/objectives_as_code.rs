//! Objectives in files: what `slo lint`, `slo convert` and `check` say of them, and with which exit code.

use std::path::Path;
use std::process::Command;

use crate::harness::{Finished, run};

const SLOTH: &str = "version: prometheus/v1
service: payments
slos:
  - name: availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(http_requests_total{code=~\"5..\"}[{{.window}}]))
        total_query: sum(rate(http_requests_total[{{.window}}]))
    alerting: {ticket_alert: {disable: true}}
";

async fn evenkeel(args: &[&str], dir: &Path, stdin: &str) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(args).current_dir(dir);
    run(command, stdin).await
}

#[tokio::test(flavor = "multi_thread")]
async fn objectives_of_sloth_are_converted_and_mean_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("sloth.yaml"), SLOTH).expect("a file");
    let converted = evenkeel(&["slo", "convert", "sloth.yaml", "--to", "openslo"], dir.path(), "").await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    assert!(converted.stdout.contains("apiVersion: openslo/v1"), "{}", converted.stdout);
    assert!(converted.stderr.contains("no Service `payments` was read"), "{}", converted.stderr);
    // A reference to another file is found when both are given.
    let service = "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: payments}\nspec: {}\n";
    std::fs::write(dir.path().join("service.yaml"), service).expect("a file");
    let both = evenkeel(&["slo", "convert", "sloth.yaml", "service.yaml"], dir.path(), "").await;
    assert_eq!((both.code, both.stderr.as_str()), (0, ""));
    assert!(both.stdout.starts_with(converted.stdout.trim_end()), "{}", both.stdout);
    assert!(both.stdout.contains("kind: Service"), "{}", both.stdout);
    let piped = evenkeel(&["slo", "convert", "-"], dir.path(), SLOTH).await;
    assert_eq!(piped.stdout, converted.stdout);

    std::fs::write(dir.path().join("openslo.yaml"), &converted.stdout).expect("a file");
    let before = evenkeel(&["slo", "lint", "sloth.yaml"], dir.path(), "").await;
    let after = evenkeel(&["slo", "lint", "openslo.yaml"], dir.path(), "").await;
    let understood = |lint: &Finished| -> Vec<String> {
        lint.stdout.lines().filter(|line| line.starts_with("payments-")).map(str::to_owned).collect()
    };
    assert_eq!(
        understood(&before),
        [
            "payments-availability/1: 0.999 of bad/total by PromQL over the slice, by Occurrences, over 30d; page >14.4 in 1h/5m, page >6 in 6h/30m"
        ]
    );
    assert_eq!(understood(&after), understood(&before));
    assert_eq!((before.code, after.code), (0, 0), "{}{}", before.stdout, after.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_objective_is_refused_with_its_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let hopeless = SLOTH.replace("99.9", "100");
    std::fs::write(dir.path().join("slo.yaml"), &hopeless).expect("a file");
    let reason = "slo.yaml:5: a target of 100 % leaves no error budget";
    for command in [&["slo", "lint", "slo.yaml"][..], &["check", "slo.yaml"]] {
        let done = evenkeel(command, dir.path(), "").await;
        assert!(done.code == 1 && done.stdout.contains(reason), "{command:?}: {}", done.stdout);
    }
    let done = evenkeel(&["slo", "convert", "slo.yaml"], dir.path(), "").await;
    assert!(done.code == 1 && done.stdout.is_empty() && done.stderr.contains(reason), "{}", done.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_linting_refuses_what_the_official_validator_refuses() {
    let dir = tempfile::tempdir().expect("a directory");
    let loose = "apiVersion: openslo/v1
kind: Service
metadata: {name: Payments}
spec: {}
";
    std::fs::write(dir.path().join("service.yaml"), loose).expect("a file");
    let lenient = evenkeel(&["slo", "lint", "service.yaml"], dir.path(), "").await;
    let strict = evenkeel(&["slo", "lint", "--strict", "service.yaml"], dir.path(), "").await;
    assert_eq!((lenient.code, strict.code), (0, 1), "{}", strict.stdout);
    assert!(
        lenient.stdout.contains("service.yaml:3: warning: `Payments` is not a name"),
        "{}",
        lenient.stdout
    );
    assert!(strict.stdout.contains("service.yaml:3: `Payments` is not a name"), "{}", strict.stdout);
}
