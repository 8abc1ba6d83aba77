//! PromQL behaviour as text: runs every `tests/*.promql` script and, where the environment variable
//! `EVENKEEL_PROMQL_SCRIPTS` names a directory, the `*.test` scripts there, which may come from
//! Prometheus itself.
//!
//! The notation is that of `promtool test`: `load STEP` with series, then `eval instant at T EXPR` or
//! `eval range from A to B step S EXPR` with the expected result. Samples of native histograms can be
//! written but not evaluated; cases that need them are counted as skipped.

#[path = "scripts/features.rs"]
mod features;
#[path = "scripts/notation.rs"]
mod notation;
#[path = "scripts/run.rs"]
mod run;
#[path = "scripts/script.rs"]
mod script;

use std::path::{Path, PathBuf};

use run::Tally;

fn scripts_in(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    assert!(!paths.is_empty(), "no *.{extension} in {}", dir.display());
    paths
}

async fn run_file(path: &Path) -> Tally {
    let text = std::fs::read_to_string(path).unwrap();
    let commands = script::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    run::run(&path.file_name().unwrap().to_string_lossy(), &commands).await
}

#[tokio::test]
async fn our_scripts_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut wrong = Vec::new();
    for path in scripts_in(&dir, "promql") {
        let tally = run_file(&path).await;
        assert!(tally.passed > 0, "{} holds no case", path.display());
        wrong.extend(tally.failures.into_iter().chain(tally.beyond).chain(tally.remarks));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn prometheus_scripts_pass() {
    let Some(dir) = std::env::var_os("EVENKEEL_PROMQL_SCRIPTS") else {
        println!("skipped: EVENKEEL_PROMQL_SCRIPTS names no directory of scripts");
        return;
    };
    let mut total = Tally::default();
    for path in scripts_in(Path::new(&dir), "test") {
        let tally = run_file(&path).await;
        println!("{:<28} {tally}", path.file_name().unwrap().to_string_lossy());
        total.add(tally);
    }
    println!("{:<28} {total}", "total");
    for line in total.remarks.iter().chain(&total.beyond).chain(&total.failures) {
        println!("{line}");
    }
    assert!(total.failures.is_empty(), "{} core cases fail", total.failures.len());
}
