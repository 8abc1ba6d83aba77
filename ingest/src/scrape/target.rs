//! From an address and labels to a target: what is scraped, how often, under which labels. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use telemetry::Labels;
use telemetry::time::{format_duration, parse_duration};

use super::config::{TargetGroup, check_address};
use super::job::Job;
use super::relabel::{LabelSet, relabel};

/// What makes a target the same one over reloads: its labels and its address. What else the job says
/// may change while it is scraped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    pub job: String,
    pub labels: Labels,
    pub url: String,
}

impl TargetKey {
    /// Spreads targets over their interval.
    pub fn hash(&self) -> u64 {
        self.labels.fingerprint() ^ xxhash_rust::xxh3::xxh3_64(self.url.as_bytes())
    }
}

/// A target to scrape.
#[derive(Clone, Debug)]
pub struct Target {
    pub job: Arc<Job>,
    /// Of every series of the target, without the job's external labels.
    pub labels: Labels,
    /// As they were before relabelling.
    pub discovered: Labels,
    pub url: Url,
    pub interval: Duration,
    pub timeout: Duration,
    /// Why it is not scraped although it is a target.
    pub refused: Option<Arc<str>>,
}

impl Target {
    pub fn key(&self) -> TargetKey {
        TargetKey { job: self.job.name.clone(), labels: self.labels.clone(), url: self.url.to_string() }
    }
}

/// What relabelling made of an address.
#[derive(Clone, Debug)]
pub enum Candidate {
    Kept(Box<Target>),
    /// With the labels it had.
    Dropped(Labels),
}

/// Labels that tell how to scrape. They can be set by discovery and by relabelling.
const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";
const META_PREFIX: &str = "__meta_";

/// One address of a group through the job's rules. An error names what makes no target.
pub fn candidate(job: &Arc<Job>, group: &TargetGroup, address: &str) -> Result<Candidate, String> {
    let mut labels: LabelSet =
        group.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    labels.set(ADDRESS, address);
    labels.set_missing("job", &job.name);
    labels.set_missing(INTERVAL, &format_duration(job.interval));
    labels.set_missing(TIMEOUT, &format_duration(job.timeout));
    labels.set_missing(METRICS_PATH, &job.metrics_path);
    labels.set_missing(SCHEME, job.scheme.as_str());
    for (name, values) in &job.params {
        if let Some(value) = values.first() {
            labels.set_missing(&format!("{PARAM_PREFIX}{name}"), value);
        }
    }
    let discovered = labels.to_labels().map_err(|error| error.to_string())?;
    if !relabel(&job.relabel, &mut labels) {
        return Ok(Candidate::Dropped(discovered));
    }
    labels.retain(|name| !name.starts_with(META_PREFIX));
    check_address(labels.get(ADDRESS)).map_err(|error| match labels.get(ADDRESS) {
        "" => "relabelling left no __address__".to_owned(),
        _ => error,
    })?;
    let (interval, timeout) = times(&labels)?;
    let url = url(job, &labels)?;
    let address = labels.get(ADDRESS).to_owned();
    labels.set_missing("instance", &address);
    labels.retain(|name| !name.starts_with("__"));
    let labels = labels.to_labels().map_err(|error| error.to_string())?;
    Ok(Candidate::Kept(Box::new(Target {
        job: job.clone(),
        labels,
        discovered,
        url,
        interval,
        timeout,
        refused: None,
    })))
}

fn times(labels: &LabelSet) -> Result<(Duration, Duration), String> {
    let span = |name: &str| match parse_duration(labels.get(name)) {
        Ok(span) if span.is_zero() => Err(format!("{name} is 0")),
        Ok(span) => Ok(span),
        Err(error) => Err(format!("{name}: {error}")),
    };
    let (interval, timeout) = (span(INTERVAL)?, span(TIMEOUT)?);
    if timeout > interval {
        let (timeout, interval) = (labels.get(TIMEOUT), labels.get(INTERVAL));
        return Err(format!("{TIMEOUT} {timeout} is longer than {INTERVAL} {interval}"));
    }
    Ok((interval, timeout))
}

fn url(job: &Job, labels: &LabelSet) -> Result<Url, String> {
    let scheme = labels.get(SCHEME);
    if !matches!(scheme, "http" | "https") {
        return Err(format!("{SCHEME} {scheme:?} is not http or https"));
    }
    let base = format!("{scheme}://{}", labels.get(ADDRESS));
    let mut url = Url::parse(&base).map_err(|error| format!("{base:?} is not an address: {error}"))?;
    url.set_path(labels.get(METRICS_PATH));
    let mut params: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in &job.params {
        params.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels.iter() {
        let Some(name) = name.strip_prefix(PARAM_PREFIX) else { continue };
        let values = params.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    if !params.is_empty() {
        let pairs = params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
