//! What the receivers count about themselves, per source: dialect and token, hook or job.
//!
//! Names of sources are given out by whoever runs the server, but there may be many: beyond
//! `sources_counted_max` they are counted together, as [`OTHER_SOURCES`].

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use telemetry::{Limit, RejectReason};

use crate::receiver::Source;
use crate::{IngestError, Receipt};

/// Sources that came when there were `sources_counted_max` others.
pub const OTHER_SOURCES: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct OfSource {
    dialect: &'static str,
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    dialect: &'static str,
    source: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    dialect: &'static str,
    source: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLimit {
    limit: &'static str,
}

/// Cheap to clone: all clones count into the same numbers.
#[derive(Clone, Debug)]
pub struct IngestMetrics {
    sources: Arc<Mutex<BTreeSet<OfSource>>>,
    sources_max: usize,
    requests: Family<OfOutcome, Counter>,
    body_bytes: Family<OfSource, Counter>,
    stored_rows: Family<OfSource, Counter>,
    duplicate_rows: Family<OfSource, Counter>,
    rejected_rows: Family<OfReason, Counter>,
    limit_hits: Family<OfLimit, Counter>,
    pub(crate) in_flight: Gauge,
}

/// The counters of one source since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceCounts {
    pub dialect: &'static str,
    /// The name of its token, hook or job.
    pub source: String,
    pub requests: u64,
    /// Requests of which nothing was stored.
    pub failed_requests: u64,
    /// Those of them that were told to come again later: a bound was reached, or writes are stopped.
    pub turned_away: u64,
    pub body_bytes: u64,
    pub stored_rows: u64,
    pub duplicate_rows: u64,
    pub rejected_rows: u64,
}

impl IngestMetrics {
    pub(crate) fn new(sources_max: usize) -> IngestMetrics {
        IngestMetrics {
            sources: Arc::default(),
            sources_max,
            requests: Family::default(),
            body_bytes: Family::default(),
            stored_rows: Family::default(),
            duplicate_rows: Family::default(),
            rejected_rows: Family::default(),
            limit_hits: Family::default(),
            in_flight: Gauge::default(),
        }
    }

    /// Registers under `evenkeel_ingest_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("evenkeel_ingest");
        registry.register("requests", "Requests by source and outcome", self.requests.clone());
        registry.register("body_bytes", "Body bytes as received, packed", self.body_bytes.clone());
        registry.register("stored_rows", "Rows acknowledged as durable", self.stored_rows.clone());
        registry.register("duplicate_rows", "Rows that were there before", self.duplicate_rows.clone());
        registry.register("rejected_rows", "Rows answered for and not stored", self.rejected_rows.clone());
        registry.register(
            "limit_hits",
            "Rows or requests that were refused, or things left out, because of a limit, by its setting",
            self.limit_hits.clone(),
        );
        registry.register("requests_in_flight", "Requests being received", self.in_flight.clone());
    }

    /// The labels under which a source is counted.
    fn labels(&self, source: &Source) -> OfSource {
        let name = if source.name.is_empty() { "unknown" } else { source.name.as_str() };
        let labels = OfSource { dialect: source.dialect, source: name.to_owned() };
        let mut sources = self.sources.lock();
        if sources.contains(&labels) {
            return labels;
        }
        if sources.len() < self.sources_max {
            sources.insert(labels.clone());
            return labels;
        }
        let others = OfSource { dialect: source.dialect, source: OTHER_SOURCES.to_owned() };
        if sources.insert(others.clone()) {
            self.limit_hit(Limit::SourcesCounted, 1);
        }
        others
    }

    pub(crate) fn body(&self, source: &Source, bytes: u64) {
        self.body_bytes.get_or_create(&self.labels(source)).inc_by(bytes);
    }

    /// Counts a request of which at least something was taken.
    pub(crate) fn acknowledged(&self, source: &Source, receipt: &Receipt) {
        let labels = self.labels(source);
        self.stored_rows.get_or_create(&labels).inc_by(receipt.stored_rows());
        self.duplicate_rows.get_or_create(&labels).inc_by(receipt.stored.duplicates);
        let OfSource { dialect, source } = labels;
        for refused in &receipt.refused {
            let of_reason = OfReason { dialect, source: source.clone(), reason: refused.reason.as_str() };
            self.rejected_rows.get_or_create(&of_reason).inc_by(refused.count);
        }
        let outcome = if receipt.refused.is_empty() { "stored" } else { "partly_stored" };
        self.requests.get_or_create(&OfOutcome { dialect, source, outcome }).inc();
    }

    /// Counts a request of which nothing was.
    pub(crate) fn refused(&self, source: &Source, error: &IngestError) {
        let OfSource { dialect, source } = self.labels(source);
        self.requests.get_or_create(&OfOutcome { dialect, source, outcome: error.outcome_name() }).inc();
        if let Some(limit) = error.limit() {
            self.limit_hit(limit, 1);
        }
    }

    pub(crate) fn limit_hit(&self, limit: Limit, hits: u64) {
        if hits > 0 {
            let limit = limit.setting();
            self.limit_hits.get_or_create(&OfLimit { limit }).inc_by(hits);
        }
    }

    pub(crate) fn counts(&self) -> Vec<SourceCounts> {
        let sources: Vec<OfSource> = self.sources.lock().iter().cloned().collect();
        sources.into_iter().map(|source| self.counts_of(source)).collect()
    }

    fn counts_of(&self, labels: OfSource) -> SourceCounts {
        let read = |family: &Family<OfSource, Counter>| family.get(&labels).map_or(0, |it| it.get());
        let requests = |outcome: &'static str| {
            let of_outcome = OfOutcome { dialect: labels.dialect, source: labels.source.clone(), outcome };
            self.requests.get(&of_outcome).map_or(0, |it| it.get())
        };
        let rejected = |reason: &'static str| {
            let of_reason = OfReason { dialect: labels.dialect, source: labels.source.clone(), reason };
            self.rejected_rows.get(&of_reason).map_or(0, |it| it.get())
        };
        let turned_away = TURNED_AWAY.into_iter().map(requests).sum();
        let failed_requests = turned_away + FAILURES.into_iter().map(requests).sum::<u64>();
        SourceCounts {
            dialect: labels.dialect,
            requests: requests("stored") + requests("partly_stored") + failed_requests,
            failed_requests,
            turned_away,
            body_bytes: read(&self.body_bytes),
            stored_rows: read(&self.stored_rows),
            duplicate_rows: read(&self.duplicate_rows),
            rejected_rows: RejectReason::NAMES.into_iter().map(rejected).sum(),
            source: labels.source.clone(),
        }
    }
}

