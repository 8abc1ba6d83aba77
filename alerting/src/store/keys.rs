//! Table `signing_keys`: secrets that belong to this installation, made once.

use db::Store;

use crate::AlertingError;

const KEY_BYTES: usize = 32;

/// The key of a purpose; made at first use.
pub(crate) async fn key(store: &Store, purpose: &str) -> Result<Vec<u8>, AlertingError> {
    let mut fresh = [0_u8; KEY_BYTES];
    getrandom::fill(&mut fresh)
        .map_err(|error| AlertingError::Corrupt(format!("no random numbers: {error}")))?;
    let mut tx = store.begin_write().await?;
    sqlx::query("INSERT INTO signing_keys (name, key) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(purpose)
        .bind(hex::encode(fresh))
        .execute(&mut *tx)
        .await?;
    let key: String = sqlx::query_scalar("SELECT key FROM signing_keys WHERE name = $1")
        .bind(purpose)
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    hex::decode(key).map_err(|error| AlertingError::Corrupt(format!("signing key {purpose}: {error}")))
}
