//! Deploys as the lake knows them, for pages that show them beside something else. The queries are
//! constant texts; what differs between requests is filtered here, never pasted into SQL.

use query::QueryRole;
use query::formats;
use serde::Deserialize;
use telemetry::Timestamp;

use crate::error::{WebError, WebResult};
use crate::state::AppState;

/// The newest deploys that are looked through; a page shows few of them.
const NEWEST: &str = "SELECT deploy_id, service, version, status, coalesce(finished_at, started_at) AS at \
                      FROM deploys ORDER BY at DESC NULLS LAST LIMIT 5000";

/// A row of the view `deploys`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Deploy {
    pub deploy_id: String,
    pub service: Option<String>,
    pub version: Option<String>,
    pub status: Option<String>,
    /// When it finished: from then on it is what runs. While it goes on, when it began.
    pub at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Document {
    rows: Vec<Deploy>,
}

/// The newest deploys of all services, the newest first. None when the lake cannot answer: incidents
/// and pages show without them.
pub(crate) async fn newest(state: &AppState) -> Vec<Deploy> {
    read(state).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "shown without deploys");
        Vec::new()
    })
}

async fn read(state: &AppState) -> WebResult<Vec<Deploy>> {
    let rows = state.engine.sql(NEWEST, QueryRole::Engine).await?;
    let bytes = formats::collect(formats::json_document(rows)).await?;
    let document: Document = serde_json::from_slice(&bytes).map_err(WebError::internal)?;
    Ok(document.rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_by_position() {
        let text = r#"{"columns":[],"rows":[["d1","chat",null,"succeeded","2026-11-23T02:00:00Z"]]}"#;
        let document: Document = serde_json::from_str(text).unwrap();
        let expect = Deploy {
            deploy_id: "d1".into(),
            service: Some("chat".into()),
            version: None,
            status: Some("succeeded".into()),
            at: Some(Timestamp::parse_rfc3339("2026-11-23T02:00:00Z").unwrap()),
        };
        assert_eq!(document.rows, [expect]);
    }
}
