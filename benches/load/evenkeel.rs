//! The release binary as a child process, and what its tables weigh.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A server that is ended when it goes out of scope.
pub struct Evenkeel {
    child: Child,
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub base: String,
    /// What it goes on to print, which somebody has to keep open.
    _printed: Lines<BufReader<ChildStdout>>,
}

impl Evenkeel {
    /// Starts a server on a directory. `config` is its settings file's text, `env` what it finds in its
    /// environment beside ours.
    pub fn start(dir: &Path, config: &str, admin_token: &str, env: &[(&str, &str)]) -> Evenkeel {
        std::fs::create_dir_all(dir).expect("a directory");
        let file = dir.join("evenkeel.yaml");
        std::fs::write(&file, config).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args(["serve", "--http-listen", "127.0.0.1:0", "--otlp-http-listen", "off"])
            .args(["--otlp-grpc-listen", "off", "--postgres-listen", "off"])
            .arg("--config")
            .arg(&file)
            .arg("--data-dir")
            .arg(dir)
            .env("EVENKEEL_ADMIN_TOKEN", admin_token)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("evenkeel starts");
        let mut printed = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let base = printed
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening: HTTP on ").map(str::to_owned))
            .expect("evenkeel says where it listens");
        Evenkeel { child, base, _printed: printed }
    }

    /// The process id, as `process` wants it.
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Evenkeel {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// The files of a table that are not replaced yet, as its commits say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSize {
    pub files: usize,
    /// Of them those that compaction has not seen.
    pub flush_files: usize,
    /// Of them those that stay as they are.
    pub day_files: usize,
    pub bytes: i64,
    pub rows: i64,
}

pub fn table_size(table: &Path) -> TableSize {
    let mut commits: Vec<_> = std::fs::read_dir(table.join("_delta_log"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    commits.sort();
    let mut active = HashMap::new();
    for commit in commits {
        let text = std::fs::read_to_string(commit).unwrap_or_default();
        for line in text.lines() {
            let action: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let path = |action: &serde_json::Value| action["path"].as_str().unwrap_or_default().to_owned();
            let add = &action["add"];
            if add.is_object() {
                let stats = add["stats"].as_str().unwrap_or("{}");
                let stats: serde_json::Value = serde_json::from_str(stats).unwrap_or_default();
                let rows = stats["numRecords"].as_i64().unwrap_or_default();
                active.insert(path(add), (add["size"].as_i64().unwrap_or_default(), rows));
            }
            active.remove(&path(&action["remove"]));
        }
    }
    active.iter().fold(TableSize::default(), |sum, (path, (bytes, rows))| TableSize {
        files: sum.files + 1,
        flush_files: sum.flush_files + usize::from(path.contains("flush")),
        day_files: sum.day_files + usize::from(path.contains("/day-")),
        bytes: sum.bytes + bytes,
        rows: sum.rows + rows,
    })
}
