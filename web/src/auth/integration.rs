//! Integration keys: what tools of other makers send in a body where there is no place for a token
//! (a PagerDuty `routing_key`). A key is bound to one service and good for nothing else: it is not
//! accepted where a token is.

use ingest::pagerduty::{Integration, IntegrationKeys};
use telemetry::Timestamp;

use super::secret::SecretHash;
use super::token::check_name;
use super::{Auth, AuthError, Secret};

/// Longest name of a service.
const SERVICE_BYTES_MAX: usize = 128;

/// What to create. Its name is unique among the tokens too: both are listed and revoked by name.
#[derive(Clone, Debug)]
pub struct NewIntegrationKey {
    pub name: String,
    pub service: String,
    pub expires_at: Option<Timestamp>,
}

impl Auth {
    /// The key is in the answer and nowhere else.
    pub async fn create_integration_key(
        &self,
        new: NewIntegrationKey,
        created_by: &str,
    ) -> Result<Secret, AuthError> {
        check_name(&new.name)?;
        let is_name = !new.service.is_empty() && new.service.len() <= SERVICE_BYTES_MAX;
        if !is_name || new.service.chars().any(char::is_control) {
            return Err(AuthError::ServiceName(new.service));
        }
        self.check_room()?;
        let secret = Secret::integration_key()?;
        let mut tx = self.store().begin_write().await?;
        let inserted = sqlx::query(
            "INSERT INTO web_integration_keys (name, service, secret_sha256, created_at, created_by, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM web_tokens WHERE name = $1) \
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(&new.name)
        .bind(&new.service)
        .bind(secret.hash().to_hex())
        .bind(self.now().micros())
        .bind(created_by)
        .bind(new.expires_at.map(Timestamp::micros))
        .execute(&mut *tx)
        .await?;
        if inserted.rows_affected() == 0 {
            return Err(AuthError::TokenExists(new.name));
        }
        tx.commit().await?;
        self.refresh().await?;
        Ok(secret)
    }
}

impl IntegrationKeys for Auth {
    /// As with tokens, looking a hash up leaks nothing by its timing.
    fn integration(&self, key: &str) -> Option<Integration> {
        let now = self.now();
        let table = self.table();
        let known =
            table.integration(&SecretHash::of(key).to_hex()).filter(|known| known.is_valid_at(now))?;
        known.last_use.note(now);
        let service = known.info.service.clone()?;
        Some(Integration { name: known.info.name.clone(), service })
    }
}
