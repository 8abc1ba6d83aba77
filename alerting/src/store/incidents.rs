//! Table `incidents`.

use std::collections::BTreeMap;

use db::{ReadPool, Row, WriteTx};
use sqlx::Row as _;

use super::{View, by_id, connection, incidents_in_view, micros, time, time_or_null, word};
use crate::AlertingError;
use crate::engine::{IncidentFilter, IncidentView};
use crate::ids::IncidentId;
use crate::incident::{Incident, IncidentState, Severity};

pub(super) async fn in_view(
    tx: &mut WriteTx,
    view: &View,
) -> Result<BTreeMap<IncidentId, Incident>, AlertingError> {
    let rows = sqlx::query(concat!("SELECT * FROM incidents WHERE ", incidents_in_view!()))
        .bind(view.joinable_after)
        .bind(view.focus)
        .fetch_all(connection(tx))
        .await?;
    by_id(rows, read, |incident| incident.id)
}

pub(super) async fn save(tx: &mut WriteTx, incident: &Incident) -> Result<(), AlertingError> {
    sqlx::query(
        "INSERT INTO incidents (id, title, service, severity, state, group_key, started_at, detected_at, \
             acknowledged_at, acknowledged_by, mitigated_at, restored_at, resolved_at, closed_at, commander) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (id) DO UPDATE SET title = $2, service = $3, severity = $4, state = $5, group_key = $6, \
             started_at = $7, detected_at = $8, acknowledged_at = $9, acknowledged_by = $10, mitigated_at = $11, \
             restored_at = $12, resolved_at = $13, closed_at = $14, commander = $15",
    )
    .bind(incident.id.number())
    .bind(&incident.title)
    .bind(&incident.service)
    .bind(incident.severity.as_str())
    .bind(incident.state.as_str())
    .bind(&incident.group_key)
    .bind(incident.started_at.micros())
    .bind(incident.detected_at.micros())
    .bind(micros(incident.acknowledged_at))
    .bind(&incident.acknowledged_by)
    .bind(micros(incident.mitigated_at))
    .bind(micros(incident.restored_at))
    .bind(micros(incident.resolved_at))
    .bind(micros(incident.closed_at))
    .bind(&incident.commander)
    .execute(connection(tx))
    .await?;
    Ok(())
}

pub(crate) async fn incident(pool: &ReadPool, id: IncidentId) -> Result<Option<Incident>, AlertingError> {
    let row =
        sqlx::query("SELECT * FROM incidents WHERE id = $1").bind(id.number()).fetch_optional(pool).await?;
    row.as_ref().map(read).transpose()
}

/// Newest first.
pub(crate) async fn find_incidents(
    pool: &ReadPool,
    filter: &IncidentFilter,
) -> Result<Vec<IncidentView>, AlertingError> {
    let rows = sqlx::query(
        "SELECT i.*, (SELECT count(*) FROM alerts a WHERE a.incident = i.id AND a.state = 'firing') AS firing \
         FROM incidents i \
         WHERE ($1 = 0 OR i.state IN ('triage', 'investigating', 'identified', 'mitigated')) \
           AND ($2 IS NULL OR i.service = $2) AND ($3 IS NULL OR i.id = $3) \
         ORDER BY i.id DESC LIMIT $4",
    )
    .bind(i64::from(filter.open_only))
    .bind(&filter.service)
    .bind(filter.id.map(IncidentId::number))
    .bind(i64::from(filter.limit))
    .fetch_all(pool)
    .await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in &rows {
        let incident = read(row)?;
        let escalation = super::escalation_of(pool, incident.id).await?;
        views.push(IncidentView { incident, alerts_firing: row.try_get("firing")?, escalation });
    }
    Ok(views)
}

fn read(row: &Row) -> Result<Incident, AlertingError> {
    Ok(Incident {
        id: IncidentId::from_number(row.try_get("id")?),
        title: row.try_get("title")?,
        service: row.try_get("service")?,
        severity: word(row, "severity", Severity::parse)?,
        state: word(row, "state", IncidentState::parse)?,
        group_key: row.try_get("group_key")?,
        started_at: time(row, "started_at")?,
        detected_at: time(row, "detected_at")?,
        acknowledged_at: time_or_null(row, "acknowledged_at")?,
        acknowledged_by: row.try_get("acknowledged_by")?,
        mitigated_at: time_or_null(row, "mitigated_at")?,
        restored_at: time_or_null(row, "restored_at")?,
        resolved_at: time_or_null(row, "resolved_at")?,
        closed_at: time_or_null(row, "closed_at")?,
        commander: row.try_get("commander")?,
    })
}
