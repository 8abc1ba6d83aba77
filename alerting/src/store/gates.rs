//! Table `gate_overrides`: who opened a blocked gate, why, and until when.

use db::{ReadPool, Row, WriteTx};
use slo::gate::Override;
use sqlx::Row as _;

use super::{connection, time};
use crate::AlertingError;

pub(crate) async fn save(tx: &mut WriteTx, service: &str, given: &Override) -> Result<(), AlertingError> {
    sqlx::query(
        "INSERT INTO gate_overrides (id, service, reason, actor, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(given.id)
    .bind(service)
    .bind(&given.reason)
    .bind(&given.actor)
    .bind(given.created_at.micros())
    .bind(given.expires_at.micros())
    .execute(connection(tx))
    .await?;
    Ok(())
}

/// The newest first.
pub(crate) async fn of_service(
    pool: &ReadPool,
    service: &str,
    limit: u32,
) -> Result<Vec<Override>, AlertingError> {
    let rows = sqlx::query(
        "SELECT id, reason, actor, created_at, expires_at FROM gate_overrides \
         WHERE service = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(service)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Override, AlertingError> {
    Ok(Override {
        id: row.try_get("id")?,
        reason: row.try_get("reason")?,
        actor: row.try_get("actor")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
    })
}
