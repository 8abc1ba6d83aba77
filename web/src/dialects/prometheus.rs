//! The Prometheus query API, mounted at `/prometheus`: parameters by query string or form, the
//! envelope `{status, data, errorType, error, warnings, infos}`, values as strings.

mod answer;
mod exemplars;
mod expressions;
mod params;
mod rules;
mod series;
mod status;
mod targets;
mod times;
mod tsdb;
mod value;

use axum::extract::State;
use axum::response::Response;
use query::PromqlOptions;
use query::promql::TimeRange;

use crate::state::AppState;
use answer::{ApiError, answer};
use params::Params;
use value::QueryData;

pub(crate) use exemplars::query_exemplars;
pub(crate) use expressions::{format_query, parse_query};
pub(crate) use rules::{alerts, rules};
pub(crate) use series::{label_values, labels, metadata, series};
pub(crate) use status::{alertmanagers, buildinfo, config, flags, runtimeinfo};
pub(crate) use targets::{scrape_pools, targets, targets_metadata};
pub(crate) use tsdb::tsdb;

/// `/prometheus/api/v1/query`
pub(crate) async fn query(State(state): State<AppState>, params: Params) -> Response {
    answer(instant(&state, &params).await)
}

async fn instant(state: &AppState, params: &Params) -> Result<answer::Success<QueryData>, ApiError> {
    let expr = params.required("query")?;
    let at = params.time("time")?.unwrap_or_else(|| state.clock.now());
    let options = options(state, params)?;
    let evaluated = state.engine.promql_instant(expr, at, options).await?;
    Ok(value::data(evaluated, at, params.limit()?))
}

/// `/prometheus/api/v1/query_range`
pub(crate) async fn query_range(State(state): State<AppState>, params: Params) -> Response {
    answer(range(&state, &params).await)
}

async fn range(state: &AppState, params: &Params) -> Result<answer::Success<QueryData>, ApiError> {
    let expr = params.required("query")?;
    let (start, end) = (params.required_time("start")?, params.required_time("end")?);
    let range = TimeRange { start, end, step: params.step()? };
    let options = options(state, params)?;
    let evaluated = state.engine.promql_range(expr, range, options).await?;
    Ok(value::data(evaluated, end, params.limit()?))
}

/// A request may narrow what the configuration allows, never widen it.
fn options(state: &AppState, params: &Params) -> Result<PromqlOptions, ApiError> {
    let mut options = state.engine.promql_options();
    if let Some(lookback) = params.duration("lookback_delta")? {
        options.eval.lookback = lookback;
    }
    if let Some(timeout) = params.duration("timeout")? {
        options.timeout = options.timeout.min(timeout);
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
