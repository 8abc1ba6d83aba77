//! What to scrape, in the words of Prometheus, so that a `scrape_configs:` section can be pasted.
//!
//! Shapes and single values are checked while reading, so that an error has its line; what several
//! values have to agree about is checked in [`job`](super::job). What Prometheus knows and this does
//! not is refused by name: a setting that is passed over silently is a target that is not watched.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_saphyr::Spanned;

use super::ScrapeLimits;
use super::relabel::RelabelRule;

/// The section `scrape:` of the server settings. What is in the words of Prometheus is read, and not
/// written again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrapeSettings {
    #[serde(skip_serializing)]
    pub global: GlobalConfig,
    #[serde(skip_serializing, deserialize_with = "null_as_default")]
    pub scrape_configs: Vec<JobConfig>,
    /// Prometheus configuration files, of which the scraping is used. Read again when they change.
    #[serde(deserialize_with = "null_as_default")]
    pub config_files: Vec<PathBuf>,
    pub limits: ScrapeLimits,
}

/// A Prometheus configuration file. What is no scraping is read over, with a warning.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrometheusFile {
    pub global: GlobalConfig,
    #[serde(deserialize_with = "null_as_default")]
    pub scrape_configs: Vec<JobConfig>,
    /// Files with more `scrape_configs`; `*` in the last part of the path.
    #[serde(deserialize_with = "null_as_default")]
    pub scrape_config_files: Vec<Spanned<String>>,
    alerting: Unused,
    otlp: Unused,
    remote_read: Unused,
    remote_write: Unused,
    rule_files: Unused,
    runtime: Unused,
    storage: Unused,
    tracing: Unused,
}

impl PrometheusFile {
    /// Sections that do nothing here, with their lines.
    pub fn unused(&self) -> Vec<(&'static str, u64)> {
        let sections = [
            ("alerting", &self.alerting),
            ("otlp", &self.otlp),
            ("remote_read", &self.remote_read),
            ("remote_write", &self.remote_write),
            ("rule_files", &self.rule_files),
            ("runtime", &self.runtime),
            ("storage", &self.storage),
            ("tracing", &self.tracing),
        ];
        lines_of(&sections)
    }
}

/// A value that is read over.
type Unused = Option<Spanned<IgnoredAny>>;

fn lines_of(sections: &[(&'static str, &Unused)]) -> Vec<(&'static str, u64)> {
    let line = |value: &Spanned<IgnoredAny>| value.referenced.line();
    sections.iter().filter_map(|(name, value)| Some((*name, line(value.as_ref()?)))).collect()
}

/// Defaults of all jobs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalConfig {
    pub scrape_interval: Option<Span>,
    pub scrape_timeout: Option<Span>,
    /// Put on every series that has no such label, as remote write does.
    #[serde(deserialize_with = "null_as_default")]
    pub external_labels: BTreeMap<String, String>,
    pub sample_limit: Option<u64>,
    pub target_limit: Option<u64>,
    pub label_limit: Option<u64>,
    pub label_name_length_limit: Option<u64>,
    pub label_value_length_limit: Option<u64>,
    pub body_size_limit: Option<ByteSize>,
    evaluation_interval: Unused,
    query_log_file: Unused,
    rule_query_offset: Unused,
    scrape_failure_log_file: Unused,
    scrape_protocols: Unused,
    keep_dropped_targets: Unused,
    metric_name_validation_scheme: Unused,
    metric_name_escaping_scheme: Unused,
}

impl GlobalConfig {
    /// Settings that do nothing here, with their lines.
    pub fn unused(&self) -> Vec<(&'static str, u64)> {
        let settings = [
            ("evaluation_interval", &self.evaluation_interval),
            ("query_log_file", &self.query_log_file),
            ("rule_query_offset", &self.rule_query_offset),
            ("scrape_failure_log_file", &self.scrape_failure_log_file),
            ("scrape_protocols", &self.scrape_protocols),
            ("keep_dropped_targets", &self.keep_dropped_targets),
            ("metric_name_validation_scheme", &self.metric_name_validation_scheme),
            ("metric_name_escaping_scheme", &self.metric_name_escaping_scheme),
        ];
        lines_of(&settings)
    }
}

/// One entry of `scrape_configs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobConfig {
    pub job_name: Spanned<String>,
    #[serde(default)]
    pub scrape_interval: Option<Span>,
    #[serde(default)]
    pub scrape_timeout: Option<Span>,
    #[serde(default = "default_metrics_path")]
    pub metrics_path: String,
    #[serde(default)]
    pub scheme: Scheme,
    #[serde(default, deserialize_with = "null_as_default")]
    pub params: BTreeMap<String, Vec<String>>,
    /// On a conflict the page's labels win over the target's.
    #[serde(default)]
    pub honor_labels: bool,
    /// Times on the page are used.
    #[serde(default = "yes")]
    pub honor_timestamps: bool,
    /// Series that bring their times get stale markers, too.
    #[serde(default)]
    pub track_timestamps_staleness: bool,
    /// Ask for gzip.
    #[serde(default = "yes")]
    pub enable_compression: bool,
    #[serde(default = "yes")]
    pub follow_redirects: bool,
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    #[serde(default)]
    pub authorization: Option<Authorization>,
    #[serde(default)]
    pub tls_config: TlsConfig,
    #[serde(default, deserialize_with = "null_as_default")]
    pub static_configs: Vec<TargetGroup>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub file_sd_configs: Vec<FileDiscovery>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub relabel_configs: Vec<RelabelRule>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub metric_relabel_configs: Vec<RelabelRule>,
    #[serde(default)]
    pub sample_limit: Option<u64>,
    #[serde(default)]
    pub target_limit: Option<u64>,
    #[serde(default)]
    pub label_limit: Option<u64>,
    #[serde(default)]
    pub label_name_length_limit: Option<u64>,
    #[serde(default)]
    pub label_value_length_limit: Option<u64>,
    #[serde(default)]
    pub body_size_limit: Option<ByteSize>,
}

