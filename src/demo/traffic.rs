//! The game's telemetry: what its exporters would have sent over the past weeks, and what they send
//! now.

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use telemetry::Timestamp;

use super::game::{
    Count, Game, LATENCY_BOUNDS_SECS, REGIONS, Region, SERVICES, answered_within, players_online,
};
use super::otlp;

/// The history has a point this often.
pub const HISTORY_STEP: Duration = Duration::from_secs(30);
const SCOPE: &str = "evenkeel.demo.game";

/// Counters since `start`, by service and region.
#[derive(Debug)]
pub struct Traffic {
    start: Timestamp,
    /// Up to here everything is counted.
    counted_to: Timestamp,
    totals: BTreeMap<(&'static str, &'static str), Count>,
}

impl Traffic {
    pub fn starting_at(start: Timestamp) -> Traffic {
        Traffic { start, counted_to: start, totals: BTreeMap::new() }
    }

    pub fn counted_to(&self) -> Timestamp {
        self.counted_to
    }

    /// Counts up to `now`.
    fn count(&mut self, game: &Game, now: Timestamp) {
        for service in &SERVICES {
            for region in &REGIONS {
                let new = game.count_between(service, region, self.counted_to, now);
                let total = self.totals.entry((service.name, region.name)).or_default();
                total.ok += new.ok;
                total.failed += new.failed;
            }
        }
        self.counted_to = now.max(self.counted_to);
    }

    fn total(&self, service: &'static str, region: &Region) -> Count {
        self.totals.get(&(service, region.name)).copied().unwrap_or_default()
    }

    /// Everything between what is counted and `to` as one request: a point per [`HISTORY_STEP`].
    pub fn history(&mut self, game: &Game, to: Timestamp) -> ExportMetricsServiceRequest {
        let mut points: BTreeMap<&'static str, Vec<_>> = BTreeMap::new();
        let mut players = Vec::new();
        while self.counted_to < to {
            let at = self.counted_to.floor_to(HISTORY_STEP).plus(HISTORY_STEP).min(to);
            self.count(game, at);
            for region in &REGIONS {
                for service in &SERVICES {
                    points.entry(service.name).or_default().extend(self.request_points(
                        service.name,
                        region,
                        at,
                    ));
                }
                players.push(players_point(region, at));
            }
        }
        let mut resources: Vec<ResourceMetrics> = points
            .into_iter()
            .map(|(service, points)| {
                resource(service, vec![otlp::counter("game.requests", "{request}", points)])
            })
            .collect();
        resources.push(resource("sessions", vec![otlp::gauge("game.players.online", "{player}", players)]));
        otlp::metrics_request(resources)
    }

    /// One scrape's worth: all counters and gauges as they stand at `now`.
    pub fn live(&mut self, game: &Game, now: Timestamp) -> ExportMetricsServiceRequest {
        self.count(game, now);
        let mut resources = Vec::new();
        for service in &SERVICES {
            let requests =
                REGIONS.iter().flat_map(|region| self.request_points(service.name, region, now)).collect();
            let latency = REGIONS.iter().map(|region| {
                let total = self.total(service.name, region);
                let count = total.ok + total.failed;
                let within = answered_within(service, count);
                let attributes = [("region", region.name), ("simulated", "true")];
                otlp::histogram_point(
                    &attributes,
                    self.start,
                    now,
                    &LATENCY_BOUNDS_SECS,
                    &within,
                    count,
                    count * 0.1,
                )
            });
            let mut metrics = vec![
                otlp::counter("game.requests", "{request}", requests),
                otlp::histogram("game.request.duration", "s", latency.collect()),
            ];
            if service.name == "sessions" {
                let players = REGIONS.iter().map(|region| players_point(region, now)).collect();
                metrics.push(otlp::gauge("game.players.online", "{player}", players));
            }
            resources.push(resource(service.name, metrics));
        }
        otlp::metrics_request(resources)
    }

    fn request_points(
        &self,
        service: &'static str,
        region: &Region,
        at: Timestamp,
    ) -> [opentelemetry_proto::tonic::metrics::v1::NumberDataPoint; 2] {
        let total = self.total(service, region);
        [("ok", total.ok), ("error", total.failed)].map(|(outcome, value)| {
            let attributes = [("region", region.name), ("outcome", outcome), ("simulated", "true")];
            otlp::number(&attributes, Some(self.start), at, value.floor())
        })
    }
}

/// A few log lines of one service for what happened since `from`.
pub fn logs(
    game: &Game,
    service_name: &str,
    from: Timestamp,
    now: Timestamp,
) -> Option<ExportLogsServiceRequest> {
    let service = SERVICES.iter().find(|service| service.name == service_name)?;
    let mut records = Vec::new();
    for region in &REGIONS {
        let count = game.count_between(service, region, from, now);
        let attributes = [("region", region.name), ("simulated", "true")];
        records.push(otlp::log(now, "INFO", format!("served {:.0} requests", count.ok), &attributes));
        if count.failed >= 1.0 {
            let body = format!("{:.0} requests failed: upstream answered 503", count.failed);
            records.push(otlp::log(now, "ERROR", body, &attributes));
        }
    }
    Some(otlp::logs_request(&resource_attributes(service.name), SCOPE, records))
}

fn resource_attributes(service: &'static str) -> [(&'static str, &'static str); 3] {
    [("service.name", service), ("service.instance.id", "simulated"), ("deployment.environment.name", "demo")]
}

fn resource(
    service: &'static str,
    metrics: Vec<opentelemetry_proto::tonic::metrics::v1::Metric>,
) -> ResourceMetrics {
    otlp::resource_metrics(&resource_attributes(service), SCOPE, metrics)
}

fn players_point(region: &Region, at: Timestamp) -> opentelemetry_proto::tonic::metrics::v1::NumberDataPoint {
    otlp::number(&[("region", region.name), ("simulated", "true")], None, at, players_online(region, at))
}
