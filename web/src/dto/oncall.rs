//! Who is on call.

use alerting::ScheduleView;
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OnCallList {
    pub schedules: Vec<OnCallSchedule>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OnCallSchedule {
    pub name: String,
    pub display_name: String,
    pub timezone: String,
    #[schema(required)]
    pub on_call: Option<OnCallNow>,
    #[schema(required)]
    pub next: Option<OnCallNext>,
    /// When nobody is on call, within the span that was looked at.
    pub gaps: Vec<Gap>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OnCallNow {
    pub user: String,
    #[schema(required)]
    pub until: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OnCallNext {
    pub user: String,
    pub at: Time,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Gap {
    pub from: Time,
    pub to: Time,
}

impl From<ScheduleView> for OnCallSchedule {
    fn from(view: ScheduleView) -> OnCallSchedule {
        OnCallSchedule {
            name: view.name,
            display_name: view.display_name,
            timezone: view.timezone,
            on_call: view.on_call.map(|it| OnCallNow { user: it.user, until: it.until.map(Time) }),
            next: view.next.and_then(|(at, user)| Some(OnCallNext { user: user?, at: at.into() })),
            gaps: view.gaps.into_iter().map(|gap| Gap { from: gap.from.into(), to: gap.to.into() }).collect(),
        }
    }
}
