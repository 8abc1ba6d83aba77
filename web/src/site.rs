//! The builder behind the URL map: a route cannot be mounted without saying what it asks of its
//! caller, and which kind of traffic it is decides its bounds.
//!
//! Around every route, outermost first: security headers, a net for panics, measuring, the guard
//! (who is it), admission and time limit. Bodies are bounded per route.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::auth::AccessMap;
use crate::auth::{Access, Guard};
use crate::dialects::{elastic, otlp, prometheus};
use crate::error::WebError;
use crate::observe;
use crate::security;
use crate::state::AppState;

/// One line of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
}

/// How a route's traffic is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traffic {
    /// JSON and queries: body limit, admission, time limit; answers are compressed for who asks.
    Api,
    /// A query: as the API, but its time limit is the one of its role.
    Query,
    /// Forms of a few fields: a small body limit; else as the API.
    Form,
    /// Telemetry: `ingest` reads the body itself and has its own bounds; a sender that trickles its
    /// body is cut off by the time limit.
    Telemetry,
    /// As telemetry, and few at a time: anybody can send these.
    Signed,
    /// Health and own metrics: answered also when everything else is busy.
    Probe,
}

pub(crate) struct Site {
    router: Router<AppState>,
    routes: Vec<Route>,
    bounds: Bounds,
}

#[derive(Clone)]
struct Bounds {
    api_body_bytes_max: usize,
    form_body_bytes_max: usize,
    requests: Admission,
    signed: Admission,
    timeout: Duration,
}

/// How many requests are under way at once, and the setting that says so.
#[derive(Clone)]
struct Admission {
    places: Arc<Semaphore>,
    setting: &'static str,
}

impl Admission {
    fn new(places: usize, setting: &'static str) -> Admission {
        Admission { places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))), setting }
    }
}

