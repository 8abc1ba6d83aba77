//! The link in a page: whoever holds it may look, and acknowledge with a deliberate act.
//!
//! The token names a page and an expiry and signs both together with incident, recipient and the
//! one action it is good for. Looking changes nothing: mail scanners fetch links. It stops to work
//! when it expires and when its recipient is no longer configured.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use telemetry::Timestamp;

use crate::AlertingError;
use crate::alert::Alert;
use crate::config::AlertingConfig;
use crate::engine::{AckOutcome, Alerting, IncidentView};
use crate::incident::{Actor, Via};
use crate::page::Page;
use crate::store;

/// Longer tokens are not looked at.
const TOKEN_BYTES_MAX: usize = 256;
/// Alerts shown on the page behind a link.
const ALERTS_MAX: u32 = 50;

/// What the link shows.
#[derive(Clone, Debug)]
pub struct PageView {
    pub page: Page,
    pub incident: IncidentView,
    pub alerts: Vec<Alert>,
    pub expires_at: Timestamp,
}

/// Makes and checks links.
pub(crate) struct Links {
    key: Vec<u8>,
    /// As a URL is written: without quotes, angle brackets or blanks. No slash at its end.
    external_url: String,
    host: String,
    lifetime: Duration,
}

impl Links {
    pub fn new(key: Vec<u8>, config: &AlertingConfig) -> Result<Links, AlertingError> {
        let bad = || AlertingError::Config {
            setting: "external_url",
            message: format!(
                "{:?} is not an address such as https://evenkeel.example.com",
                config.external_url
            ),
        };
        let url = url::Url::parse(&config.external_url).map_err(|_| bad())?;
        let is_plain =
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|_| is_plain).ok_or_else(bad)?.to_owned();
        let external_url = url.as_str().trim_end_matches('/').to_owned();
        Ok(Links { key, external_url, host, lifetime: config.link_lifetime })
    }

    /// The link of a page that goes out now.
    pub fn acknowledge(&self, page: &Page, now: Timestamp) -> String {
        let expires_secs = now.plus(self.lifetime).secs();
        let signature = URL_SAFE_NO_PAD.encode(self.sign(page, expires_secs).finalize().into_bytes());
        format!("{}/p/{}.{expires_secs}.{signature}", self.external_url, page.id)
    }

    pub fn incident(&self, page: &Page) -> String {
        format!("{}/incidents/{}", self.external_url, page.incident)
    }

    /// The host that the links lead to.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn sign(&self, page: &Page, expires_secs: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        let incident = page.incident.to_string();
        let expires = expires_secs.to_string();
        for part in ["acknowledge", page.id.as_str(), &incident, &page.recipient, &expires] {
            mac.update(part.as_bytes());
            // 0xFF cannot occur in UTF-8, so no two lists feed the same bytes.
            mac.update(&[0xff]);
        }
        mac
    }
}

impl Alerting {
    /// What a page's link shows. Read only.
    pub async fn open_page_link(&self, token: &str) -> Result<PageView, AlertingError> {
        let (page, expires_at) = self.check_link(token).await?;
        let incident = self.incident(page.incident).await?;
        let alerts = store::alerts_of(self.0.store.read(), page.incident, ALERTS_MAX).await?;
        Ok(PageView { page, incident, alerts, expires_at })
    }

    /// Acknowledges the incident of a page in the name of its recipient. Repeating it changes
    /// nothing and tells who was first. Never call it for a GET.
    pub async fn acknowledge_by_link(&self, token: &str) -> Result<AckOutcome, AlertingError> {
        let (page, _) = self.check_link(token).await?;
        let incident = self.incident(page.incident).await?;
        if incident.incident.state.is_final() {
            let (by, at) = (incident.incident.acknowledged_by.clone(), incident.incident.acknowledged_at);
            return Ok(AckOutcome { incident, acknowledged_by: by, acknowledged_at: at, first: false });
        }
        self.acknowledge(page.incident, &Actor::new(page.recipient, Via::Link)).await
    }

    async fn check_link(&self, token: &str) -> Result<(Page, Timestamp), AlertingError> {
        let invalid = || AlertingError::LinkInvalid;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(invalid());
        }
        let mut parts = token.split('.');
        let (Some(id), Some(expires), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid());
        };
        let expires_secs: i64 = expires.parse().map_err(|_| invalid())?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid())?;
        let page = store::page(self.0.store.read(), id).await?.ok_or_else(invalid)?;
        // Compares in constant time.
        self.0.links.sign(&page, expires_secs).verify_slice(&signature).map_err(|_| invalid())?;
        let expires_at = Timestamp::from_secs(expires_secs);
        if self.0.now() >= expires_at {
            return Err(AlertingError::LinkExpired);
        }
        let catalog = self.catalog();
        let is_known =
            catalog.users.contains_key(&page.recipient) || catalog.receivers.contains_key(&page.recipient);
        if is_known { Ok((page, expires_at)) } else { Err(AlertingError::LinkRevoked) }
    }
}
