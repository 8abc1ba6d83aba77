//! Debian's Prometheus and node-exporter.

use std::path::Path;
use std::process::Command;

use super::{Api, Process, SOON, eventually, free_port};

/// A node-exporter on a port that it keeps over its ends.
pub struct NodeExporter {
    port: u16,
    process: Option<Process>,
}

impl NodeExporter {
    pub async fn start() -> NodeExporter {
        let mut exporter = NodeExporter { port: free_port(), process: None };
        exporter.start_again().await;
        exporter
    }

    pub async fn start_again(&mut self) {
        let mut command = Command::new("prometheus-node-exporter");
        // The collectors that cost nothing: a scrape that is slow because the machine is busy would
        // be an outage.
        command.args([
            "--collector.disable-defaults",
            "--collector.cpu",
            "--collector.loadavg",
            "--collector.meminfo",
        ]);
        command.arg(format!("--web.listen-address=127.0.0.1:{}", self.port));
        self.process = Some(Process::spawn("node-exporter", &mut command));
        answers(&format!("http://127.0.0.1:{}", self.port), "/metrics").await;
    }

    pub fn end(&mut self) {
        self.process = None;
    }

    pub fn target(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// A Prometheus with a configuration of the test's.
pub struct Prometheus {
    _process: Process,
    pub url: String,
}

impl Prometheus {
    /// `config` is made from the address that it will listen on.
    pub async fn start(dir: &Path, config: impl FnOnce(&str) -> String) -> Prometheus {
        Prometheus::start_with(dir, &[], config).await
    }

    /// With flags of its own.
    pub async fn start_with(dir: &Path, flags: &[&str], config: impl FnOnce(&str) -> String) -> Prometheus {
        let address = format!("127.0.0.1:{}", free_port());
        let file = dir.join("prometheus.yml");
        std::fs::write(&file, config(&address)).expect("a file can be written");
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()));
        command.arg(format!("--web.listen-address={address}")).args(flags);
        let process = Process::spawn("prometheus", &mut command);
        let url = format!("http://{address}");
        answers(&url, "/-/ready").await;
        Prometheus { _process: process, url }
    }
}

async fn answers(base: &str, path: &str) {
    let api = Api::new(base, None);
    eventually(SOON, &format!("{base} answers"), async || match api.try_get(path).await {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(answer.status.to_string()),
        Err(error) => Err(error.to_string()),
    })
    .await;
}
