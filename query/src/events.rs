//! Events for timelines: the rows of one kind, as the facts they were written as.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use telemetry::{Event, EventKind, Timestamp};

use crate::engine::Engine;
use crate::guard::Deadline;
use crate::{QueryError, QueryRole};

const QUERY: &str = "SELECT event_id, kind, subject_id, seq, valid_at, recorded_at, service, env, actor, severity, payload \
                     FROM events WHERE kind = $1 AND valid_at >= $2 AND valid_at <= $3 AND ($4 OR service = $5) \
                     ORDER BY valid_at DESC, seq DESC";

impl Engine {
    /// Events of a kind with `from <= valid_at <= to`, of one service or of all: the newest `limit`,
    /// oldest first.
    pub async fn events(
        &self,
        kind: &EventKind,
        service: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Event>, QueryError> {
        let role = QueryRole::Engine;
        let deadline = Deadline::of(self.config(), role);
        let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
        let params = vec![
            ScalarValue::from(kind.as_str()),
            time(from),
            time(to),
            ScalarValue::from(service.is_none()),
            ScalarValue::Utf8(service.map(str::to_owned)),
        ];
        let state = self.query_state();
        let text = format!("{QUERY} LIMIT {limit}");
        let plan = deadline.within(state.create_logical_plan(&text)).await??.with_param_values(params)?;
        let rows = self.run_plan(plan, state, role, deadline).await?;
        let batches: Vec<RecordBatch> = rows.stream.try_collect().await?;
        let mut events = Vec::new();
        for batch in &batches {
            events.extend((0..batch.num_rows()).map(|row| event_at(batch, row)));
        }
        events.reverse();
        Ok(events)
    }
}

fn event_at(batch: &RecordBatch, row: usize) -> Event {
    let text = |column: usize| text_at(batch.column(column).as_ref(), row);
    let time = |column: usize| {
        let times = batch.column(column).as_primitive_opt::<TimestampMicrosecondType>();
        Timestamp::from_micros(times.map_or(0, |times| times.value(row)))
    };
    Event {
        event_id: text(0).unwrap_or_default(),
        kind: EventKind::new(text(1).unwrap_or_default()),
        subject_id: text(2).unwrap_or_default(),
        seq: batch.column(3).as_primitive_opt::<Int64Type>().map_or(0, |numbers| numbers.value(row)),
        valid_at: time(4),
        recorded_at: time(5),
        service: text(6),
        env: text(7),
        actor: text(8),
        severity: text(9),
        payload: text(10).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
    }
}

/// Text columns come as views from files and as plain text from the buffer.
fn text_at(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    if let Some(views) = column.as_string_view_opt() {
        return Some(views.value(row).to_owned());
    }
    column.as_string_opt::<i32>().map(|texts| texts.value(row).to_owned())
}
