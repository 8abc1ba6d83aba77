//! What the server is and how it is set up, in Prometheus' terms. Only what is true here: settings of
//! Prometheus that Evenkeel has no counterpart for are left out.
//!
//! `features` is left out of `buildinfo` on purpose: Grafana takes a server that has it for Mimir with
//! a ruler.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use telemetry::time::format_duration;

use super::answer::{Success, answer};
use crate::state::AppState;

/// The Prometheus whose query semantics these are; clients switch features on by it.
const SPOKEN_VERSION: &str = "3.0.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: String,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

/// `/prometheus/api/v1/status/buildinfo`
pub(crate) async fn buildinfo(State(state): State<AppState>) -> Response {
    answer(Ok(Success::of(BuildInfo {
        version: SPOKEN_VERSION,
        revision: format!("evenkeel-{}", state.version),
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
    })))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeInfo {
    start_time: String,
    server_time: String,
    /// Whether all configuration files could be used as they are.
    reload_config_success: bool,
    /// Tasks are what goroutines are there.
    goroutine_count: usize,
    #[serde(rename = "GOMAXPROCS")]
    threads: usize,
}

/// `/prometheus/api/v1/status/runtimeinfo`
pub(crate) async fn runtimeinfo(State(state): State<AppState>) -> Response {
    let runtime = tokio::runtime::Handle::current();
    let report = state.health.report().await;
    answer(Ok(Success::of(RuntimeInfo {
        start_time: state.started_at.to_string(),
        server_time: state.clock.now().to_string(),
        reload_config_success: !report.defects.iter().any(|defect| defect.is_error()),
        goroutine_count: runtime.metrics().num_alive_tasks(),
        threads: runtime.metrics().num_workers(),
    })))
}

/// `/prometheus/api/v1/status/flags`
pub(crate) async fn flags(State(state): State<AppState>) -> Response {
    let promql = &state.engine.config().promql;
    let external_url = state.config.external_url.as_ref().map(ToString::to_string);
    let flags = BTreeMap::from([
        ("query.lookback-delta", format_duration(promql.lookback)),
        ("query.max-concurrency", promql.concurrency_max.to_string()),
        ("query.max-samples", promql.samples_max.to_string()),
        ("query.timeout", format_duration(promql.timeout)),
        ("web.enable-remote-write-receiver", true.to_string()),
        ("web.external-url", external_url.unwrap_or_default()),
    ]);
    answer(Ok(Success::of(flags)))
}

#[derive(Serialize)]
struct Config {
    yaml: String,
}

/// `/prometheus/api/v1/status/config`: what Prometheus would have to be told to do the same.
pub(crate) async fn config(State(state): State<AppState>) -> Response {
    let catalog = state.alerting.catalog();
    let files: BTreeSet<&str> = catalog.groups.iter().map(|group| group.file.as_str()).collect();
    let interval = format_duration(state.alerting.evaluation_interval());
    let mut yaml = format!("global:\n  evaluation_interval: {interval}\n");
    if !files.is_empty() {
        yaml.push_str("rule_files:\n");
        // A JSON string is a YAML string, whatever is in a file's name.
        files.into_iter().for_each(|file| yaml.push_str(&format!("- {}\n", serde_json::Value::from(file))));
    }
    answer(Ok(Success::of(Config { yaml })))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: [&'static str; 0],
    dropped_alertmanagers: [&'static str; 0],
}

/// `/prometheus/api/v1/alertmanagers`: there are none, alerts are handled in the same process.
pub(crate) async fn alertmanagers() -> Response {
    answer(Ok(Success::of(Alertmanagers { active_alertmanagers: [], dropped_alertmanagers: [] })))
}

#[derive(Serialize)]
struct WalReplay {
    min: u64,
    max: u64,
    current: u64,
}

/// `/prometheus/api/v1/status/walreplay`: one segment, which is replayed or is not.
pub(crate) async fn walreplay(State(state): State<AppState>) -> Response {
    let current = u64::from(state.engine.lake().health().replay.is_none());
    answer(Ok(Success::of(WalReplay { min: 0, max: 1, current })))
}
