//! `POST /api/sql`: one statement that reads, answered as the `Accept` header asks: JSON, NDJSON,
//! CSV or an Arrow IPC stream.
//!
//! JSON is collected before it is sent, so that an error half-way still is a problem document; the
//! streaming formats break the connection off instead, because a cut result must not look whole.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use query::formats::{self, Format};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, SchemaType};

use crate::auth::{Caller, Role};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::JsonBody;
use crate::state::AppState;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlQuery {
    /// One statement; it may read and nothing else.
    query: String,
}

/// The JSON form of a result. Written by `query::formats`; here for the API document only.
#[derive(Serialize, ToSchema)]
pub(crate) struct SqlResult {
    columns: Vec<SqlColumn>,
    #[schema(schema_with = rows_schema)]
    rows: Vec<Vec<serde_json::Value>>,
}

/// A cell is any JSON value.
fn rows_schema() -> Array {
    ArrayBuilder::new().items(ArrayBuilder::new().items(Object::with_type(SchemaType::AnyValue))).build()
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SqlColumn {
    name: String,
    r#type: String,
}

/// Runs a query.
#[utoipa::path(
    post,
    path = "/api/sql",
    operation_id = "run_sql",
    tag = "query",
    request_body = SqlQuery,
    responses(
        (status = 200, body = SqlResult),
        (status = 400, body = Problem),
        (status = 406, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(crate) async fn run(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SqlQuery>,
) -> WebResult<Response> {
    let format = wanted_format(&headers)?;
    let forbidden = WebError::Forbidden { needed: Role::Viewer, actual: caller.role };
    let role = caller.role.query_role().ok_or(forbidden)?;
    let rows = state.engine.sql(&body.query, role).await?;
    let bytes = formats::encode(rows, format);
    let body = match format {
        Format::Json => Body::from(formats::collect(bytes).await?),
        Format::Ndjson | Format::Csv | Format::ArrowIpc => Body::from_stream(bytes),
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], body).into_response())
}

fn wanted_format(headers: &HeaderMap) -> WebResult<Format> {
    let Some(accept) = headers.get(ACCEPT) else { return Ok(Format::Json) };
    accept.to_str().ok().and_then(Format::from_accept).ok_or_else(|| {
        let offered = "application/json, application/x-ndjson, text/csv, application/vnd.apache.arrow.stream";
        WebError::NotAcceptable(format!("results come as {offered}"))
    })
}
