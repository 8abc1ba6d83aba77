//! An engine over a real store, and everything outside of it as a test wants it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use telemetry::{Event, Labels, ManualClock};

use super::*;
use crate::config::DeliveryConfig;
use crate::notify::{Channel, Notice, SendError};
use crate::people::ChannelKind;
use crate::ports::{FactSink, InstantQuery, PortError, Signal, SignalSource};

/// Everything outside of alerting, as the test wants it.
#[derive(Default)]
pub(super) struct Outside {
    /// Results by expression; without an entry the query fails.
    pub(super) results: Mutex<BTreeMap<String, Vec<(Labels, f64)>>>,
    pub(super) queries_hang: Mutex<bool>,
    pub(super) signals: Mutex<Option<Vec<Signal>>>,
    pub(super) recorded: Mutex<Vec<Event>>,
    pub(super) sink_fails: Mutex<bool>,
    /// Pages that were taken: address, page id, link, "may repeat".
    pub(super) taken: Mutex<Vec<Taken>>,
    /// How sendings to an address end, one after the other; then they succeed.
    pub(super) trouble: Mutex<BTreeMap<String, Vec<Trouble>>>,
    /// Lets one sending that hangs be answered.
    pub(super) answer: tokio::sync::Notify,
}

#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) address: String,
    pub(super) page: String,
    pub(super) link: String,
    pub(super) may_repeat: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Fails(SendError),
    /// Taken, but the answer does not come before the test lets it.
    Hangs,
}

#[async_trait]
impl InstantQuery for Outside {
    async fn query(&self, expr: &str, _: Timestamp) -> Result<Vec<(Labels, f64)>, PortError> {
        if *self.queries_hang.lock() {
            std::future::pending::<()>().await;
        }
        self.results.lock().get(expr).cloned().ok_or_else(|| PortError::new("no such expression"))
    }
}

#[async_trait]
impl SignalSource for Outside {
    async fn signals(&self, _: Timestamp) -> Result<Vec<Signal>, PortError> {
        self.signals.lock().clone().ok_or_else(|| PortError::new("no signals today"))
    }
}

#[async_trait]
impl FactSink for Outside {
    async fn record(&self, events: Vec<Event>) -> Result<(), PortError> {
        if *self.sink_fails.lock() {
            return Err(PortError::new("the lake is full"));
        }
        let mut recorded = self.recorded.lock();
        for event in events {
            if recorded.iter().all(|known| known.event_id != event.event_id) {
                recorded.push(event);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Channel for Outside {
    async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        let address = notice.page.address.clone();
        let trouble =
            self.trouble.lock().get_mut(&address).and_then(|list| (!list.is_empty()).then(|| list.remove(0)));
        let taken = Taken {
            address,
            page: notice.page.id.to_string(),
            link: notice.acknowledge_url.clone(),
            may_repeat: notice.page.may_repeat,
        };
        match trouble {
            Some(Trouble::Fails(error)) => Err(error),
            Some(Trouble::Hangs) => {
                self.taken.lock().push(taken);
                self.answer.notified().await;
                Ok(())
            }
            None => {
                self.taken.lock().push(taken);
                Ok(())
            }
        }
    }
}

/// An engine that can be dropped and opened again.
pub(super) struct Rig {
    _dir: tempfile::TempDir,
    pub(super) path: std::path::PathBuf,
    pub(super) clock: Arc<ManualClock>,
    pub(super) outside: Arc<Outside>,
    pub(super) alerting: Alerting,
    send_timeout: Duration,
}

pub(super) const UP: &str = "up == 0";

impl Rig {
    /// Sendings are given more time than any test takes.
    pub(super) async fn new() -> Rig {
        Rig::with_send_timeout(DeliveryConfig::default().send_timeout).await
    }

    pub(super) async fn with_send_timeout(send_timeout: Duration) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000_000)));
        let outside = Arc::new(Outside::default());
        outside.signals.lock().replace(Vec::new());
        outside.results.lock().insert(UP.into(), Vec::new());
        let alerting = open(&path, &outside, &clock, send_timeout).await;
        Rig { _dir: dir, path, clock, outside, alerting, send_timeout }
    }

    /// As after a crash: nothing is closed.
    pub(super) async fn reopen(&mut self) {
        self.alerting = self.another().await;
    }

    /// A second engine over the same store.
    pub(super) async fn another(&self) -> Alerting {
        open(&self.path, &self.outside, &self.clock, self.send_timeout).await
    }

    pub(super) fn is_down(&self, jobs: &[&str]) {
        let series = jobs.iter().map(|job| (Labels::new([("__name__", "up"), ("job", *job)]).unwrap(), 0.0));
        self.outside.results.lock().insert(UP.into(), series.collect());
    }

    /// One turn of everything, some time later.
    pub(super) async fn turn(&self, after: Duration) {
        self.clock.advance(after);
        self.alerting.tick().await.unwrap();
        self.alerting.deliver().await.unwrap();
        self.alerting.publish_facts().await.unwrap();
        assert!(self.alerting.audit().await.unwrap().is_clean());
    }

    pub(super) fn taken(&self) -> Vec<String> {
        self.outside.taken.lock().iter().map(|taken| taken.address.clone()).collect()
    }

    pub(super) fn token(&self) -> String {
        let taken = self.outside.taken.lock();
        taken.last().unwrap().link.rsplit_once("/p/").unwrap().1.to_owned()
    }

    pub(super) async fn page_states(&self) -> Vec<&'static str> {
        let pages = self.alerting.pages(&PageFilter::default()).await.unwrap();
        pages.iter().map(|page| page.state.as_str()).collect()
    }
}

async fn open(
    path: &std::path::Path,
    outside: &Arc<Outside>,
    clock: &Arc<ManualClock>,
    send_timeout: Duration,
) -> Alerting {
    let store = Store::open(path, &[store::MIGRATIONS]).await.unwrap();
    let ports = Ports { queries: outside.clone(), signals: outside.clone(), facts: outside.clone() };
    let channels = Channels::default().with(ChannelKind::Email, outside.clone());
    let config = AlertingConfig {
        external_url: "https://pager.example.com/".into(),
        query_timeout: Duration::from_millis(200),
        delivery: DeliveryConfig { send_timeout, ..DeliveryConfig::default() },
        ..AlertingConfig::default()
    };
    let alerting = Alerting::open(store, ports, channels, config, clock.clone()).await.unwrap();
    let (objects, _) = crate::objects::parse("t.yaml", include_str!("../../../tests/data/two_steps.yaml"));
    alerting.set_catalog(Arc::new(Catalog::build(objects).0));
    alerting
}
