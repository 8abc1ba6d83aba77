//! Table `alerts`.

use std::collections::BTreeMap;

use db::{ReadPool, Row, WriteTx};
use sqlx::Row as _;

use super::{View, by_id, connection, incidents_in_view, json, micros, time, time_or_null, to_json, word};
use crate::AlertingError;
use crate::alert::{Alert, AlertState};
use crate::engine::{AlertFilter, AlertView};
use crate::ids::{AlertId, IncidentId};

pub(super) async fn in_view(
    tx: &mut WriteTx,
    view: &View,
) -> Result<BTreeMap<AlertId, Alert>, AlertingError> {
    let rows = sqlx::query(concat!(
        "SELECT * FROM alerts WHERE state IN ('pending', 'firing') OR told_at IS NOT NULL \
         OR incident IN (SELECT id FROM incidents WHERE ",
        incidents_in_view!(),
        ")"
    ))
    .bind(view.joinable_after)
    .bind(view.focus)
    .fetch_all(connection(tx))
    .await?;
    by_id(rows, read, |alert| alert.id.clone())
}

pub(super) async fn save(tx: &mut WriteTx, alert: &Alert) -> Result<(), AlertingError> {
    sqlx::query(
        "INSERT INTO alerts (id, source, fingerprint, labels, annotations, service, state, active_at, started_at, \
             fired_at, keep_firing_since, resolved_at, value, incident, unseen_since, explains, told_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
         ON CONFLICT (id) DO UPDATE SET annotations = $5, state = $7, active_at = $8, started_at = $9, \
             fired_at = $10, keep_firing_since = $11, resolved_at = $12, value = $13, incident = $14, \
             unseen_since = $15, explains = $16, told_at = $17",
    )
    .bind(alert.id.as_str())
    .bind(&alert.source)
    .bind(format!("{:016x}", alert.labels.fingerprint()))
    .bind(to_json(&alert.labels)?)
    .bind(to_json(&alert.annotations)?)
    .bind(alert.service())
    .bind(alert.state.as_str())
    .bind(alert.active_at.micros())
    .bind(alert.started_at.micros())
    .bind(micros(alert.fired_at))
    .bind(micros(alert.keep_firing_since))
    .bind(micros(alert.resolved_at))
    .bind(alert.value)
    .bind(alert.incident.map(IncidentId::number))
    .bind(micros(alert.unseen_since))
    .bind(&alert.explains)
    .bind(micros(alert.told_at))
    .execute(connection(tx))
    .await?;
    Ok(())
}

pub(super) async fn remove(tx: &mut WriteTx, id: &AlertId) -> Result<(), AlertingError> {
    sqlx::query("DELETE FROM alerts WHERE id = $1").bind(id.as_str()).execute(connection(tx)).await?;
    Ok(())
}

/// Firing ones first, then the newest.
pub(crate) async fn find_alerts(
    pool: &ReadPool,
    filter: &AlertFilter,
) -> Result<Vec<AlertView>, AlertingError> {
    let rows = sqlx::query(
        "SELECT a.*, i.acknowledged_at AS taken_at, i.acknowledged_by AS taken_by \
         FROM alerts a LEFT JOIN incidents i ON i.id = a.incident \
         WHERE ($1 IS NULL OR a.state = $1) AND ($2 IS NULL OR a.incident = $2) \
           AND ($3 IS NULL OR a.service = $3) \
           AND ($4 IS NULL OR a.state <> 'resolved' OR a.resolved_at >= $4) \
         ORDER BY CASE a.state WHEN 'firing' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, a.active_at DESC, a.id \
         LIMIT $5",
    )
    .bind(filter.state.map(AlertState::as_str))
    .bind(filter.incident.map(IncidentId::number))
    .bind(&filter.service)
    .bind(micros(filter.resolved_since))
    .bind(i64::from(filter.limit))
    .fetch_all(pool)
    .await?;
    let view = |row: &Row| {
        Ok(AlertView {
            alert: read(row)?,
            acknowledged_at: time_or_null(row, "taken_at")?,
            acknowledged_by: row.try_get("taken_by")?,
        })
    };
    rows.iter().map(view).collect()
}

/// The alerts of an incident, firing ones first.
pub(crate) async fn alerts_of(
    pool: &ReadPool,
    incident: IncidentId,
    limit: u32,
) -> Result<Vec<Alert>, AlertingError> {
    let filter = AlertFilter { incident: Some(incident), limit, ..AlertFilter::default() };
    Ok(find_alerts(pool, &filter).await?.into_iter().map(|view| view.alert).collect())
}

fn read(row: &Row) -> Result<Alert, AlertingError> {
    Ok(Alert {
        id: AlertId::from_stored(row.try_get::<String, _>("id")?),
        source: row.try_get("source")?,
        labels: json(row, "labels")?,
        annotations: json(row, "annotations")?,
        state: word(row, "state", AlertState::parse)?,
        active_at: time(row, "active_at")?,
        started_at: time(row, "started_at")?,
        fired_at: time_or_null(row, "fired_at")?,
        keep_firing_since: time_or_null(row, "keep_firing_since")?,
        resolved_at: time_or_null(row, "resolved_at")?,
        // SQLite stores NaN as NULL.
        value: row.try_get::<Option<f64>, _>("value")?.unwrap_or(f64::NAN),
        incident: row.try_get::<Option<i64>, _>("incident")?.map(IncidentId::from_number),
        unseen_since: time_or_null(row, "unseen_since")?,
        explains: row.try_get("explains")?,
        told_at: time_or_null(row, "told_at")?,
    })
}
