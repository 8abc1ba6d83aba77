//! Pages as JSON by HTTP POST, signed.
//!
//! `X-Evenkeel-Signature: t=SECONDS,v1=HEX` where HEX is HMAC-SHA256 over `SECONDS:BODY`, so that a
//! body cannot be sent again later; `Idempotency-Key` is the page's id in every attempt. Redirects
//! are not followed: the address in the configuration is the one that is told.

use std::sync::OnceLock;

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Channel, Notice, SendError};
use crate::config::WebhookConfig;
use crate::fact::json_number;

/// Alerts in one body.
const ALERTS_MAX: usize = 100;

/// The client for all endpoints.
pub struct Webhook {
    config: WebhookConfig,
    /// Made at the first sending: it needs the process's TLS provider, which is installed by then.
    client: OnceLock<reqwest::Client>,
}

impl Webhook {
    pub fn new(config: &WebhookConfig) -> Webhook {
        Webhook { config: config.clone(), client: OnceLock::new() }
    }

    fn client(&self) -> Result<&reqwest::Client, SendError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let built = reqwest::Client::builder()
            .timeout(self.config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("evenkeel")
            .build()
            .map_err(|error| SendError::Temporary(format!("no HTTP client: {error}")))?;
        Ok(self.client.get_or_init(|| built))
    }

    fn secret(&self, notice: &Notice) -> Result<Option<Vec<u8>>, SendError> {
        let own = notice.secret_file.as_ref().map(std::path::PathBuf::from);
        let Some(file) = own.or_else(|| self.config.secret_file.clone()) else { return Ok(None) };
        let secret = std::fs::read(&file).map_err(|error| {
            // Never unsigned because a file is missing.
            SendError::Temporary(format!("cannot read the signing key {}: {error}", file.display()))
        })?;
        Ok(Some(secret.trim_ascii().to_vec()))
    }
}

#[async_trait]
impl Channel for Webhook {
    async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        let body = body(notice).to_string();
        let mut request = self
            .client()?
            .post(&notice.page.address)
            .header("content-type", "application/json")
            .header("idempotency-key", notice.page.id.as_str());
        if let Some(secret) = self.secret(notice)? {
            let signature = sign(&secret, notice.now.secs(), &body);
            request = request.header("x-evenkeel-signature", signature);
        }
        match request.body(body).send().await {
            Ok(response) => judge(response.status().as_u16()),
            Err(error) if error.is_connect() => Err(SendError::Temporary(error.to_string())),
            Err(error) if error.is_builder() => Err(SendError::Permanent(error.to_string())),
            Err(error) => Err(SendError::Ambiguous(error.to_string())),
        }
    }
}

/// What an answer says: 5xx, 408 and 429 may change, other refusals will not.
fn judge(status: u16) -> Result<(), SendError> {
    let text = format!("the endpoint answered {status}");
    match status {
        200..=299 => Ok(()),
        408 | 429 | 500..=599 => Err(SendError::Temporary(text)),
        _ => Err(SendError::Permanent(text)),
    }
}

fn sign(secret: &[u8], secs: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(format!("{secs}:{body}").as_bytes());
    format!("t={secs},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// The document that is posted.
pub fn body(notice: &Notice) -> Value {
    let (page, incident) = (&notice.page, &notice.incident);
    let alert = |alert: &crate::alert::Alert| {
        json!({
            "alert": alert.name(),
            "state": alert.state,
            "labels": alert.labels,
            "annotations": alert.annotations,
            "value": json_number(alert.value),
            "active_at": alert.active_at,
            "explains": alert.explains,
        })
    };
    json!({
        "version": 1,
        "page_id": page.id,
        "may_repeat": page.may_repeat,
        "recipient": page.recipient,
        "step": page.place.step + 1,
        "incident": {
            "incident_id": incident.id,
            "title": incident.title,
            "service": incident.service,
            "severity": incident.severity,
            "state": incident.state,
            "started_at": incident.started_at,
            "url": notice.incident_url,
        },
        "acknowledge_url": notice.acknowledge_url,
        "alerts": notice.alerts.iter().take(ALERTS_MAX).map(alert).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
