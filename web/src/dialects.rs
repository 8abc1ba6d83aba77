//! Foreign protocols spoken over HTTP, each below a mount of its own. Telemetry dialects are
//! translated by `ingest` and only carried here; query dialects are translated here.

pub(crate) mod elastic;
pub(crate) mod hooks;
pub(crate) mod otlp;
pub(crate) mod prometheus;
pub(crate) mod telemetry;
