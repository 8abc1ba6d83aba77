//! HTTP: routes, DTOs, auth, alert and query dialects, the embedded UI. No business rules.
//!
//! Handlers extract, call and convert; what is right is decided by the crates they call. The URL map
//! is [`routes`], the one match from errors to statuses `error`, the gate in front of everything
//! [`auth`]. The root owns the listeners and implements the ports of [`state`].

mod assets;
pub mod auth;
pub mod backups;
pub mod config;
mod dialects;
pub mod dto;
pub mod error;
mod extract;
pub mod gates;
mod observe;
mod openapi;
mod pages;
pub mod routes;
mod security;
mod site;
pub mod state;

pub use auth::{
    Auth, AuthError, IngestTokens, LoginLink, NewIntegrationKey, NewToken, PgPasswords, Role, Secret,
    TokenInfo,
};
pub use backups::{Backup, BackupRefusal, BackupState, Backups};
pub use config::{AuthConfig, WebConfig};
pub use gates::GateSource;
pub use observe::HttpMetrics;
pub use openapi::openapi_json;
pub use routes::{elastic_router, otlp_router, router};
pub use site::Route;
pub use state::{AppState, ComponentHealth, Health, HealthReport, Inbox, InboxMail, ObjectTexts, ReadyRole};

/// This crate's tables in the workflow store.
pub const MIGRATIONS: &[db::Migration] = &[
    db::Migration {
        name: "2026-11-23-05-web-auth",
        sqlite: include_str!("../migrations/sqlite/2026-11-23-05-web-auth.sql"),
    },
    db::Migration {
        name: "2026-11-23-06-web-token-use",
        sqlite: include_str!("../migrations/sqlite/2026-11-23-06-web-token-use.sql"),
    },
];
