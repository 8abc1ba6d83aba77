//! The targets that jobs and discovery make together, and what changes between two such sets. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use telemetry::Labels;

use super::ScrapeLimits;
use super::config::TargetGroup;
use super::job::Job;
use super::target::{Candidate, Target, TargetKey, candidate};

/// What should be scraped.
#[derive(Debug, Default)]
pub struct TargetSet {
    pub targets: BTreeMap<TargetKey, Target>,
    pub pools: BTreeMap<String, Pool>,
}

/// A job's share, beside its targets.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// Labels before relabelling of targets that it dropped; only the first are kept.
    pub dropped: Vec<Labels>,
    pub dropped_count: usize,
    /// Addresses that make no target, and limits that are reached; bounded as `dropped`.
    pub faults: Vec<String>,
}

impl TargetSet {
    /// Adds a job with the groups that were found for it.
    pub fn add<'a>(
        &mut self,
        job: &Arc<Job>,
        groups: impl Iterator<Item = &'a TargetGroup>,
        limits: &ScrapeLimits,
    ) {
        let mut pool = Pool::default();
        let mut found: BTreeMap<TargetKey, Target> = BTreeMap::new();
        for group in groups {
            for address in &group.targets {
                match candidate(job, group, &address.0) {
                    Ok(Candidate::Kept(target)) => {
                        found.entry(target.key()).or_insert(*target);
                    }
                    Ok(Candidate::Dropped(labels)) => {
                        pool.dropped_count += 1;
                        if pool.dropped.len() < limits.dropped_targets_shown_max {
                            pool.dropped.push(labels);
                        }
                    }
                    Err(reason) if pool.faults.len() < limits.dropped_targets_shown_max => {
                        pool.faults.push(format!("target {:?}: {reason}", address.0));
                    }
                    Err(_) => {}
                }
            }
        }
        if found.len() as u64 > job.limits.targets {
            let (count, limit) = (found.len(), job.limits.targets);
            let refused: Arc<str> =
                format!("target_limit exceeded (number of targets: {count}, limit: {limit})").into();
            found.values_mut().for_each(|target| target.refused = Some(refused.clone()));
        }
        let room = limits.targets_max.saturating_sub(self.targets.len());
        if found.len() > room {
            pool.faults.push(format!(
                "{} targets are not scraped: there are more than {} (scrape.limits.targets_max)",
                found.len() - room,
                limits.targets_max
            ));
        }
        self.targets.extend(found.into_iter().take(room));
        self.pools.insert(job.name.clone(), pool);
    }
}

/// What to do so that the running targets become the wanted ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub start: Vec<TargetKey>,
    pub stop: Vec<TargetKey>,
    /// They go on; what their job says may be new.
    pub keep: Vec<TargetKey>,
}

pub fn changes(running: &BTreeSet<TargetKey>, wanted: &BTreeMap<TargetKey, Target>) -> Changes {
    let (keep, stop) = running.iter().cloned().partition(|key| wanted.contains_key(key));
    let start = wanted.keys().filter(|key| !running.contains(*key)).cloned().collect();
    Changes { start, stop, keep }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::tests::job;

    fn set(yaml: &str, limits: &ScrapeLimits) -> TargetSet {
        let job = job(yaml);
        let mut set = TargetSet::default();
        set.add(&job, job.static_groups.iter(), limits);
        set
    }

    fn instances<'a>(keys: impl IntoIterator<Item = &'a TargetKey>) -> Vec<&'a str> {
        keys.into_iter().map(|key| key.labels.get("instance").unwrap()).collect()
    }

    #[test]
    fn only_what_differs_is_started_and_stopped() {
        let limits = ScrapeLimits::default();
        let before = set("{job_name: j, static_configs: [{targets: [a:1, b:1]}]}", &limits);
        let running: BTreeSet<TargetKey> = before.targets.keys().cloned().collect();
        // The interval is no part of what a target is: b goes on.
        let after =
            set("{job_name: j, scrape_interval: 5s, static_configs: [{targets: [b:1, c:1]}]}", &limits);
        let changes = changes(&running, &after.targets);
        assert_eq!(instances(&changes.start), ["c:1"]);
        assert_eq!(instances(&changes.stop), ["a:1"]);
        assert_eq!(instances(&changes.keep), ["b:1"]);
        let relabelled =
            set("{job_name: j, static_configs: [{targets: [b:1], labels: {env: prod}}]}", &limits);
        assert_eq!(instances(&super::changes(&running, &relabelled.targets).start), ["b:1"]);
    }

    #[test]
    fn a_target_that_is_found_twice_is_one() {
        let set = set("{job_name: j, static_configs: [{targets: [a:1, a:1]}]}", &ScrapeLimits::default());
        assert_eq!(instances(set.targets.keys()), ["a:1"]);
    }

    #[test]
    fn dropped_and_impossible_targets_are_remembered_and_bounded() {
        let limits = ScrapeLimits { dropped_targets_shown_max: 2, ..ScrapeLimits::default() };
        let set = set(
            "{job_name: j, static_configs: [{targets: [a:1, a:2, a:3, b:x]}],
              relabel_configs: [{source_labels: [__address__], regex: 'a:.*', action: drop}]}",
            &limits,
        );
        let pool = &set.pools["j"];
        assert_eq!((pool.dropped.len(), pool.dropped_count), (2, 3));
        assert_eq!(pool.dropped[0].get("__address__"), Some("a:1"));
        assert!(pool.faults[0].starts_with("target \"b:x\": \"http://b:x\" is not an address"), "{pool:?}");
    }

    #[test]
    fn limits_refuse_a_job_or_the_rest_of_it() {
        let limits = ScrapeLimits { targets_max: 2, ..ScrapeLimits::default() };
        let yaml = "{job_name: j, target_limit: 2, static_configs: [{targets: [a:1, b:1, c:1]}]}";
        let set = set(yaml, &limits);
        assert_eq!(instances(set.targets.keys()), ["a:1", "b:1"]);
        let refused = set.targets.values().next().unwrap().refused.as_deref();
        assert_eq!(refused, Some("target_limit exceeded (number of targets: 3, limit: 2)"));
        assert!(set.pools["j"].faults[0].contains("1 targets are not scraped"), "{:?}", set.pools);
    }
}
