//! Which series there are: names, values and types, answered by the lake's index of series alone.
//!
//! A selector is a list of matchers that all hold; several selectors select what any of them does,
//! none selects everything. Times are bounds: a series counts when it may have samples in the range.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use telemetry::{Labels, METRIC_NAME, MatchOp, Matcher, SeriesMeta, Timestamp};

use super::Engine;
use crate::QueryError;

impl Engine {
    /// The label sets of the selected series.
    pub fn series(&self, selectors: &[Vec<Matcher>], range: Range<Timestamp>) -> BTreeSet<Labels> {
        let found = each(selectors).flat_map(|matchers| self.lake().series().find(matchers, range.clone()));
        found.map(|entry| entry.labels.clone()).collect()
    }

    /// The names of the labels that the selected series have.
    pub fn label_names(&self, selectors: &[Vec<Matcher>], range: Range<Timestamp>) -> BTreeSet<String> {
        each(selectors)
            .flat_map(|matchers| self.lake().series().label_names(matchers, range.clone()))
            .collect()
    }

    /// The values that a label has among the selected series.
    pub fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: Range<Timestamp>,
    ) -> BTreeSet<String> {
        each(selectors)
            .flat_map(|matchers| self.lake().series().label_values(name, matchers, range.clone()))
            .collect()
    }

    /// Type and unit of metrics, at most `limit` of them in the order of their names: all, or one. A
    /// metric whose series disagree has several.
    pub fn metric_metadata(
        &self,
        metric: Option<&str>,
        limit: usize,
    ) -> Result<BTreeMap<String, Vec<SeriesMeta>>, QueryError> {
        let ever = Timestamp::MIN..Timestamp::MAX;
        let metrics = match metric {
            Some(metric) => vec![metric.to_owned()],
            None => self.lake().series().label_values(METRIC_NAME, &[], ever.clone()),
        };
        let mut found = BTreeMap::new();
        for metric in metrics {
            if found.len() == limit {
                break;
            }
            let matcher = Matcher::new(METRIC_NAME, MatchOp::Equal, &metric)
                .map_err(|error| QueryError::Invalid(error.to_string()))?;
            let mut kinds: Vec<SeriesMeta> = Vec::new();
            for entry in self.lake().series().find(&[matcher], ever.clone()) {
                if !kinds.contains(&entry.meta) {
                    kinds.push(entry.meta.clone());
                }
            }
            if !kinds.is_empty() {
                found.insert(metric, kinds);
            }
        }
        Ok(found)
    }
}

/// The selectors one by one; a single one without conditions when there is none.
fn each(selectors: &[Vec<Matcher>]) -> impl Iterator<Item = &[Matcher]> {
    let everything: Option<&[Matcher]> = selectors.is_empty().then_some(&[]);
    everything.into_iter().chain(selectors.iter().map(Vec::as_slice))
}
