//! The whole URL map on one page: what is served where, and what it asks of its caller.

pub(crate) mod alerts;
pub(crate) mod backup;
pub(crate) mod cardinality;
pub(crate) mod deploys;
pub(crate) mod gates;
pub(crate) mod health;
pub(crate) mod inbox;
pub(crate) mod incidents;
pub(crate) mod logs;
pub(crate) mod oncall;
pub(crate) mod page_links;
pub(crate) mod reports;
pub(crate) mod retrospectives;
pub(crate) mod runbooks;
pub(crate) mod services;
pub(crate) mod session;
pub(crate) mod slo_backfills;
pub(crate) mod slo_reports;
pub(crate) mod slos;
pub(crate) mod sql;
pub(crate) mod targets;
pub(crate) mod tokens;
pub(crate) mod ui;

use axum::{Router, middleware};
use http::Method;

use crate::auth::Access::{AnyRole, Needs, Open};
use crate::auth::Role::{Admin, Ingest, Responder, Viewer};
use crate::dialects::{elastic, hooks, prometheus, telemetry};
use crate::openapi;
use crate::site::{Route, Site};
use crate::state::AppState;

/// Everything on the HTTP port.
pub fn router(state: AppState) -> Router {
    map(&state).build(state)
}

/// The OTLP listener (4318): the three receivers and nothing else.
pub fn otlp_router(state: AppState) -> Router {
    otlp(Site::new(&state)).build(state)
}

/// The Elasticsearch listener: the mount `/elastic`, at `/`.
pub fn elastic_router(state: AppState) -> Router {
    let mounted = elasticsearch(Site::new(&state)).build(state);
    // Around a router of its own, for a path has to be changed before it is looked up.
    Router::new().fallback_service(mounted).layer(middleware::map_request(elastic::below_mount))
}

/// Every route with its access, for tests that walk the map.
pub fn routes(state: &AppState) -> Vec<Route> {
    map(state).routes().to_vec()
}

