//! The server's settings: one YAML file, then `EVENKEEL_…` variables, then flags.
//!
//! Each component's settings live beside the component; this file composes them and names what only
//! the process knows: addresses, directories, the mail server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use alerting::config::{SmtpConfig, SmtpTls};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use url::Url;

/// An address to listen on, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Listen {
    Off,
    On(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        if text == "off" {
            return Ok(Listen::Off);
        }
        text.parse()
            .map(Listen::On)
            .map_err(|_| format!("{text:?} is not ADDRESS:PORT (such as 127.0.0.1:7400) and not off"))
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Listen, String> {
        text.parse()
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> String {
        match listen {
            Listen::Off => "off".to_owned(),
            Listen::On(address) => address.to_string(),
        }
    }
}

/// What the file may hold. An unknown key is an error with its line. `docs/settings.md` lists all of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Everything embedded: `wal/`, `lake/`, `evenkeel.db`.
    pub data_dir: PathBuf,
    /// Configuration as code; none is fine.
    pub objects: Option<PathBuf>,
    /// The dashboard, the API and every dialect spoken over HTTP.
    pub http_listen: Listen,
    pub otlp_grpc_listen: Listen,
    pub otlp_http_listen: Listen,
    pub postgres_listen: Listen,
    /// With it, PostgreSQL clients may encrypt their connection.
    pub postgres_tls: Option<crate::tls::TlsFiles>,
    /// Elasticsearch's calls at `/`, for shippers that know no path prefix; the others use `/elastic`
    /// of the HTTP listener. Off unless asked for: on its customary port 9200 there is often the very
    /// Elasticsearch that shippers are being moved away from.
    pub elastic_listen: Listen,
    /// What links in pages, mails and exports start with; the HTTP address by default.
    pub external_url: Option<Url>,
    /// Of running requests, steps and writes, when the server is told to stop.
    #[serde(with = "telemetry::time::duration_text")]
    pub shutdown_timeout: Duration,
    pub store: StoreSettings,
    pub backup: BackupSettings,
    pub lake: lake::LakeConfig,
    pub ingest: IngestSettings,
    /// Webhooks of code hosts that are taken.
    pub hooks: Vec<ingest::hooks::HookConfig>,
    pub query: query::QueryConfig,
    pub slo: query::sli::SliConfig,
    pub alerting: alerting::AlertingConfig,
    pub smtp: Option<SmtpConfig>,
    pub runbooks: runbooks::RunbooksConfig,
    /// What to scrape, in the words of Prometheus.
    pub scrape: ingest::scrape::ScrapeSettings,
    pub web: web::WebConfig,
    /// Where all this was read; paths in `scrape` are relative to it.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// Given as flags, beside `scrape.config_files`.
    #[serde(skip)]
    pub scrape_config_files: Vec<PathBuf>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSettings {
    pub limits: ingest::IngestLimits,
}

/// The workflow store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Set aside on the disk and given up when it is full, so that people are paged all the same.
    pub reserve_bytes: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings { reserve_bytes: 64 << 20 }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupSettings {
    /// `evenkeel backup` writes below this directory; without it there are no backups.
    pub dir: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        let local = |port| Listen::On(SocketAddr::from(([127, 0, 0, 1], port)));
        Settings {
            data_dir: PathBuf::from("evenkeel-data"),
            objects: None,
            http_listen: local(7400),
            otlp_grpc_listen: local(4317),
            otlp_http_listen: local(4318),
            postgres_listen: local(7432),
            postgres_tls: None,
            elastic_listen: Listen::Off,
            external_url: None,
            shutdown_timeout: Duration::from_secs(30),
            store: StoreSettings::default(),
            backup: BackupSettings::default(),
            lake: lake::LakeConfig::default(),
            ingest: IngestSettings::default(),
            hooks: Vec::new(),
            query: query::QueryConfig::default(),
            slo: query::sli::SliConfig::default(),
            alerting: alerting::AlertingConfig::default(),
            smtp: None,
            runbooks: runbooks::RunbooksConfig::default(),
            scrape: ingest::scrape::ScrapeSettings::default(),
            web: web::WebConfig::default(),
            file: None,
            scrape_config_files: Vec::new(),
        }
    }
}

