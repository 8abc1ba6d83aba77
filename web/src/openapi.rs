//! The API document, OpenAPI 3.1: what the dashboard's types are generated from.
//!
//! Only Evenkeel's own API is in it; foreign dialects are documented by those who own them. A test
//! compares its paths with the URL map.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

use crate::routes::{
    alerts, backup, cardinality, gates, health, inbox, incidents, logs, oncall, reports, retrospectives,
    runbooks, services, session, slo_backfills, slo_reports, slos, sql, targets, tokens,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Evenkeel", description = "Telemetry in, error budgets out, the right person paged."),
    security(("token" = [])),
    modifiers(&Token),
    components(schemas(crate::error::Problem)),
    paths(
        alerts::list,
        backup::last,
        backup::begin,
        cardinality::get,
        gates::get,
        gates::list,
        gates::decisions,
        gates::open,
        gates::overrides,
        gates::revoke,
        health::status,
        inbox::list,
        incidents::list,
        incidents::declare,
        incidents::detail,
        incidents::timeline,
        incidents::acknowledge,
        incidents::mitigate,
        incidents::restore,
        incidents::resolve,
        incidents::close,
        incidents::add_note,
        incidents::set_severity,
        logs::search,
        logs::export,
        logs::histogram,
        logs::facets,
        logs::context,
        logs::tail,
        oncall::list,
        reports::recovery,
        reports::delivery,
        reports::impact,
        retrospectives::list,
        retrospectives::draft,
        retrospectives::detail,
        retrospectives::save,
        retrospectives::publish,
        runbooks::list,
        runbooks::detail,
        runbooks::start,
        runbooks::run,
        runbooks::start_step,
        runbooks::skip_step,
        runbooks::finish_step,
        services::list,
        session::get,
        session::create,
        session::delete,
        slos::list,
        slos::detail,
        slos::history,
        slo_reports::report,
        slo_backfills::list,
        slo_backfills::begin,
        sql::run,
        sql::download,
        targets::list,
        tokens::list,
        tokens::create,
        tokens::revoke,
        tokens::create_login_link,
    )
)]
struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document
}

/// The document as text: what `/api/openapi.json` serves, and what `web/ui/openapi.json` holds.
pub fn openapi_json() -> String {
    document().to_pretty_json().expect("a document of maps, lists and texts is JSON")
}

/// `/api/openapi.json`
pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
