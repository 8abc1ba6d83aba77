//! Logs: search, files, counts over time, facets, the lines around one, and the live tail as server-sent
//! events.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt, stream};
use query::QueryRole;
use query::formats::Format;
use query::logs::{Direction, Level, LineId, LogFilter, LogQuery, LogSearch, LogStream, TailNews};
use telemetry::Timestamp;

use crate::auth::{Caller, Role};
use crate::dto::log::{
    Filtered, LogContext, LogContextQuery, LogExportQuery, LogFacets, LogFilterQuery, LogHistogram, LogPage,
    LogPageQuery, TailLagged, TailLines, lines,
};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::UrlQuery;
use crate::routes::sql;
use crate::state::AppState;

/// How far back a search goes that names no beginning.
const RANGE_DEFAULT: Duration = Duration::from_secs(3_600);
/// A screen or two.
const LIMIT_DEFAULT: usize = 200;
const CONTEXT_DEFAULT: usize = 20;
/// Lines of one event: what a browser takes in at once.
const EVENT_LINES_MAX: usize = 500;
/// Proxies end connections on which nothing comes for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Lines that match, from the newest on.
#[utoipa::path(
    get,
    path = "/api/logs",
    operation_id = "search_logs",
    tag = "logs",
    params(LogFilterQuery, LogPageQuery),
    responses((status = 200, body = LogPage), (status = 400, body = Problem))
)]
pub(crate) async fn search(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(Filtered { filter, rest: page }): UrlQuery<Filtered<LogPageQuery>>,
) -> WebResult<Json<LogPage>> {
    let role = role_of(&caller)?;
    let limit = number_field("?limit", page.limit.as_deref(), state.engine.config().logs.page_lines_max)?;
    let direction = direction_field(page.direction.as_deref())?;
    let after = page.after.as_deref().filter(|text| !text.is_empty()).map(|text| line_field("?after", text));
    let after = after.transpose()?;
    let filter = filter_of(filter, state.clock.now())?;
    let search = LogSearch { filter, direction, after, limit: limit.unwrap_or(LIMIT_DEFAULT) };
    Ok(Json(state.engine.log_search(&search, role).await?.into()))
}

/// Lines that match, as a file with all columns of the table `logs`.
#[utoipa::path(
    get,
    path = "/api/logs/export",
    operation_id = "export_logs",
    tag = "logs",
    params(LogFilterQuery, LogExportQuery),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
        (status = 400, body = Problem)
    )
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(Filtered { filter, rest: file }): UrlQuery<Filtered<LogExportQuery>>,
) -> WebResult<Response> {
    let role = role_of(&caller)?;
    let lines_max = state.engine.config().logs.export_lines_max;
    let limit = number_field("?limit", file.limit.as_deref(), lines_max)?.unwrap_or(lines_max);
    let direction = direction_field(file.direction.as_deref())?;
    let format = match file.format.as_deref() {
        None | Some("") => Format::Csv,
        Some(name) => sql::format_named(name)?,
    };
    let filter = filter_of(filter, state.clock.now())?;
    let rows = state.engine.log_rows(&filter, direction, limit, role).await?;
    sql::file("logs", rows, format).await
}

/// How many lines match, over time and by severity.
#[utoipa::path(
    get,
    path = "/api/logs/histogram",
    operation_id = "log_histogram",
    tag = "logs",
    params(LogFilterQuery),
    responses((status = 200, body = LogHistogram), (status = 400, body = Problem))
)]
pub(crate) async fn histogram(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(query): UrlQuery<LogFilterQuery>,
) -> WebResult<Json<LogHistogram>> {
    let filter = filter_of(query, state.clock.now())?;
    Ok(Json(state.engine.log_histogram(&filter, role_of(&caller)?).await?.into()))
}

/// What the lines that match have in common.
#[utoipa::path(
    get,
    path = "/api/logs/facets",
    operation_id = "log_facets",
    tag = "logs",
    params(LogFilterQuery),
    responses((status = 200, body = LogFacets), (status = 400, body = Problem))
)]
pub(crate) async fn facets(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(query): UrlQuery<LogFilterQuery>,
) -> WebResult<Json<LogFacets>> {
    let filter = filter_of(query, state.clock.now())?;
    Ok(Json(state.engine.log_facets(&filter, role_of(&caller)?).await?.into()))
}

/// What the same service on the same host wrote before and after a line, up to a day away.
#[utoipa::path(
    get,
    path = "/api/logs/context",
    operation_id = "log_context",
    tag = "logs",
    params(LogContextQuery),
    responses((status = 200, body = LogContext), (status = 400, body = Problem))
)]
pub(crate) async fn context(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(query): UrlQuery<LogContextQuery>,
) -> WebResult<Json<LogContext>> {
    let lines_max = state.engine.config().logs.context_lines_max;
    let count = number_field("?lines", query.lines.as_deref(), lines_max)?.unwrap_or(CONTEXT_DEFAULT);
    let line = line_field("?id", &query.id)?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let stream = LogStream { service: given(query.service), host: given(query.host) };
    Ok(Json(state.engine.logs_around(line, stream, count, role_of(&caller)?).await?.into()))
}

