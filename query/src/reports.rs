//! Recovery, delivery and impact for requests in Rust: the rows of the SQL functions
//! `recovery_metrics`, `delivery_metrics`, `impact_metrics` and `incident_impact`, from the same plans,
//! under the limits of the role that asks.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::TryStreamExt;
use slo::dora::Delivery;
use slo::impact::Impact;
use slo::recovery::Recovery;
use telemetry::Timestamp;

use crate::engine::Engine;
use crate::functions::{
    DELIVERIES, IMPACTS, NamedRow, RECOVERIES, ReportKind, each_row, impact_table, read_delivery,
    read_impact, read_recovery, report_table_of,
};
use crate::guard::Deadline;
use crate::{QueryError, QueryRole};

/// What a report is about; the same as the arguments of its SQL function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRequest {
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// `all`, or dimensions with commas between them; `None` is `all`.
    pub by: Option<String>,
    /// Length of the periods as an interval of SQL, such as `1 month`; `None` is one period.
    pub width: Option<String>,
    /// IANA name of the zone whose days and months are meant; `None` is UTC.
    pub time_zone: Option<String>,
    /// Only what had been recorded by then counts.
    pub as_of: Option<Timestamp>,
}

/// One period of one group; a dimension that was not asked for or is not known is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportRow<M> {
    pub from: Timestamp,
    pub to: Timestamp,
    pub service: Option<String>,
    pub team: Option<String>,
    pub severity: Option<String>,
    pub metrics: M,
}

/// Whom an incident hurt; what is not known is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentImpact {
    pub incident_id: String,
    pub service: Option<String>,
    /// That of the service, as it is configured now.
    pub team: Option<String>,
    pub severity: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub minutes: Option<f64>,
    pub users_affected: Option<f64>,
    pub user_minutes: Option<f64>,
    pub requests_affected: Option<f64>,
    pub requests_source: Option<RequestsSource>,
}

/// Where the number of affected requests comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestsSource {
    Reported,
    /// The bad events of the service's objectives meanwhile.
    Slo,
}

impl Engine {
    /// Recovery metrics, by period and then by group.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for what cannot be asked for, and what a query may fail with.
    pub async fn recovery(
        &self,
        request: &ReportRequest,
        role: QueryRole,
    ) -> Result<Vec<ReportRow<Recovery>>, QueryError> {
        self.report(RECOVERIES, request, role, read_recovery).await
    }

    /// Delivery metrics, by period and then by group; they have no severity.
    ///
    /// # Errors
    /// As [`Engine::recovery`].
    pub async fn delivery(
        &self,
        request: &ReportRequest,
        role: QueryRole,
    ) -> Result<Vec<ReportRow<Delivery>>, QueryError> {
        self.report(DELIVERIES, request, role, read_delivery).await
    }

    /// What the incidents cost, by period and then by group.
    ///
    /// # Errors
    /// As [`Engine::recovery`].
    pub async fn impact_metrics(
        &self,
        request: &ReportRequest,
        role: QueryRole,
    ) -> Result<Vec<ReportRow<Impact>>, QueryError> {
        self.report(IMPACTS, request, role, read_impact).await
    }

    /// The impact of the incidents that started in `[from, to)`, oldest first.
    ///
    /// # Errors
    /// What a query may fail with.
    pub async fn impact(
        &self,
        (from, to): (Timestamp, Timestamp),
        as_of: Option<Timestamp>,
        role: QueryRole,
    ) -> Result<Vec<IncidentImpact>, QueryError> {
        let table = impact_table(self.context(), (from, to), as_of)?;
        let owners = &self.report_context().owners;
        let mut incidents = Vec::new();
        self.each_named_row("incident_impact", table, role, |row| {
            let (Some(incident_id), Some(started_at)) = (row.text("incident_id"), row.time("started_at"))
            else {
                return;
            };
            let service = row.text("service");
            incidents.push(IncidentImpact {
                incident_id,
                team: service.as_deref().and_then(|service| owners.team_of(service)),
                service,
                severity: row.text("severity"),
                started_at,
                ended_at: row.time("ended_at"),
                minutes: row.number("minutes"),
                users_affected: row.number("users_affected"),
                user_minutes: row.number("user_minutes"),
                requests_affected: row.number("requests_affected"),
                requests_source: row.text("requests_source").map(|source| match source.as_str() {
                    "reported" => RequestsSource::Reported,
                    _ => RequestsSource::Slo,
                }),
            });
        })
        .await?;
        incidents
            .sort_by(|a, b| a.started_at.cmp(&b.started_at).then_with(|| a.incident_id.cmp(&b.incident_id)));
        Ok(incidents)
    }

    async fn report<M>(
        &self,
        report: ReportKind,
        request: &ReportRequest,
        role: QueryRole,
        read: impl Fn(&NamedRow<'_>) -> M,
    ) -> Result<Vec<ReportRow<M>>, QueryError> {
        let table = report_table_of(report, request, self.report_context(), self.context())?;
        let mut rows = Vec::new();
        self.each_named_row("report", table, role, |row| {
            let (Some(from), Some(to)) = (row.time("period_start"), row.time("period_end")) else { return };
            let (service, team) = (row.text("service"), row.text("team"));
            let severity = row.text("severity");
            rows.push(ReportRow { from, to, service, team, severity, metrics: read(row) });
        })
        .await?;
        Ok(rows)
    }

    /// All rows of a table, under the limits of a role.
    async fn each_named_row(
        &self,
        name: &str,
        table: Arc<dyn TableProvider>,
        role: QueryRole,
        mut visit: impl FnMut(&NamedRow<'_>),
    ) -> Result<(), QueryError> {
        let deadline = Deadline::of(self.config(), role);
        let plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.build()?;
        let rows = self.run_plan(plan, self.query_state(), role, deadline).await?;
        let schema = rows.schema.clone();
        let batches: Vec<RecordBatch> = rows.stream.try_collect().await?;
        each_row(&batches, |row| visit(&NamedRow { schema: &schema, row }))?;
        Ok(())
    }
}
