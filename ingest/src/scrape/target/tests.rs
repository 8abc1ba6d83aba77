//! What addresses and rules come to.

use super::*;
use crate::scrape::tests::job;

/// What the first target of a job comes to: its URL, times and labels; `dropped`, or what is wrong.
fn check(yaml: &str, expect: &str) {
    let job = job(yaml);
    let group = &job.static_groups[0];
    let found = match candidate(&job, group, &group.targets[0].0) {
        Ok(Candidate::Kept(target)) => {
            let times = [target.interval, target.timeout].map(format_duration).join("/");
            format!("{} {times} {}", target.url, target.labels)
        }
        Ok(Candidate::Dropped(labels)) => format!("dropped {labels}"),
        Err(reason) => reason,
    };
    assert_eq!(found, expect, "{yaml}");
}

#[test]
fn a_plain_target_gets_prometheus_defaults() {
    check(
        "{job_name: j, static_configs: [{targets: ['a:9100']}]}",
        r#"http://a:9100/metrics 1m/10s {instance="a:9100", job="j"}"#,
    );
    check(
        "{job_name: j, static_configs: [{targets: ['[::1]:9100'], labels: {env: prod, job: other}}]}",
        r#"http://[::1]:9100/metrics 1m/10s {env="prod", instance="[::1]:9100", job="other"}"#,
    );
    check(
        "{job_name: j, scheme: https, metrics_path: /a b, scrape_interval: 5s, static_configs: [{targets: [a]}]}",
        r#"https://a/a%20b 5s/5s {instance="a", job="j"}"#,
    );
    check(
        "{job_name: j, params: {'match[]': [up, 'a{b=\"c\"}'], x: [y]}, static_configs: [{targets: [a]}]}",
        r#"http://a/metrics?match%5B%5D=up&match%5B%5D=a%7Bb%3D%22c%22%7D&x=y 1m/10s {instance="a", job="j"}"#,
    );
}

#[test]
fn relabelling_decides_what_is_scraped_and_how() {
    // The blackbox exporter's configuration, as everybody has it.
    check(
        "job_name: probe
metrics_path: /probe
params: {module: [http_2xx]}
static_configs: [{targets: ['https.example:443']}]
relabel_configs:
- {source_labels: [__address__], target_label: __param_target}
- {source_labels: [__param_target], target_label: instance}
- {target_label: __address__, replacement: '127.0.0.1:9115'}",
        r#"http://127.0.0.1:9115/probe?module=http_2xx&target=https.example%3A443 1m/10s {instance="https.example:443", job="probe"}"#,
    );
    check(
        "job_name: j
static_configs: [{targets: [a], labels: {__meta_zone: eu, __tmp_x: y, __scrape_interval__: 30s}}]
relabel_configs:
- {regex: '__meta_(.*)', action: labelmap}
- {target_label: __scrape_timeout__, replacement: 2s}
- {target_label: __scheme__, replacement: https}
- {target_label: __metrics_path__, replacement: m}",
        r#"https://a/m 30s/2s {instance="a", job="j", zone="eu"}"#,
    );
    check(
        "{job_name: j, static_configs: [{targets: [a]}], relabel_configs: [{source_labels: [job], regex: k, action: keep}]}",
        r#"dropped {__address__="a", __metrics_path__="/metrics", __scheme__="http", __scrape_interval__="1m", __scrape_timeout__="10s", job="j"}"#,
    );
}

#[test]
fn what_makes_no_target_is_named() {
    let relabelled = |rule: &str| {
        format!("{{job_name: j, static_configs: [{{targets: [a]}}], relabel_configs: [{{{rule}}}]}}")
    };
    check(
        &relabelled("target_label: __address__, replacement: 'http://b/'"),
        "\"http://b/\" is not a target such as HOST:PORT; scheme and metrics_path are settings of the job",
    );
    check(&relabelled("target_label: __address__, replacement: ''"), "relabelling left no __address__");
    check(
        &relabelled("target_label: __scheme__, replacement: ftp"),
        "__scheme__ \"ftp\" is not http or https",
    );
    check(
        &relabelled("target_label: __scrape_interval__, replacement: soon"),
        "__scrape_interval__: \"soon\" is not a duration such as 30s, 5m, 1h30m or 30d",
    );
    check(&relabelled("target_label: __scrape_interval__, replacement: 0s"), "__scrape_interval__ is 0");
    check(
        &relabelled("target_label: __scrape_interval__, replacement: 1s"),
        "__scrape_timeout__ 10s is longer than __scrape_interval__ 1s",
    );
}
