//! Somebody who only has exporters needs nothing else: Evenkeel scrapes them from the configuration
//! that Debian's Prometheus uses beside it, and both know the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Api, NodeExporter, Process, Prometheus, SOON, Server, ServerOptions, eventually, free_port, run,
};

const CONFIG: &str = r#"
global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
  - job_name: node
    file_sd_configs:
      - files: ["targets/*.json"]
    relabel_configs:
      - {source_labels: [__meta_filepath], regex: '.*/([a-z]+)\.json', target_label: found_in}
      - {source_labels: [env], regex: 'un(.*)', action: drop}
    metric_relabel_configs:
      - {source_labels: [__name__], regex: 'go_memstats_(.*)', action: drop}
      - {source_labels: [cpu, mode], separator: '-', regex: '(.+)-(.+)', target_label: cpu_mode}
"#;

/// Evenkeel and Prometheus over one configuration.
struct Pair {
    dir: TempDir,
    server: Server,
    prometheus: Prometheus,
}

impl Pair {
    async fn over(exporters: &[&NodeExporter]) -> Pair {
        let dir = tempfile::tempdir().expect("a directory can be made");
        std::fs::create_dir(dir.path().join("targets")).expect("a directory can be made");
        discover(dir.path(), exporters);
        let prometheus = Prometheus::start(dir.path(), |_| CONFIG.to_owned()).await;
        let config = dir.path().join("prometheus.yml");
        let settings = format!("scrape: {{config_files: ['{}']}}\n", config.display());
        let server = Server::start(ServerOptions::settings(&settings)).await;
        Pair { dir, server, prometheus }
    }

    fn apis(&self) -> [Api; 2] {
        let ours = Api::new(&format!("{}/prometheus", self.server.http()), None);
        [ours.with_token(crate::harness::ADMIN_TOKEN), Api::new(&self.prometheus.url, None)]
    }

    /// Waits until both give the same answer and it is as wanted.
    async fn agree(
        &self,
        what: &str,
        path: &str,
        shown: impl Fn(&Value) -> Value,
        is_wanted: impl Fn(&Value) -> bool,
    ) {
        eventually(SOON, what, async || {
            let [ours, theirs] = self.apis();
            let (ours, theirs) =
                (shown(&ours.get(path).await["data"]), shown(&theirs.get(path).await["data"]));
            if ours == theirs && is_wanted(&ours) {
                Ok(())
            } else {
                Err(format!("{ours}\nand Prometheus\n{theirs}"))
            }
        })
        .await;
    }

    /// The labels of every series that an expression finds now.
    async fn agree_on_series(&self, expr: &str, count: std::ops::RangeInclusive<usize>) {
        let path = format!("/api/v1/query?query={}", encoded(expr));
        let labels = |data: &Value| {
            let found = data["result"].as_array().expect("a vector").iter();
            json!(found.map(|one| one["metric"].to_string()).collect::<BTreeSet<_>>())
        };
        let is_wanted = |found: &Value| count.contains(&found.as_array().map_or(0, Vec::len));
        self.agree(&format!("the same series of {expr}"), &path, labels, is_wanted).await;
    }

    async fn agree_on_value(&self, expr: &str, value: &str) {
        let path = format!("/api/v1/query?query={}", encoded(expr));
        let values = |data: &Value| {
            json!(
                data["result"]
                    .as_array()
                    .expect("a vector")
                    .iter()
                    .map(|one| one["value"][1].clone())
                    .collect::<Vec<_>>()
            )
        };
        self.agree(&format!("{expr} is {value}"), &path, values, |found| *found == json!([value])).await;
    }
}

/// Only what a query string needs.
fn encoded(expr: &str) -> String {
    let mut url = reqwest::Url::parse("http://host").expect("a constant URL is valid");
    url.query_pairs_mut().append_pair("", expr);
    url.query().unwrap_or_default().trim_start_matches('=').to_owned()
}

