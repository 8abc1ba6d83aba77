//! Queries as texts: laid out, and as trees. Nothing is evaluated.

use axum::response::Response;
use query::promql;

use super::answer::{ApiError, Success, answer};
use super::params::Params;

/// `/prometheus/api/v1/format_query`
pub(crate) async fn format_query(params: Params) -> Response {
    answer(read(&params, promql::format))
}

/// `/prometheus/api/v1/parse_query`
pub(crate) async fn parse_query(params: Params) -> Response {
    answer(read(&params, promql::syntax_tree))
}

fn read<T>(
    params: &Params,
    reader: impl FnOnce(&str) -> Result<T, promql::PromqlError>,
) -> Result<Success<T>, ApiError> {
    Ok(Success::of(reader(params.required("query")?)?))
}
