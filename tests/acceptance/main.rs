//! Acceptance: one file per promise, each kept by the real binary towards real peers.
//!
//! `tests/setup.sh test` installs the peers (Prometheus, node-exporter, psql, Python clients); a peer
//! that is missing fails its test. Nothing here links the crates: what a test sees is what a user
//! sees.

mod bad_input;
mod changes;
mod cli;
mod durability;
mod gates;
mod harness;
mod logs;
mod objectives_as_code;
mod postgres_port;
mod prometheus_api;
mod readers;
mod remote_write;
mod restart;
mod scrape;
mod shippers;
mod the_demo;
mod the_loop;
