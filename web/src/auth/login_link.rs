//! One-time login links: what the first start prints and `evenkeel token login` makes.
//!
//! The GET of a link only shows a button, because mail scanners and chat previews open links; the
//! POST uses it up.

use std::net::IpAddr;

use telemetry::Timestamp;
use url::Url;

use super::secret::SecretHash;
use super::session::insert_session;
use super::{Auth, AuthError, NewSession, Role, Secret};

/// A link's secret, to be appended to the external URL as `/login?token=`.
#[derive(Clone, Debug)]
pub struct LoginLink {
    pub secret: Secret,
    pub expires_at: Timestamp,
}

impl LoginLink {
    pub fn url(&self, external_url: &Url) -> String {
        let base = external_url.as_str().trim_end_matches('/');
        format!("{base}/login?token={}", self.secret.expose())
    }
}

impl Auth {
    pub async fn create_login_link(&self, name: &str, role: Role) -> Result<LoginLink, AuthError> {
        let secret = Secret::random("")?;
        let expires_at = self.now().plus(self.config().login_link_lifetime);
        let mut tx = self.store().begin_write().await?;
        sqlx::query(
            "INSERT INTO web_login_links (secret_sha256, name, role, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(secret.hash().to_hex())
        .bind(name)
        .bind(role.as_str())
        .bind(self.now().micros())
        .bind(expires_at.micros())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(LoginLink { secret, expires_at })
    }

    /// Whether the link would work; uses nothing up.
    pub async fn login_link_is_valid(&self, presented: &str) -> Result<bool, AuthError> {
        let found: Option<(i64,)> = sqlx::query_as(
            "SELECT 1 FROM web_login_links \
             WHERE secret_sha256 = $1 AND used_at IS NULL AND expires_at > $2",
        )
        .bind(SecretHash::of(presented).to_hex())
        .bind(self.now().micros())
        .fetch_optional(self.store().read())
        .await?;
        Ok(found.is_some())
    }

    /// Turns the link into a session. The second use fails, also when both come at once.
    pub async fn use_login_link(&self, presented: &str, address: IpAddr) -> Result<NewSession, AuthError> {
        self.check_throttle(address)?;
        let now = self.now().micros();
        let mut tx = self.store().begin_write().await?;
        let used: Option<(String, String)> = sqlx::query_as(
            "UPDATE web_login_links SET used_at = $2 \
             WHERE secret_sha256 = $1 AND used_at IS NULL AND expires_at > $2 RETURNING name, role",
        )
        .bind(SecretHash::of(presented).to_hex())
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((name, role)) = used else {
            self.count_failure(address);
            return Err(AuthError::LinkInvalid);
        };
        let session = insert_session(self, &mut tx, &name, role.parse()?, None).await?;
        tx.commit().await?;
        Ok(session)
    }
}
