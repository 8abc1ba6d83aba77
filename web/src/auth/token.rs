//! Tokens: create, list, revoke, recognise.
//!
//! The store holds them; memory mirrors them, because they are asked for before every request and
//! in places that cannot wait (a gRPC interceptor). [`Auth::refresh`] picks up what another process
//! changed.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use telemetry::Timestamp;

use super::secret::SecretHash;
use super::{Auth, AuthError, BOOTSTRAP_NAME, Caller, Role, ScramVerifier, Secret, Via};

/// Leads a token's text.
const PREFIX: &str = "ek_";

/// Longest name; it is also a PostgreSQL user name, which ends at 63 bytes.
const NAME_BYTES_MAX: usize = 63;

/// What to create. `expires_at: None` is a token that lasts until it is revoked.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: String,
    pub role: Role,
    pub expires_at: Option<Timestamp>,
}

/// A token as it can be shown: without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub created_by: String,
    pub expires_at: Option<Timestamp>,
}

struct Known {
    info: TokenInfo,
    /// `None` for a verifier of another strength: it belongs to another version.
    verifier: Option<ScramVerifier>,
}

impl Known {
    fn is_valid_at(&self, now: Timestamp) -> bool {
        self.info.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

/// The mirror. Never changed, only replaced.
#[derive(Default)]
pub(super) struct TokenTable {
    by_hash: HashMap<String, Arc<Known>>,
    by_name: HashMap<String, Arc<Known>>,
}

/// name, role, secret_sha256, scram_salt, scram_salted, scram_iterations, created_at, created_by,
/// expires_at
type TokenRow = (String, String, String, String, String, i64, i64, String, Option<i64>);

impl Auth {
    /// The secret is in the answer and nowhere else.
    pub async fn create_token(&self, new: NewToken, created_by: &str) -> Result<Secret, AuthError> {
        check_name(&new.name)?;
        let tokens_max = self.config().tokens_max;
        if self.table().by_name.len() >= tokens_max {
            return Err(AuthError::TooManyTokens(tokens_max));
        }
        let secret = Secret::random(PREFIX)?;
        let verifier = ScramVerifier::of(secret.expose())?;
        let mut tx = self.store().begin_write().await?;
        let inserted = sqlx::query(
            "INSERT INTO web_tokens (name, role, secret_sha256, scram_salt, scram_salted, \
             scram_iterations, created_at, created_by, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name) DO NOTHING",
        )
        .bind(&new.name)
        .bind(new.role.as_str())
        .bind(secret.hash().to_hex())
        .bind(verifier.salt_text())
        .bind(verifier.salted_text())
        .bind(query::pgwire::SCRAM_ITERATIONS as i64)
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

    /// By name. Expired ones are listed until they are revoked; the bootstrap token is not.
    pub fn tokens(&self) -> Vec<TokenInfo> {
        let table = self.table();
        let mut tokens: Vec<TokenInfo> = table.by_name.values().map(|known| known.info.clone()).collect();
        tokens.sort_by(|a, b| a.name.cmp(&b.name));
        tokens
    }

    /// Its sessions end with it.
    pub async fn revoke_token(&self, name: &str) -> Result<(), AuthError> {
        let mut tx = self.store().begin_write().await?;
        let deleted =
            sqlx::query("DELETE FROM web_tokens WHERE name = $1").bind(name).execute(&mut *tx).await?;
        tx.commit().await?;
        self.refresh().await?;
        if deleted.rows_affected() == 0 {
            return Err(AuthError::NoSuchToken(name.to_owned()));
        }
        Ok(())
    }

    /// Reads the tokens again. For a job of every few seconds: another process may have changed them.
    pub async fn refresh(&self) -> Result<(), AuthError> {
        // One at a time, so that an older reading never replaces a newer one.
        let _turn = self.0.refreshing.lock().await;
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT name, role, secret_sha256, scram_salt, scram_salted, scram_iterations, created_at, \
             created_by, expires_at FROM web_tokens",
        )
        .fetch_all(self.store().read())
        .await?;
        let mut table = TokenTable::default();
        for row in rows {
            let (hash, known) = known(row)?;
            let known = Arc::new(known);
            table.by_name.insert(known.info.name.clone(), known.clone());
            table.by_hash.insert(hash, known);
        }
        self.0.tokens.store(Arc::new(table));
        Ok(())
    }

    /// What the PostgreSQL listener checks a password against, and the role of the session there.
    pub fn scram_verifier(&self, name: &str) -> Option<(Role, ScramVerifier)> {
        if let (BOOTSTRAP_NAME, Some(bootstrap)) = (name, &self.0.bootstrap) {
            return Some((Role::Admin, bootstrap.verifier.clone()));
        }
        let table = self.table();
        let known = table.by_name.get(name).filter(|known| known.is_valid_at(self.now()))?;
        Some((known.info.role, known.verifier.clone()?))
    }

    /// Whose secret this is; `None` for a wrong, revoked or expired one.
    pub fn caller_by_token(&self, presented: &str) -> Option<Caller> {
        self.caller_by_hash(&SecretHash::of(presented).to_hex())
    }

    /// Looking a hash up leaks nothing by its timing: nobody can choose it without the secret.
    pub(super) fn caller_by_hash(&self, hash: &str) -> Option<Caller> {
        if self.0.bootstrap.as_ref().is_some_and(|bootstrap| bootstrap.hash.is(hash)) {
            return Some(Caller { name: BOOTSTRAP_NAME.into(), role: Role::Admin, via: Via::Token });
        }
        let table = self.table();
        let known = table.by_hash.get(hash).filter(|known| known.is_valid_at(self.now()))?;
        Some(Caller { name: known.info.name.clone(), role: known.info.role, via: Via::Token })
    }

    fn table(&self) -> arc_swap::Guard<Arc<TokenTable>> {
        self.0.tokens.load()
    }
}

fn known(row: TokenRow) -> Result<(String, Known), AuthError> {
    let (name, role, hash, salt, salted, iterations, created_at, created_by, expires_at) = row;
    let is_ours = iterations == query::pgwire::SCRAM_ITERATIONS as i64;
    let verifier = ScramVerifier::from_columns(&salt, &salted).filter(|_| is_ours);
    let info = TokenInfo {
        name,
        role: role.parse()?,
        created_at: Timestamp::from_micros(created_at),
        created_by,
        expires_at: expires_at.map(Timestamp::from_micros),
    };
    Ok((hash, Known { info, verifier }))
}

fn check_name(name: &str) -> Result<(), AuthError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(allowed);
    if fits && name != BOOTSTRAP_NAME { Ok(()) } else { Err(AuthError::TokenName(name.to_owned())) }
}
