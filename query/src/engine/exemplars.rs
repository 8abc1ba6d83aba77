//! Exemplars of selected series: the index says which series, a scan of `metric_exemplars` the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, MapArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Operator;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use lake::{SeriesEntry, Table};
use promql::PromqlError;
use telemetry::{Exemplar, Labels, Matcher, SeriesExemplars, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::Engine;
use crate::QueryError;
use crate::provider::{ScanRequest, plan_scan};
use crate::scan_filter::ScanFilter;

const COLUMNS: [&str; 4] = ["series_id", "ts", "value", "labels"];

impl Engine {
    /// The exemplars of the series that any of the selectors selects, both ends of the time range
    /// included; series in the order of their labels, exemplars oldest first. Fails beyond
    /// `promql.samples_max` exemplars or `promql.timeout`.
    pub async fn exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SeriesExemplars>, QueryError> {
        let deadline = Instant::now() + self.config().promql.timeout;
        let read = async {
            // Closed semaphores do not exist here: this one lives as long as the engine.
            let _slot = self.0.promql_slots.acquire().await;
            let (engine, selectors) = (self.clone(), selectors.to_vec());
            let read = async move { engine.read_exemplars(&selectors, from, to).await };
            self.0.pool.run(read).await.flatten()
        };
        timeout_at(deadline, read).await.map_err(|_elapsed| PromqlError::Timeout)?
    }

    async fn read_exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SeriesExemplars>, QueryError> {
        self.lake().check_replayed()?;
        let selected = selectors.iter().flat_map(|matchers| self.lake().series().find(matchers, from..to));
        let entries: HashMap<i64, Arc<SeriesEntry>> = selected.map(|entry| (entry.id.get(), entry)).collect();
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let snapshot = self.lake().snapshot(Table::MetricExemplars).await?;
        let filter =
            ScanFilter::new(&snapshot.schema).time(Operator::GtEq, from)?.time(Operator::LtEq, to)?;
        let predicates = filter.series(entries.keys().copied())?.predicates();
        let wanted: Vec<usize> = COLUMNS
            .iter()
            .map(|name| snapshot.schema.index_of(name))
            .collect::<Result<_, _>>()
            .map_err(DataFusionError::from)?;
        let request = ScanRequest {
            columns: &wanted,
            predicates: &predicates,
            limit: None,
            filter_rows: true,
            keep_repeated: false,
            found_rows: None,
            pieces: None,
        };
        let task = self.context().task_ctx();
        let options = task.session_config().options().clone();
        let plan = plan_scan(&snapshot, &request, &options, &task.runtime_env())?;
        let mut rows = execute_stream(plan, task)?;
        let (limit, mut count) = (self.config().promql.samples_max, 0);
        let mut found: BTreeMap<i64, Vec<Exemplar>> = BTreeMap::new();
        while let Some(batch) = rows.next().await {
            for (id, exemplar) in read_rows(&batch?)? {
                // The scan leaves out what it can prove to be unwanted; the rest is left out here.
                if entries.contains_key(&id) && (from..=to).contains(&exemplar.ts) {
                    found.entry(id).or_default().push(exemplar);
                    count += 1;
                }
            }
            if count > limit {
                return Err(PromqlError::TooManySamples { limit }.into());
            }
        }
        let series = |(id, mut exemplars): (i64, Vec<Exemplar>)| {
            exemplars.sort_by_key(|exemplar| exemplar.ts);
            let entry = &entries[&id];
            SeriesExemplars { labels: entry.labels.clone(), meta: entry.meta.clone(), exemplars }
        };
        let mut series: Vec<SeriesExemplars> = found.into_iter().map(series).collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series)
    }
}

fn read_rows(batch: &RecordBatch) -> Result<Vec<(i64, Exemplar)>, QueryError> {
    let wrong_type = || DataFusionError::Internal("metric_exemplars has columns of other types".to_owned());
    let ids = batch.column(0).as_primitive_opt::<Int64Type>().ok_or_else(wrong_type)?;
    let times = batch.column(1).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong_type)?;
    let values = batch.column(2).as_primitive_opt::<Float64Type>().ok_or_else(wrong_type)?;
    let labels = batch.column(3).as_map_opt().ok_or_else(wrong_type)?;
    let row = |row: usize| {
        let exemplar = Exemplar {
            ts: Timestamp::from_micros(times.value(row)),
            value: values.value(row),
            labels: labels_of(labels, row).ok_or_else(wrong_type)?,
        };
        Ok((ids.value(row), exemplar))
    };
    (0..batch.num_rows()).map(row).collect()
}

