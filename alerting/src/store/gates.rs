//! Table `gate_overrides`: who opened a blocked gate, why, and until when; and who took that back.

use db::{ReadPool, Row, WriteTx};
use slo::gate::{Override, Revocation};
use sqlx::Row as _;
use telemetry::Timestamp;

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

/// Writes down that an override was taken back.
pub(crate) async fn revoke(tx: &mut WriteTx, id: i64, revoked: &Revocation) -> Result<(), AlertingError> {
    sqlx::query(
        "UPDATE gate_overrides SET revoked_at = $2, revoked_by = $3, revoke_reason = $4 WHERE id = $1",
    )
    .bind(id)
    .bind(revoked.at.micros())
    .bind(&revoked.actor)
    .bind(&revoked.reason)
    .execute(connection(tx))
    .await?;
    Ok(())
}

/// One override of a service, as the writer sees it.
pub(crate) async fn one(tx: &mut WriteTx, service: &str, id: i64) -> Result<Option<Override>, AlertingError> {
    let row = sqlx::query(
        "SELECT id, reason, actor, created_at, expires_at, revoked_at, revoked_by, revoke_reason \
         FROM gate_overrides WHERE service = $1 AND id = $2",
    )
    .bind(service)
    .bind(id)
    .fetch_optional(connection(tx))
    .await?;
    row.as_ref().map(read).transpose()
}

/// The newest first.
pub(crate) async fn of_service(
    pool: &ReadPool,
    service: &str,
    limit: u32,
) -> Result<Vec<Override>, AlertingError> {
    let rows = sqlx::query(
        "SELECT id, reason, actor, created_at, expires_at, revoked_at, revoked_by, revoke_reason \
         FROM gate_overrides WHERE service = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(service)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Override, AlertingError> {
    let revoked = match row.try_get::<Option<i64>, _>("revoked_at")? {
        Some(micros) => Some(Revocation {
            at: Timestamp::from_micros(micros),
            actor: row.try_get("revoked_by")?,
            reason: row.try_get("revoke_reason")?,
        }),
        None => None,
    };
    Ok(Override {
        id: row.try_get("id")?,
        reason: row.try_get("reason")?,
        actor: row.try_get("actor")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        revoked,
    })
}
