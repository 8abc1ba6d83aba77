//! How the parts of the process are: behind `/readyz` and the status page.

use alerting::Alerting;
use async_trait::async_trait;
use ingest::Ingest;
use lake::Lake;
use query::SloEvaluator;
use serde_json::json;
use std::sync::Arc;
use web::{ComponentHealth, Health, HealthReport, ReadyRole};

use super::ObjectsInUse;

pub(super) struct ServerHealth {
    lake: Lake,
    ingest: Ingest,
    alerting: Alerting,
    slos: Arc<SloEvaluator>,
    objects: ObjectsInUse,
}

impl ServerHealth {
    pub fn new(
        lake: Lake,
        ingest: Ingest,
        alerting: Alerting,
        slos: Arc<SloEvaluator>,
        objects: ObjectsInUse,
    ) -> Self {
        ServerHealth { lake, ingest, alerting, slos, objects }
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
                    "the disk is full: writes are refused".to_owned()
                } else {
                    format!("{} rows wait for Parquet", lake.buffered_rows)
                },
            },
            ComponentHealth {
                name: "query",
                role: Some(ReadyRole::Query),
                ok: !lake.replaying,
                detail: if lake.replaying {
                    "the log is being replayed".to_owned()
                } else {
                    "answers".to_owned()
                },
            },
        ];
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
            detail: match problems.first() {
                None => format!("{} objectives", self.slos.statuses().len()),
                Some((slo, problem)) => format!("{slo}: {problem}"),
            },
        });
        let (object_files, defects) = self.objects.get();
        let counts = self.ingest.counts();
        let ingest: serde_json::Map<String, serde_json::Value> = counts
            .iter()
            .map(|count| {
                let shown = json!({
                    "requests": count.requests,
                    "failed_requests": count.failed_requests,
                    "stored_rows": count.stored_rows,
                    "duplicate_rows": count.duplicate_rows,
                    "rejected_rows": count.rejected_rows,
                });
                (count.dialect.clone(), shown)
            })
            .collect();
        HealthReport { components, ingest: ingest.into(), object_files: object_files as u64, defects }
    }
}