/// Lines that match, as they are stored: events `lines` and `lagged`, and a comment every 15 seconds. The
/// times of the filter do not count. Ends when the client goes.
#[utoipa::path(
    get,
    path = "/api/logs/tail",
    operation_id = "tail_logs",
    tag = "logs",
    params(LogFilterQuery),
    responses(
        (status = 200, content((TailLines = "text/event-stream"), (TailLagged = "text/event-stream"))),
        (status = 400, body = Problem),
        (status = 429, body = Problem, description = "as many tails as there may be (query.logs.tails_max)")
    )
)]
pub(crate) async fn tail(
    State(state): State<AppState>,
    UrlQuery(query): UrlQuery<LogFilterQuery>,
) -> WebResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let tail = state.engine.log_tail(filter_of(query, state.clock.now())?)?;
    let news = stream::unfold(tail, async |mut tail| Some((tail.next().await?, tail)));
    let events = news.flat_map(|news| stream::iter(events_of(news)).map(Ok));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive")))
}

fn events_of(news: TailNews) -> Vec<Event> {
    // Maps of texts, lists and numbers always are JSON.
    let event = |name: &str, data: Result<Event, axum::Error>| data.unwrap_or_default().event(name);
    match news {
        TailNews::Lagged(lines) => vec![event("lagged", Event::default().json_data(TailLagged { lines }))],
        TailNews::Lines(mut rest) => {
            let mut events = Vec::new();
            while !rest.is_empty() {
                let next = rest.split_off(rest.len().min(EVENT_LINES_MAX));
                let part = TailLines { lines: lines(std::mem::replace(&mut rest, next)) };
                events.push(event("lines", Event::default().json_data(part)));
            }
            events
        }
    }
}

fn role_of(caller: &Caller) -> WebResult<QueryRole> {
    let forbidden = WebError::Forbidden { needed: Role::Viewer, actual: caller.role };
    caller.role.query_role().ok_or(forbidden)
}

fn filter_of(query: LogFilterQuery, now: Timestamp) -> WebResult<LogFilter> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let to = time_field("?to", given(query.to))?.unwrap_or(now);
    let from = time_field("?from", given(query.from))?.unwrap_or_else(|| to.minus(RANGE_DEFAULT));
    if from >= to {
        return Err(WebError::bad_field("?from", "it is not before `to`"));
    }
    let severity_min = given(query.severity).map(|text| {
        let message = || format!("{text:?} is none of trace, debug, info, warn, error, fatal");
        Level::parse(&text).ok_or_else(|| WebError::bad_field("?severity", message()))
    });
    let trace_id = given(query.trace_id).map(|text| {
        let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id {
            Ok(text.to_lowercase())
        } else {
            Err(WebError::bad_field("?trace_id", "not 32 hex digits"))
        }
    });
    let services = given(query.service).unwrap_or_default();
    let services = services.split(',').map(str::trim).filter(|name| !name.is_empty());
    let text = query.q.unwrap_or_default();
    Ok(LogFilter {
        from,
        to,
        services: services.map(str::to_owned).collect(),
        severity_min: severity_min.transpose()?,
        trace_id: trace_id.transpose()?,
        query: LogQuery::parse(&text).map_err(|error| WebError::bad_field("?q", error.to_string()))?,
        stream: None,
    })
}

fn time_field(pointer: &str, text: Option<String>) -> WebResult<Option<Timestamp>> {
    let time = text.map(|text| Timestamp::parse_rfc3339(&text));
    time.transpose().map_err(|error| WebError::bad_field(pointer, error.to_string()))
}

fn line_field(pointer: &str, text: &str) -> WebResult<LineId> {
    text.parse().map_err(|message: String| WebError::bad_field(pointer, message))
}

fn direction_field(text: Option<&str>) -> WebResult<Direction> {
    match text {
        None | Some("" | "backward") => Ok(Direction::Backward),
        Some("forward") => Ok(Direction::Forward),
        Some(other) => {
            let message = format!("{other:?} is neither backward nor forward");
            Err(WebError::bad_field("?direction", message))
        }
    }
}

fn number_field(pointer: &str, text: Option<&str>, max: usize) -> WebResult<Option<usize>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let number: Option<usize> = text.parse().ok().filter(|number| (1..=max).contains(number));
    let message = || format!("{text:?} is not a number from 1 to {max}");
    number.map(Some).ok_or_else(|| WebError::bad_field(pointer, message()))
}
