//! Table `escalations`.

use std::collections::BTreeMap;

use db::{ReadPool, Row, WriteTx};
use sqlx::Row as _;

use super::{View, by_id, connection, incidents_in_view, json, micros, time_or_null, to_json, word};
use crate::AlertingError;
use crate::escalation::{Escalation, EscalationState};
use crate::ids::IncidentId;

pub(super) async fn in_view(
    tx: &mut WriteTx,
    view: &View,
) -> Result<BTreeMap<IncidentId, Escalation>, AlertingError> {
    let rows = sqlx::query(concat!(
        "SELECT * FROM escalations WHERE incident IN (SELECT id FROM incidents WHERE ",
        incidents_in_view!(),
        ")"
    ))
    .bind(view.joinable_after)
    .bind(view.focus)
    .fetch_all(connection(tx))
    .await?;
    by_id(rows, read, |escalation| escalation.incident)
}

pub(crate) async fn of_incident(
    pool: &ReadPool,
    id: IncidentId,
) -> Result<Option<Escalation>, AlertingError> {
    let row = sqlx::query("SELECT * FROM escalations WHERE incident = $1")
        .bind(id.number())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn save(tx: &mut WriteTx, escalation: &Escalation) -> Result<(), AlertingError> {
    sqlx::query(
        "INSERT INTO escalations (incident, destination, plan, state, run, round, step, next_due, \
             acknowledged_at, acknowledged_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (incident) DO UPDATE SET destination = $2, plan = $3, state = $4, run = $5, round = $6, \
             step = $7, next_due = $8, acknowledged_at = $9, acknowledged_by = $10",
    )
    .bind(escalation.incident.number())
    .bind(to_json(&escalation.destination)?)
    .bind(to_json(&escalation.plan)?)
    .bind(escalation.state.as_str())
    .bind(escalation.run)
    .bind(escalation.round)
    .bind(escalation.step)
    .bind(micros(escalation.next_due))
    .bind(micros(escalation.acknowledged_at))
    .bind(&escalation.acknowledged_by)
    .execute(connection(tx))
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Escalation, AlertingError> {
    Ok(Escalation {
        incident: IncidentId::from_number(row.try_get("incident")?),
        destination: json(row, "destination")?,
        plan: json(row, "plan")?,
        state: word(row, "state", EscalationState::parse)?,
        run: row.try_get("run")?,
        round: row.try_get("round")?,
        step: row.try_get("step")?,
        next_due: time_or_null(row, "next_due")?,
        acknowledged_at: time_or_null(row, "acknowledged_at")?,
        acknowledged_by: row.try_get("acknowledged_by")?,
    })
}