/// Writes the file that targets are found in, whole or not at all.
fn discover(dir: &Path, exporters: &[&NodeExporter]) {
    let targets: Vec<String> = exporters.iter().map(|exporter| exporter.target()).collect();
    let groups = json!([
        {"targets": targets, "labels": {"env": "test"}},
        {"targets": ["127.0.0.1:1"], "labels": {"env": "unwanted"}},
    ]);
    let file = dir.join("targets/nodes.json");
    std::fs::write(file.with_extension("new"), groups.to_string()).expect("a file can be written");
    std::fs::rename(file.with_extension("new"), file).expect("a file can be renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prometheus_scrapes_evenkeel_scrapes_with_the_same_configuration() {
    let mut first = NodeExporter::start().await;
    let pair = Pair::over(&[&first]).await;
    let api = pair.server.api();

    // The same series under the same labels: metrics, relabelled ones, and what a scrape tells of itself.
    pair.agree_on_series("node_cpu_seconds_total", 2..=10_000).await;
    pair.agree_on_series("{job=\"node\"}", 50..=10_000).await;
    pair.agree_on_value("up{job=\"node\", found_in=\"nodes\"}", "1").await;
    pair.agree_on_value("count({__name__=~\"go_memstats_.*\"}) or vector(0)", "0").await;
    pair.agree_on_value("scrape_samples_scraped - on() scrape_samples_post_metric_relabeling > bool 0", "1")
        .await;

    // The same targets in the same words, kept and dropped.
    let targets = |data: &Value| {
        let active = [
            "discoveredLabels",
            "labels",
            "scrapePool",
            "scrapeUrl",
            "lastError",
            "health",
            "scrapeInterval",
            "scrapeTimeout",
        ];
        let parts = |key: &str, names: &[&str]| -> Vec<Value> {
            let part = |target: &Value| names.iter().map(|name| target[*name].clone()).collect();
            data[key].as_array().expect("a list").iter().map(part).collect()
        };
        json!([parts("activeTargets", &active), parts("droppedTargets", &["discoveredLabels"])])
    };
    pair.agree("the same targets", "/api/v1/targets", targets, |found| {
        found[0].as_array().map(Vec::len) == Some(1) && found[1].as_array().map(Vec::len) == Some(1)
    })
    .await;

    // It dies: `up` is 0 and its series are gone, both at once.
    first.end();
    eventually(SOON, "up is 0", async || match &api.promql("up{job=\"node\"}").await[..] {
        [one] if one["value"][1] == "0" => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(api.promql("node_load1").await.is_empty(), "a dead exporter's series are still there");
    pair.agree_on_series("{job=\"node\"}", 5..=5).await;
    let stored = api.count("SELECT count(*) FROM metrics WHERE metric = 'node_load1'").await;
    assert!(stored > 1, "what was scraped before is still there: {stored}");
    let down = api.get("/api/targets").await;
    assert!(down["targets"][0]["error"].as_str().is_some_and(|text| text.contains("refused")), "{down}");

    first.start_again().await;
    pair.agree_on_value("up{job=\"node\"}", "1").await;
    pair.agree_on_series("node_cpu_seconds_total", 2..=10_000).await;

    // A file changes: a target more, without a restart, and the first one has no gap.
    let second = NodeExporter::start().await;
    discover(pair.dir.path(), &[&first, &second]);
    pair.agree_on_series("up{job=\"node\"} == 1", 2..=2).await;
    discover(pair.dir.path(), &[&second]);
    pair.agree_on_series("{job=\"node\"}", 50..=10_000).await;
    pair.agree_on_series("up", 1..=1).await;
    broken_configuration_keeps_what_runs(&pair).await;

    // A stop is no end of a target: there are no markers, and it goes on after the start.
    let mut server = pair.server;
    server.stop().await;
    server.start_again().await;
    assert_eq!(server.api().promql("up{job=\"node\"}").await.len(), 1);
}

async fn broken_configuration_keeps_what_runs(pair: &Pair) {
    let api = pair.server.api();
    let file = pair.dir.path().join("prometheus.yml");
    let broken = CONFIG.replace("file_sd_configs", "kubernetes_sd_configs");
    std::fs::write(&file, &broken).expect("a file can be written");
    let defect = eventually(SOON, "the defect shows", async || {
        let status = api.get("/api/status").await;
        match status["objects"]["defects"].as_array().and_then(|defects| defects.first()) {
            Some(defect) => Ok(defect.clone()),
            None => Err(status.to_string()),
        }
    })
    .await;
    assert_eq!((defect["line"].as_u64(), defect["file"].as_str()), (Some(7), file.to_str()));
    assert!(
        defect["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("kubernetes_sd_configs is a discovery")),
        "{defect}"
    );
    assert_eq!(api.get("/api/targets").await["targets"][0]["health"], "up");

    let config = file.display().to_string();
    let checked = run(pair.server.cli(&["check", "--scrape-config", &config]), "").await;
    assert_eq!(checked.code, 1, "{}", checked.stdout);
    assert!(checked.stdout.starts_with(&format!("{config}:7: kubernetes_sd_configs")), "{}", checked.stdout);

    std::fs::write(&file, CONFIG).expect("a file can be written");
    let checked = run(pair.server.cli(&["check", "--scrape-config", &config]), "").await;
    assert_eq!((checked.code, checked.stdout.as_str()), (0, "1 scrape jobs: 0 errors, 0 warnings\n"));
    eventually(
        SOON,
        "the defect is gone",
        async || match &api.get("/api/status").await["objects"]["defects"] {
            defects if *defects == json!([]) => Ok(()),
            defects => Err(defects.to_string()),
        },
    )
    .await;
    let shown = run(pair.server.cli(&["targets", "--output", "csv"]), "").await;
    let row = shown.stdout.lines().nth(1).unwrap_or_default().to_owned();
    assert!(row.starts_with("node,127.0.0.1:") && row.contains(",up,"), "{}", shown.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_behind_tls_is_scraped_under_the_name_in_its_certificate() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    certificates(dir.path()).await;
    std::fs::write(
        dir.path().join("web.yml"),
        "tls_server_config: {cert_file: node.pem, key_file: node.key, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}",
    )
    .expect("a file can be written");
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new("prometheus-node-exporter");
    command.args(["--collector.disable-defaults", "--collector.loadavg"]);
    command.arg(format!("--web.config.file={}", dir.path().join("web.yml").display()));
    command.arg(format!("--web.listen-address={address}"));
    let _exporter = Process::spawn("node-exporter", &mut command);

    let place = dir.path().display();
    let job = |name: &str, server_name: &str| {
        format!(
            "  - job_name: {name}
    scheme: https
    scrape_interval: 1s
    static_configs: [{{targets: ['{address}']}}]
    tls_config: {{ca_file: {place}/ca.pem, cert_file: {place}/client.pem, key_file: {place}/client.key, server_name: {server_name}}}
"
        )
    };
    let jobs = job("right", "node.example") + &job("wrong", "other.example");
    let server = Server::start(ServerOptions::settings(&format!("scrape:\n  scrape_configs:\n{jobs}"))).await;
    let api = server.api();
    eventually(SOON, "one is up and one is down", async || {
        let targets = api.get("/api/targets").await["targets"].clone();
        let shown = [0, 1].map(|at| format!("{}: {}", targets[at]["job"], targets[at]["health"]));
        if shown == ["\"wrong\": \"down\"", "\"right\": \"up\""] { Ok(()) } else { Err(targets.to_string()) }
    })
    .await;
    let load = api.promql("node_load1").await;
    assert_eq!((load.len(), load[0]["metric"]["instance"].as_str()), (1, Some(address.as_str())));
}

/// A certificate authority, and what it says about a server and a client.
async fn certificates(dir: &Path) {
    let openssl = async |args: &str| {
        let mut command = Command::new("openssl");
        command.args(args.split_whitespace()).current_dir(dir);
        let ended = run(command, "").await;
        assert_eq!(ended.code, 0, "openssl {args}: {}", ended.stderr);
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca -days 2")).await;
    for (name, extensions) in [
        ("node", "subjectAltName=DNS:node.example\nextendedKeyUsage=serverAuth\n"),
        ("client", "subjectAltName=DNS:client.example\nextendedKeyUsage=clientAuth\n"),
    ] {
        std::fs::write(dir.join("extensions"), extensions).expect("a file can be written");
        openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}")).await;
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile extensions"
        ))
        .await;
    }
}
