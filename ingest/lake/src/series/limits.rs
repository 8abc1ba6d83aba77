//! Bounds on how many series there may be, and who is to blame when one is reached.
//!
//! Only *new* series are refused: what is known goes on. What is said to the sender names the limit,
//! the metric and the label with the most values, because that is the label to drop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use telemetry::{Labels, Limit, METRIC_NAME};
use tokio::time::Instant;

use super::{Inner, Map, SeriesIndex};

/// How many series there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesLimits {
    pub all: u64,
    pub per_metric: u64,
    pub per_source: u64,
}

impl SeriesLimits {
    #[cfg(test)]
    pub const NONE: SeriesLimits = SeriesLimits { all: u64::MAX, per_metric: u64::MAX, per_source: u64::MAX };

    fn of(&self, limit: SeriesLimit) -> u64 {
        match limit {
            SeriesLimit::All => self.all,
            SeriesLimit::PerMetric => self.per_metric,
            SeriesLimit::PerSource => self.per_source,
        }
    }
}

/// The limit that a new series would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeriesLimit {
    All,
    PerMetric,
    PerSource,
}

impl From<SeriesLimit> for Limit {
    fn from(limit: SeriesLimit) -> Limit {
        match limit {
            SeriesLimit::All => Limit::Series,
            SeriesLimit::PerMetric => Limit::SeriesPerMetric,
            SeriesLimit::PerSource => Limit::SeriesPerSource,
        }
    }
}

impl Inner {
    /// The narrowest limit that leaves no room for a new series.
    pub(super) fn limit_reached(
        &self,
        labels: &Labels,
        source: &str,
        limits: &SeriesLimits,
    ) -> Option<SeriesLimit> {
        let of_metric = self
            .postings
            .get(METRIC_NAME)
            .and_then(|metrics| metrics.get(labels.metric()))
            .map_or(0, |held| held.len());
        let of_source = self.by_source.get(source).map_or(0, |held| held.len());
        if of_metric >= limits.per_metric {
            Some(SeriesLimit::PerMetric)
        } else if of_source >= limits.per_source {
            Some(SeriesLimit::PerSource)
        } else if self.entries.len() as u64 >= limits.all {
            Some(SeriesLimit::All)
        } else {
            None
        }
    }
}

/// The label of a metric that has the most values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explosion {
    pub label: Arc<str>,
    pub values: u64,
    /// Series of the metric.
    pub series: u64,
}

impl fmt::Display for Explosion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "label {:?} has {} values in {} series", self.label, self.values, self.series)
    }
}

/// What was found lately, by metric: a sender that hits a limit does so with each request.
#[derive(Debug, Default)]
pub(super) struct Explosions(Mutex<Map<Arc<str>, Found>>);

#[derive(Clone, Debug)]
struct Found {
    at: Instant,
    explosion: Option<Explosion>,
}

/// How long an answer is good enough for an error message.
const FRESH: Duration = Duration::from_secs(10);
/// Metrics whose answer is kept.
const METRICS_MAX: usize = 1_000;

impl SeriesIndex {
    /// The text of a refusal: limit, metric and the label that explodes.
    pub(crate) fn explain(
        &self,
        limit: SeriesLimit,
        labels: &Labels,
        source: &str,
        limits: &SeriesLimits,
    ) -> String {
        let (setting, max) = (Limit::from(limit), limits.of(limit));
        let who = match limit {
            SeriesLimit::All => "the lake".to_owned(),
            SeriesLimit::PerMetric => format!("metric {:?}", labels.metric()),
            SeriesLimit::PerSource => format!("source {source:?}"),
        };
        let mut text = format!("{labels}: {who} has {max} series and takes no new ones ({setting})");
        if let Some(explosion) = self.explosion_of(labels.metric()) {
            text.push_str(&format!("; of metric {:?}, {explosion}", labels.metric()));
        }
        text
    }

    /// The label of a metric that has the most values, at most some seconds old; `None` without series.
    pub fn explosion_of(&self, metric: &str) -> Option<Explosion> {
        let now = Instant::now();
        let known = self.explosions.0.lock().get(metric).cloned();
        if let Some(found) = known
            && now.duration_since(found.at) < FRESH
        {
            return found.explosion;
        }
        let explosion = self.inner.read().explosion_of(metric);
        let mut kept = self.explosions.0.lock();
        if kept.len() >= METRICS_MAX {
            kept.retain(|_, found| now.duration_since(found.at) < FRESH);
        }
        if kept.len() < METRICS_MAX {
            kept.insert(metric.into(), Found { at: now, explosion: explosion.clone() });
        }
        explosion
    }
}

impl Inner {
    fn explosion_of(&self, metric: &str) -> Option<Explosion> {
        let of_metric = self.postings.get(METRIC_NAME)?.get(metric)?;
        let labels = self.postings.iter().filter(|(name, _)| name.as_ref() != METRIC_NAME);
        let counted = labels.map(|(name, values)| {
            let used = values.values().filter(|held| !held.is_disjoint(of_metric)).count() as u64;
            (used, name)
        });
        // Of labels with as many values the first by name, so that the text does not change by chance.
        let (values, label) = counted.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)))?;
        Some(Explosion { label: label.clone(), values, series: of_metric.len() })
    }
}
