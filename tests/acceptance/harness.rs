//! The cast of the acceptance tests: the server under test, its peers, and waiting for them.

mod api;
mod mailbox;
mod objects;
mod otlp;
mod process;
mod prometheus;
mod python;
mod random;
mod remote_write;
mod server;
mod wait;

pub use api::{Answer, Api};
pub use mailbox::{Mail, Mailbox};
pub use objects::{PAGED_SERVICE, PEOPLE, rule};
pub use otlp::logs_request;
pub use process::{Finished, Process, free_port, run};
pub use prometheus::{NodeExporter, Prometheus};
pub use python::{peer_to_end, start_peer};
pub use random::Random;
pub use remote_write::{Series, WriteRequest, snappy_block};
pub use server::{ADMIN_TOKEN, Server, ServerOptions};
pub use wait::{eventually, now_ms};

/// Within which something that happens at once has to be seen, on a machine that does much else.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(30);
