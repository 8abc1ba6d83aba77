//! How the server itself is.

use serde::Serialize;
use telemetry::DefectSeverity;
use utoipa::ToSchema;

use super::Time;
use crate::state::{AppState, HealthReport};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    pub ready: bool,
    pub components: Vec<Component>,
    pub version: String,
    pub started_at: Time,
    /// Counters of the receivers since the start, by name.
    #[schema(value_type = Object)]
    pub ingest: serde_json::Value,
    pub objects: Objects,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Component {
    pub name: String,
    pub ok: bool,
    pub detail: String,
}

/// The configuration directory as it was last read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Objects {
    pub files: u64,
    pub defects: Vec<Defect>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Defect {
    pub file: String,
    #[schema(required)]
    pub line: Option<u64>,
    pub severity: Severity,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DefectSeverity)]
pub enum Severity {
    Error,
    Warning,
}

impl Status {
    pub fn of(report: HealthReport, state: &AppState) -> Status {
        Status {
            ready: report.is_ready(None),
            components: report
                .components
                .into_iter()
                .map(|it| Component { name: it.name.to_owned(), ok: it.ok, detail: it.detail })
                .collect(),
            version: state.version.to_owned(),
            started_at: state.started_at.into(),
            ingest: report.ingest,
            objects: Objects {
                files: report.object_files,
                defects: report.defects.into_iter().map(Defect::from).collect(),
            },
        }
    }
}

impl From<telemetry::Defect> for Defect {
    fn from(defect: telemetry::Defect) -> Defect {
        let severity = match defect.severity {
            DefectSeverity::Error => Severity::Error,
            DefectSeverity::Warning => Severity::Warning,
        };
        Defect { file: defect.file, line: defect.line, severity, message: defect.message }
    }
}