fn default_metrics_path() -> String {
    "/metrics".to_owned()
}

fn yes() -> bool {
    true
}

/// A key without a value is the same as no key.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// Targets with what is known about all of them, in the configuration or in a discovered file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetGroup {
    #[serde(default, deserialize_with = "null_as_default")]
    pub targets: Vec<Address>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
}

/// `HOST:PORT`, or `HOST` for the port of the scheme.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub String);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        check_address(&text).map(|()| Address(text))
    }
}

/// Refuses what would be more than the host and port of a URL.
pub(super) fn check_address(text: &str) -> Result<(), String> {
    let is_plain = !text.is_empty()
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"/?#@\\".contains(c));
    if is_plain {
        return Ok(());
    }
    let hint = if text.contains("://") { "; scheme and metrics_path are settings of the job" } else { "" };
    Err(format!("{text:?} is not a target such as HOST:PORT{hint}"))
}

/// Files that hold target groups, as JSON or YAML.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDiscovery {
    pub files: Vec<FilePattern>,
    /// Files are looked at more often than this; after it they are read even if they look unchanged.
    #[serde(default = "default_refresh_interval")]
    pub refresh_interval: Span,
}

fn default_refresh_interval() -> Span {
    Span(Duration::from_secs(300))
}

/// A path that ends in `.json`, `.yml` or `.yaml`, with at most one `*`, in its last part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct FilePattern(pub PathBuf);

impl TryFrom<String> for FilePattern {
    type Error = String;

    fn try_from(text: String) -> Result<FilePattern, String> {
        let (dir, last) = text.rsplit_once('/').unwrap_or(("", &text));
        let ends_well = [".json", ".yml", ".yaml"].iter().any(|end| last.to_ascii_lowercase().ends_with(end));
        if !ends_well || dir.contains('*') || last.matches('*').count() > 1 {
            return Err(format!(
                "{text:?} is not a path that ends in .json, .yml or .yaml, with at most one * in its last part"
            ));
        }
        Ok(FilePattern(PathBuf::from(text)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub password: Option<SecretText>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    #[serde(default = "bearer", rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub credentials: Option<SecretText>,
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
}

fn bearer() -> String {
    "Bearer".to_owned()
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// The name that the certificate has to bear, when it is not the target's.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
}

/// Text that does not show in logs.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A length of time such as `15s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        telemetry::time::parse_duration(&text).map(Span).map_err(|error| error.to_string())
    }
}

/// A number of bytes such as `10MB`, in units of 1024; `0` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ByteSize(pub u64);

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<ByteSize, String> {
        const UNITS: [(&str, u32); 13] = [
            ("KiB", 10),
            ("MiB", 20),
            ("GiB", 30),
            ("TiB", 40),
            ("PiB", 50),
            ("KB", 10),
            ("MB", 20),
            ("GB", 30),
            ("TB", 40),
            ("PB", 50),
            ("EB", 60),
            ("B", 0),
            ("", 0),
        ];
        let bad = || format!("{text:?} is not a size such as 512KB, 10MB or 1GB");
        let (unit, shift) = UNITS.iter().find(|(unit, _)| text.ends_with(unit)).ok_or_else(bad)?;
        let count: u64 = text[..text.len() - unit.len()].parse().map_err(|_| bad())?;
        if unit.is_empty() && count != 0 {
            return Err(bad());
        }
        count.checked_mul(1 << shift).map(ByteSize).ok_or_else(bad)
    }
}

/// Settings of Prometheus that this does not have. Other unknown keys are mistakes.
const PROMETHEUS_ONLY: [&str; 27] = [
    "always_scrape_classic_histograms",
    "bearer_token",
    "bearer_token_file",
    "ca",
    "ca_ref",
    "cert",
    "cert_ref",
    "convert_classic_histograms_to_nhcb",
    "credentials_ref",
    "enable_http2",
    "extra_scrape_metrics",
    "fallback_scrape_protocol",
    "http_headers",
    "key",
    "key_ref",
    "max_version",
    "min_version",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "no_proxy",
    "oauth2",
    "password_ref",
    "proxy_connect_header",
    "proxy_from_environment",
    "proxy_url",
    "scrape_classic_histograms",
    "scrape_native_histograms",
];

/// What to say about a setting that is not known here but to Prometheus; `None` about a mistake.
pub fn unsupported(setting: &str) -> Option<String> {
    if setting.ends_with("_sd_configs") {
        return Some(format!(
            "{setting} is a discovery of Prometheus that is not built in here: \
             use file_sd_configs (and write the files by a script) or static_configs"
        ));
    }
    let message = match setting {
        "bearer_token" => "use authorization: {credentials: ...}",
        "bearer_token_file" => "use authorization: {credentials_file: ...}",
        known if PROMETHEUS_ONLY.contains(&known) => "remove it",
        "scrape_protocols" | "keep_dropped_targets" | "scrape_failure_log_file" => "remove it",
        "metric_name_validation_scheme" | "metric_name_escaping_scheme" => "remove it: names are UTF-8",
        _ => return None,
    };
    Some(format!("{setting} is a setting of Prometheus that is not supported here: {message}"))
}
