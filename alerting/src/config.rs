//! Settings of alerting, one name per bound.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::time::duration_text;

use crate::incident::PAGING_SEVERITIES;

/// Settings as they stand in the server's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertingConfig {
    /// What links in pages start with: one setting of the whole server.
    #[serde(skip)]
    pub external_url: String,
    /// Without it no mail goes out, and pages by mail fail: a section of its own in the server's file.
    #[serde(skip)]
    pub smtp: Option<SmtpConfig>,
    pub webhook: WebhookConfig,
    /// Between two evaluations of a rule group that names no interval.
    #[serde(with = "duration_text")]
    pub evaluation_interval: Duration,
    /// All queries of one turn together, and all signals, are given up after this; alerts without
    /// an answer stay as they are.
    #[serde(with = "duration_text")]
    pub query_timeout: Duration,
    /// Values of the label `severity` that page; alerts with others are shown only.
    pub paging_severities: Vec<String>,
    pub delivery: DeliveryConfig,
    /// How long the acknowledge link of a page works.
    #[serde(with = "duration_text")]
    pub link_lifetime: Duration,
    /// Resolved alerts and finished outbox rows are removed after this; history is in the lake.
    #[serde(with = "duration_text")]
    pub history_retention: Duration,
}

impl Default for AlertingConfig {
    fn default() -> AlertingConfig {
        AlertingConfig {
            external_url: "http://127.0.0.1:7400".to_owned(),
            smtp: None,
            webhook: WebhookConfig::default(),
            evaluation_interval: Duration::from_secs(30),
            query_timeout: Duration::from_secs(10),
            paging_severities: PAGING_SEVERITIES.map(str::to_owned).to_vec(),
            delivery: DeliveryConfig::default(),
            link_lifetime: Duration::from_secs(24 * 3_600),
            history_retention: Duration::from_secs(30 * 86_400),
        }
    }
}

/// How pages are sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Attempts per page; then it has failed, and the next contact or step comes at once.
    pub attempts_max: u32,
    /// An attempt is given up after this.
    #[serde(with = "duration_text")]
    pub send_timeout: Duration,
    /// How long a claimed page is left alone before it is taken to be abandoned. Longer than
    /// `send_timeout`.
    #[serde(with = "duration_text")]
    pub lease: Duration,
    /// Wait after the first failed attempt; doubles up to `backoff_max`.
    #[serde(with = "duration_text")]
    pub backoff: Duration,
    #[serde(with = "duration_text")]
    pub backoff_max: Duration,
    /// Pages claimed and sent side by side.
    pub batch_max: u32,
}

impl Default for DeliveryConfig {
    fn default() -> DeliveryConfig {
        DeliveryConfig {
            attempts_max: 5,
            send_timeout: Duration::from_secs(20),
            lease: Duration::from_secs(30),
            backoff: Duration::from_secs(5),
            backoff_max: Duration::from_secs(60),
            batch_max: 20,
        }
    }
}

/// Whether the mail server has to speak TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// TLS from the start on port 465, STARTTLS elsewhere; without it nothing is sent.
    #[default]
    Required,
    /// STARTTLS if the server offers it.
    Opportunistic,
    /// For loopback.
    Off,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// `host:port`.
    pub address: String,
    /// The sender: `Evenkeel <pager@example.com>`.
    pub from: String,
    #[serde(default)]
    pub username: Option<String>,
    /// Read at start.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    #[serde(default)]
    pub tls: SmtpTls,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    #[serde(with = "duration_text")]
    pub timeout: Duration,
    /// Signs bodies to endpoints whose receiver has no key of its own; read at each sending.
    pub secret_file: Option<PathBuf>,
}

impl Default for WebhookConfig {
    fn default() -> WebhookConfig {
        WebhookConfig { timeout: Duration::from_secs(5), secret_file: None }
    }
}
