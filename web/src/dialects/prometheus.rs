//! The Prometheus query API, mounted at `/prometheus`: parameters by query string or form, the
//! envelope `{status, data, errorType, error, warnings, infos}`, values as strings.
//!
//! `features` is left out of `status/buildinfo` on purpose: Grafana takes a server that has it for
//! Mimir with a ruler.

mod answer;
mod params;
mod series;
mod times;
mod value;

use axum::extract::State;
use axum::response::Response;
use query::PromqlOptions;
use query::promql::TimeRange;
use serde::Serialize;

use crate::state::AppState;
use answer::{ApiError, answer};
use params::Params;
use value::QueryData;

/// The Prometheus whose query semantics these are; clients switch features on by it.
const SPOKEN_VERSION: &str = "3.0.0";

pub(crate) use series::{label_values, labels, metadata, series};

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

/// `/prometheus/api/v1/status/buildinfo`
pub(crate) async fn buildinfo(State(state): State<AppState>) -> Response {
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
    answer(Ok(answer::Success::of(BuildInfo {
        version: SPOKEN_VERSION,
        revision: format!("evenkeel-{}", state.version),
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
    })))
}

/// `/prometheus/-/ready` and `/-/healthy`; Prometheus answers with a sentence.
pub(crate) async fn ready() -> &'static str {
    "Evenkeel is ready.\n"
}

pub(crate) async fn healthy() -> &'static str {
    "Evenkeel is healthy.\n"
}
