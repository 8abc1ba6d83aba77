//! Connections by listener, in our own metrics.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use query::pgwire::ConnectionCounters;

use super::one::End;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfListener {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEnd {
    listener: &'static str,
    reason: &'static str,
}

/// Those of all listeners; clones share them.
#[derive(Clone, Default)]
pub(in crate::server) struct ConnectionMetrics {
    open: Family<OfListener, Gauge>,
    accepted: Family<OfListener, Counter>,
    refused: Family<OfListener, Counter>,
    closed: Family<OfEnd, Counter>,
}

/// Those of one listener.
#[derive(Clone)]
pub(in crate::server) struct ListenerMetrics {
    pub open: Gauge,
    pub accepted: Counter,
    pub refused: Counter,
    pub idle: Counter,
    pub evicted: Counter,
}

impl ConnectionMetrics {
    pub(in crate::server) fn register(&self, registry: &mut Registry) {
        registry.register("evenkeel_listener_connections", "Connections that are open", self.open.clone());
        registry.register(
            "evenkeel_listener_connections_accepted",
            "Connections that came, refused ones included",
            self.accepted.clone(),
        );
        registry.register(
            "evenkeel_listener_connections_refused",
            "Connections for which there was no place",
            self.refused.clone(),
        );
        registry.register(
            "evenkeel_listener_connections_closed",
            "Connections closed while idle: for too long (idle), or for another one (evicted)",
            self.closed.clone(),
        );
    }

    pub(in crate::server) fn of(&self, listener: &'static str) -> ListenerMetrics {
        let by_listener = OfListener { listener };
        let closed = |reason| self.closed.get_or_create_owned(&OfEnd { listener, reason });
        ListenerMetrics {
            open: self.open.get_or_create_owned(&by_listener),
            accepted: self.accepted.get_or_create_owned(&by_listener),
            refused: self.refused.get_or_create_owned(&by_listener),
            idle: closed("idle"),
            evicted: closed("evicted"),
        }
    }

    /// For the listener that `query` serves.
    pub(in crate::server) fn of_postgres(&self) -> ConnectionCounters {
        let postgres = OfListener { listener: "postgres" };
        ConnectionCounters {
            open: self.open.get_or_create_owned(&postgres),
            accepted: self.accepted.get_or_create_owned(&postgres),
            refused: self.refused.get_or_create_owned(&postgres),
        }
    }
}

impl ListenerMetrics {
    pub(super) fn count_end(&self, end: End) {
        match end {
            End::Ordinary => {}
            End::Idle => _ = self.idle.inc(),
            End::Evicted => _ = self.evicted.inc(),
        }
    }
}
