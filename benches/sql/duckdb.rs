//! DuckDB in a child, over the active files of the same tables.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::{Answer, Rows};

pub struct DuckDb {
    child: Child,
    queries: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub version: String,
}

impl DuckDb {
    /// `lake` has the tables, one directory each.
    pub fn start(lake: &Path, threads: usize) -> DuckDb {
        let python = python();
        assert!(python.exists(), "{} is missing: run `make setup-test`", python.display());
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/sql/duckdb_driver.py"))
            .arg(lake)
            .arg(threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let queries = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut duckdb = DuckDb { child, queries, answers, version: String::new() };
        duckdb.version = duckdb.read()["version"].as_str().expect("DuckDB says its version").to_owned();
        duckdb
    }

    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    pub fn ask(&mut self, text: &str, rounds: usize) -> Result<Answer, String> {
        let query = json!({"text": text, "rounds": rounds});
        writeln!(self.queries, "{query}").expect("the driver reads");
        let mut said = self.read();
        if let Some(error) = said["error"].as_str() {
            return Err(error.to_owned());
        }
        let secs = said["secs"].as_array().into_iter().flatten().filter_map(Value::as_f64);
        let mut latencies: Vec<Duration> = secs.map(Duration::from_secs_f64).collect();
        latencies.sort_unstable();
        let rows: Rows = serde_json::from_value(said["rows"].take()).expect("rows of cells");
        Ok(Answer { rows, latencies })
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the driver writes");
        serde_json::from_str(&line).expect("the driver answers in JSON")
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// The one of the tests, with the versions that `tests/requirements.txt` names.
fn python() -> PathBuf {
    let venv = std::env::var("EVENKEEL_TEST_VENV").map(PathBuf::from);
    let home = std::env::var("HOME").unwrap_or_default();
    venv.unwrap_or_else(|_| Path::new(&home).join(".cache/evenkeel/venv")).join("bin/python")
}
