//! Runbook documents and runs, the incident timeline, retrospectives and their exports.
//!
//! Nothing here runs by itself: runbooks are suggested to people, and a step is carried out when a
//! person starts it. Every change is one transaction with its fact, so that each step is on the
//! incident's timeline and a row in `events`.
//!
//! [`Runbooks`] is the way in; the modules below it are pure where they can be: [`document`] parses,
//! [`run`] decides, [`timeline`] and [`retrospective`] render.

mod desk;
pub mod document;
mod error;
pub mod library;
pub mod markdown;
pub mod ports;
pub mod retrospective;
pub mod run;
mod runs;
mod step;
mod store;
pub mod timeline;

pub use desk::{Runbooks, RunbooksConfig};
pub use document::Runbook;
pub use error::RunbookError;
pub use library::{Library, Suggestion};
pub use retrospective::{RetroState, Retrospective};
pub use run::{Run, RunState, RunStep, StepAction, StepState};
pub use runs::{RunContext, Runs};
pub use step::{StepLimits, preview};
pub use timeline::TimelineEntry;

/// This crate's part of the workflow store.
pub const MIGRATIONS: &[db::Migration] = &[db::Migration {
    name: "2026-11-23-02-runbooks-init",
    sqlite: include_str!("../migrations/sqlite/2026-11-23-02-runbooks-init.sql"),
}];
