//! What may have eaten a budget, from the lake: the incidents and deployments of a service, now or as
//! they were known on a day. Read as the recovery and delivery metrics read them.

use datafusion::arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use slo::causes::{Cause, ServiceDeploy, ServiceIncident, causes};
use telemetry::Timestamp;

use super::SloEvaluator;
use crate::functions::{Source, deploys, incidents};
use crate::views;
use crate::{QueryError, QueryRole};

impl SloEvaluator {
    /// The causes of a service up to `at`, of what had been recorded by `recorded_by` if that is told.
    pub(super) async fn causes(
        &self,
        service: &str,
        at: Timestamp,
        recorded_by: Option<Timestamp>,
    ) -> Result<Vec<Cause>, QueryError> {
        let source = if recorded_by.is_some() { Source::AsOf } else { Source::Everything };
        let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
        let parameters = vec![time(recorded_by.unwrap_or(at)), time(at)];
        let read = async |query: String| -> Result<Vec<RecordBatch>, QueryError> {
            let rows = self.engine.sql_with(&query, parameters.clone(), QueryRole::Engine).await?;
            rows.stream.try_collect().await
        };
        let of_incidents = read(views::recovery::incident_events(source.events())).await?;
        let of_deploys = read(views::delivery::deploy_events(source.events())).await?;
        let suffered = incidents(&of_incidents)?
            .into_iter()
            .filter(|incident| !incident.record.is_false_alarm)
            .filter(|incident| incident.services.iter().any(|named| named == service))
            .map(|incident| ServiceIncident {
                ended_at: incident.ended_at(),
                started_at: incident.record.started_at,
                title: incident.title,
                id: incident.id,
            });
        let deployed = deploys(&of_deploys, &self.engine.report_context().production)?
            .into_iter()
            .filter(|deploy| deploy.service == service)
            .filter_map(|deploy| {
                let finished_at = deploy.finished_at?;
                Some(ServiceDeploy { id: deploy.id, version: deploy.version, finished_at })
            });
        Ok(causes(suffered, deployed, at, &self.config.causes))
    }
}
