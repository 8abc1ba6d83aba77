//! What web tells about itself: one count and one latency histogram by route, method and status.
//!
//! The route is the pattern of the URL map (`/api/slos/{name}`), never the path, so that the number
//! of series is bounded by the map.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// From a cached asset to a query at its time limit.
const LATENCY_BUCKETS_SECS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// The counters; clones share them.
#[derive(Clone)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    latency: Family<RequestLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Default for HttpMetrics {
    fn default() -> HttpMetrics {
        HttpMetrics {
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS_SECS)),
            in_flight: Gauge::default(),
        }
    }
}

impl HttpMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("evenkeel_http_requests", "Requests answered", self.requests.clone());
        registry.register(
            "evenkeel_http_request_duration_seconds",
            "From a request's head to its answer's head",
            self.latency.clone(),
        );
        registry.register(
            "evenkeel_http_requests_in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
    }

    fn record(&self, method: &'static str, route: String, status: u16, took: Duration) {
        let labels = RequestLabels { method, route, status };
        self.latency.get_or_create(&labels).observe(took.as_secs_f64());
        self.requests.get_or_create(&labels).inc();
    }
}

/// Measures a duration, decides nothing.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods)] // the reason is above
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Counted down also when the client goes away and the handler is dropped.
struct InFlight(Gauge);

impl InFlight {
    fn enter(gauge: &Gauge) -> InFlight {
        gauge.inc();
        InFlight(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The middleware. Needs the matched path, so it is a `route_layer`.
pub(crate) async fn measure(State(metrics): State<HttpMetrics>, request: Request, next: Next) -> Response {
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let in_flight = InFlight::enter(&metrics.in_flight);
    let stopwatch = Stopwatch::start();
    let response = next.run(request).await;
    let took = stopwatch.elapsed();
    drop(in_flight);
    let status = response.status().as_u16();
    tracing::debug!(method, route, status, took_us = took.as_micros() as u64, "request answered");
    metrics.record(method, route, status, took);
    response
}

/// Methods are the client's choice: unknown ones share a name.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The registry as OpenMetrics text.
pub(crate) fn openmetrics(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry)?;
    Ok(text)
}

pub(crate) const OPENMETRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_carry_the_route_pattern() {
        let (metrics, mut registry) = (HttpMetrics::default(), Registry::default());
        metrics.register(&mut registry);
        metrics.record("GET", "/api/slos/{name}".into(), 200, Duration::from_millis(3));
        let text = openmetrics(&registry).unwrap();
        assert!(
            text.contains(
                r#"evenkeel_http_requests_total{method="GET",route="/api/slos/{name}",status="200"} 1"#
            ),
            "{text}"
        );
        assert!(
            text.contains(r#"_bucket{le="0.005",method="GET",route="/api/slos/{name}",status="200"} 1"#),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
