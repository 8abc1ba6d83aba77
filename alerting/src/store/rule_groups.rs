//! Table `rule_groups`: when each group was last evaluated.

use std::collections::BTreeMap;

use db::{ReadPool, WriteTx};
use sqlx::Row as _;
use telemetry::Timestamp;

use super::{connection, time};
use crate::AlertingError;

pub(crate) async fn all(pool: &ReadPool) -> Result<BTreeMap<String, Timestamp>, AlertingError> {
    let rows = sqlx::query("SELECT key, last_evaluated_at FROM rule_groups").fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get("key")?, time(row, "last_evaluated_at")?))).collect()
}

/// Records an evaluation; false if somebody else has recorded one since `before`.
pub(crate) async fn advance(
    tx: &mut WriteTx,
    key: &str,
    before: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, AlertingError> {
    let changed = sqlx::query(
        "INSERT INTO rule_groups (key, last_evaluated_at) VALUES ($1, $2) \
         ON CONFLICT (key) DO UPDATE SET last_evaluated_at = $2 WHERE rule_groups.last_evaluated_at = $3",
    )
    .bind(key)
    .bind(now.micros())
    .bind(before.map(Timestamp::micros))
    .execute(connection(tx))
    .await?;
    Ok(changed.rows_affected() == 1)
}
