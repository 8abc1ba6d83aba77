//! `/api/sql`: one statement that reads. `POST` answers as the `Accept` header asks: JSON, NDJSON,
//! CSV, an Arrow IPC stream or a Parquet file; `GET` is the same for a link in a browser, which
//! downloads a file.
//!
//! JSON is collected before it is sent, so that an error half-way still is a problem document; the
//! streaming formats break the connection off instead, because a cut result must not look whole.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use query::formats::{self, Format};
use query::{ScalarValue, SqlRows};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, SchemaType};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Role};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::{JsonBody, UrlQuery};
use crate::state::AppState;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlQuery {
    /// One statement; it may read and nothing else.
    query: String,
    /// Values of `$1`, `$2`, ... in the statement: text, numbers, booleans or null.
    #[serde(default)]
    #[schema(schema_with = values_schema)]
    parameters: Vec<Value>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlDownload {
    /// One statement; it may read and nothing else.
    query: String,
    /// `json`, `ndjson`, `csv`, `arrow` or `parquet`; without it what `Accept` asks for.
    format: Option<String>,
}

/// The JSON form of a result. Written by `query::formats`; here for the API document only.
#[derive(Serialize, ToSchema)]
pub(crate) struct SqlResult {
    columns: Vec<SqlColumn>,
    #[schema(schema_with = rows_schema)]
    rows: Vec<Vec<serde_json::Value>>,
}

fn rows_schema() -> Array {
    ArrayBuilder::new().items(ArrayBuilder::new().items(Object::with_type(SchemaType::AnyValue))).build()
}

/// Any JSON values.
fn values_schema() -> Array {
    ArrayBuilder::new().items(Object::with_type(SchemaType::AnyValue)).build()
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
    let format = format_accepted(&headers)?;
    let parameters = body.parameters.into_iter().enumerate().map(|(at, value)| parameter(at, value));
    let parameters = parameters.collect::<WebResult<Vec<ScalarValue>>>()?;
    answer(rows_of(&state, &caller, &body.query, parameters).await?, format).await
}

/// Runs a query and answers with a file to save.
#[utoipa::path(
    get,
    path = "/api/sql",
    operation_id = "download_sql",
    tag = "query",
    params(SqlDownload),
    responses(
        (status = 200, body = SqlResult),
        (status = 400, body = Problem),
        (status = 406, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(crate) async fn download(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    UrlQuery(asked): UrlQuery<SqlDownload>,
) -> WebResult<Response> {
    let format = match asked.format.as_deref() {
        Some(name) => format_named(name)?,
        None => format_accepted(&headers)?,
    };
    let rows = rows_of(&state, &caller, &asked.query, Vec::new()).await?;
    file("query", rows, format).await
}

/// Rows as a file to save, named so and by its format.
pub(super) async fn file(name: &str, rows: SqlRows, format: Format) -> WebResult<Response> {
    let mut response = answer(rows, format).await?;
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    let disposition = HeaderValue::try_from(disposition).map_err(WebError::internal)?;
    response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    Ok(response)
}

async fn rows_of(
    state: &AppState,
    caller: &Caller,
    query: &str,
    parameters: Vec<ScalarValue>,
) -> WebResult<SqlRows> {
    let forbidden = WebError::Forbidden { needed: Role::Viewer, actual: caller.role };
    let role = caller.role.query_role().ok_or(forbidden)?;
    Ok(state.engine.sql_with(query, parameters, role).await?)
}

async fn answer(rows: SqlRows, format: Format) -> WebResult<Response> {
    let bytes = formats::encode(rows, format);
    let body = match format {
        Format::Json => Body::from(formats::collect(bytes).await?),
        Format::Ndjson | Format::Csv | Format::ArrowIpc | Format::Parquet => Body::from_stream(bytes),
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], body).into_response())
}

/// A JSON value as what a query compares with; times are text, which the query casts by itself.
fn parameter(at: usize, value: Value) -> WebResult<ScalarValue> {
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::from(value),
        Value::String(text) => ScalarValue::from(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => ScalarValue::from(integer),
            (None, Some(float)) => ScalarValue::from(float),
            (None, None) => {
                return Err(WebError::bad_field(format!("/parameters/{at}"), "the number does not fit"));
            }
        },
        Value::Array(_) | Value::Object(_) => {
            let message = "a parameter is text, a number, a boolean or null";
            return Err(WebError::bad_field(format!("/parameters/{at}"), message));
        }
    })
}

pub(super) fn format_named(name: &str) -> WebResult<Format> {
    let extensions = || Format::ALL.map(Format::extension).join(", ");
    Format::from_extension(name)
        .ok_or_else(|| WebError::bad_field("?format", format!("{name:?} is none of {}", extensions())))
}

fn format_accepted(headers: &HeaderMap) -> WebResult<Format> {
    let Some(accept) = headers.get(ACCEPT) else { return Ok(Format::Json) };
    accept.to_str().ok().and_then(Format::from_accept).ok_or_else(|| {
        let offered = Format::ALL.map(Format::content_type).join(", ");
        WebError::NotAcceptable(format!("results come as {offered}"))
    })
}
