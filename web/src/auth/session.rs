//! Sessions of browsers: a cookie with 256 random bits, of which the store keeps the hash.

use http::HeaderMap;
use http::header::COOKIE;
use telemetry::Timestamp;

use super::secret::SecretHash;
use super::{Auth, AuthError, Caller, Role, Secret, Via};

const SESSION_COOKIE: &str = "evenkeel_session";

/// A session just opened: its secret goes into the cookie.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub secret: Secret,
    pub caller: Caller,
    pub expires_at: Timestamp,
}

impl Auth {
    /// Exchanges a token for a session. `address` is whom wrong tokens are counted against.
    pub async fn open_session(
        &self,
        token: &str,
        address: std::net::IpAddr,
    ) -> Result<NewSession, AuthError> {
        self.check_throttle(address)?;
        let Some(caller) = self.caller_by_token(token) else {
            self.0.throttle.failed(address, self.now());
            return Err(AuthError::SecretInvalid);
        };
        let credential = SecretHash::of(token).to_hex();
        let mut tx = self.store().begin_write().await?;
        let session = insert_session(self, &mut tx, &caller.name, caller.role, Some(credential)).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// `None` when the session is unknown, expired, or its token was revoked.
    pub async fn caller_by_session(&self, presented: &str) -> Result<Option<Caller>, AuthError> {
        let row: Option<(String, String, Option<String>)> = sqlx::query_as(
            "SELECT name, role, credential_sha256 FROM web_sessions \
             WHERE session_sha256 = $1 AND expires_at > $2",
        )
        .bind(SecretHash::of(presented).to_hex())
        .bind(self.now().micros())
        .fetch_optional(self.store().read())
        .await?;
        let Some((name, role, credential)) = row else { return Ok(None) };
        if credential.is_some_and(|hash| self.caller_by_hash(&hash).is_none()) {
            return Ok(None);
        }
        Ok(Some(Caller { name, role: role.parse()?, via: Via::Session }))
    }

    /// Logs out. An unknown session is as good as one that was closed.
    pub async fn close_session(&self, presented: &str) -> Result<(), AuthError> {
        let mut tx = self.store().begin_write().await?;
        sqlx::query("DELETE FROM web_sessions WHERE session_sha256 = $1")
            .bind(SecretHash::of(presented).to_hex())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets what has expired; for an hourly job. Safe to run at any time.
    pub async fn sweep(&self) -> Result<u64, AuthError> {
        let now = self.now().micros();
        let mut tx = self.store().begin_write().await?;
        let mut swept = 0;
        for statement in [
            "DELETE FROM web_sessions WHERE expires_at <= $1",
            "DELETE FROM web_login_links WHERE expires_at <= $1",
        ] {
            swept += sqlx::query(statement).bind(now).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(swept)
    }

    pub(super) fn check_throttle(&self, address: std::net::IpAddr) -> Result<(), AuthError> {
        match self.0.throttle.wait(address, self.now()) {
            Some(retry_after) => Err(AuthError::Throttled { retry_after }),
            None => Ok(()),
        }
    }

    pub(super) fn count_failure(&self, address: std::net::IpAddr) {
        self.0.throttle.failed(address, self.now());
    }
}

pub(super) async fn insert_session(
    auth: &Auth,
    tx: &mut db::WriteTx,
    name: &str,
    role: Role,
    credential: Option<String>,
) -> Result<NewSession, AuthError> {
    let secret = Secret::random("")?;
    let now = auth.now();
    let expires_at = now.plus(auth.config().session_lifetime);
    sqlx::query(
        "INSERT INTO web_sessions (session_sha256, name, role, credential_sha256, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(secret.hash().to_hex())
    .bind(name)
    .bind(role.as_str())
    .bind(credential)
    .bind(now.micros())
    .bind(expires_at.micros())
    .execute(&mut **tx)
    .await?;
    let caller = Caller { name: name.to_owned(), role, via: Via::Session };
    Ok(NewSession { secret, caller, expires_at })
}

/// The `Set-Cookie` value of a session, or of none (logging out).
pub(crate) fn session_cookie(secret: Option<&Secret>, max_age: std::time::Duration, secure: bool) -> String {
    let (value, max_age_secs) = secret.map_or(("", 0), |secret| (secret.expose(), max_age.as_secs()));
    let secure = if secure { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict{secure}")
}

/// The session's secret among the request's cookies.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE && !value.is_empty()).then_some(value))
}