/// Flags and variables of `serve`; what is given here wins over the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SettingsArgs {
    /// The settings file.
    #[arg(long, env = "EVENKEEL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, env = "EVENKEEL_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Configuration as code: objectives, rules, people, routes, runbooks.
    #[arg(long, env = "EVENKEEL_OBJECTS", value_name = "DIR")]
    pub objects: Option<PathBuf>,
    /// Dashboard, API and HTTP dialects.
    #[arg(long, env = "EVENKEEL_HTTP_LISTEN", value_name = "ADDR|off")]
    pub http_listen: Option<Listen>,
    /// OTLP over gRPC.
    #[arg(long, env = "EVENKEEL_OTLP_GRPC_LISTEN", value_name = "ADDR|off")]
    pub otlp_grpc_listen: Option<Listen>,
    /// OTLP over HTTP, on its customary port.
    #[arg(long, env = "EVENKEEL_OTLP_HTTP_LISTEN", value_name = "ADDR|off")]
    pub otlp_http_listen: Option<Listen>,
    /// SQL by the PostgreSQL protocol.
    #[arg(long, env = "EVENKEEL_POSTGRES_LISTEN", value_name = "ADDR|off")]
    pub postgres_listen: Option<Listen>,
    /// Elasticsearch's bulk calls at `/`, for shippers without path prefixes (off by default).
    #[arg(long, env = "EVENKEEL_ELASTIC_LISTEN", value_name = "ADDR|off")]
    pub elastic_listen: Option<Listen>,
    /// What links in pages, mails and exports start with.
    #[arg(long, env = "EVENKEEL_EXTERNAL_URL", value_name = "URL")]
    pub external_url: Option<Url>,
    /// A Prometheus configuration file, of which the scraping is used. Can be given several times.
    #[arg(long, env = "EVENKEEL_SCRAPE_CONFIG", value_name = "FILE", value_delimiter = ',')]
    pub scrape_config: Vec<PathBuf>,
    /// Where `evenkeel backup` may write.
    #[arg(long, env = "EVENKEEL_BACKUP_DIR", value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// What an acknowledgement promises: synced, written, or applied in memory.
    #[arg(long, env = "EVENKEEL_ACK", value_name = "durable|written|memory")]
    pub ack: Option<String>,
    /// Start although acknowledged records of the write-ahead log are damaged, without them.
    #[arg(long)]
    pub accept_data_loss: bool,
    /// How long metrics are kept, such as 30d; `forever` also takes samples of any age.
    #[arg(long, env = "EVENKEEL_RETENTION_METRICS", value_name = "DURATION|forever")]
    pub retention_metrics: Option<String>,
    /// The mail server, HOST:PORT.
    #[arg(long, env = "EVENKEEL_SMTP_ADDRESS", value_name = "HOST:PORT")]
    pub smtp_address: Option<String>,
    /// Whom mails come from.
    #[arg(long, env = "EVENKEEL_SMTP_FROM", value_name = "ADDRESS")]
    pub smtp_from: Option<String>,
    #[arg(long, env = "EVENKEEL_SMTP_USERNAME")]
    pub smtp_username: Option<String>,
    #[arg(long, env = "EVENKEEL_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,
    /// `off` is for a mail server on this machine.
    #[arg(long, env = "EVENKEEL_SMTP_TLS", value_name = "required|opportunistic|off")]
    pub smtp_tls: Option<String>,
}

impl Settings {
    /// The file (if one is named) with the flags over it.
    pub fn load(args: &SettingsArgs) -> anyhow::Result<Settings> {
        let mut settings = match &args.config {
            Some(path) => Settings::from_file(path)?,
            None => Settings::default(),
        };
        settings.apply(args)?;
        settings.file = args.config.clone();
        Ok(settings)
    }

