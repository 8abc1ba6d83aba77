//! How the parts of the process are: behind `/readyz` and the status page.

use alerting::Alerting;
use async_trait::async_trait;
use ingest::scrape::{Health as TargetHealth, Scraper};
use ingest::{Ingest, SourceCounts};
use lake::Lake;
use query::SloEvaluator;
use serde_json::json;
use std::sync::Arc;
use web::{ComponentHealth, Health, HealthReport, ReadyRole};

use super::reload::ObjectsInUse;

pub(super) struct ServerHealth {
    lake: Lake,
    ingest: Ingest,
    alerting: Alerting,
    slos: Arc<SloEvaluator>,
    scraper: Scraper,
    objects: ObjectsInUse,
}

impl ServerHealth {
    pub fn new(
        lake: Lake,
        ingest: Ingest,
        alerting: Alerting,
        slos: Arc<SloEvaluator>,
        scraper: Scraper,
        objects: ObjectsInUse,
    ) -> Self {
        ServerHealth { lake, ingest, alerting, slos, scraper, objects }
    }
}

#[async_trait]
impl Health for ServerHealth {
    async fn report(&self) -> HealthReport {
        let lake = self.lake.health();
        let mut components = vec![
            ComponentHealth {
                name: "ingest",
                role: Some(ReadyRole::Ingest),
                ok: lake.writable,
                detail: if lake.disk_full {
                    format!(
                        "the disk is full ({} MiB are free): writes are refused",
                        lake.disk_free_bytes >> 20
                    )
                } else {
                    format!("{} rows wait for Parquet", lake.buffered_rows)
                },
            },
            ComponentHealth {
                name: "query",
                role: Some(ReadyRole::Query),
                ok: lake.replay.is_none(),
                detail: match lake.replay {
                    Some(replay) => format!(
                        "the write-ahead log is being replayed: {} of {} MiB",
                        replay.done_bytes >> 20,
                        replay.total_bytes.div_ceil(1 << 20)
                    ),
                    None => "answers".to_owned(),
                },
            },
        ];
        components.push(ComponentHealth {
            name: "storage",
            role: None,
            ok: !lake.disk_full,
            detail: format!(
                "ack: {}; {} MiB in the write-ahead log, {} MiB free on the disk",
                lake.ack.name(),
                lake.wal_bytes >> 20,
                lake.disk_free_bytes >> 20
            ),
        });
        let (engine_ok, engine_detail) = match self.alerting.audit().await {
            Ok(audit) if audit.is_clean() => (true, "rules are evaluated, pages go out".to_owned()),
            Ok(audit) => (
                true,
                format!(
                    "late: {} incidents, {} pages",
                    audit.forgotten.len() + audit.steps_overdue.len(),
                    audit.pages_overdue
                ),
            ),
            Err(error) => (false, format!("the workflow store fails: {error}")),
        };
        components.push(ComponentHealth {
            name: "engine",
            role: Some(ReadyRole::Engine),
            ok: engine_ok,
            detail: engine_detail,
        });
        let problems = self.slos.problems();
        components.push(ComponentHealth {
            name: "objectives",
            role: None,
            ok: problems.is_empty(),
            detail: match &problems[..] {
                [] => format!("{} objectives", self.slos.statuses().len()),
                [(slo, problem)] => format!("{slo}: {problem}"),
                [(slo, problem), others @ ..] => {
                    format!("{slo}: {problem}; and {} more, see evenkeel slo list", others.len())
                }
            },
        });
        let (object_files, mut defects) = self.objects.get();
        let scrape_defects = self.scraper.defects();
        let targets = self.scraper.targets();
        if !targets.is_empty() || !scrape_defects.is_empty() {
            let up = targets.iter().filter(|it| it.last.health == TargetHealth::Up).count();
            components.push(ComponentHealth {
                name: "scrape",
                role: None,
                ok: !scrape_defects.iter().any(telemetry::Defect::is_error),
                detail: format!("{up} of {} targets are up", targets.len()),
            });
        }
        defects.extend(scrape_defects);
        HealthReport {
            components,
            ingest: by_source(self.ingest.counts()),
            object_files: object_files as u64,
            defects,
        }
    }
}

/// Sources on the status page; `/metrics` has all of them.
const SOURCES_SHOWN_MAX: usize = 200;

/// The counters of those sources that brought the most.
fn by_source(mut counts: Vec<SourceCounts>) -> serde_json::Value {
    counts.sort_by_key(|count| std::cmp::Reverse((count.stored_rows, count.requests)));
    let shown = counts.into_iter().take(SOURCES_SHOWN_MAX).map(|count| {
        let counters = json!({
            "requests": count.requests,
            "failed_requests": count.failed_requests,
            "turned_away": count.turned_away,
            "stored_rows": count.stored_rows,
            "duplicate_rows": count.duplicate_rows,
            "rejected_rows": count.rejected_rows,
            "body_bytes": count.body_bytes,
        });
        (format!("{}:{}", count.dialect, count.source), counters)
    });
    shown.collect::<serde_json::Map<_, _>>().into()
}
