//! The cast of the acceptance tests: the server under test, its peers, and waiting for them.

mod api;
mod mailbox;
mod node;
mod objects;
mod otlp;
mod process;
mod prometheus;
mod python;
mod random;
mod remote_write;
mod remote_write_v2;
mod rsyslog;
mod server;
mod wait;

pub use api::{Answer, Api};
pub use mailbox::{Mail, Mailbox};
pub use node::node_peer_to_end;
pub use objects::{PAGED_SERVICE, PEOPLE, rule};
pub use otlp::logs_request;
pub use process::{Finished, Process, free_port, run};
pub use prometheus::{NodeExporter, Prometheus};
pub use python::{peer_to_end, start_peer};
pub use random::Random;
pub use remote_write::{Series, WriteRequest, snappy_block};
pub use remote_write_v2::{
    BucketSpanV2, ExemplarV2, HistogramV2, MetadataV2, RequestV2, SampleV2, TimeSeriesV2,
};
pub use rsyslog::Rsyslog;
pub use server::{ADMIN_TOKEN, Server, ServerOptions};
pub use wait::{eventually, now_ms};

/// Within which something that happens at once has to be seen, on a machine that does much else.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(60);
