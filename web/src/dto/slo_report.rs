//! One objective at one time: status, burn rates, and what ate the budget.

use serde::{Deserialize, Serialize};
use telemetry::time::format_duration;
use utoipa::{IntoParams, ToSchema};

use super::Time;
use super::slo::SloStatus;

/// Which objective, and as of when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReportQuery {
    /// The first objective when absent.
    pub objective: Option<String>,
    /// The key of a group; needed where the SLO has groups.
    pub group: Option<String>,
    /// RFC 3339: the end of the window; now when absent.
    pub at: Option<String>,
    /// RFC 3339: only what had been recorded by then counts, as it was reported on that day.
    pub reported_on: Option<String>,
    /// Windows to tell burn rates of, such as `1h,6h,3d`.
    pub windows: Option<String>,
    /// The window of the budget: one of the SLO's, such as `90d`; the first one when absent.
    pub window: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SloReport {
    /// As in lists, for the time that was asked for.
    pub status: SloStatus,
    pub burn: Vec<WindowBurn>,
    pub spent: Spent,
    /// The group's parts of all that was bad, the worst first; empty without groups.
    pub groups: Vec<GroupSpending>,
    /// What does not count in the window.
    pub excluded: Vec<ExcludedTime>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WindowBurn {
    /// Such as `6h`.
    pub window: String,
    #[schema(required)]
    pub burn_rate: Option<f64>,
    /// Share of the whole budget that the window spent.
    #[schema(required)]
    pub budget_used: Option<f64>,
    pub coverage: f64,
}

/// What ate the budget. Causes may overlap; each is told what happened while it lasted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Spent {
    pub from: Time,
    pub to: Time,
    pub bad: f64,
    #[schema(required)]
    pub allowed_bad: Option<f64>,
    /// The largest first.
    pub causes: Vec<Spending>,
    /// What happened during none of them.
    pub unexplained_bad: f64,
    #[schema(required)]
    pub unexplained_budget_share: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CauseKind {
    Incident,
    Deploy,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Spending {
    pub kind: CauseKind,
    /// The incident's or deploy's id.
    pub id: String,
    pub title: String,
    pub from: Time,
    pub to: Time,
    pub bad: f64,
    /// As a share of the budget of the window.
    #[schema(required)]
    pub budget_share: Option<f64>,
    /// As a share of all that was bad in the window.
    #[schema(required)]
    pub bad_share: Option<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupSpending {
    pub group_key: String,
    pub bad: f64,
    #[schema(required)]
    pub bad_share: Option<f64>,
}

/// Time that the objective does not answer for, and who said so.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExcludedTime {
    pub maintenance_id: String,
    pub title: String,
    pub from: Time,
    pub to: Time,
    pub effect: ExclusionEffect,
    #[schema(required)]
    pub actor: Option<String>,
    pub recorded_at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionEffect {
    Remove,
    CountAsGood,
}

impl From<query::sli::SloReport> for SloReport {
    fn from(report: query::sli::SloReport) -> SloReport {
        SloReport {
            status: SloStatus::from(report.status),
            burn: report.burn.into_iter().map(WindowBurn::from).collect(),
            spent: Spent::from(report.spent),
            groups: report.groups.into_iter().map(GroupSpending::from).collect(),
            excluded: report.excluded.into_iter().map(ExcludedTime::from).collect(),
        }
    }
}

impl From<slo::spending::Spent> for Spent {
    fn from(spent: slo::spending::Spent) -> Spent {
        Spent {
            from: spent.from.into(),
            to: spent.to.into(),
            bad: spent.bad,
            allowed_bad: spent.allowed_bad,
            causes: spent.causes.into_iter().map(Spending::from).collect(),
            unexplained_bad: spent.unexplained.bad,
            unexplained_budget_share: spent.unexplained.budget_share,
        }
    }
}

impl From<slo::spending::Spending> for Spending {
    fn from(spending: slo::spending::Spending) -> Spending {
        Spending {
            kind: match spending.kind {
                slo::causes::CauseKind::Incident => CauseKind::Incident,
                slo::causes::CauseKind::Deploy => CauseKind::Deploy,
            },
            id: spending.id,
            title: spending.title,
            from: spending.from.into(),
            to: spending.to.into(),
            bad: spending.amount.bad,
            budget_share: spending.amount.budget_share,
            bad_share: spending.amount.bad_share,
        }
    }
}

impl From<query::sli::WindowBurn> for WindowBurn {
    fn from(burn: query::sli::WindowBurn) -> WindowBurn {
        WindowBurn {
            window: format_duration(burn.window),
            burn_rate: burn.burn_rate,
            budget_used: burn.budget_used,
            coverage: burn.coverage,
        }
    }
}

impl From<query::sli::GroupSpending> for GroupSpending {
    fn from(group: query::sli::GroupSpending) -> GroupSpending {
        GroupSpending { group_key: group.group, bad: group.bad, bad_share: group.bad_share }
    }
}

impl From<query::sli::ExcludedTime> for ExcludedTime {
    fn from(time: query::sli::ExcludedTime) -> ExcludedTime {
        ExcludedTime {
            maintenance_id: time.maintenance_id,
            title: time.title,
            from: time.from.into(),
            to: time.to.into(),
            effect: match time.effect {
                slo::objective::ExclusionEffect::Remove => ExclusionEffect::Remove,
                slo::objective::ExclusionEffect::CountAsGood => ExclusionEffect::CountAsGood,
            },
            actor: time.actor,
            recorded_at: time.recorded_at.into(),
        }
    }
}
