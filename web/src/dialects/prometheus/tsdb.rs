//! `/status/tsdb`: what the series in memory cost, in Prometheus' words.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use telemetry::Timestamp;

use super::answer::{ApiError, Success, answer, aside};
use super::params::Params;
use crate::state::AppState;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TsdbStatus {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Stat>,
    label_value_count_by_label_name: Vec<Stat>,
    memory_in_bytes_by_label_name: Vec<Stat>,
    series_count_by_label_value_pair: Vec<Stat>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    /// There are no chunks; rows that are not in files yet are counted.
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

#[derive(Serialize)]
struct Stat {
    name: String,
    value: u64,
}

/// Entries of each list, as in Prometheus.
const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 10_000;

/// `/prometheus/api/v1/status/tsdb`
pub(crate) async fn tsdb(State(state): State<AppState>, params: Params) -> Response {
    answer(aside(move || status(&state, &params)).await)
}

fn status(state: &AppState, params: &Params) -> Result<Success<TsdbStatus>, ApiError> {
    let limit = match params.get("limit").map(str::parse) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit @ 1..=LIMIT_MAX)) => limit,
        Some(Ok(limit)) if limit > LIMIT_MAX => {
            return Err(ApiError::bad_data(format!("limit must not exceed {LIMIT_MAX}")));
        }
        Some(_) => return Err(ApiError::bad_data("limit must be a positive number")),
    };
    let index = state.engine.lake().series();
    let metrics = index.metric_costs();
    let labels = index.label_costs();
    let by_values = labels.iter().map(|cost| (cost.label.clone(), cost.values)).collect();
    let by_bytes = labels.iter().map(|cost| (cost.label.clone(), cost.value_bytes)).collect();
    let pairs = index.pair_costs(limit).into_iter();
    let (first, last) = index.time_range().unwrap_or((Timestamp::EPOCH, Timestamp::EPOCH));
    Ok(Success::of(TsdbStatus {
        head_stats: HeadStats {
            num_series: index.len() as u64,
            num_label_pairs: index.pair_count(),
            chunk_count: state.engine.lake().health().buffered_rows,
            min_time: first.millis(),
            max_time: last.millis(),
        },
        series_count_by_metric_name: top(
            metrics.into_iter().map(|cost| (cost.metric, cost.series)).collect(),
            limit,
        ),
        label_value_count_by_label_name: top(by_values, limit),
        memory_in_bytes_by_label_name: top(by_bytes, limit),
        series_count_by_label_value_pair: top(
            pairs.map(|cost| (format!("{}={}", cost.label, cost.value), cost.series)).collect(),
            limit,
        ),
    }))
}

fn top(mut counts: Vec<(String, u64)>, limit: usize) -> Vec<Stat> {
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter().take(limit).map(|(name, value)| Stat { name, value }).collect()
}