/// The values of `outcome` for a request of which nothing was stored.
const FAILURES: [&str; 4] = ["too_large", "unsupported", "unauthenticated", "malformed"];
const TURNED_AWAY: [&str; 2] = ["overloaded", "unavailable"];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use telemetry::Rejection;

    use super::*;
    use crate::Stored;

    fn source(name: &str) -> Source {
        Source { dialect: "loki", name: name.to_owned() }
    }

    fn shown(metrics: &IngestMetrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn every_source_is_counted_by_name_with_what_it_was_answered() {
        let metrics = IngestMetrics::new(10);
        let refused =
            |reason, count| Rejection { source: String::new(), reason, count, sample: String::new() };
        let over = refused(RejectReason::OverLimit(Limit::LogBodyBytes), 1);
        let receipt = Receipt {
            stored: Stored { logs: 5, duplicates: 2, ..Stored::default() },
            refused: vec![refused(RejectReason::TooOld, 3), over],
            ..Receipt::default()
        };
        metrics.body(&source("shop"), 100);
        metrics.acknowledged(&source("shop"), &receipt);
        let retry_after = Duration::from_secs(1);
        let (what, limit) = ("256 requests are in flight".to_owned(), Some(Limit::RequestsInFlight));
        metrics.refused(&source("shop"), &IngestError::Overloaded { what, limit, retry_after });
        metrics.refused(&source(""), &IngestError::Malformed("no JSON".to_owned()));
        let text = shown(&metrics);
        for line in [
            "# HELP evenkeel_ingest_requests Requests by source and outcome.",
            "# TYPE evenkeel_ingest_requests counter",
            r#"evenkeel_ingest_requests_total{dialect="loki",source="shop",outcome="partly_stored"} 1"#,
            r#"evenkeel_ingest_requests_total{dialect="loki",source="shop",outcome="overloaded"} 1"#,
            r#"evenkeel_ingest_requests_total{dialect="loki",source="unknown",outcome="malformed"} 1"#,
            r#"evenkeel_ingest_body_bytes_total{dialect="loki",source="shop"} 100"#,
            r#"evenkeel_ingest_stored_rows_total{dialect="loki",source="shop"} 5"#,
            r#"evenkeel_ingest_rejected_rows_total{dialect="loki",source="shop",reason="too_old"} 3"#,
            r#"evenkeel_ingest_limit_hits_total{limit="requests_in_flight_max"} 1"#,
            "evenkeel_ingest_requests_in_flight 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let expect = SourceCounts {
            dialect: "loki",
            source: "shop".to_owned(),
            requests: 2,
            failed_requests: 1,
            turned_away: 1,
            body_bytes: 100,
            stored_rows: 5,
            duplicate_rows: 2,
            rejected_rows: 4,
        };
        assert_eq!(metrics.counts()[0], expect);
    }

    #[test]
    fn beyond_the_bound_sources_are_counted_together() {
        let metrics = IngestMetrics::new(2);
        for name in ["a", "b", "c", "d", "a"] {
            metrics.body(&source(name), 1);
        }
        let counts: Vec<_> =
            metrics.counts().into_iter().map(|counts| (counts.source, counts.body_bytes)).collect();
        assert_eq!(counts, [("a".to_owned(), 2), ("b".to_owned(), 1), ("other".to_owned(), 2)]);
        assert!(shown(&metrics).contains(r#"limit_hits_total{limit="sources_counted_max"} 1"#));
    }
}
