//! Rows of `runbook_runs` and `runbook_steps`.

use std::collections::BTreeMap;

use db::{Connection, Store, WriteTx};
use sqlx::Row;
use telemetry::Timestamp;

use super::time;
use crate::RunbookError;
use crate::document::{self, Runbook};
use crate::run::{Run, RunState, RunStep, StepState};
use crate::runs::RunContext;
use crate::step::StepOutcome;

pub async fn insert(
    tx: &mut WriteTx,
    id: &str,
    runbook: &Runbook,
    context: &RunContext,
    params: &BTreeMap<String, String>,
    actor: &str,
    now: Timestamp,
) -> Result<(), RunbookError> {
    let params = serde_json::to_string(params).map_err(|error| RunbookError::Stored(error.to_string()))?;
    sqlx::query(
        "INSERT INTO runbook_runs (run_id, runbook_id, source, document, content_hash, incident_id, service, params, \
         state, started_by, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10)",
    )
    .bind(id)
    .bind(&runbook.id)
    .bind(&runbook.source)
    .bind(&runbook.text)
    .bind(&runbook.content_hash)
    .bind(&context.incident_id)
    .bind(&context.service)
    .bind(params)
    .bind(actor)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    for (ordinal, step) in (0_i64..).zip(&runbook.steps) {
        sqlx::query(
            "INSERT INTO runbook_steps (run_id, ordinal, name, state, attempt) VALUES ($1, $2, $3, 'waiting', 0)",
        )
        .bind(id)
        .bind(ordinal)
        .bind(&step.name)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Brings a step into the state that was decided on. `Running` counts an attempt and names the
/// process that carries it out.
pub async fn begin_step(
    tx: &mut WriteTx,
    run: &Run,
    name: &str,
    state: StepState,
    owner: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), RunbookError> {
    let runs_now = state == StepState::Running;
    sqlx::query(
        "UPDATE runbook_steps SET state = $1, attempt = attempt + $2, owner = $3, actor = $4, \
         started_at = COALESCE($5, started_at), finished_at = $6, exit_code = NULL, output = NULL \
         WHERE run_id = $7 AND name = $8",
    )
    .bind(state.as_str())
    .bind(i64::from(runs_now))
    .bind(runs_now.then_some(owner))
    .bind(actor)
    .bind(runs_now.then_some(now.micros()))
    .bind((!runs_now).then_some(now.micros()))
    .bind(&run.id)
    .bind(name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn end_step(
    tx: &mut WriteTx,
    run_id: &str,
    name: &str,
    state: StepState,
    outcome: &StepOutcome,
    now: Timestamp,
) -> Result<(), RunbookError> {
    sqlx::query(
        "UPDATE runbook_steps SET state = $1, exit_code = $2, output = $3, finished_at = $4, owner = NULL \
         WHERE run_id = $5 AND name = $6",
    )
    .bind(state.as_str())
    .bind(outcome.exit_code)
    .bind(&outcome.output)
    .bind(now.micros())
    .bind(run_id)
    .bind(name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn finish_run(
    tx: &mut WriteTx,
    id: &str,
    state: RunState,
    now: Timestamp,
) -> Result<(), RunbookError> {
    sqlx::query("UPDATE runbook_runs SET state = $1, finished_at = $2 WHERE run_id = $3")
        .bind(state.as_str())
        .bind(now.micros())
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Steps that some other opening of the store was carrying out, as (run, step).
pub async fn running_of_others(tx: &mut WriteTx, owner: &str) -> Result<Vec<(String, String)>, RunbookError> {
    let rows = sqlx::query("SELECT run_id, name FROM runbook_steps WHERE state = 'running' AND owner <> $1")
        .bind(owner)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("run_id")?, row.try_get("name")?))).collect()
}

pub async fn load(store: &Store, id: &str) -> Result<Run, RunbookError> {
    load_on(&mut *store.read().acquire().await?, id).await
}

/// As [`load`], inside a transaction that goes on to write.
pub async fn load_within(tx: &mut WriteTx, id: &str) -> Result<Run, RunbookError> {
    load_on(tx, id).await
}

pub async fn load_of_incident(store: &Store, incident_id: &str) -> Result<Vec<Run>, RunbookError> {
    let mut connection = store.read().acquire().await?;
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT run_id FROM runbook_runs WHERE incident_id = $1 ORDER BY started_at, run_id",
    )
    .bind(incident_id)
    .fetch_all(&mut *connection)
    .await?;
    let mut runs = Vec::with_capacity(ids.len());
    for id in ids {
        runs.push(load_on(&mut connection, &id).await?);
    }
    Ok(runs)
}

async fn load_on(connection: &mut Connection, id: &str) -> Result<Run, RunbookError> {
    let row = sqlx::query("SELECT * FROM runbook_runs WHERE run_id = $1")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| RunbookError::not_found("run", id))?;
    let steps = sqlx::query("SELECT * FROM runbook_steps WHERE run_id = $1 ORDER BY ordinal")
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
    let source: String = row.try_get("source")?;
    let runbook = document::parse(&source, &row.try_get::<String, _>("document")?).map_err(|defects| {
        // It was good when the run began: a newer version of Evenkeel reads it differently.
        let first = defects.first().map(ToString::to_string).unwrap_or_default();
        RunbookError::Stored(format!("the runbook of {id}: {first}"))
    })?;
    let params: String = row.try_get("params")?;
    Ok(Run {
        id: id.to_owned(),
        runbook,
        incident_id: row.try_get("incident_id")?,
        service: row.try_get("service")?,
        params: serde_json::from_str(&params).map_err(|error| RunbookError::Stored(error.to_string()))?,
        state: RunState::from_stored(row.try_get("state")?)?,
        started_by: row.try_get("started_by")?,
        started_at: time(row.try_get("started_at")?),
        finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(time),
        steps: steps.iter().map(step_of).collect::<Result<_, _>>()?,
    })
}

fn step_of(row: &db::Row) -> Result<RunStep, RunbookError> {
    Ok(RunStep {
        name: row.try_get("name")?,
        state: StepState::from_stored(row.try_get("state")?)?,
        attempt: row.try_get("attempt")?,
        exit_code: row.try_get("exit_code")?,
        output: row.try_get("output")?,
        started_at: row.try_get::<Option<i64>, _>("started_at")?.map(time),
        finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(time),
        actor: row.try_get("actor")?,
    })
}
