//! The routes over real components (store, lake, engine, alerting, runbooks) in a temporary
//! directory, driven through the router as a client would.

mod access;
mod bad_input;
mod dialects;
mod gates;
mod logs;
mod objectives;
mod pages;
mod prometheus;
mod reports;
mod respond;
mod shippers;
mod targets;
mod world;
