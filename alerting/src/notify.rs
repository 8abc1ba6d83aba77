//! How pages leave the house. A channel sends one [`Notice`] and says how that ended; retries,
//! leases and records are in [`delivery`]. One file per channel, each with the same two parts: the
//! content, pure, and the sending.

pub mod delivery;
pub mod email;
pub mod template;
pub mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use telemetry::Timestamp;

use crate::AlertingError;
use crate::alert::Alert;
use crate::config::AlertingConfig;
use crate::incident::Incident;
use crate::page::Page;
use crate::people::ChannelKind;

/// Everything that a message may tell.
#[derive(Clone, Debug)]
pub struct Notice {
    pub page: Page,
    pub incident: Incident,
    /// Of the incident, firing ones first.
    pub alerts: Vec<Alert>,
    /// The recipient's name for people, and the zone in which they read times.
    pub recipient_name: String,
    pub zone: jiff::tz::TimeZone,
    /// Shows the incident and lets the recipient acknowledge.
    pub acknowledge_url: String,
    pub incident_url: String,
    /// Domain of message ids.
    pub host: String,
    /// Key file of the receiver that is being told, if it has one.
    pub secret_file: Option<String>,
    pub now: Timestamp,
}

/// Why a message did not go out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was refused for good: another attempt would be, too.
    #[error("{0}")]
    Permanent(String),
    /// It was not taken, and may be later.
    #[error("{0}")]
    Temporary(String),
    /// It may or may not have been taken.
    #[error("{0}")]
    Ambiguous(String),
}

/// A way for messages.
#[async_trait]
pub trait Channel: Send + Sync {
    /// The message has been taken when this returns `Ok`. May be called again for the same page
    /// after an ambiguous end; ids in the message are the same then.
    async fn send(&self, notice: &Notice) -> Result<(), SendError>;
}

/// The channels that are configured.
#[derive(Clone, Default)]
pub struct Channels(BTreeMap<ChannelKind, Arc<dyn Channel>>);

impl Channels {
    /// Mail if there is a server for it, and webhooks.
    pub fn from_config(config: &AlertingConfig) -> Result<Channels, AlertingError> {
        let mut channels = Channels::default();
        if let Some(smtp) = &config.smtp {
            channels = channels.with(ChannelKind::Email, Arc::new(email::Email::new(smtp)?));
        }
        Ok(channels.with(ChannelKind::Webhook, Arc::new(webhook::Webhook::new(&config.webhook))))
    }

    /// With a channel in place of what was there.
    pub fn with(mut self, kind: ChannelKind, channel: Arc<dyn Channel>) -> Channels {
        self.0.insert(kind, channel);
        self
    }

    pub(crate) async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        match self.0.get(&notice.page.channel) {
            Some(channel) => channel.send(notice).await,
            None => Err(SendError::Permanent(format!("no {} is configured", notice.page.channel.as_str()))),
        }
    }
}