fn map(state: &AppState) -> Site {
    let site = Site::new(state)
        .probe("/healthz", Open, health::healthz)
        .probe("/readyz", Open, health::readyz)
        .probe("/metrics", Needs(Viewer), health::metrics)
        // Pages that Rust renders.
        .get("/login", Open, session::login_page)
        .form("/login", Open, session::login)
        .get("/p/{token}", Open, page_links::show)
        .form("/p/{token}", Open, page_links::acknowledge)
        .get("/retros/{id}/export.md", Needs(Viewer), retrospectives::export_markdown)
        // Evenkeel's own API.
        .get("/api/openapi.json", AnyRole, openapi::serve)
        .get("/api/session", AnyRole, session::get)
        .post("/api/session", Open, session::create)
        .delete("/api/session", AnyRole, session::delete)
        .get("/api/status", Needs(Viewer), health::status)
        .get("/api/services", Needs(Viewer), services::list)
        .get("/api/slos", Needs(Viewer), slos::list)
        .get("/api/slos/{name}", Needs(Viewer), slos::detail)
        .get("/api/slos/{name}/history", Needs(Viewer), slos::history)
        .get("/api/slos/{name}/report", Needs(Viewer), slo_reports::report)
        .get("/api/slos/{name}/backfills", Needs(Viewer), slo_backfills::list)
        .post("/api/slos/{name}/backfills", Needs(Responder), slo_backfills::begin)
        .get("/api/gates", Needs(Viewer), gates::list)
        .query(Method::GET, "/api/recovery", Needs(Viewer), reports::recovery)
        .query(Method::GET, "/api/delivery", Needs(Viewer), reports::delivery)
        .query(Method::GET, "/api/impact", Needs(Viewer), reports::impact)
        .get("/api/gates/{service}", Needs(Viewer), gates::get)
        .get("/api/gates/{service}/decisions", Needs(Viewer), gates::decisions)
        .post("/api/gates/{service}/override", Needs(Responder), gates::open)
        .get("/api/gates/{service}/overrides", Needs(Viewer), gates::overrides)
        .post("/api/gates/{service}/overrides/{id}/revoke", Needs(Responder), gates::revoke)
        .get("/api/alerts", Needs(Viewer), alerts::list)
        .get("/api/incidents", Needs(Viewer), incidents::list)
        .post("/api/incidents", Needs(Responder), incidents::declare)
        .get("/api/incidents/{id}", Needs(Viewer), incidents::detail)
        .get("/api/incidents/{id}/timeline", Needs(Viewer), incidents::timeline)
        .post("/api/incidents/{id}/acknowledge", Needs(Responder), incidents::acknowledge)
        .post("/api/incidents/{id}/mitigate", Needs(Responder), incidents::mitigate)
        .post("/api/incidents/{id}/restore", Needs(Responder), incidents::restore)
        .post("/api/incidents/{id}/resolve", Needs(Responder), incidents::resolve)
        .post("/api/incidents/{id}/close", Needs(Responder), incidents::close)
        .post("/api/incidents/{id}/notes", Needs(Responder), incidents::add_note)
        .post("/api/incidents/{id}/severity", Needs(Responder), incidents::set_severity)
        .post("/api/incidents/{id}/retrospective", Needs(Responder), retrospectives::draft)
        .get("/api/retrospectives", Needs(Viewer), retrospectives::list)
        .get("/api/retrospectives/{id}", Needs(Viewer), retrospectives::detail)
        .put("/api/retrospectives/{id}", Needs(Responder), retrospectives::save)
        .post("/api/retrospectives/{id}/publish", Needs(Responder), retrospectives::publish)
        .get("/api/runbooks", Needs(Viewer), runbooks::list)
        .get("/api/runbooks/{id}", Needs(Viewer), runbooks::detail)
        .post("/api/runs", Needs(Responder), runbooks::start)
        .get("/api/runs/{id}", Needs(Viewer), runbooks::run)
        .post("/api/runs/{id}/steps/{name}/start", Needs(Responder), runbooks::start_step)
        .post("/api/runs/{id}/steps/{name}/skip", Needs(Responder), runbooks::skip_step)
        .post("/api/runs/{id}/steps/{name}/done", Needs(Responder), runbooks::finish_step)
        .get("/api/oncall", Needs(Viewer), oncall::list)
        .get("/api/targets", Needs(Viewer), targets::list)
        .get("/api/cardinality", Needs(Viewer), cardinality::get)
        .get("/api/inbox", Needs(Viewer), inbox::list)
        .query(Method::POST, "/api/sql", Needs(Viewer), sql::run)
        .query(Method::GET, "/api/logs", Needs(Viewer), logs::search)
        .query(Method::GET, "/api/logs/export", Needs(Viewer), logs::export)
        .query(Method::GET, "/api/logs/histogram", Needs(Viewer), logs::histogram)
        .query(Method::GET, "/api/logs/facets", Needs(Viewer), logs::facets)
        .query(Method::GET, "/api/logs/context", Needs(Viewer), logs::context)
        .query(Method::GET, "/api/logs/tail", Needs(Viewer), logs::tail)
        .query(Method::GET, "/api/sql", Needs(Viewer), sql::download)
        .get("/api/tokens", Needs(Admin), tokens::list)
        .post("/api/tokens", Needs(Admin), tokens::create)
        .post("/api/tokens/{name}/revoke", Needs(Admin), tokens::revoke)
        .get("/api/admin/backup", Needs(Admin), backup::last)
        .post("/api/admin/backup", Needs(Admin), backup::begin)
        .post("/api/login-links", Needs(Admin), tokens::create_login_link)
        .telemetry("/api/events", Needs(Ingest), telemetry::events)
        // What brings its own proof.
        .signed("/hooks/github/{name}", hooks::github)
        .signed("/hooks/gitlab/{name}", hooks::gitlab)
        .signed("/pagerduty/v2/change/enqueue", hooks::pagerduty_change)
        .nothing_else_below("/hooks/{*rest}")
        .nothing_else_below("/api")
        .nothing_else_below("/api/{*rest}")
        // Prometheus: queries and remote write.
        .query(Method::GET, "/prometheus/api/v1/query", Needs(Viewer), prometheus::query)
        .query(Method::POST, "/prometheus/api/v1/query", Needs(Viewer), prometheus::query)
        .query(Method::GET, "/prometheus/api/v1/query_range", Needs(Viewer), prometheus::query_range)
        .query(Method::POST, "/prometheus/api/v1/query_range", Needs(Viewer), prometheus::query_range)
        .query(Method::GET, "/prometheus/api/v1/query_exemplars", Needs(Viewer), prometheus::query_exemplars)
        .query(Method::POST, "/prometheus/api/v1/query_exemplars", Needs(Viewer), prometheus::query_exemplars)
        .get("/prometheus/api/v1/series", Needs(Viewer), prometheus::series)
        .post("/prometheus/api/v1/series", Needs(Viewer), prometheus::series)
        .get("/prometheus/api/v1/labels", Needs(Viewer), prometheus::labels)
        .post("/prometheus/api/v1/labels", Needs(Viewer), prometheus::labels)
        .get("/prometheus/api/v1/label/{name}/values", Needs(Viewer), prometheus::label_values)
        .get("/prometheus/api/v1/metadata", Needs(Viewer), prometheus::metadata)
        .get("/prometheus/api/v1/format_query", Needs(Viewer), prometheus::format_query)
        .post("/prometheus/api/v1/format_query", Needs(Viewer), prometheus::format_query)
        .get("/prometheus/api/v1/parse_query", Needs(Viewer), prometheus::parse_query)
        .post("/prometheus/api/v1/parse_query", Needs(Viewer), prometheus::parse_query)
        .get("/prometheus/api/v1/rules", Needs(Viewer), prometheus::rules)
        .get("/prometheus/api/v1/alerts", Needs(Viewer), prometheus::alerts)
        .get("/prometheus/api/v1/alertmanagers", Needs(Viewer), prometheus::alertmanagers)
        .get("/prometheus/api/v1/targets", Needs(Viewer), prometheus::targets)
        .get("/prometheus/api/v1/targets/metadata", Needs(Viewer), prometheus::targets_metadata)
        .get("/prometheus/api/v1/scrape_pools", Needs(Viewer), prometheus::scrape_pools)
        .get("/prometheus/api/v1/status/buildinfo", Needs(Viewer), prometheus::buildinfo)
        .get("/prometheus/api/v1/status/config", Needs(Viewer), prometheus::config)
        .get("/prometheus/api/v1/status/flags", Needs(Viewer), prometheus::flags)
        .get("/prometheus/api/v1/status/runtimeinfo", Needs(Viewer), prometheus::runtimeinfo)
        .get("/prometheus/api/v1/status/tsdb", Needs(Viewer), prometheus::tsdb)
        .get("/prometheus/api/v1/status/walreplay", Needs(Viewer), prometheus::walreplay)
        .preflight_below("/prometheus/api/v1/", prometheus::preflight)
        .telemetry("/prometheus/api/v1/write", Needs(Ingest), telemetry::remote_write)
        .probe("/prometheus/", Needs(Viewer), prometheus::home)
        .probe("/prometheus/-/ready", Needs(Viewer), prometheus::ready)
        .probe("/prometheus/-/healthy", Needs(Viewer), prometheus::healthy)
        .nothing_else_below("/prometheus")
        .nothing_else_below("/prometheus/{*rest}")
        // Loki: pushing only.
        .telemetry("/loki/api/v1/push", Needs(Ingest), telemetry::loki_push)
        .telemetry("/loki/api/prom/push", Needs(Ingest), telemetry::loki_push)
        .telemetry("/loki/otlp/v1/logs", Needs(Ingest), telemetry::loki_otlp_logs)
        .telemetry("/otlp/v1/logs", Needs(Ingest), telemetry::loki_otlp_logs)
        .probe("/loki/ready", AnyRole, telemetry::loki_ready)
        .nothing_else_below("/loki/{*rest}")
        .nothing_else_below("/otlp/{*rest}");
    // Dialects that are still to come: their clients get a 404, not the dashboard.
    elasticsearch(otlp(site))
        .nothing_else_below("/v1/{*rest}")
        .nothing_else_below("/alertmanager/{*rest}")
        .nothing_else_below("/opsgenie/{*rest}")
        .nothing_else_below("/pagerduty/{*rest}")
        .nothing_else_below("/p")
        .nothing_else_below("/p/{token}/{*rest}")
        // The dashboard: its files, and every path that is nothing else.
        .get("/assets/{*path}", Open, ui::asset)
        .get("/favicon.ico", Open, ui::icon)
        .get("/favicon.svg", Open, ui::icon)
        .get("/", AnyRole, ui::page)
        .get("/{*page}", AnyRole, ui::page)
}

/// Below one mount: `_bulk`, `{index}/_bulk`, and what shippers ask before.
fn elasticsearch(site: Site) -> Site {
    let paths = ["/elastic", "/elastic/", "/elastic/{*path}"];
    paths.into_iter().fold(site, |site, path| site.tree(path, Needs(Ingest), elastic::call))
}

fn otlp(site: Site) -> Site {
    site.telemetry("/v1/metrics", Needs(Ingest), telemetry::otlp_metrics)
        .telemetry("/v1/logs", Needs(Ingest), telemetry::otlp_logs)
        .telemetry("/v1/traces", Needs(Ingest), telemetry::otlp_traces)
}

#[cfg(test)]
mod tests;