fn labels_of(maps: &MapArray, row: usize) -> Option<Labels> {
    let entries = maps.value(row);
    let keys = entries.column(0).as_string_opt::<i32>()?;
    let values = entries.column(1).as_string_opt::<i32>()?;
    Labels::new((0..entries.len()).map(|at| (keys.value(at), values.value(at)))).ok()
}

#[cfg(test)]
mod tests {
    use telemetry::{Batch, MatchOp, SeriesMeta};

    use crate::testing::{Bench, at, run};

    use super::*;

    fn exemplar(ts: Timestamp, value: f64, trace: &str) -> Exemplar {
        Exemplar { ts, value, labels: Labels::new([("trace_id", trace)]).unwrap() }
    }

    async fn store(bench: &Bench, route: &str, exemplars: Vec<Exemplar>) {
        let labels = Labels::new([("__name__", "latency_bucket"), ("route", route)]).unwrap();
        let series = SeriesExemplars { labels, meta: SeriesMeta::default(), exemplars };
        let batch = Batch { exemplars: vec![series], ..Batch::default() };
        assert_eq!(bench.lake.append(batch).await.unwrap().written.exemplars, 1);
    }

    async fn found(bench: &Bench, matchers: &[(&str, &str)], from: &str, to: &str) -> Vec<String> {
        let selectors: Vec<Vec<Matcher>> = matchers
            .iter()
            .map(|(name, value)| vec![Matcher::new(name, MatchOp::Equal, value).unwrap()])
            .collect();
        let series = bench.engine.exemplars(&selectors, at(from), at(to)).await.unwrap();
        let line = |series: &SeriesExemplars, exemplar: &Exemplar| {
            let route = series.labels.get("route").unwrap_or_default();
            format!("{route} {} {}", exemplar.value, exemplar.trace_id().unwrap_or_default())
        };
        series.iter().flat_map(|one| one.exemplars.iter().map(move |it| line(one, it))).collect()
    }

    #[test]
    fn exemplars_are_found_in_memory_and_in_files_each_once() {
        run(async {
            let bench = Bench::new().await;
            let (early, late) = (at("2026-11-23T10:00:00Z"), at("2026-11-23T11:30:00Z"));
            store(&bench, "/cart", vec![exemplar(late, 0.5, "b")]).await;
            bench.lake.flush().await.unwrap();
            store(&bench, "/cart", vec![exemplar(early, 0.25, "a")]).await;
            // A sender's retry, and another exemplar of the same time.
            store(&bench, "/cart", vec![exemplar(late, 0.5, "b")]).await;
            store(&bench, "/cart", vec![exemplar(late, 0.75, "c")]).await;
            store(&bench, "/buy", vec![exemplar(late, 2.0, "d")]).await;
            let all = ["/buy 2 d", "/cart 0.25 a", "/cart 0.5 b", "/cart 0.75 c"];
            for _ in 0..2 {
                let (name, hour) = (("__name__", "latency_bucket"), "2026-11-23T11:00:00Z");
                let until = "2026-11-23T11:30:00Z";
                assert_eq!(found(&bench, &[name], "2026-11-23T10:00:00Z", until).await, all);
                assert_eq!(
                    found(&bench, &[name], hour, until).await,
                    ["/buy 2 d", "/cart 0.5 b", "/cart 0.75 c"]
                );
                // Two selectors that select the same series.
                assert_eq!(found(&bench, &[("route", "/buy"), name], hour, until).await.len(), 3);
                assert_eq!(found(&bench, &[("route", "/none")], hour, until).await.len(), 0);
                bench.lake.flush().await.unwrap();
            }
            let stored = bench.rows("SELECT count(*) FROM metric_exemplars").await;
            assert_eq!(stored, ["4"]);
        });
    }
}
