//! Remarks about an answer that is not wrong but may surprise; Prometheus' wording, without positions
//! in the text (the parser does not keep them).

use std::collections::BTreeSet;

/// Remarks of one evaluation, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Annotations {
    warnings: BTreeSet<String>,
    infos: BTreeSet<String>,
}

impl Annotations {
    pub(crate) fn warn(&mut self, text: String) {
        self.warnings.insert(format!("PromQL warning: {text}"));
    }

    pub(crate) fn inform(&mut self, text: String) {
        self.infos.insert(format!("PromQL info: {text}"));
    }

    pub(crate) fn join(&mut self, mut other: Annotations) {
        self.warnings.append(&mut other.warnings);
        self.infos.append(&mut other.infos);
    }

    /// Warnings and infos, each sorted.
    pub(crate) fn into_lists(self) -> (Vec<String>, Vec<String>) {
        (self.warnings.into_iter().collect(), self.infos.into_iter().collect())
    }
}

pub(crate) fn invalid_quantile(quantile: f64) -> String {
    format!("quantile value should be between 0 and 1, got {}", number(quantile))
}

pub(crate) fn invalid_ratio(ratio: f64, used: f64) -> String {
    format!("ratio value should be between -1 and 1, got {}, capping to {}", number(ratio), number(used))
}

pub(crate) fn bad_bucket_label(metric: &str, le: &str) -> String {
    let metric = for_metric(metric);
    format!("bucket label \"le\" is missing or has a malformed value of {le:?}{metric}")
}

pub(crate) fn forced_monotonic(metric: &str) -> String {
    let metric = for_metric(metric);
    format!("input to histogram_quantile needed to be fixed for monotonicity{metric}")
}

pub(crate) fn not_a_counter(metric: &str) -> String {
    format!("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric:?}")
}

pub(crate) fn sort_in_range() -> String {
    "sort is ineffective for range queries since results are always ordered by labels".to_owned()
}

fn for_metric(metric: &str) -> String {
    if metric.is_empty() { String::new() } else { format!(" for metric name {metric:?}") }
}

/// As Go's `%g` writes the special values.
fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_made_once() {
        let mut notes = Annotations::default();
        notes.warn(invalid_quantile(f64::NAN));
        notes.warn(invalid_quantile(f64::NAN));
        notes.inform(not_a_counter("up"));
        let (warnings, infos) = notes.into_lists();
        assert_eq!(warnings, ["PromQL warning: quantile value should be between 0 and 1, got NaN"]);
        assert_eq!(infos.len(), 1);
    }
}
