//! Backfills: measuring an SLO over history.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackfill {
    /// RFC 3339; the oldest data when absent.
    pub from: Option<String>,
    /// RFC 3339, not included; now when absent.
    pub to: Option<String>,
    /// Whether slices that are there are measured again, for data that came very late.
    #[serde(default)]
    pub again: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BackfillList {
    /// Oldest first.
    pub backfills: Vec<Backfill>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Backfill {
    pub id: String,
    pub slo: String,
    pub from: Time,
    pub to: Time,
    pub again: bool,
    pub state: BackfillState,
    /// The objective that is being measured, as `SLO/OBJECTIVE`.
    #[schema(required)]
    pub objective: Option<String>,
    /// Its slices looked at so far, and all of them.
    pub slices_done: u64,
    pub slices_total: u64,
    /// Once it is done: slices written, there before, and without data.
    pub written: u64,
    pub present: u64,
    pub gaps: u64,
    #[schema(required)]
    pub error: Option<String>,
    pub asked_at: Time,
    #[schema(required)]
    pub ended_at: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackfillState {
    Waiting,
    Running,
    Done,
    Failed,
}

impl From<query::sli::BackfillStatus> for Backfill {
    fn from(status: query::sli::BackfillStatus) -> Backfill {
        let (slices_done, slices_total) =
            status.progress.as_ref().map_or((0, 0), |progress| (progress.done, progress.total));
        Backfill {
            id: status.id,
            slo: status.slo,
            from: status.span.from.into(),
            to: status.span.to.into(),
            again: status.span.again,
            state: match status.state {
                query::sli::BackfillState::Waiting => BackfillState::Waiting,
                query::sli::BackfillState::Running => BackfillState::Running,
                query::sli::BackfillState::Done => BackfillState::Done,
                query::sli::BackfillState::Failed => BackfillState::Failed,
            },
            objective: status.progress.map(|progress| progress.slo_id),
            slices_done,
            slices_total,
            written: status.report.written,
            present: status.report.present,
            gaps: status.report.gaps,
            error: status.error,
            asked_at: status.asked_at.into(),
            ended_at: status.ended_at.map(Time),
        }
    }
}
