//! Evenkeel, composed: what the binary and the acceptance tests link.
//!
//! The crates below know nothing of each other beyond what their manifests say; here the ports are
//! implemented ([`wiring`]), listeners opened ([`server`]), ticks scheduled ([`jobs`]) and settings
//! read ([`settings`], [`objects`]).

pub mod allocator;
mod backup;
pub mod cli;
mod console;
mod demo;
mod jobs;
mod logging;
mod objects;
mod scrape;
mod server;
mod settings;
mod shutdown;
mod tls;
mod wiring;
