//! Receivers: telemetry dialects in, validated batches into the lake.
//!
//! Each dialect is one file with the same anatomy ([`Dialect`]): a pure `decode` from a request's
//! head and plain body to a [`Batch`](telemetry::Batch), and an `answer` from the [`Outcome`] back
//! to the dialect's words. Everything between the two is shared and lives in [`Ingest`]: bounds,
//! decompression, the write, counters.
//!
//! Not here: sockets, routes and tokens (`web` mounts the HTTP dialects, the root owns listeners),
//! durability (`lake` acknowledges), and anything that reads back what was written.

mod attributes;
pub mod body;
pub mod elastic;
mod error;
pub mod events;
pub mod exposition;
mod families;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gate;
pub mod grpc;
pub mod hooks;
mod json_text;
mod known_series;
mod limits;
pub mod loki;
mod loose_time;
mod metrics;
pub mod otlp;
pub mod pagerduty;
mod protobuf;
mod receiver;
mod rejections;
pub mod remote_write;
mod retries;
pub mod scrape;
mod series;
mod sink;
mod validate;

pub use error::IngestError;
pub use families::{FamilyMeta, FamilyTypes};
pub use known_series::KnownSeries;
pub use limits::{IngestLimits, OverLimit};
pub use metrics::{IngestMetrics, OTHER_SOURCES, SourceCounts};
pub use receiver::{Context, Decoded, Dialect, Ingest, Item, Outcome, Receipt};
pub use rejections::{Fault, Rejections};
pub use sink::{BatchSink, Stored};
