//! Checked jobs: the configuration with its defaults filled in and its paths resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use telemetry::{Defect, Labels};

use super::ScrapeLimits;
use super::config::{
    Authorization, BasicAuth, ByteSize, FileDiscovery, GlobalConfig, JobConfig, Scheme, TargetGroup,
    TlsConfig,
};
use super::relabel::RelabelRule;

/// Prometheus' defaults.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// One entry of `scrape_configs`, ready to run.
#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    pub interval: Duration,
    pub timeout: Duration,
    pub metrics_path: String,
    pub scheme: Scheme,
    pub params: BTreeMap<String, Vec<String>>,
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub track_timestamps_staleness: bool,
    pub http: HttpSettings,
    pub static_groups: Vec<TargetGroup>,
    pub file_discoveries: Vec<FileDiscovery>,
    pub relabel: Vec<RelabelRule>,
    pub metric_relabel: Vec<RelabelRule>,
    /// Put on series that do not have them.
    pub external_labels: Labels,
    pub limits: JobLimits,
}

/// How a job's targets are connected to. What is equal here shares connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HttpSettings {
    pub credentials: Credentials,
    pub tls: TlsConfig,
    pub follow_redirects: bool,
    pub compression: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Credentials {
    #[default]
    None,
    Basic(BasicAuth),
    Authorization(Authorization),
}

/// `u64::MAX` where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    pub samples: u64,
    pub targets: u64,
    pub labels: u64,
    pub label_name_bytes: u64,
    pub label_value_bytes: u64,
    pub body_bytes: u64,
}

/// Where configuration was read, for messages and for the paths in it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub file: &'a str,
    /// What relative paths are relative to.
    pub dir: &'a Path,
}

/// Checks the jobs of one file. Names have to be new in `names`.
pub fn check(
    configs: &[JobConfig],
    global: &GlobalConfig,
    limits: &ScrapeLimits,
    place: Place<'_>,
    names: &mut BTreeSet<String>,
) -> Result<Vec<Job>, Vec<Defect>> {
    let mut jobs = Vec::new();
    let mut defects = Vec::new();
    let external_labels = Labels::new(global.external_labels.iter().map(|(k, v)| (k.as_str(), v.as_str())))
        .unwrap_or_else(|error| {
            defects.push(Defect::error(place.file, None, format!("external_labels: {error}")));
            Labels::empty()
        });
    for config in configs {
        let line = Some(config.job_name.referenced.line());
        let name = &config.job_name.value;
        let mut refuse = |message: String| {
            defects.push(Defect::error(place.file, line, format!("job {name:?}: {message}")));
        };
        if name.is_empty() {
            refuse("job_name is empty".to_owned());
        } else if !names.insert(name.clone()) {
            refuse("another job has the same job_name".to_owned());
        }
        match job(config, global, limits, place.dir, &external_labels) {
            Ok(job) => jobs.push(job),
            Err(message) => refuse(message),
        }
    }
    if defects.is_empty() { Ok(jobs) } else { Err(defects) }
}

fn job(
    config: &JobConfig,
    global: &GlobalConfig,
    limits: &ScrapeLimits,
    dir: &Path,
    external_labels: &Labels,
) -> Result<Job, String> {
    let (interval, timeout) = times(config, global)?;
    let credentials = credentials(config, dir)?;
    let tls = tls(&config.tls_config, dir)?;
    let file_discoveries = config.file_sd_configs.iter().cloned().map(|mut discovery| {
        discovery.files.iter_mut().for_each(|pattern| pattern.0 = dir.join(&pattern.0));
        discovery
    });
    let or = |own: Option<u64>, global: Option<u64>| or_none(own.or(global));
    let bytes = |size: Option<ByteSize>| size.map(|size| size.0);
    Ok(Job {
        name: config.job_name.value.clone(),
        interval,
        timeout,
        metrics_path: config.metrics_path.clone(),
        scheme: config.scheme,
        params: config.params.clone(),
        honor_labels: config.honor_labels,
        honor_timestamps: config.honor_timestamps,
        track_timestamps_staleness: config.track_timestamps_staleness,
        http: HttpSettings {
            credentials,
            tls,
            follow_redirects: config.follow_redirects,
            compression: config.enable_compression,
        },
        static_groups: config.static_configs.clone(),
        file_discoveries: file_discoveries.collect(),
        relabel: config.relabel_configs.clone(),
        metric_relabel: config.metric_relabel_configs.clone(),
        external_labels: external_labels.clone(),
        limits: JobLimits {
            samples: or(config.sample_limit, global.sample_limit).min(limits.samples_per_scrape_max),
            targets: or(config.target_limit, global.target_limit),
            labels: or(config.label_limit, global.label_limit),
            label_name_bytes: or(config.label_name_length_limit, global.label_name_length_limit),
            label_value_bytes: or(config.label_value_length_limit, global.label_value_length_limit),
            body_bytes: or(bytes(config.body_size_limit), bytes(global.body_size_limit))
                .min(limits.body_bytes_max),
        },
    })
}

