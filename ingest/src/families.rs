//! Types and units of metric families, learnt from remote write metadata.
//!
//! Remote write 1.0 sends metadata in requests of their own, about once a minute, so a request
//! with samples has to look up what an earlier one told.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use telemetry::MetricType;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyMeta {
    pub metric_type: MetricType,
    pub unit: Option<Box<str>>,
}

type ByName = HashMap<Box<str>, FamilyMeta, foldhash::fast::RandomState>;

/// What is known at one moment; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct FamilyTypes(Arc<ByName>);

/// Suffixes under which the series of one family are stored.
const SERIES_SUFFIXES: [&str; 5] = ["_bucket", "_sum", "_count", "_total", "_created"];

impl FamilyTypes {
    /// Looks a series' metric name up, then its family's (`x_bucket` belongs to `x`).
    pub fn of_metric(&self, metric: &str) -> Option<&FamilyMeta> {
        self.0.get(metric).or_else(|| {
            let family = SERIES_SUFFIXES.iter().find_map(|suffix| metric.strip_suffix(suffix))?;
            self.0.get(family)
        })
    }

    /// With what a request itself tells on top.
    pub fn with(&self, learnt: &[(Box<str>, FamilyMeta)]) -> FamilyTypes {
        let mut types = self.clone();
        types.learn(learnt, usize::MAX);
        types
    }

    /// Returns how many there was no room for.
    fn learn(&mut self, learnt: &[(Box<str>, FamilyMeta)], families_max: usize) -> u64 {
        // Most metadata repeats what is known: copy the map only for news.
        let is_news = |(name, meta): &&(Box<str>, FamilyMeta)| self.0.get(name) != Some(meta);
        let news: Vec<_> = learnt.iter().filter(is_news).collect();
        if news.is_empty() {
            return 0;
        }
        let known = Arc::make_mut(&mut self.0);
        let mut left_out = 0;
        for (name, meta) in news {
            if known.len() < families_max || known.contains_key(name) {
                known.insert(name.clone(), meta.clone());
            } else {
                left_out += 1;
            }
        }
        left_out
    }
}

/// The families of all sources together, at most `metric_families_max`.
#[derive(Debug, Default)]
pub(crate) struct FamilyRegistry(RwLock<FamilyTypes>);

impl FamilyRegistry {
    pub(crate) fn snapshot(&self) -> FamilyTypes {
        self.0.read().clone()
    }

    /// Returns how many there was no room for.
    pub(crate) fn learn(&self, learnt: &[(Box<str>, FamilyMeta)], families_max: usize) -> u64 {
        if learnt.is_empty() { 0 } else { self.0.write().learn(learnt, families_max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_series_finds_its_family_and_the_registry_is_bounded() {
        let registry = FamilyRegistry::default();
        let meta = |metric_type| FamilyMeta { metric_type, unit: None };
        let learnt = [
            ("latency".into(), meta(MetricType::Histogram)),
            ("requests_total".into(), meta(MetricType::Counter)),
            ("one_too_many".into(), meta(MetricType::Gauge)),
        ];
        assert_eq!(registry.learn(&learnt, 2), 1);
        let known = registry.snapshot();
        let type_of = |metric| known.of_metric(metric).map(|meta| meta.metric_type);
        assert_eq!(type_of("latency_bucket"), Some(MetricType::Histogram));
        assert_eq!(type_of("requests_total"), Some(MetricType::Counter));
        assert_eq!(type_of("one_too_many"), None);
    }
}
