//! Tokens: create, list, revoke, recognise.
//!
//! The store holds them; memory mirrors them, because they are asked for before every request and
//! in places that cannot wait (a gRPC interceptor). [`Auth::refresh`] picks up what another process
//! changed.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use telemetry::Timestamp;

use super::last_use::{LastUse, UseTable};
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

/// A token or integration key as it can be shown: without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    pub name: String,
    pub role: Role,
    /// The one service that an integration key speaks for; `None` for a token.
    pub service: Option<String>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub expires_at: Option<Timestamp>,
    /// `None`: never, as far as is known.
    pub last_used_at: Option<Timestamp>,
}

pub(super) struct Known {
    pub(super) info: TokenInfo,
    pub(super) last_use: Arc<LastUse>,
    /// `None` for a verifier of another strength: it belongs to another version.
    verifier: Option<ScramVerifier>,
}

impl Known {
    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.info.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

/// The mirror. Never changed, only replaced.
#[derive(Default)]
pub(super) struct TokenTable {
    by_hash: HashMap<String, Arc<Known>>,
    /// Apart, so that a key is never taken for a token.
    integrations: HashMap<String, Arc<Known>>,
    /// Of both.
    by_name: HashMap<String, Arc<Known>>,
}

impl TokenTable {
    pub(super) fn integration(&self, hash: &str) -> Option<&Arc<Known>> {
        self.integrations.get(hash)
    }

    pub(super) fn last_uses(&self) -> Vec<(UseTable, String, Arc<LastUse>)> {
        let table = |known: &Known| match known.info.service {
            Some(_) => UseTable::IntegrationKeys,
            None => UseTable::Tokens,
        };
        self.by_name
            .values()
            .map(|known| (table(known), known.info.name.clone(), known.last_use.clone()))
            .collect()
    }

    /// The last use that `former` knows of the same secret, and what the store knows.
    fn last_use(former: Option<&Arc<Known>>, stored: Option<i64>) -> Arc<LastUse> {
        match former {
            Some(known) => {
                known.last_use.learn(stored);
                known.last_use.clone()
            }
            None => Arc::new(LastUse::stored(stored)),
        }
    }
}

/// name, role, secret_sha256, scram_salt, scram_salted, scram_iterations, created_at, created_by,
/// expires_at, last_used_at
type TokenRow = (String, String, String, String, String, i64, i64, String, Option<i64>, Option<i64>);

/// name, service, secret_sha256, created_at, created_by, expires_at, last_used_at
type IntegrationRow = (String, String, String, i64, String, Option<i64>, Option<i64>);

impl Auth {
    /// The secret is in the answer and nowhere else.
    pub async fn create_token(&self, new: NewToken, created_by: &str) -> Result<Secret, AuthError> {
        check_name(&new.name)?;
        self.check_room()?;
        let secret = Secret::random(PREFIX)?;
        let verifier = ScramVerifier::of(secret.expose())?;
        let mut tx = self.store().begin_write().await?;
        let inserted = sqlx::query(
            "INSERT INTO web_tokens (name, role, secret_sha256, scram_salt, scram_salted, \
             scram_iterations, created_at, created_by, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 \
             WHERE NOT EXISTS (SELECT 1 FROM web_integration_keys WHERE name = $1) \
             ON CONFLICT (name) DO NOTHING",
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
        let info = |known: &Arc<Known>| TokenInfo { last_used_at: known.last_use.at(), ..known.info.clone() };
        let mut tokens: Vec<TokenInfo> = table.by_name.values().map(info).collect();
        tokens.sort_by(|a, b| a.name.cmp(&b.name));
        tokens
    }

    pub(super) fn check_room(&self) -> Result<(), AuthError> {
        let tokens_max = self.config().tokens_max;
        if self.table().by_name.len() >= tokens_max {
            return Err(AuthError::TooManyTokens(tokens_max));
        }
        Ok(())
    }

    /// A token's sessions end with it.
    pub async fn revoke_token(&self, name: &str) -> Result<(), AuthError> {
        let mut tx = self.store().begin_write().await?;
        let mut deleted = 0;
        for statement in
            ["DELETE FROM web_tokens WHERE name = $1", "DELETE FROM web_integration_keys WHERE name = $1"]
        {
            deleted += sqlx::query(statement).bind(name).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        self.refresh().await?;
        if deleted == 0 {
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
             created_by, expires_at, last_used_at FROM web_tokens",
        )
        .fetch_all(self.store().read())
        .await?;
        let keys: Vec<IntegrationRow> = sqlx::query_as(
            "SELECT name, service, secret_sha256, created_at, created_by, expires_at, last_used_at \
             FROM web_integration_keys",
        )
        .fetch_all(self.store().read())
        .await?;
        let former = self.table();
        let mut table = TokenTable::default();
        for row in rows {
            let last_use = TokenTable::last_use(former.by_hash.get(&row.2), row.9);
            let (hash, known) = known(row, last_use)?;
            let known = Arc::new(known);
            table.by_name.insert(known.info.name.clone(), known.clone());
            table.by_hash.insert(hash, known);
        }
        for row in keys {
            let last_use = TokenTable::last_use(former.integrations.get(&row.2), row.6);
            let (hash, known) = integration(row, last_use);
            let known = Arc::new(known);
            table.by_name.insert(known.info.name.clone(), known.clone());
            table.integrations.insert(hash, known);
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
        let now = self.now();
        let known = table.by_hash.get(hash).filter(|known| known.is_valid_at(now))?;
        known.last_use.note(now);
        Some(Caller { name: known.info.name.clone(), role: known.info.role, via: Via::Token })
    }

    /// A token was used where only its name is known (the PostgreSQL wire).
    pub(super) fn token_used(&self, name: &str) {
        if let Some(known) = self.table().by_name.get(name) {
            known.last_use.note(self.now());
        }
    }

    pub(super) fn table(&self) -> arc_swap::Guard<Arc<TokenTable>> {
        self.0.tokens.load()
    }
}

fn known(row: TokenRow, last_use: Arc<LastUse>) -> Result<(String, Known), AuthError> {
    let (name, role, hash, salt, salted, iterations, created_at, created_by, expires_at, _) = row;
    let is_ours = iterations == query::pgwire::SCRAM_ITERATIONS as i64;
    let verifier = ScramVerifier::from_columns(&salt, &salted).filter(|_| is_ours);
    let info = TokenInfo {
        name,
        role: role.parse()?,
        service: None,
        created_at: Timestamp::from_micros(created_at),
        created_by,
        expires_at: expires_at.map(Timestamp::from_micros),
        last_used_at: None,
    };
    Ok((hash, Known { info, last_use, verifier }))
}

fn integration(row: IntegrationRow, last_use: Arc<LastUse>) -> (String, Known) {
    let (name, service, hash, created_at, created_by, expires_at, _) = row;
    let info = TokenInfo {
        name,
        role: Role::Ingest,
        service: Some(service),
        created_at: Timestamp::from_micros(created_at),
        created_by,
        expires_at: expires_at.map(Timestamp::from_micros),
        last_used_at: None,
    };
    (hash, Known { info, last_use, verifier: None })
}

pub(super) fn check_name(name: &str) -> Result<(), AuthError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(allowed);
    if fits && name != BOOTSTRAP_NAME { Ok(()) } else { Err(AuthError::TokenName(name.to_owned())) }
}
