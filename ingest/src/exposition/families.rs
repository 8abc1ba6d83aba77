//! What a page tells about its families, for the series that belong to them.

use std::borrow::Cow;
use std::collections::HashMap;

use telemetry::{MetricType, SeriesMeta};

/// Suffixes that the series of a family carry beside its name.
const SUFFIXES: [&str; 8] = ["_total", "_bucket", "_sum", "_count", "_info", "_created", "_gcount", "_gsum"];

/// Types and units by family, as far as the page was read: both stand before their samples.
#[derive(Debug, Default)]
pub(crate) struct Families<'a> {
    by_name: HashMap<Cow<'a, str>, (MetricType, Option<&'a str>), foldhash::fast::RandomState>,
}

impl<'a> Families<'a> {
    pub fn learn_type(&mut self, family: Cow<'a, str>, metric_type: MetricType) {
        self.by_name.entry(family).or_default().0 = metric_type;
    }

    pub fn learn_unit(&mut self, family: Cow<'a, str>, unit: &'a str) {
        self.by_name.entry(family).or_default().1 = Some(unit).filter(|unit| !unit.is_empty());
    }

    /// What is known about the series of a metric.
    pub fn meta_of(&self, metric: &str) -> SeriesMeta {
        if let Some((metric_type, unit)) = self.by_name.get(metric) {
            return SeriesMeta { metric_type: *metric_type, unit: unit.map(Box::from), delta: false };
        }
        let of_family = SUFFIXES.iter().find_map(|suffix| {
            let family = metric.strip_suffix(suffix)?;
            self.by_name.get(family).map(|known| (*suffix, known))
        });
        match of_family {
            None => SeriesMeta::default(),
            // The moment at which a counter began, not what it counts.
            Some(("_created", _)) => {
                SeriesMeta { metric_type: MetricType::Gauge, unit: Some("seconds".into()), delta: false }
            }
            Some((_, (metric_type, unit))) => {
                SeriesMeta { metric_type: *metric_type, unit: unit.map(Box::from), delta: false }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_tells_the_type_and_unit_of_its_series() {
        let mut families = Families::default();
        families.learn_type("wait_seconds".into(), MetricType::Histogram);
        families.learn_unit("wait_seconds".into(), "seconds");
        families.learn_type("jobs_total".into(), MetricType::Counter);
        let known = |metric| {
            let meta = families.meta_of(metric);
            (meta.metric_type, meta.unit.unwrap_or_default().into_string())
        };
        assert_eq!(known("wait_seconds_bucket"), (MetricType::Histogram, "seconds".to_owned()));
        assert_eq!(known("wait_seconds_created"), (MetricType::Gauge, "seconds".to_owned()));
        assert_eq!(known("jobs_total"), (MetricType::Counter, String::new()));
        assert_eq!(known("jobs_created"), (MetricType::Unknown, String::new()));
        assert_eq!(known("wait"), (MetricType::Unknown, String::new()));
    }
}
