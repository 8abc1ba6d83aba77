//! What the tests of this crate share: a lake in a temporary directory, and a stack that unoptimised
//! query plans fit on.

use std::sync::Arc;

use futures::StreamExt;
use lake::{Lake, LakeConfig};
use telemetry::{Batch, Event, EventKind, Labels, ManualClock, Sample, SeriesMeta, SeriesSamples, Timestamp};

use crate::{Engine, QueryConfig, QueryError, QueryRole, formats};

/// Unoptimised planning takes deep frames.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Runs a test on threads with enough stack.
pub(crate) fn run<F: Future<Output = ()> + Send + 'static>(test: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .unwrap();
    // The test itself must run on a worker, not on the caller's small stack.
    runtime.block_on(async { tokio::spawn(test).await.unwrap() });
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) lake: Lake,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) _dir: tempfile::TempDir,
}

impl Bench {
    /// An empty lake at noon.
    pub(crate) async fn new() -> Bench {
        Bench::with(QueryConfig::default()).await
    }

    pub(crate) async fn with(config: QueryConfig) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(at("2026-11-23T12:00:00Z")));
        let lake_config = LakeConfig {
            dir: dir.path().to_owned(),
            disk_free_min_bytes: 0,
            retention: lake::Retention { metrics: None, ..lake::Retention::default() },
            ..LakeConfig::default()
        };
        let lake = Lake::open(lake_config, clock.clone()).await.unwrap();
        let engine = Engine::open(lake.clone(), config, clock.clone()).unwrap();
        Bench { engine, lake, clock, _dir: dir }
    }

    pub(crate) async fn samples(&self, labels: &[(&str, &str)], samples: &[(Timestamp, f64)]) {
        let series = series(labels, samples);
        let appended = self.lake.append(Batch { series: vec![series], ..Batch::default() }).await.unwrap();
        assert!(appended.rejections.is_empty(), "{:?}", appended.rejections);
    }

    pub(crate) async fn events(&self, events: Vec<Event>) {
        self.lake.append(Batch { events, ..Batch::default() }).await.unwrap();
    }

    pub(crate) async fn sql(&self, query: &str) -> Result<String, QueryError> {
        let rows = self.engine.sql(query, QueryRole::Viewer).await?;
        let bytes = formats::collect(formats::csv(rows)).await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap().replace("\r\n", "\n"))
    }

    /// The rows of a result as lines, without the header.
    pub(crate) async fn rows(&self, query: &str) -> Vec<String> {
        let text = self.sql(query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        text.lines().skip(1).map(str::to_owned).collect()
    }

    /// The error of a query that must not work, wherever it comes.
    pub(crate) async fn error(&self, query: &str, role: QueryRole) -> QueryError {
        let mut rows = match self.engine.sql(query, role).await {
            Ok(rows) => rows,
            Err(error) => return error,
        };
        while let Some(batch) = rows.stream.next().await {
            if let Err(error) = batch {
                return error;
            }
        }
        panic!("{query} worked");
    }
}

pub(crate) fn series(labels: &[(&str, &str)], samples: &[(Timestamp, f64)]) -> SeriesSamples {
    SeriesSamples {
        labels: Labels::new(labels.iter().copied()).unwrap(),
        meta: SeriesMeta::default(),
        start: None,
        samples: samples.iter().map(|(ts, value)| Sample { ts: *ts, value: *value }).collect(),
    }
}

/// An event about `subject`; its id is unique per subject and sequence.
pub(crate) fn event(
    kind: EventKind,
    subject: &str,
    seq: i64,
    time: Timestamp,
    payload: serde_json::Value,
) -> Event {
    Event {
        event_id: format!("{kind}-{subject}-{seq}"),
        kind,
        subject_id: subject.to_owned(),
        seq,
        valid_at: time,
        recorded_at: time,
        service: Some("checkout".to_owned()),
        env: None,
        actor: None,
        severity: None,
        payload,
    }
}
