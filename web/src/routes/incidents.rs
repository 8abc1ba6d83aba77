//! Incidents: read, declare, and the verbs that people have for them. Each verb is one decision of
//! `alerting`; nothing is decided here.

use alerting::{Actor, AlertFilter, IncidentFilter, IncidentId, PageFilter, Severity, Via};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::auth::{self, Caller};
use crate::dto::alert::Alert;
use crate::dto::incident::{
    Incident, IncidentDetail, IncidentList, IncidentQuery, NewIncidentBody, NoteBody, Page, SeverityBody,
    VerbBody,
};
use crate::dto::retrospective::RetrospectiveRef;
use crate::dto::run::Run;
use crate::dto::runbook::RunbookSuggestion;
use crate::dto::timeline::{Timeline, TimelineEntry};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::{JsonBody, JsonBodyOrDefault, UrlQuery};
use crate::state::AppState;

/// How a person's name gets onto the timeline.
pub(crate) fn actor(caller: &Caller) -> Actor {
    let via = match caller.via {
        auth::Via::Token => Via::Api,
        auth::Via::Session => Via::Web,
    };
    Actor::new(caller.name.clone(), via)
}

pub(crate) fn incident_id(text: &str) -> WebResult<IncidentId> {
    text.parse().map_err(|_| WebError::not_found("incident", text))
}

/// Open incidents, or all, the newest first.
#[utoipa::path(
    get,
    path = "/api/incidents",
    operation_id = "list_incidents",
    tag = "respond",
    params(IncidentQuery),
    responses((status = 200, body = IncidentList))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    UrlQuery(query): UrlQuery<IncidentQuery>,
) -> WebResult<Json<IncidentList>> {
    let open_only = match query.state.as_deref() {
        None | Some("open") => true,
        Some("all") => false,
        Some(other) => {
            return Err(WebError::bad_field("?state", format!("{other:?} is neither open nor all")));
        }
    };
    let limit = query.limit.unwrap_or(u32::MAX).min(state.config.list_rows_max);
    let filter = IncidentFilter { open_only, limit, ..IncidentFilter::default() };
    let incidents = state.alerting.incidents(&filter).await?;
    Ok(Json(IncidentList { incidents: incidents.into_iter().map(Incident::from).collect() }))
}

/// Declares an incident by hand.
#[utoipa::path(
    post,
    path = "/api/incidents",
    operation_id = "declare_incident",
    tag = "respond",
    request_body = NewIncidentBody,
    responses((status = 201, body = Incident), (status = 400, body = Problem))
)]
pub(crate) async fn declare(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<NewIncidentBody>,
) -> WebResult<Response> {
    let severity = severity_field(&body.severity)?;
    let service = body.service.as_deref();
    let id = state.alerting.declare(&body.title, service, severity, &actor(&caller)).await?;
    Ok((StatusCode::CREATED, Json(Incident::from(state.alerting.incident(id).await?))).into_response())
}

/// One incident with everything around it.
#[utoipa::path(
    get,
    path = "/api/incidents/{id}",
    operation_id = "get_incident",
    tag = "respond",
    params(("id" = String, Path)),
    responses((status = 200, body = IncidentDetail), (status = 404, body = Problem))
)]
pub(crate) async fn detail(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> WebResult<Json<IncidentDetail>> {
    let id = incident_id(&id)?;
    let incident = state.alerting.incident(id).await?;
    let limit = state.config.list_rows_max;
    let alerts = AlertFilter { incident: Some(id), limit, ..AlertFilter::default() };
    let alerts = state.alerting.alerts(&alerts).await?;
    let pages = state.alerting.pages(&PageFilter { incident: Some(id), limit }).await?;
    let retrospective = state.runbooks.retrospective_of(id).await?;
    Ok(Json(IncidentDetail {
        incident: Incident::from(incident),
        alerts: alerts.into_iter().map(Alert::from).collect(),
        pages: pages.into_iter().map(Page::from).collect(),
        runbooks: state.runbooks.suggest(id).await?.into_iter().map(RunbookSuggestion::from).collect(),
        runs: state.runbooks.runs_of(id).await?.into_iter().map(Run::from).collect(),
        retrospective: retrospective
            .map(|retro| RetrospectiveRef { id: retro.id, state: retro.state.into() }),
    }))
}

/// What happened, in order.
#[utoipa::path(
    get,
    path = "/api/incidents/{id}/timeline",
    operation_id = "get_incident_timeline",
    tag = "respond",
    params(("id" = String, Path)),
    responses((status = 200, body = Timeline), (status = 404, body = Problem))
)]
pub(crate) async fn timeline(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> WebResult<Json<Timeline>> {
    let entries = state.runbooks.timeline(incident_id(&id)?).await?;
    Ok(Json(Timeline { entries: entries.into_iter().map(TimelineEntry::from).collect() }))
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident at $path:literal;)*) => {
        $($(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            operation_id = concat!(stringify!($verb), "_incident"),
            tag = "respond",
            params(("id" = String, Path)),
            request_body = VerbBody,
            responses((status = 200, body = Incident), (status = 404, body = Problem), (status = 409, body = Problem))
        )]
        pub(crate) async fn $verb(
            State(state): State<AppState>,
            caller: Caller,
            Path(id): Path<String>,
            JsonBodyOrDefault(body): JsonBodyOrDefault<VerbBody>,
        ) -> WebResult<Json<Incident>> {
            let (id, actor) = (incident_id(&id)?, actor(&caller));
            state.alerting.$verb(id, &actor).await?;
            if let Some(note) = body.note.filter(|note| !note.trim().is_empty()) {
                state.alerting.add_note(id, &note, &actor).await?;
            }
            Ok(Json(Incident::from(state.alerting.incident(id).await?)))
        })*
    };
}

verbs! {
    /// Somebody takes it: pages and escalation stop.
    acknowledge at "/api/incidents/{id}/acknowledge";
    /// Users are no longer hurt.
    mitigate at "/api/incidents/{id}/mitigate";
    /// The service is back.
    restore at "/api/incidents/{id}/restore";
    /// It is over.
    resolve at "/api/incidents/{id}/resolve";
    /// The write-up is done, or waived.
    close at "/api/incidents/{id}/close";
}

/// Puts a note on the timeline.
#[utoipa::path(
    post,
    path = "/api/incidents/{id}/notes",
    operation_id = "add_incident_note",
    tag = "respond",
    params(("id" = String, Path)),
    request_body = NoteBody,
    responses((status = 204), (status = 404, body = Problem))
)]
pub(crate) async fn add_note(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<NoteBody>,
) -> WebResult<StatusCode> {
    let id = incident_id(&id)?;
    state.alerting.add_note(id, &body.text, &actor(&caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the severity.
#[utoipa::path(
    post,
    path = "/api/incidents/{id}/severity",
    operation_id = "set_incident_severity",
    tag = "respond",
    params(("id" = String, Path)),
    request_body = SeverityBody,
    responses((status = 200, body = Incident), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn set_severity(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<SeverityBody>,
) -> WebResult<Json<Incident>> {
    let id = incident_id(&id)?;
    let severity = severity_field(&body.severity)?;
    Ok(Json(Incident::from(state.alerting.set_severity(id, severity, &actor(&caller)).await?)))
}

fn severity_field(text: &str) -> WebResult<Severity> {
    Severity::parse(text)
        .ok_or_else(|| WebError::bad_field("/severity", format!("{text:?} is not SEV1 to SEV5")))
}
