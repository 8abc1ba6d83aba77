//! Good and bad files, with what is said about them.

use std::fs;

use super::*;

/// Files in a directory of their own; the settings stand in `evenkeel.yaml`.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Files {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Files(dir)
    }

    fn load(&self) -> Loaded {
        let file = self.0.path().join("evenkeel.yaml");
        let settings: ScrapeSettings = serde_saphyr::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let place = SettingsPlace { file: Some(file) };
        jobs(&settings, &place, &read(&settings, &place))
    }

    fn defects(&self) -> Vec<String> {
        let dir = format!("{}/", self.0.path().display());
        self.load().defects.iter().map(|defect| defect.to_string().replace(&dir, "")).collect()
    }
}

/// A whole Prometheus file of its own and the only defect that is found in it.
fn check(prometheus: &str, expect: &str) {
    let files =
        Files::new(&[("evenkeel.yaml", "config_files: [prometheus.yml]"), ("prometheus.yml", prometheus)]);
    let found = files.defects();
    assert!(
        found.len() == 1 && found[0].starts_with(expect),
        "{prometheus}\nexpected {expect}\nfound {found:#?}"
    );
}

/// The configuration that Prometheus comes with, and more of what people have.
const PROMETHEUS: &str = r#"# my global config
global:
  scrape_interval: 15s # Set the scrape interval to every 15 seconds. Default is every 1 minute.
  evaluation_interval: 15s
  external_labels: {cluster: eu}
alerting:
  alertmanagers:
    - static_configs:
        - targets:
          # - alertmanager:9093
rule_files:
  # - "first_rules.yml"
