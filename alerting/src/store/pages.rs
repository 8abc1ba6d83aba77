//! Table `pages`.

use std::collections::BTreeMap;

use db::{ReadPool, Row, WriteTx};
use sqlx::Row as _;

use super::{View, by_id, connection, incidents_in_view, micros, time, time_or_null, word};
use crate::AlertingError;
use crate::engine::PageFilter;
use crate::ids::{IncidentId, PageId, PagePlace};
use crate::page::{Page, PageState};
use crate::people::ChannelKind;

/// Pages of the current runs.
pub(super) async fn in_view(tx: &mut WriteTx, view: &View) -> Result<BTreeMap<PageId, Page>, AlertingError> {
    let rows = sqlx::query(concat!(
        "SELECT p.* FROM pages p JOIN escalations e ON e.incident = p.incident AND e.run = p.run \
         WHERE p.incident IN (SELECT id FROM incidents WHERE ",
        incidents_in_view!(),
        ")"
    ))
    .bind(view.joinable_after)
    .bind(view.focus)
    .fetch_all(connection(tx))
    .await?;
    by_id(rows, read, |page| page.id.clone())
}

pub(super) async fn save(tx: &mut WriteTx, page: &Page) -> Result<(), AlertingError> {
    sqlx::query(
        "INSERT INTO pages (id, incident, alert, recipient, channel, address, run, round, step, state, queued_at, \
             due_at, sent_at, delivered_at, acknowledged_at, attempts, may_repeat, error) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
         ON CONFLICT (id) DO UPDATE SET state = $10, due_at = $12, sent_at = $13, delivered_at = $14, \
             acknowledged_at = $15, attempts = $16, may_repeat = $17, error = $18",
    )
    .bind(page.id.as_str())
    .bind(page.incident.number())
    .bind(&page.alert)
    .bind(&page.recipient)
    .bind(page.channel.as_str())
    .bind(&page.address)
    .bind(page.place.run)
    .bind(page.place.round)
    .bind(page.place.step)
    .bind(page.state.as_str())
    .bind(page.queued_at.micros())
    .bind(page.due_at.micros())
    .bind(micros(page.sent_at))
    .bind(micros(page.delivered_at))
    .bind(micros(page.acknowledged_at))
    .bind(page.attempts)
    .bind(i64::from(page.may_repeat))
    .bind(&page.error)
    .execute(connection(tx))
    .await?;
    Ok(())
}

pub(crate) async fn page(
    executor: impl sqlx::Executor<'_, Database = db::Backend>,
    id: &str,
) -> Result<Option<Page>, AlertingError> {
    let row = sqlx::query("SELECT * FROM pages WHERE id = $1").bind(id).fetch_optional(executor).await?;
    row.as_ref().map(read).transpose()
}

/// Oldest first.
pub(crate) async fn find_pages(pool: &ReadPool, filter: &PageFilter) -> Result<Vec<Page>, AlertingError> {
    let rows = sqlx::query(
        "SELECT * FROM pages WHERE ($1 IS NULL OR incident = $1) ORDER BY queued_at, run, round, step, due_at, id \
         LIMIT $2",
    )
    .bind(filter.incident.map(IncidentId::number))
    .bind(i64::from(filter.limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Page, AlertingError> {
    Ok(Page {
        id: PageId::from_stored(row.try_get::<String, _>("id")?),
        incident: IncidentId::from_number(row.try_get("incident")?),
        alert: row.try_get("alert")?,
        recipient: row.try_get("recipient")?,
        channel: word(row, "channel", ChannelKind::parse)?,
        address: row.try_get("address")?,
        place: PagePlace {
            run: row.try_get("run")?,
            round: row.try_get("round")?,
            step: row.try_get("step")?,
        },
        state: word(row, "state", PageState::parse)?,
        queued_at: time(row, "queued_at")?,
        due_at: time(row, "due_at")?,
        sent_at: time_or_null(row, "sent_at")?,
        delivered_at: time_or_null(row, "delivered_at")?,
        acknowledged_at: time_or_null(row, "acknowledged_at")?,
        attempts: row.try_get("attempts")?,
        may_repeat: row.try_get::<i64, _>("may_repeat")? != 0,
        error: row.try_get("error")?,
    })
}
