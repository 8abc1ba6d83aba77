//! What is scraped and how that goes, in Prometheus' shapes: `targets`, `targets/metadata` and
//! `scrape_pools`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use ingest::scrape::{FamilyText, PoolStatus, TargetStatus};
use query::promql;
use serde::Serialize;
use telemetry::Labels;
use telemetry::time::format_duration;

use super::answer::{ApiError, Success, answer, aside};
use super::params::Params;
use crate::state::AppState;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<ActiveTarget>,
    dropped_targets: Vec<DroppedTarget>,
    dropped_target_counts: BTreeMap<String, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveTarget {
    discovered_labels: Labels,
    labels: Labels,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    /// Seconds.
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedTarget {
    discovered_labels: Labels,
    scrape_pool: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScrapePools {
    scrape_pools: Vec<String>,
}

/// What Prometheus says of a target that was never scraped.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// `/prometheus/api/v1/targets`
pub(crate) async fn targets(State(state): State<AppState>, params: Params) -> Response {
    answer(shown(&state, &params))
}

fn shown(state: &AppState, params: &Params) -> Result<Success<Targets>, ApiError> {
    let wants = params.get("state").unwrap_or("any").to_lowercase();
    let (active, dropped) = match wants.as_str() {
        "active" => (true, false),
        "dropped" => (false, true),
        _ => (true, true),
    };
    let pool = params.get("scrapePool");
    let is_wanted = |name: &str| pool.is_none_or(|pool| pool == name);
    let mut targets =
        Targets { active_targets: vec![], dropped_targets: vec![], dropped_target_counts: BTreeMap::new() };
    if active {
        let found = state.scraper.targets().into_iter();
        targets.active_targets =
            found.filter(|it| is_wanted(&it.target.job.name)).map(ActiveTarget::from).collect();
    }
    if dropped {
        for PoolStatus { job, pool } in state.scraper.pools().into_iter().filter(|it| is_wanted(&it.job)) {
            targets.dropped_target_counts.insert(job.clone(), pool.dropped_count);
            let dropped = pool.dropped.into_iter();
            targets.dropped_targets.extend(
                dropped.map(|labels| DroppedTarget { discovered_labels: labels, scrape_pool: job.clone() }),
            );
        }
    }
    Ok(Success::of(targets))
}

impl From<TargetStatus> for ActiveTarget {
    fn from(TargetStatus { target, last, metadata: _ }: TargetStatus) -> ActiveTarget {
        ActiveTarget {
            scrape_pool: target.job.name.clone(),
            scrape_url: target.url.to_string(),
            global_url: target.url.to_string(),
            last_error: last.error.as_deref().unwrap_or_default().to_owned(),
            last_scrape: last.at.map_or_else(|| NEVER.to_owned(), |at| at.to_string()),
            last_scrape_duration: last.duration.as_secs_f64(),
            health: last.health.as_str(),
            scrape_interval: format_duration(target.interval),
            scrape_timeout: format_duration(target.timeout),
            discovered_labels: target.discovered,
            labels: target.labels,
        }
    }
}

/// What a target says of a metric family.
#[derive(Serialize)]
struct FamilyOfTarget {
    target: Labels,
    /// Left out when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    r#type: &'static str,
    help: String,
    unit: String,
}

impl FamilyOfTarget {
    fn of(target: &Labels, metric: Option<&str>, text: &FamilyText) -> FamilyOfTarget {
        FamilyOfTarget {
            target: target.clone(),
            metric: metric.map(str::to_owned),
            r#type: text.metric_type.as_str(),
            help: text.help.to_string(),
            unit: text.unit.to_string(),
        }
    }
}

/// `/prometheus/api/v1/targets/metadata`
pub(crate) async fn targets_metadata(State(state): State<AppState>, params: Params) -> Response {
    answer(aside(move || families(&state, &params)).await)
}

fn families(state: &AppState, params: &Params) -> Result<Success<Vec<FamilyOfTarget>>, ApiError> {
    let targets_of = match params.get("match_target") {
        None => Vec::new(),
        Some(selector) => promql::parse_selector(selector)
            .map_err(|error| ApiError::bad_data(format!("invalid parameter \"match_target\": {error}")))?,
    };
    let limit = params.count("limit")?;
    let only = params.get("metric");
    let mut found = Vec::new();
    for TargetStatus { target, metadata, .. } in state.scraper.targets() {
        // Of whole targets, as in Prometheus: the last one may bring more than were asked for.
        if found.len() >= limit {
            break;
        }
        let labels = &target.labels;
        if !targets_of.iter().all(|matcher| matcher.matches(labels)) {
            continue;
        }
        match only {
            Some(metric) => {
                let text = metadata.get(metric);
                found.extend(text.map(|text| FamilyOfTarget::of(labels, None, text)));
            }
            None => {
                let all = metadata.iter();
                found.extend(all.map(|(metric, text)| FamilyOfTarget::of(labels, Some(metric), text)));
            }
        }
    }
    Ok(Success::of(found))
}

/// `/prometheus/api/v1/scrape_pools`
pub(crate) async fn scrape_pools(State(state): State<AppState>) -> Response {
    let scrape_pools = state.scraper.pools().into_iter().map(|pool| pool.job).collect();
    answer(Ok(Success::of(ScrapePools { scrape_pools })))
}