/// 0 and absent are no limit.
fn or_none(limit: Option<u64>) -> u64 {
    limit.filter(|limit| *limit > 0).unwrap_or(u64::MAX)
}

fn times(config: &JobConfig, global: &GlobalConfig) -> Result<(Duration, Duration), String> {
    let given = |span: Option<super::config::Span>| span.map(|span| span.0).filter(|span| !span.is_zero());
    let interval =
        given(config.scrape_interval).or(given(global.scrape_interval)).unwrap_or(DEFAULT_INTERVAL);
    let timeout = match given(config.scrape_timeout) {
        Some(timeout) if timeout > interval => {
            return Err(format!(
                "scrape_timeout {} is longer than scrape_interval {}",
                telemetry::time::format_duration(timeout),
                telemetry::time::format_duration(interval)
            ));
        }
        Some(timeout) => timeout,
        // The default for all jobs may be too long for this one.
        None => given(global.scrape_timeout).unwrap_or(DEFAULT_TIMEOUT).min(interval),
    };
    Ok((interval, timeout))
}

fn credentials(config: &JobConfig, dir: &Path) -> Result<Credentials, String> {
    match (&config.basic_auth, &config.authorization) {
        (Some(_), Some(_)) => Err("only one of basic_auth and authorization can be used".to_owned()),
        (None, None) => Ok(Credentials::None),
        (Some(basic), None) => {
            if basic.password.is_some() && basic.password_file.is_some() {
                return Err("basic_auth takes one of password and password_file".to_owned());
            }
            let mut basic = basic.clone();
            basic.password_file = basic.password_file.map(|path| dir.join(path));
            Ok(Credentials::Basic(basic))
        }
        (None, Some(authorization)) => {
            let mut authorization = authorization.clone();
            if authorization.kind.trim().eq_ignore_ascii_case("basic") {
                return Err("authorization type basic: use basic_auth".to_owned());
            }
            match (&authorization.credentials, &authorization.credentials_file) {
                (Some(_), Some(_)) => {
                    return Err("authorization takes one of credentials and credentials_file".to_owned());
                }
                (None, None) => return Ok(Credentials::None),
                _ => {}
            }
            authorization.credentials_file = authorization.credentials_file.map(|path| dir.join(path));
            Ok(Credentials::Authorization(authorization))
        }
    }
}

fn tls(config: &TlsConfig, dir: &Path) -> Result<TlsConfig, String> {
    if config.cert_file.is_some() != config.key_file.is_some() {
        return Err("tls_config takes cert_file and key_file together".to_owned());
    }
    if let Some(name) = config.server_name.as_deref().filter(|name| !name.is_empty()) {
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if is_address || !is_name {
            return Err(format!("tls_config: server_name {name:?} is not a DNS name"));
        }
    }
    let resolved = |path: &Option<PathBuf>| path.as_ref().map(|path| dir.join(path));
    Ok(TlsConfig {
        ca_file: resolved(&config.ca_file),
        cert_file: resolved(&config.cert_file),
        key_file: resolved(&config.key_file),
        server_name: config.server_name.clone().filter(|name| !name.is_empty()),
        insecure_skip_verify: config.insecure_skip_verify,
    })
}

impl Job {
    /// Files that the job's connections need, for a linter.
    pub fn secret_files(&self) -> Vec<&Path> {
        let of_credentials = match &self.http.credentials {
            Credentials::None => None,
            Credentials::Basic(basic) => basic.password_file.as_deref(),
            Credentials::Authorization(authorization) => authorization.credentials_file.as_deref(),
        };
        let tls = &self.http.tls;
        [of_credentials, tls.ca_file.as_deref(), tls.cert_file.as_deref(), tls.key_file.as_deref()]
            .into_iter()
            .flatten()
            .collect()
    }
}
