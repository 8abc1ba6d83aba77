//! What the receivers count about themselves, per dialect.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;

use crate::Outcome;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDialect {
    dialect: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    dialect: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    dialect: &'static str,
    reason: &'static str,
}

/// Cheap to clone: all clones count into the same numbers.
#[derive(Clone, Debug, Default)]
pub struct IngestMetrics {
    requests: Family<OfOutcome, Counter>,
    body_bytes: Family<OfDialect, Counter>,
    stored_rows: Family<OfDialect, Counter>,
    duplicate_rows: Family<OfDialect, Counter>,
    rejected_rows: Family<OfReason, Counter>,
    pub(crate) in_flight: Gauge,
}

/// The counters of one dialect since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DialectCounts {
    pub dialect: String,
    pub requests: u64,
    /// Requests of which nothing was stored.
    pub failed_requests: u64,
    pub body_bytes: u64,
    pub stored_rows: u64,
    pub duplicate_rows: u64,
    pub rejected_rows: u64,
}

impl IngestMetrics {
    /// Registers under `evenkeel_ingest_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("evenkeel_ingest");
        registry.register("requests", "Requests by dialect and outcome", self.requests.clone());
        registry.register("body_bytes", "Body bytes as received, packed", self.body_bytes.clone());
        registry.register("stored_rows", "Rows acknowledged as durable", self.stored_rows.clone());
        registry.register("duplicate_rows", "Rows that were there before", self.duplicate_rows.clone());
        registry.register("rejected_rows", "Rows answered for and not stored", self.rejected_rows.clone());
        registry.register("requests_in_flight", "Requests being received", self.in_flight.clone());
    }

    pub(crate) fn body(&self, dialect: &'static str, bytes: u64) {
        self.body_bytes.get_or_create(&OfDialect { dialect }).inc_by(bytes);
    }

    pub(crate) fn outcome(&self, dialect: &'static str, outcome: &Outcome) {
        let name = match outcome {
            Ok(receipt) if receipt.refused.is_empty() => "stored",
            Ok(_) => "partly_stored",
            Err(error) => error.outcome_name(),
        };
        self.requests.get_or_create(&OfOutcome { dialect, outcome: name }).inc();
        let Ok(receipt) = outcome else { return };
        self.stored_rows.get_or_create(&OfDialect { dialect }).inc_by(receipt.stored_rows());
        self.duplicate_rows.get_or_create(&OfDialect { dialect }).inc_by(receipt.stored.duplicates);
        for refused in &receipt.refused {
            let reason = refused.reason.as_str();
            self.rejected_rows.get_or_create(&OfReason { dialect, reason }).inc_by(refused.count);
        }
    }

    /// The numbers for `/api/status`.
    pub fn counts(&self, dialects: &[&'static str]) -> Vec<DialectCounts> {
        dialects.iter().map(|dialect| self.counts_of(dialect)).collect()
    }

    fn counts_of(&self, dialect: &'static str) -> DialectCounts {
        let of_dialect = OfDialect { dialect };
        let read = |family: &Family<OfDialect, Counter>| family.get_or_create(&of_dialect).get();
        let requests = |outcome| self.requests.get(&OfOutcome { dialect, outcome }).map_or(0, |n| n.get());
        let rejected = |reason: &telemetry::RejectReason| {
            self.rejected_rows.get(&OfReason { dialect, reason: reason.as_str() }).map_or(0, |n| n.get())
        };
        let failed_requests = FAILURES.into_iter().map(requests).sum();
        DialectCounts {
            dialect: dialect.to_owned(),
            requests: requests("stored") + requests("partly_stored") + failed_requests,
            failed_requests,
            body_bytes: read(&self.body_bytes),
            stored_rows: read(&self.stored_rows),
            duplicate_rows: read(&self.duplicate_rows),
            rejected_rows: REASONS.iter().map(rejected).sum(),
        }
    }
}

/// The values of `outcome` for a request of which nothing was stored.
const FAILURES: [&str; 6] =
    ["too_large", "unsupported", "unauthenticated", "malformed", "overloaded", "unavailable"];

const REASONS: [telemetry::RejectReason; 7] = [
    telemetry::RejectReason::InvalidLabels,
    telemetry::RejectReason::TooOld,
    telemetry::RejectReason::TooFarAhead,
    telemetry::RejectReason::OverLimit,
    telemetry::RejectReason::DeltaOutOfOrder,
    telemetry::RejectReason::Unsupported,
    telemetry::RejectReason::InvalidPayload,
];
