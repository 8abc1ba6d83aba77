//! The Prometheus query API, mounted at `/prometheus`: parameters by query string or form, the
//! envelope `{status, data, errorType, error, warnings, infos}`, values as strings.

mod answer;
mod cross_origin;
mod exemplars;
mod expressions;
mod metadata;
mod number;
mod params;
mod rules;
mod series;
mod stats;
mod status;
mod targets;
mod times;
mod tsdb;
mod value;

use axum::extract::State;
use axum::response::Response;
use query::PromqlOptions;
use query::promql::{PromqlError, TimeRange, Times};

use crate::observe::Stopwatch;
use crate::state::AppState;
use answer::{ApiError, Success, answer_query};
use params::Params;
use stats::Stats;
use value::QueryData;

pub(crate) use cross_origin::{across_origins, in_envelope, preflight};
pub(crate) use exemplars::query_exemplars;
pub(crate) use expressions::{format_query, parse_query};
pub(crate) use metadata::metadata;
pub(crate) use rules::{alerts, rules};
pub(crate) use series::{label_values, labels, series};
pub(crate) use status::{alertmanagers, buildinfo, config, flags, runtimeinfo, walreplay};
pub(crate) use targets::{scrape_pools, targets, targets_metadata};
pub(crate) use tsdb::tsdb;

/// `/prometheus/api/v1/query`
pub(crate) async fn query(State(state): State<AppState>, params: Params) -> Response {
    answer_query(instant(&state, &params).await).await
}

async fn instant(state: &AppState, params: &Params) -> Result<Success<QueryData>, ApiError> {
    let limit = params.limit()?;
    let at = params.time("time")?.unwrap_or_else(|| state.clock.now());
    evaluate(state, params, Times::Instant(at), limit).await
}

/// `/prometheus/api/v1/query_range`
pub(crate) async fn query_range(State(state): State<AppState>, params: Params) -> Response {
    answer_query(range(&state, &params).await).await
}

async fn range(state: &AppState, params: &Params) -> Result<Success<QueryData>, ApiError> {
    let limit = params.limit()?;
    let (start, end) = (params.required_time("start")?, params.required_time("end")?);
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let range = TimeRange { start, end, step: params.step()? };
    evaluate(state, params, Times::Range(range), limit).await
}

async fn evaluate(
    state: &AppState,
    params: &Params,
    times: Times,
    limit: Option<usize>,
) -> Result<Success<QueryData>, ApiError> {
    let options = options(state, params)?;
    let work = options.work.clone();
    let stopwatch = Stopwatch::start();
    let evaluated = state.engine.promql_text(params.expression()?, times, options).await;
    let evaluated = evaluated.map_err(of_expression)??;
    let at = match times {
        Times::Instant(at) => at,
        Times::Range(range) => range.end,
    };
    let mut success = value::data(evaluated, at, limit);
    if params.get("stats").is_some() {
        success.data.stats = Some(Stats::of(&work, stopwatch.elapsed()));
    }
    Ok(success)
}

/// What is wrong with the text of an expression.
fn of_expression(error: PromqlError) -> ApiError {
    match error {
        PromqlError::Bad(fault) => ApiError::parameter("query", fault),
        error => error.into(),
    }
}

/// A request may narrow what the configuration allows, never widen it.
fn options(state: &AppState, params: &Params) -> Result<PromqlOptions, ApiError> {
    let mut options = state.engine.promql_options();
    if let Some(lookback) = params.lookback()? {
        options.eval.lookback = lookback;
    }
    if let Some(timeout) = params.span("timeout")? {
        options.timeout = options.timeout.min(timeout.unwrap_or_default());
    }
    Ok(options)
}

/// `/prometheus/`: where clients look whether anybody is there.
pub(crate) async fn home() -> &'static str {
    "The Prometheus API is below api/v1.\n"
}

/// `/prometheus/-/ready` and `/-/healthy`; Prometheus answers with a sentence.
pub(crate) async fn ready() -> &'static str {
    "Evenkeel is ready.\n"
}

pub(crate) async fn healthy() -> &'static str {
    "Evenkeel is healthy.\n"
}
