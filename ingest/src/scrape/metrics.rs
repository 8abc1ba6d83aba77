//! What the scraper counts about itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Default)]
pub struct ScrapeMetrics {
    scrapes: Family<OfOutcome, Counter>,
    pub(super) body_bytes: Counter,
    pub(super) samples: Counter,
    pub(super) duplicate_samples: Counter,
    pub(super) stale_markers: Counter,
    pub(super) targets: Gauge,
    pub(super) in_flight: Gauge,
    pub(super) config_ok: Gauge,
}

impl ScrapeMetrics {
    /// Registers under `evenkeel_scrape_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("evenkeel_scrape");
        registry.register(
            "requests",
            "Scrapes by outcome: ok, or why they failed; a limit of the job by its setting",
            self.scrapes.clone(),
        );
        registry.register("body_bytes", "Bytes of pages as received, packed", self.body_bytes.clone());
        registry.register("samples", "Samples stored", self.samples.clone());
        registry.register(
            "duplicate_samples",
            "Samples left out because their page gave the series twice for one time",
            self.duplicate_samples.clone(),
        );
        registry.register("stale_markers", "Stale markers stored", self.stale_markers.clone());
        registry.register("targets", "Targets being scraped", self.targets.clone());
        registry.register("requests_in_flight", "Scrapes under way", self.in_flight.clone());
        registry.register(
            "config_last_load_successful",
            "1 when the configuration in use is the one in the files",
            self.config_ok.clone(),
        );
    }

    pub(super) fn scraped(&self, outcome: &'static str) {
        self.scrapes.get_or_create(&OfOutcome { outcome }).inc();
    }
}
