//! Rules, alert states, routing, schedules, escalation, paging and incidents' decisions.
//!
//! How a page comes about: the engine's [`tick`](Alerting::tick) asks the ports for rule results and
//! signals, loads what is known, lets [`decide`](decide::decide) make up its mind (pure), and applies
//! the [`Decision`](decide::Decision) in one transaction: alerts, incidents, escalations, pages, and
//! the outbox rows that will send the pages and publish the facts. [`deliver`](Alerting::deliver)
//! sends what is due and records each outcome as a decision of its own;
//! [`publish_facts`](Alerting::publish_facts) brings facts to the lake. All three are reconcilers:
//! they may be killed at any point and run twice. Every wait is a column with a time; nothing sleeps.
//!
//! Invariants: a page commits together with what caused it; an acknowledgement that has committed
//! stops every page that is not already on its way; what is not known (a failed query, a signal
//! without data) changes nothing.
//!
//! Deliberately without HTTP, without Arrow, and without a clock of its own.

pub mod alert;
mod auditor;
pub mod catalog;
pub mod config;
pub mod decide;
mod engine;
pub mod escalation;
mod fact;
pub mod gate;
pub mod grouping;
pub mod ids;
pub mod incident;
mod link;
mod metrics;
pub mod notify;
pub mod objects;
pub mod page;
pub mod people;
pub mod ports;
pub mod reading;
pub mod route;
pub mod rule;
pub mod schedule;
mod store;

pub use alert::{Alert, AlertState, NOTICE_SEVERITY};
pub use auditor::AuditReport;
pub use catalog::Catalog;
pub use config::AlertingConfig;
pub use engine::{
    AckOutcome, AlertFilter, AlertView, Alerting, IncidentFilter, IncidentView, PageFilter, RuleGroupView,
    RuleView, ScheduleView, TickReport,
};
pub use fact::append_fact;
pub use gate::GatePolicy;
pub use ids::{AlertId, BadIncidentId, IncidentId, PageId};
pub use incident::{Actor, Incident, IncidentState, Severity, Via};
pub use link::PageView;
pub use notify::Channels;
pub use notify::delivery::DeliveryReport;
pub use page::{Page, PageState};
pub use ports::{FactSink, InstantQuery, PortError, Ports, Signal, SignalSource, SignalState};
pub use schedule::OnCall;
pub use store::MIGRATIONS;

/// What goes wrong in alerting.
#[derive(Debug, thiserror::Error)]
pub enum AlertingError {
    /// The verb does not fit the incident's state.
    #[error(transparent)]
    Refused(#[from] decide::Refusal),
    #[error("{0} is not known")]
    UnknownIncident(IncidentId),
    #[error("the gate of {service} has no override {id}")]
    UnknownOverride { id: i64, service: String },
    /// It opens nothing any more: there is nothing to take back.
    #[error("override {id} is over: {reason}")]
    OverrideIsOver { id: i64, reason: String },
    /// A value that a person gave; `pointer` is the JSON pointer of the field.
    #[error("{message}")]
    BadInput { pointer: &'static str, message: String },
    /// Forged, damaged, or for a page that does not exist: not told apart.
    #[error("the link is not valid")]
    LinkInvalid,
    #[error("the link has expired")]
    LinkExpired,
    /// The recipient is not configured any more.
    #[error("the link belongs to somebody who is not configured any more")]
    LinkRevoked,
    #[error("setting {setting}: {message}")]
    Config { setting: &'static str, message: String },
    /// A row that this version cannot read.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    #[error("the store failed")]
    Store(#[from] db::DbError),
    #[error("a port failed: {0}")]
    Port(#[from] PortError),
}

impl From<sqlx::Error> for AlertingError {
    fn from(error: sqlx::Error) -> AlertingError {
        AlertingError::Store(db::DbError::Statement(error))
    }
}
