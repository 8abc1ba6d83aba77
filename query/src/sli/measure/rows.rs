//! Indicators over rows: statements in SQL, searches over logs, conditions over events.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use slo::Grouping;
use slo::indicator::{Counted, Query, QueryLanguage};
use telemetry::Timestamp;

use super::{Evaluation, MeasureError, Numbers};
use crate::guard::Deadline;
use crate::logs::{LogFilter, LogQuery};
use crate::{QueryError, QueryRole};

/// The newest data is looked for no further back than this.
const NEWEST_REACH_MAX: Duration = Duration::from_secs(31 * 86_400);

/// Columns of the table `events`; other labels of a group are members of the payload.
const EVENT_COLUMNS: [&str; 7] = ["event_id", "kind", "subject_id", "service", "env", "actor", "severity"];

/// What is known of a group in one step as wide as a slice.
struct Step {
    group: String,
    at: Timestamp,
    count: f64,
    newest: Timestamp,
}

impl Evaluation<'_> {
    /// Matches of a search or a condition per slice.
    pub(super) async fn matches(&self, query: &Query) -> Result<Numbers, MeasureError> {
        let mut counts = Numbers::new();
        for step in self.steps(query, self.run.start).await? {
            *counts.entry(step.group).or_default().entry(step.at).or_default() += step.count;
        }
        Ok(counts)
    }

    /// In Unix seconds, the newest match by the end of each slice.
    pub(super) async fn newest_rows(
        &self,
        query: &Query,
        age_max: Duration,
    ) -> Result<Numbers, MeasureError> {
        let from = self.run.start.minus(age_max.min(NEWEST_REACH_MAX)).floor_to(self.run.width);
        let mut by_group: BTreeMap<String, BTreeMap<Timestamp, Timestamp>> = BTreeMap::new();
        for step in self.steps(query, from).await? {
            let newest = by_group.entry(step.group).or_default().entry(step.at).or_insert(step.newest);
            *newest = step.newest.max(*newest);
        }
        let mut found = Numbers::new();
        for (group, steps) in by_group {
            let slices = found.entry(group).or_default();
            for start in self.run.starts() {
                if let Some((_, newest)) = steps.range(..=start).next_back() {
                    slices.insert(start, newest.micros() as f64 / 1e6);
                }
            }
        }
        Ok(found)
    }

    /// What a statement counted, and its total, per slice.
    pub(super) async fn statement_rows(
        &self,
        query: &Query,
        counts: Counted,
    ) -> Result<BTreeMap<String, BTreeMap<Timestamp, (f64, f64)>>, MeasureError> {
        let columns = [counts.column(), "total"];
        let mut groups: BTreeMap<String, BTreeMap<Timestamp, (f64, f64)>> = BTreeMap::new();
        for row in self.rows(query, &query.text, self.run.start, &columns).await? {
            let slices = groups.entry(row.group).or_default();
            let (counted, total) = slices.entry(row.ts.floor_to(self.run.width)).or_default();
            *counted += row.numbers[0];
            *total += row.numbers[1];
        }
        Ok(groups)
    }

    async fn steps(&self, query: &Query, from: Timestamp) -> Result<Vec<Step>, MeasureError> {
        match &query.language {
            QueryLanguage::Logs => self.log_steps(query, from).await,
            QueryLanguage::Events => {
                let rows =
                    self.rows(query, &self.over_events(&query.text), from, &["matches", "newest"]).await?;
                let step = |row: Row| Step {
                    group: row.group,
                    at: row.ts,
                    count: row.numbers[0],
                    newest: Timestamp::from_micros(row.numbers[1] as i64),
                };
                Ok(rows.into_iter().map(step).collect())
            }
            QueryLanguage::Sql => {
                let rows = self.rows(query, &query.text, from, &[]).await?;
                let step = |row: Row| Step {
                    group: row.group,
                    at: row.ts.floor_to(self.run.width),
                    count: 1.0,
                    newest: row.ts,
                };
                Ok(rows.into_iter().map(step).collect())
            }
            QueryLanguage::PromQl | QueryLanguage::Other(_) => Err(MeasureError::Language("rows".to_owned())),
        }
    }

    async fn log_steps(&self, query: &Query, from: Timestamp) -> Result<Vec<Step>, MeasureError> {
        let parsed = LogQuery::parse(&query.text)
            .map_err(|source| MeasureError::Search { text: query.text.clone(), source })?;
        let filter = LogFilter { from, to: self.run.end, query: parsed, ..LogFilter::default() };
        let labels = self.slo.grouping.as_ref().map_or(&[][..], |grouping| &grouping.labels);
        let counts = self
            .engine
            .log_counts(&filter, self.run.width, labels, QueryRole::Engine)
            .await
            .map_err(|source| MeasureError::Sql { text: query.text.clone(), source })?;
        let step = |count: crate::logs::LogCount| Step {
            group: self.group_of_values(&count.values),
            at: count.at,
            count: count.lines as f64,
            newest: count.newest,
        };
        Ok(counts.into_iter().map(step).collect())
    }

    /// The events of a condition, counted per step.
    fn over_events(&self, condition: &str) -> String {
        let micros = self.run.width.as_micros();
        let labels = self.slo.grouping.as_ref().map_or(&[][..], |grouping| &grouping.labels);
        let (mut columns, mut keys) = (String::new(), String::new());
        for label in labels {
            let (name, text) = (label.replace('"', "\"\""), label.replace('\'', "''"));
            let value = match EVENT_COLUMNS.contains(&label.as_str()) {
                true => format!("\"{name}\""),
                false => format!("json_text(payload, '{text}')"),
            };
            columns.push_str(&format!(", {value} AS \"{name}\""));
            keys.push_str(&format!(", {value}"));
        }
        let step = format!("arrow_cast(valid_at, 'Int64') / {micros}");
        format!(
            "SELECT arrow_cast({step} * {micros}, 'Timestamp(Microsecond, Some(\"UTC\"))') AS ts{columns}, \
             count(*) AS matches, max(arrow_cast(valid_at, 'Int64')) AS newest \
             FROM events WHERE valid_at >= $from AND valid_at < $to AND (\n{condition}\n) GROUP BY {step}{keys}"
        )
    }

    fn group_of_values(&self, values: &[String]) -> String {
        let Some(grouping) = &self.slo.grouping else { return String::new() };
        key_of(grouping, |index| values.get(index).map(String::as_str))
    }

    /// Runs a statement over `[from, end of the run)` and reads `ts`, the groups and `numbers`.
    async fn rows(
        &self,
        query: &Query,
        text: &str,
        from: Timestamp,
        numbers: &[&str],
    ) -> Result<Vec<Row>, MeasureError> {
        let failed = |source: QueryError| MeasureError::Sql { text: query.text.clone(), source };
        let batches = self.batches(text, from).await.map_err(failed)?;
        let mut rows = Vec::new();
        for batch in &batches {
            let read = self.rows_of(batch, numbers);
            rows.extend(read.map_err(|what| MeasureError::Rows { text: query.text.clone(), what })?);
        }
        let is_outside = |row: &&Row| row.ts < from || row.ts >= self.run.end;
        if let Some(row) = rows.iter().find(is_outside) {
            let what = format!("returns a row at {}, outside of $from and $to", row.ts);
            return Err(MeasureError::Rows { text: query.text.clone(), what });
        }
        Ok(rows)
    }

    async fn batches(&self, text: &str, from: Timestamp) -> Result<Vec<RecordBatch>, QueryError> {
        let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
        let (engine, role) = (self.engine, QueryRole::Engine);
        let deadline = Deadline::of(engine.config(), role);
        let state = engine.query_state();
        let plan = deadline.within(state.create_logical_plan(text)).await??;
        let plan = plan.with_param_values(vec![("from", time(from)), ("to", time(self.run.end))])?;
        let rows = engine.run_plan(plan, state, role, deadline).await?;
        rows.stream.try_collect().await
    }

    fn rows_of(&self, batch: &RecordBatch, numbers: &[&str]) -> Result<Vec<Row>, String> {
        let column = |name: &str, data_type: &DataType| -> Result<ArrayRef, String> {
            let column = batch.column_by_name(name).ok_or_else(|| format!("returns no column {name:?}"))?;
            // What is no number or no time is an error, not nothing.
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, data_type, &options)
                .map_err(|error| format!("returns {name:?} as {}: {error}", column.data_type()))
        };
        let times = column("ts", &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
        let labels = self.slo.grouping.as_ref().map_or(&[][..], |grouping| &grouping.labels);
        let labels: Vec<ArrayRef> =
            labels.iter().map(|label| column(label, &DataType::Utf8)).collect::<Result<_, _>>()?;
        let values: Vec<ArrayRef> =
            numbers.iter().map(|name| column(name, &DataType::Float64)).collect::<Result<_, _>>()?;
        let mut rows = Vec::new();
        for row in 0..batch.num_rows() {
            // A slice without a total was not measured; a time without a slice is nothing.
            if times.is_null(row) || values.last().is_some_and(|total| total.is_null(row)) {
                continue;
            }
            let text = |column: &ArrayRef| {
                let texts = column.as_string::<i32>();
                if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() }
            };
            let number = |column: &ArrayRef| {
                let numbers = column.as_primitive::<Float64Type>();
                if numbers.is_null(row) { 0.0 } else { numbers.value(row) }
            };
            rows.push(Row {
                ts: Timestamp::from_micros(times.as_primitive::<TimestampMicrosecondType>().value(row)),
                group: self.group_of_values(&labels.iter().map(text).collect::<Vec<_>>()),
                numbers: values.iter().map(number).collect(),
            });
        }
        Ok(rows)
    }
}

struct Row {
    ts: Timestamp,
    group: String,
    numbers: Vec<f64>,
}

/// The key of a group whose values come in the order of its labels.
fn key_of<'v>(grouping: &Grouping, value_of: impl Fn(usize) -> Option<&'v str>) -> String {
    grouping.key(|label| grouping.labels.iter().position(|own| own == label).and_then(&value_of))
}
