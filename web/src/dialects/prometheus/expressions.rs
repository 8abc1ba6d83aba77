//! Queries as texts: laid out, and as trees. Nothing is evaluated.

use axum::response::Response;
use query::promql;

use super::answer::{ApiError, Success, answer, aside};
use super::of_expression;
use super::params::Params;

/// `/prometheus/api/v1/format_query`
pub(crate) async fn format_query(params: Params) -> Response {
    answer(aside(move || read(&params, promql::format)).await)
}

/// `/prometheus/api/v1/parse_query`
pub(crate) async fn parse_query(params: Params) -> Response {
    answer(aside(move || read(&params, promql::syntax_tree)).await)
}

fn read<T>(
    params: &Params,
    reader: impl FnOnce(&str) -> Result<T, promql::PromqlError>,
) -> Result<Success<T>, ApiError> {
    Ok(Success::of(reader(params.expression()?).map_err(of_expression)?))
}