macro_rules! methods {
    ($($verb:ident, $method:ident;)*) => {
        $(pub(crate) fn $verb<H, T>(self, path: &'static str, access: Access, handler: H) -> Site
        where
            H: Handler<T, AppState>,
            T: 'static,
        {
            let route = on(MethodFilter::$method, handler);
            self.mount(Method::$method, path, access, Traffic::Api, route)
        })*
    };
}

impl Site {
    pub(crate) fn new(state: &AppState) -> Site {
        let config = &state.config;
        let bounds = Bounds {
            api_body_bytes_max: config.api_body_bytes_max,
            form_body_bytes_max: config.form_body_bytes_max,
            requests: Admission::new(config.api_requests_max, "web.api_requests_max"),
            signed: Admission::new(config.signed_requests_max, "web.signed_requests_max"),
            timeout: config.request_timeout,
        };
        Site { router: Router::new(), routes: Vec::new(), bounds }
    }

    methods! {
        get, GET;
        post, POST;
        put, PUT;
        delete, DELETE;
    }

    /// A query, whose time `query` bounds.
    pub(crate) fn query<H, T>(self, method: Method, path: &'static str, access: Access, handler: H) -> Site
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let filter = if method == Method::GET { MethodFilter::GET } else { MethodFilter::POST };
        self.mount(method, path, access, Traffic::Query, on(filter, handler))
    }

    /// A form of a few fields, sent by one of our own pages.
    pub(crate) fn form<H, T>(self, path: &'static str, access: Access, handler: H) -> Site
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.mount(Method::POST, path, access, Traffic::Form, on(MethodFilter::POST, handler))
    }

    /// Telemetry coming in.
    pub(crate) fn telemetry<H, T>(self, path: &'static str, access: Access, handler: H) -> Site
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.mount(Method::POST, path, access, Traffic::Telemetry, on(MethodFilter::POST, handler))
    }

    /// A request that brings its own proof instead of a token.
    pub(crate) fn signed<H, T>(self, path: &'static str, handler: H) -> Site
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let route = on(MethodFilter::POST, handler);
        self.mount(Method::POST, path, Access::Signed, Traffic::Signed, route)
    }

    /// A foreign server's tree: whoever handles it finds the call by method and path.
    pub(crate) fn tree<H, T>(self, path: &'static str, access: Access, handler: H) -> Site
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let methods = [
            (Method::GET, MethodFilter::GET),
            (Method::POST, MethodFilter::POST),
            (Method::PUT, MethodFilter::PUT),
            (Method::DELETE, MethodFilter::DELETE),
        ];
        methods.into_iter().fold(self, |site, (method, filter)| {
            site.mount(method, path, access, Traffic::Telemetry, on(filter, handler.clone()))
        })
    }

    /// A question about the server itself.
    pub(crate) fn probe<H, T>(self, path: &'static str, access: Access, handler: H) -> Site
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.mount(Method::GET, path, access, Traffic::Probe, on(MethodFilter::GET, handler))
    }

    /// `OPTIONS` of every path that was mounted below `prefix`, for browsers that ask before they send
    /// a token: open, and the same for all.
    pub(crate) fn preflight_below<H, T>(mut self, prefix: &str, handler: H) -> Site
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let below = self.routes.iter().map(|route| route.path).filter(|path| path.starts_with(prefix));
        for path in below.collect::<BTreeSet<_>>() {
            let route = on(MethodFilter::OPTIONS, handler.clone());
            self = self.mount(Method::OPTIONS, path, Access::Open, Traffic::Probe, route);
        }
        self
    }

    /// Every method of whatever is not served below `path`: a problem document, never a page.
    pub(crate) fn nothing_else_below(mut self, path: &'static str) -> Site {
        self.router = self.router.route(path, axum::routing::any(|| async { WebError::NoSuchPath }));
        let methods =
            [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
        let routes = methods.map(|method| Route { method, path, access: Access::Open });
        self.routes.extend(routes);
        self
    }

    fn mount(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        traffic: Traffic,
        handler: MethodRouter<AppState>,
    ) -> Site {
        let bounds = self.bounds.clone();
        let (api_max, form_max) = (bounds.api_body_bytes_max, bounds.form_body_bytes_max);
        let in_time = middleware::from_fn_with_state(bounds.clone(), in_time);
        let admitted = |admission: &Admission| middleware::from_fn_with_state(admission.clone(), admit);
        let requests = &bounds.requests;
        // Before an answer is compressed.
        let in_envelope = middleware::from_fn(prometheus::in_envelope);
        let handler = match traffic {
            Traffic::Api => {
                let handler: MethodRouter<AppState> =
                    handler.layer(DefaultBodyLimit::max(api_max)).layer(in_time).layer(admitted(requests));
                let handler: MethodRouter<AppState> = handler.layer(in_envelope);
                handler.layer(CompressionLayer::new())
            }
            Traffic::Query => {
                let handler: MethodRouter<AppState> =
                    handler.layer(DefaultBodyLimit::max(api_max)).layer(admitted(requests));
                let handler: MethodRouter<AppState> = handler.layer(in_envelope);
                handler.layer(CompressionLayer::new())
            }
            Traffic::Form => {
                handler.layer(DefaultBodyLimit::max(form_max)).layer(in_time).layer(admitted(requests))
            }
            Traffic::Telemetry => handler.layer(DefaultBodyLimit::disable()).layer(in_time),
            Traffic::Signed => {
                handler.layer(DefaultBodyLimit::disable()).layer(in_time).layer(admitted(&bounds.signed))
            }
            Traffic::Probe => handler.layer(DefaultBodyLimit::max(0)).layer(in_time),
        };
        self.router = self.router.route(path, handler);
        self.routes.push(Route { method, path, access });
        self
    }

    pub(crate) fn routes(&self) -> &[Route] {
        &self.routes
    }

    pub(crate) fn build(self, state: AppState) -> Router {
        let mut access = AccessMap::new();
        for route in &self.routes {
            access.entry(route.path).or_default().push((route.method.clone(), route.access));
        }
        let guard = Guard::new(state.auth.clone(), &state.config, access);
        let is_https = state.config.is_https();
        self.router
            .method_not_allowed_fallback(|| async { WebError::MethodNotAllowed })
            .route_layer(middleware::from_fn_with_state(guard, Guard::check))
            .route_layer(middleware::from_fn_with_state(state.metrics.clone(), observe::measure))
            .fallback(|| async { WebError::NoSuchPath })
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn(elastic::answer_in_kind))
            .layer(middleware::from_fn(otlp::answer_in_kind))
            .layer(middleware::from_fn(prometheus::across_origins))
            .layer(middleware::from_fn(move |request: Request, next: Next| {
                security::headers(is_https, request, next)
            }))
            .with_state(state)
    }
}

/// Nothing waits in line here: over the bound the client is told to come again.
async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let Ok(_permit) = admission.places.try_acquire() else {
        let message = format!("too many requests are being answered ({})", admission.setting);
        return WebError::Unavailable { message, retry_after: Some(Duration::from_secs(1)) }.into_response();
    };
    next.run(request).await
}

async fn in_time(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(bounds.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => WebError::Timeout(bounds.timeout).into_response(),
    }
}

/// The panic's text may hold what a stranger must not see: it goes to the log.
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("(not text)"), "a handler panicked");
    WebError::internal("a handler panicked").into_response()
}
