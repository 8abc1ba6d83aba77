//! The labels of a series: those of the page under those of the target, within the job's limits.

use telemetry::{Labels, METRIC_NAME};

use super::Fault;
use crate::scrape::job::Job;
use crate::scrape::relabel::LabelSet;

/// The labels of the page and of the target. Where both have one, the target's wins and the page's is
/// renamed to `exported_…`; with `honor` the page's wins.
pub(super) fn with_target_labels(exposed: &Labels, target: &Labels, honor: bool) -> LabelSet {
    let mut labels: LabelSet = exposed.iter().collect();
    if honor {
        target.iter().for_each(|(name, value)| labels.set_missing(name, value));
        return labels;
    }
    let mut conflicts: Vec<&str> = Vec::new();
    for (name, value) in target.iter() {
        if exposed.get(name).is_some() {
            conflicts.push(name);
        }
        labels.set(name, value);
    }
    conflicts.sort_by_key(|name| name.len());
    for name in conflicts {
        let mut renamed = format!("exported_{name}");
        while labels.has(&renamed) {
            renamed.insert_str(0, "exported_");
        }
        labels.set(&renamed, exposed.get(name).unwrap_or_default());
    }
    labels
}

/// Over one of these the whole scrape fails, as in Prometheus.
pub(super) fn check_job_limits(labels: &LabelSet, job: &Job) -> Result<(), Fault> {
    let limits = &job.limits;
    let metric = labels.get(METRIC_NAME);
    let count = labels.iter().count() as u64;
    if count > limits.labels {
        return Err(Fault {
            kind: "label_limit",
            reason: format!(
                "label_limit exceeded (metric: {metric:?}, number of labels: {count}, limit: {})",
                limits.labels
            ),
        });
    }
    for (name, value) in labels.iter() {
        let sizes = [
            ("label_name_length_limit", name.len() as u64, limits.label_name_bytes),
            ("label_value_length_limit", value.len() as u64, limits.label_value_bytes),
        ];
        if let Some((setting, length, limit)) = sizes.into_iter().find(|(_, length, limit)| length > limit) {
            return Err(Fault {
                kind: setting,
                reason: format!(
                    "{setting} exceeded (metric: {metric:?}, label: {name:?}, length: {length}, limit: {limit})"
                ),
            });
        }
    }
    Ok(())
}
