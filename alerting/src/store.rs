//! Alerting's tables: what a decision looks at, and what it leaves behind.
//!
//! Rows are written by [`apply`] alone, so that state, pages and facts always change together. One
//! file per table below; each maps a row to its type and back.

mod alerts;
mod escalations;
pub(crate) mod gates;
mod incidents;
pub(crate) mod keys;
mod pages;
pub(crate) mod rule_groups;

use std::collections::BTreeMap;

use db::{Connection, Migration, Row, WriteTx, counter, outbox};
use sqlx::Row as _;
use telemetry::Timestamp;

use crate::AlertingError;
use crate::decide::{Decision, World};
use crate::fact::append_fact;
use crate::ids::IncidentId;
use crate::incident::JOIN_WINDOW;
use crate::page::PageState;

pub(crate) use alerts::{alerts_of, find_alerts};
pub(crate) use escalations::of_incident as escalation_of;
pub(crate) use incidents::{find_incidents, incident};
pub(crate) use pages::{find_pages, page};

/// The schema; hand it to `db::Store::open` together with the other crates' lists.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "2026-11-23-01-alerting-init",
        sqlite: include_str!("../migrations/sqlite/2026-11-23-01-alerting-init.sql"),
    },
    Migration {
        name: "2026-11-23-02-gate-overrides",
        sqlite: include_str!("../migrations/sqlite/2026-11-23-02-gate-overrides.sql"),
    },
    Migration {
        name: "2026-11-23-03-gate-override-revocations",
        sqlite: include_str!("../migrations/sqlite/2026-11-23-03-gate-override-revocations.sql"),
    },
    Migration {
        name: "2026-11-23-04-notices-told",
        sqlite: include_str!("../migrations/sqlite/2026-11-23-04-notices-told.sql"),
    },
];

/// The outbox topic of pages; a row's key is the page's id.
pub(crate) const PAGES: &str = "page";
const INCIDENT_COUNTER: &str = "incident";

/// Which incidents a decision looks at: open ones, those that may still be joined or are not yet
/// restored, and the one in focus. `$1` is the end of the join window, `$2` the focus (or NULL).
macro_rules! incidents_in_view {
    () => {
        "(state IN ('triage', 'investigating', 'identified', 'mitigated') \
          OR (state = 'resolved' AND (restored_at IS NULL OR restored_at > $1)) OR id = $2)"
    };
}
pub(crate) use incidents_in_view;

/// Loads what a decision may look at.
pub(crate) async fn load_world(
    tx: &mut WriteTx,
    now: Timestamp,
    focus: Option<IncidentId>,
) -> Result<World, AlertingError> {
    let view = View { joinable_after: now.minus(JOIN_WINDOW).micros(), focus: focus.map(IncidentId::number) };
    Ok(World {
        incidents: incidents::in_view(tx, &view).await?,
        escalations: escalations::in_view(tx, &view).await?,
        alerts: alerts::in_view(tx, &view).await?,
        pages: pages::in_view(tx, &view).await?,
        last_incident: counter::current(tx, INCIDENT_COUNTER).await?,
    })
}

/// The parameters of [`incidents_in_view`].
struct View {
    joinable_after: i64,
    focus: Option<i64>,
}

/// Writes everything that a decision changes.
pub(crate) async fn apply(
    tx: &mut WriteTx,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), AlertingError> {
    let mut last_incident = counter::current(tx, INCIDENT_COUNTER).await?;
    for incident in &decision.incidents {
        if incident.id.number() > last_incident {
            last_incident = counter::next(tx, INCIDENT_COUNTER).await?;
            if incident.id.number() != last_incident {
                let message = format!("{} was decided on, but {last_incident} comes next", incident.id);
                return Err(AlertingError::Corrupt(message));
            }
        }
        incidents::save(tx, incident).await?;
    }
    for alert in &decision.dropped_alerts {
        alerts::remove(tx, alert).await?;
    }
    for alert in &decision.alerts {
        alerts::save(tx, alert).await?;
    }
    for escalation in &decision.escalations {
        escalations::save(tx, escalation).await?;
    }
    for page in &decision.pages {
        pages::save(tx, page).await?;
        let (key, due_at) = (page.id.as_str(), page.due_at.micros());
        if page.state == PageState::Queued {
            let is_new = outbox::enqueue(tx, PAGES, key, "{}", due_at).await?.is_some();
            if !is_new {
                outbox::reschedule(tx, PAGES, key, due_at).await?;
            }
        } else if page.state == PageState::Cancelled {
            outbox::cancel(tx, PAGES, key, now.micros()).await?;
        }
    }
    for fact in &decision.facts {
        append_fact(tx, fact.clone().into_event(now)).await?;
    }
    Ok(())
}

/// Reads a column that holds microseconds.
fn time(row: &Row, column: &str) -> Result<Timestamp, AlertingError> {
    Ok(Timestamp::from_micros(row.try_get(column)?))
}

fn time_or_null(row: &Row, column: &str) -> Result<Option<Timestamp>, AlertingError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros))
}

fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::micros)
}

/// Reads a column that holds one of a set of words.
fn word<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, AlertingError> {
    let text: String = row.try_get(column)?;
    parse(&text).ok_or_else(|| AlertingError::Corrupt(format!("{column} {text:?}")))
}

/// Reads a column that holds JSON.
fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, AlertingError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| AlertingError::Corrupt(format!("{column}: {error}")))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, AlertingError> {
    serde_json::to_string(value).map_err(|error| AlertingError::Corrupt(error.to_string()))
}

/// Rows as a map by id.
fn by_id<K: Ord, T>(
    rows: Vec<Row>,
    read: impl Fn(&Row) -> Result<T, AlertingError>,
    id: impl Fn(&T) -> K,
) -> Result<BTreeMap<K, T>, AlertingError> {
    let mut map = BTreeMap::new();
    for row in &rows {
        let value = read(row)?;
        map.insert(id(&value), value);
    }
    Ok(map)
}

fn connection(tx: &mut WriteTx) -> &mut Connection {
    &mut *tx
}
