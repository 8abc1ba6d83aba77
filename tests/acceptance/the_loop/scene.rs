//! Everybody who takes part, started and connected.

use std::path::Path;

use super::control::Control;
use crate::harness::{Api, Mailbox, NodeExporter, Prometheus, Server, ServerOptions, now_ms};

/// Slices are measured five seconds after their end.
const SETTINGS: &str = "
slo: {evaluation_delay: 5s, lateness: 20s}
lake: {flush_interval: 5s}
";

pub struct Scene {
    pub server: Server,
    /// Asked by the administrator.
    pub api: Api,
    /// A token that may send and nothing else.
    pub sender: String,
    pub exporter: NodeExporter,
    pub mailbox: Mailbox,
    pub control: Control,
    /// When it began, RFC 3339.
    pub began: String,
    prometheus: Prometheus,
}

impl Scene {
    pub async fn open() -> Scene {
        let began = jiff::Timestamp::from_millisecond(now_ms()).expect("the clock is set").to_string();
        let (mailbox, control) = (Mailbox::start().await, Control::start().await);
        let mut options = ServerOptions::settings(SETTINGS).smtp(mailbox.port());
        for name in ["people.yaml", "slos.yaml", "rules.yaml", "bring-the-machine-back.md"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/loop").join(name);
            let text = std::fs::read_to_string(file).expect("the configuration is there");
            options = options.object(name, text.replace("@CONTROL@", &control.url));
        }
        let server = Server::start(options).await;
        let sender = server.token("prometheus", "ingest").await;
        let exporter = NodeExporter::start().await;
        let config = |address: &str| {
            format!(
                "global: {{scrape_interval: 2s, scrape_timeout: 2s}}
scrape_configs:
  - {{job_name: node, static_configs: [{{targets: ['{}']}}]}}
  - {{job_name: prometheus, static_configs: [{{targets: ['{address}']}}]}}
remote_write:
  - url: {}/prometheus/api/v1/write
    authorization: {{credentials: {sender}}}
    queue_config: {{batch_send_deadline: 500ms}}
",
                exporter.target(),
                server.http(),
            )
        };
        let prometheus = Prometheus::start(server.dir(), config).await;
        Scene { api: server.api(), server, sender, exporter, mailbox, control, began, prometheus }
    }

    /// The value of an instant query to Prometheus itself.
    pub async fn prometheus_says(&self, expr: &str) -> String {
        let api = Api::new(&self.prometheus.url, None);
        let request = api.request(reqwest::Method::GET, "/api/v1/query").query(&[("query", expr)]);
        let answer = request.send().await.expect("Prometheus answers").text().await.expect("an answer ends");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        answer["data"]["result"][0]["value"][1]
            .as_str()
            .unwrap_or_else(|| panic!("{expr}: {answer}"))
            .to_owned()
    }
}