    pub(crate) fn from_file(path: &std::path::Path) -> anyhow::Result<Settings> {
        let place = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("{place} cannot be read"))?;
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Settings::default());
        }
        serde_saphyr::from_str(&text).map_err(|error| match error.location() {
            Some(at) => anyhow::anyhow!("{place}:{}: {}", at.line(), ingest::scrape::load::explain(&error)),
            None => anyhow::anyhow!("{place}: {}", ingest::scrape::load::explain(&error)),
        })
    }

    fn apply(&mut self, args: &SettingsArgs) -> anyhow::Result<()> {
        fn set<T: Clone>(setting: &mut T, given: &Option<T>) {
            if let Some(given) = given {
                *setting = given.clone();
            }
        }
        set(&mut self.data_dir, &args.data_dir);
        set(&mut self.http_listen, &args.http_listen);
        set(&mut self.otlp_grpc_listen, &args.otlp_grpc_listen);
        set(&mut self.otlp_http_listen, &args.otlp_http_listen);
        set(&mut self.postgres_listen, &args.postgres_listen);
        set(&mut self.elastic_listen, &args.elastic_listen);
        self.objects = args.objects.clone().or(self.objects.take());
        self.external_url = args.external_url.clone().or(self.external_url.take());
        self.backup.dir = args.backup_dir.clone().or(self.backup.dir.take());
        self.lake.wal.accept_data_loss |= args.accept_data_loss;
        if let Some(text) = &args.ack {
            self.lake.ack = match text.as_str() {
                "durable" => lake::Ack::Durable,
                "written" => lake::Ack::Written,
                "memory" => lake::Ack::Memory,
                other => bail!("--ack: {other:?} is not durable, written or memory"),
            };
        }
        if let Some(text) = &args.retention_metrics {
            self.lake.retention.metrics = match text.as_str() {
                "forever" => None,
                text => Some(telemetry::time::parse_duration(text).context("--retention-metrics")?),
            };
        }
        for path in &args.scrape_config {
            let path =
                std::path::absolute(path).with_context(|| format!("--scrape-config {}", path.display()))?;
            self.scrape_config_files.push(path.clone());
            self.scrape.config_files.push(path);
        }
        self.apply_smtp(args)?;
        self.lake.dir = self.data_dir.clone();
        Ok(())
    }

    fn apply_smtp(&mut self, args: &SettingsArgs) -> anyhow::Result<()> {
        let given = args.smtp_address.is_some() || args.smtp_from.is_some();
        if self.smtp.is_none() && !given {
            return Ok(());
        }
        let mut smtp = match self.smtp.take() {
            Some(smtp) => smtp,
            None => match (&args.smtp_address, &args.smtp_from) {
                (Some(address), Some(from)) => smtp_at(address, from),
                _ => bail!("a mail server needs both --smtp-address and --smtp-from"),
            },
        };
        if let Some(address) = &args.smtp_address {
            smtp.address = address.clone();
        }
        if let Some(from) = &args.smtp_from {
            smtp.from = from.clone();
        }
        smtp.username = args.smtp_username.clone().or(smtp.username);
        smtp.password_file = args.smtp_password_file.clone().or(smtp.password_file);
        if let Some(tls) = &args.smtp_tls {
            smtp.tls = match tls.as_str() {
                "required" => SmtpTls::Required,
                "opportunistic" => SmtpTls::Opportunistic,
                "off" => SmtpTls::Off,
                other => bail!("--smtp-tls: {other:?} is not required, opportunistic or off"),
            };
        }
        self.smtp = Some(smtp);
        Ok(())
    }
}

/// A mail server without a login, TLS required.
fn smtp_at(address: &str, from: &str) -> SmtpConfig {
    SmtpConfig {
        address: address.to_owned(),
        from: from.to_owned(),
        username: None,
        password_file: None,
        tls: SmtpTls::Required,
    }
}

#[cfg(test)]
mod tests;
