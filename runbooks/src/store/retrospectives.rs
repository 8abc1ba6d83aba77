//! Rows of `retrospectives`.

use db::{Connection, Store, WriteTx};
use sqlx::Row;

use super::time;
use crate::RunbookError;
use crate::retrospective::{RetroState, Retrospective};

pub async fn insert(tx: &mut WriteTx, retro: &Retrospective) -> Result<(), RunbookError> {
    sqlx::query(
        "INSERT INTO retrospectives (retro_id, incident_id, title, service, severity, state, markdown, revision, \
         created_at, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&retro.id)
    .bind(&retro.incident_id)
    .bind(&retro.title)
    .bind(&retro.service)
    .bind(&retro.severity)
    .bind(retro.state.as_str())
    .bind(&retro.markdown)
    .bind(retro.revision)
    .bind(retro.created_at.micros())
    .bind(retro.updated_at.micros())
    .bind(&retro.updated_by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores what people may change, and the revision.
pub async fn update(tx: &mut WriteTx, retro: &Retrospective) -> Result<(), RunbookError> {
    sqlx::query(
        "UPDATE retrospectives SET state = $1, markdown = $2, revision = $3, updated_at = $4, updated_by = $5 \
         WHERE retro_id = $6",
    )
    .bind(retro.state.as_str())
    .bind(&retro.markdown)
    .bind(retro.revision)
    .bind(retro.updated_at.micros())
    .bind(&retro.updated_by)
    .bind(&retro.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn load(store: &Store, id: &str) -> Result<Retrospective, RunbookError> {
    load_on(&mut *store.read().acquire().await?, id).await
}

/// As [`load`], inside a transaction that goes on to write.
pub async fn load_within(tx: &mut WriteTx, id: &str) -> Result<Retrospective, RunbookError> {
    load_on(tx, id).await
}

pub async fn find_of_incident(
    store: &Store,
    incident_id: &str,
) -> Result<Option<Retrospective>, RunbookError> {
    let row = sqlx::query("SELECT * FROM retrospectives WHERE incident_id = $1")
        .bind(incident_id)
        .fetch_optional(store.read())
        .await?;
    row.as_ref().map(retrospective_of).transpose()
}

/// The newest first.
pub async fn list(store: &Store, limit: i64) -> Result<Vec<Retrospective>, RunbookError> {
    let rows = sqlx::query("SELECT * FROM retrospectives ORDER BY created_at DESC, retro_id LIMIT $1")
        .bind(limit)
        .fetch_all(store.read())
        .await?;
    rows.iter().map(retrospective_of).collect()
}

async fn load_on(connection: &mut Connection, id: &str) -> Result<Retrospective, RunbookError> {
    let row = sqlx::query("SELECT * FROM retrospectives WHERE retro_id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| RunbookError::not_found("retrospective", id))?;
    retrospective_of(&row)
}

fn retrospective_of(row: &db::Row) -> Result<Retrospective, RunbookError> {
    Ok(Retrospective {
        id: row.try_get("retro_id")?,
        incident_id: row.try_get("incident_id")?,
        title: row.try_get("title")?,
        service: row.try_get("service")?,
        severity: row.try_get("severity")?,
        state: RetroState::from_stored(row.try_get("state")?)?,
        markdown: row.try_get("markdown")?,
        revision: row.try_get("revision")?,
        created_at: time(row.try_get("created_at")?),
        updated_at: time(row.try_get("updated_at")?),
        updated_by: row.try_get("updated_by")?,
    })
}