scrape_configs:
  # The job name is added as a label `job=<job_name>` to any timeseries scraped from this config.
  - job_name: "prometheus"
    static_configs:
      - targets: ["localhost:9090"]
        labels:
          app: "prometheus"
  - job_name: node
    scrape_interval: 5s
    metrics_path: /node
    scheme: https
    params:
      collect[]: [cpu, meminfo]
    honor_labels: true
    honor_timestamps: false
    basic_auth: {username: me, password: it's a secret}
    tls_config: {ca_file: ca.pem, server_name: node.example, insecure_skip_verify: false}
    file_sd_configs:
      - files: [targets/*.json, /etc/targets.yml]
        refresh_interval: 1m
    sample_limit: 1000
    label_limit: 30
    label_name_length_limit: 200
    label_value_length_limit: 500
    body_size_limit: 10MB
    follow_redirects: false
    relabel_configs:
      - source_labels: [__address__]
        regex: '(.*):\d+'
        target_label: host
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: go_.*
        action: drop
"#;

#[test]
fn a_prometheus_file_can_be_used_as_it_is() {
    let files = Files::new(&[
        ("evenkeel.yaml", "config_files: [prometheus.yml]"),
        ("prometheus.yml", PROMETHEUS),
        ("ca.pem", ""),
    ]);
    assert_eq!(
        files.defects(),
        [
            "prometheus.yml:4: warning: global.evaluation_interval is not used: only what is about scraping is",
            "prometheus.yml:7: warning: alerting is not used: only what is about scraping is",
        ],
        "an empty section needs no warning"
    );
    let jobs = files.load().jobs;
    let [plain, node] = &jobs[..] else { panic!("{jobs:?}") };
    assert_eq!(
        (plain.name.as_str(), plain.interval.as_secs(), plain.timeout.as_secs()),
        ("prometheus", 15, 10)
    );
    assert!(plain.honor_timestamps && !plain.honor_labels && plain.http.follow_redirects);
    assert_eq!(plain.external_labels.to_string(), r#"{cluster="eu"}"#);
    assert_eq!((node.interval.as_secs(), node.timeout.as_secs()), (5, 5), "the default timeout is cut");
    assert_eq!(
        (node.limits.samples, node.limits.body_bytes, node.limits.targets),
        (1000, 10 << 20, u64::MAX)
    );
    let patterns: Vec<_> = node.file_discoveries[0].files.iter().map(|it| it.0.clone()).collect();
    assert_eq!(patterns, [files.0.path().join("targets/*.json"), PathBuf::from("/etc/targets.yml")]);
    assert_eq!(node.http.tls.ca_file, Some(files.0.path().join("ca.pem")));
    assert!(!format!("{node:?}").contains("it's a secret"), "a password does not show");
}

#[test]
fn settings_hold_jobs_as_well_and_files_bring_more() {
    let files = Files::new(&[
        (
            "evenkeel.yaml",
            "global: {scrape_interval: 30s}\nscrape_configs:\n- job_name: own\nconfig_files: [prometheus.yml]\n",
        ),
        ("prometheus.yml", "global: {scrape_timeout: 3s}\nscrape_config_files: ['more-*.yml']\n"),
        ("more-1.yml", "scrape_configs:\n- job_name: one\n"),
        ("more-2.yml", "scrape_configs:\n- job_name: two\n- job_name: own\n"),
    ]);
    assert_eq!(files.defects(), ["more-2.yml:3: job \"own\": another job has the same job_name"]);
    fs::write(files.0.path().join("more-2.yml"), "scrape_configs: [{job_name: two}]").unwrap();
    let jobs = files.load().jobs;
    let shown: Vec<_> =
        jobs.iter().map(|job| (job.name.as_str(), job.interval.as_secs(), job.timeout.as_secs())).collect();
    assert_eq!(shown, [("own", 30, 10), ("one", 60, 3), ("two", 60, 3)]);
}

#[test]
fn what_only_prometheus_has_is_named() {
    let with = |setting: &str| format!("scrape_configs:\n- job_name: a\n  {setting}\n");
    check(
        &with("kubernetes_sd_configs: [{role: pod}]"),
        "prometheus.yml:3: kubernetes_sd_configs is a discovery of Prometheus that is not built in here: use file_sd_configs",
    );
    check(
        &with("oauth2: {}"),
        "prometheus.yml:3: oauth2 is a setting of Prometheus that is not supported here: remove it",
    );
    check(
        &with("bearer_token_file: x"),
        "prometheus.yml:3: bearer_token_file is a setting of Prometheus that is not supported here: use authorization",
    );
    check(
        &with("tls_config: {min_version: TLS12}"),
        "prometheus.yml:3: min_version is a setting of Prometheus",
    );
    check(
        &with("job_nam: b"),
        "prometheus.yml:3: unknown setting \"job_nam\", expected one of job_name, scrape_interval",
    );
    check("scrape_config: []\n", "prometheus.yml:1: unknown setting \"scrape_config\"");
}

#[test]
fn mistakes_are_named_with_their_line() {
    let with = |setting: &str| format!("scrape_configs:\n- job_name: a\n  {setting}\n");
    for (setting, line, expect) in [
        ("scrape_interval: soon", 3, "\"soon\" is not a duration"),
        ("scheme: ftp", 3, "unknown variant `ftp`"),
        ("scrape_timeout: 2m", 2, "job \"a\": scrape_timeout 2m is longer than scrape_interval 1m"),
        (
            "static_configs: [{targets: ['http://a']}]",
            3,
            "\"http://a\" is not a target such as HOST:PORT; scheme",
        ),
        ("static_configs: [{targets: ['a/b']}]", 3, "\"a/b\" is not a target such as HOST:PORT"),
        ("static_configs: [{targets: ['me@a']}]", 3, "\"me@a\" is not a target such as HOST:PORT"),
        ("file_sd_configs: [{files: [targets.txt]}]", 3, "\"targets.txt\" is not a path that ends in .json"),
        ("file_sd_configs: [{files: ['*/a.json']}]", 3, "\"*/a.json\" is not a path that ends in .json"),
        ("body_size_limit: 10 apples", 3, "\"10 apples\" is not a size such as 512KB"),
        ("body_size_limit: '5'", 3, "\"5\" is not a size such as 512KB"),
        ("relabel_configs: [{regex: '('}]", 3, "relabel action replace needs a target_label"),
        ("basic_auth: {password: a, password_file: b}", 2, "job \"a\": basic_auth takes one of password and"),
        (
            "authorization: {type: Basic, credentials: a}",
            2,
            "job \"a\": authorization type basic: use basic_auth",
        ),
        ("authorization: {credentials: a, credentials_file: b}", 2, "job \"a\": authorization takes one of"),
        ("tls_config: {cert_file: a}", 2, "job \"a\": tls_config takes cert_file and key_file together"),
        (
            "tls_config: {server_name: 127.0.0.1}",
            2,
            "job \"a\": tls_config: server_name \"127.0.0.1\" is not a DNS name",
        ),
    ] {
        let files = Files::new(&[("evenkeel.yaml", "config_files: [p.yml]"), ("p.yml", &with(setting))]);
        let found = files.defects();
        let expect_place = format!("p.yml:{line}: ");
        assert!(
            found.len() == 1 && found[0].starts_with(&expect_place) && found[0].contains(expect),
            "{setting}: {found:#?}"
        );
        assert!(files.load().has_errors());
    }
    check("scrape_configs: [{job_name: ''}]", "prometheus.yml:1: job \"\": job_name is empty");
    check(
        "global: {external_labels: {\"a\\n\": b}}",
        "prometheus.yml: external_labels: label name \"a\\n\" holds",
    );
    check("scrape_config_files: ['a.txt']", "prometheus.yml:1: scrape_config_files: \"a.txt\" is not a path");
    check(
        "scrape_configs: [{job_name: a, basic_auth: {password_file: none}}]",
        "prometheus.yml: warning: job \"a\": ",
    );
    let files = Files::new(&[("evenkeel.yaml", "config_files: [gone.yml]")]);
    assert!(
        files.defects()[0].starts_with("gone.yml: cannot be read: No such file"),
        "{:?}",
        files.defects()
    );
}

#[test]
fn sections_may_be_empty_and_scalars_plain() {
    let files = Files::new(&[
        ("evenkeel.yaml", "config_files: [p.yml]"),
        (
            "p.yml",
            "scrape_configs:\n- job_name: 7\n  static_configs:\n  relabel_configs:\n  params:\n  body_size_limit: 0\n  metric_relabel_configs:\n  - target_label: a\n    replacement: 1\n",
        ),
    ]);
    assert_eq!(files.defects(), Vec::<String>::new());
    assert_eq!(files.load().jobs[0].name, "7");
    fs::write(files.0.path().join("p.yml"), "# nothing yet\n").unwrap();
    assert_eq!((files.defects(), files.load().jobs.len()), (vec![], 0));
}
