//! What is known is found; and a sender whose series are known stores and is answered what a sender
//! stores and is answered whose series never are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use proptest::prelude::*;
use prost::Message;
use telemetry::{Batch, Labels, ManualClock, Timestamp};

use super::*;
use crate::receiver::tests::{NOW, body, head};
use crate::remote_write::RemoteWrite;
use crate::remote_write::generated::{v1, v2};
use crate::{BatchSink, Ingest, IngestError, IngestLimits, Stored};

#[test]
fn what_is_learnt_is_found_and_memory_is_bounded() {
    let known = KnownSeries::new(3);
    let key = |text: &str| known.look().key(KeyScope::RemoteWriteV1, text.as_bytes());
    assert_eq!(known.look().up(key("a")), None);
    known.learn([(key("a"), SeriesRef::new(1)), (key("b"), SeriesRef::new(2))].into_iter());
    assert_eq!(known.look().up(key("a")), Some(SeriesRef::new(1)));
    known.learn([(key("c"), SeriesRef::new(3)), (key("d"), SeriesRef::new(4))].into_iter());
    assert_eq!(known.look().up(key("d")), Some(SeriesRef::new(4)));
    assert!(known.refs.read().entries.len() <= 3);
    known.learn([(key("d"), SeriesRef::new(5)), (key("e"), SeriesRef::new(6))].into_iter());
    let mut look = known.look();
    for (text, name) in [("d", 5), ("e", 6), ("d", 5), ("d", 5)] {
        assert_eq!(look.up(key(text)), Some(SeriesRef::new(name)), "{text}");
    }
    for _ in 0..3 * LOOKS_AT_ONCE {
        assert_eq!(look.up(key("never")), None);
    }
}

#[test]
fn forgetting_is_told_and_no_room_at_all_switches_it_off() {
    let known = KnownSeries::new(1);
    let key = |text: &str| known.look().key(KeyScope::RemoteWriteV2, text.as_bytes());
    let learnt = ["a", "b", "c"].map(|text| (key(text), SeriesRef::new(1)));
    assert_eq!(known.learn(learnt.into_iter()), 2);
    let off = KnownSeries::new(0);
    assert_eq!(off.learn(learnt.into_iter()), 0);
    assert_eq!(off.look().up(learnt[0].0), None);
}

/// Plays the lake: names series for good and keeps samples by their labels.
#[derive(Default)]
struct Registry(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    names: HashMap<Labels, SeriesRef>,
    labels: Vec<Labels>,
    samples: BTreeMap<(Labels, Timestamp), u64>,
    exemplars: u64,
    /// Samples that came by name.
    known: usize,
}

impl Kept {
    fn name(&mut self, labels: &Labels) -> SeriesRef {
        *self.names.entry(labels.clone()).or_insert_with(|| {
            self.labels.push(labels.clone());
            SeriesRef::new(self.labels.len() as u32 - 1)
        })
    }

    fn last_ts(&self, labels: &Labels) -> Option<Timestamp> {
        let all = (labels.clone(), Timestamp::MIN)..=(labels.clone(), Timestamp::MAX);
        self.samples.range(all).next_back().map(|((_, ts), _)| *ts)
    }
}

#[async_trait]
impl BatchSink for Registry {
    async fn append(&self, batch: Batch, _: &str, _: Option<u128>) -> Result<Stored, IngestError> {
        let mut kept = self.0.lock();
        let mut stored = Stored { samples: batch.sample_count() as u64, ..Stored::default() };
        stored.written.samples = stored.samples;
        kept.known += batch.known.len();
        for known in &batch.known {
            let labels = kept.labels[known.series.get() as usize].clone();
            kept.samples.insert((labels, known.sample.ts), known.sample.value.to_bits());
        }
        for series in &batch.series {
            stored.series.push(Some(kept.name(&series.labels)));
            let first = series.samples[0].ts;
            let begins = |start: &Timestamp| {
                *start < first && kept.last_ts(&series.labels).is_none_or(|last| last < *start)
            };
            if let Some(start) = series.start.filter(begins) {
                kept.samples.insert((series.labels.clone(), start), 0);
            }
            for sample in &series.samples {
                kept.samples.insert((series.labels.clone(), sample.ts), sample.value.to_bits());
            }
        }
        kept.exemplars += batch.exemplar_count() as u64;
        Ok(stored)
    }
}

/// One receiver with what it writes to.
struct Receiver {
    ingest: Ingest,
    registry: Arc<Registry>,
}

impl Receiver {
    fn new(known_series_max: usize) -> Receiver {
        let registry = Arc::new(Registry::default());
        let limits = IngestLimits { known_series_max, labels_per_series_max: 5, ..IngestLimits::default() };
        let ingest = Ingest::new(registry.clone(), limits, Arc::new(ManualClock::at(NOW)));
        Receiver { ingest, registry }
    }

    /// The whole answer, as text.
    async fn send(&self, request: &Request) -> String {
        let (content_type, plain) = match request {
            Request::V1(request) => ("application/x-protobuf", request.encode_to_vec()),
            Request::V2(request) => {
                ("application/x-protobuf;proto=io.prometheus.write.v2.Request", request.encode_to_vec())
            }
        };
        let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        let head = head(&[("content-type", content_type), ("content-encoding", "snappy")]);
        let answer = self.ingest.receive(&RemoteWrite, head, body(&packed), "prom").await;
        format!("{answer:?}")
    }
}

#[derive(Clone, Debug)]
enum Request {
    V1(v1::WriteRequest),
    V2(v2::Request),
}

/// Sends the requests to a receiver that knows series and to one that never does.
fn check(requests: &[Request], known_series_max: usize) -> Result<usize, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (knowing, forgetful) = (Receiver::new(known_series_max), Receiver::new(0));
    for request in requests {
        let answers =
            runtime.block_on(async { (knowing.send(request).await, forgetful.send(request).await) });
        prop_assert_eq!(answers.0, answers.1);
    }
    let (ours, theirs) = (knowing.registry.0.lock(), forgetful.registry.0.lock());
    prop_assert_eq!(&ours.samples, &theirs.samples);
    prop_assert_eq!(ours.exemplars, theirs.exemplars);
    prop_assert_eq!(theirs.known, 0);
    Ok(ours.known)
}

/// A series before it is written in one of the dialects; its times are made unique later, since two
/// values for one time in one request have no order that a sender could rely on.
#[derive(Clone, Debug)]
struct Sent {
    labels: Vec<(&'static str, &'static str)>,
    values: Vec<f64>,
    has_exemplar: bool,
    metadata: (i32, &'static str),
    start_ms: i64,
}

/// Mostly label sets of which there are few, in any order; some are no label sets.
fn labels() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let pairs = vec![("job", "a"), ("job", "b"), ("path", "/"), ("path", ""), ("", "x"), ("le", "+Inf")];
    let name =
        prop_oneof![8 => Just(("__name__", "up")), 8 => Just(("__name__", "x_total")), 1 => Just(("y", "z"))];
    (name, prop::sample::subsequence(pairs, 0..4)).prop_flat_map(|(name, pairs)| {
        let all: Vec<_> = std::iter::once(name).chain(pairs).collect();
        Just(all).prop_shuffle()
    })
}

prop_compose! {
    fn sent()(
        labels in labels(),
        values in prop::collection::vec(any::<f64>(), 0..3),
        has_exemplar in prop::bool::weighted(0.1),
        metadata in (prop_oneof![Just(0), Just(1), Just(2)], prop_oneof![Just(""), Just("s")]),
        start_ms in prop_oneof![
            4 => Just(0),
            2 => Just(NOW.millis() - 3_600_000),
            1 => Just(NOW.millis() - 5_000),
            1 => Just(NOW.millis() + 5_000),
        ],
    ) -> Sent {
        Sent { labels, values, has_exemplar, metadata, start_ms }
    }
}

fn request_of(all: &[Sent], round: i64, in_version_2: bool, first_symbols: &[&'static str]) -> Request {
    let mut next_ms = NOW.millis() + round * 1_000;
    let mut timestamps = |values: &[f64]| -> Vec<(f64, i64)> {
        let stamped = values.iter().map(|value| {
            next_ms += 1;
            (*value, next_ms)
        });
        stamped.collect()
    };
    if !in_version_2 {
        let timeseries = all.iter().map(|sent| v1::TimeSeries {
            labels: sent.labels.iter().map(|(name, value)| label(name, value)).collect(),
            samples: timestamps(&sent.values)
                .into_iter()
                .map(|(value, timestamp)| v1::Sample { value, timestamp })
                .collect(),
            exemplars: vec![v1::Exemplar::default(); usize::from(sent.has_exemplar)],
            histograms: Vec::new(),
        });
        return Request::V1(v1::WriteRequest { timeseries: timeseries.collect(), metadata: Vec::new() });
    }
    let mut symbols: Vec<String> =
        std::iter::once("").chain(first_symbols.iter().copied()).map(str::to_owned).collect();
    let mut symbol = |text: &str| {
        let at = symbols.iter().position(|symbol| symbol == text).unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        at as u32
    };
    let mut timeseries = Vec::new();
    for sent in all {
        let labels_refs =
            sent.labels.iter().flat_map(|(name, value)| [symbol(name), symbol(value)]).collect();
        let samples = timestamps(&sent.values).into_iter().map(|(value, timestamp)| v2::Sample {
            value,
            timestamp,
            start_timestamp: 0,
        });
        timeseries.push(v2::TimeSeries {
            labels_refs,
            samples: samples.collect(),
            histograms: Vec::new(),
            exemplars: vec![v2::Exemplar::default(); usize::from(sent.has_exemplar)],
            metadata: Some(v2::Metadata {
                r#type: sent.metadata.0,
                help_ref: 0,
                unit_ref: symbol(sent.metadata.1),
            }),
            created_timestamp: sent.start_ms,
        });
    }
    Request::V2(v2::Request { symbols, timeseries })
}

fn label(name: &str, value: &str) -> v1::Label {
    v1::Label { name: name.to_owned(), value: value.to_owned() }
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let first_symbols =
        prop::sample::subsequence(vec!["up", "job", "/", "b", "__name__"], 0..5).prop_shuffle();
    let request = (prop::collection::vec(sent(), 0..8), any::<bool>(), first_symbols);
    prop::collection::vec(request, 1..6).prop_map(|all| {
        let rounds = all.iter().zip(0..);
        rounds
            .map(|((sent, in_version_2, first), round)| request_of(sent, round, *in_version_2, first))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn known_series_store_and_answer_the_same(
        requests in requests(),
        known_series_max in prop_oneof![Just(3_usize), Just(1_000)],
    ) {
        check(&requests, known_series_max)?;
    }
}

#[test]
fn a_series_of_version_2_is_known_by_its_texts_whatever_refers_to_them() {
    let up = |start_ms, metadata| Sent {
        labels: vec![("__name__", "up"), ("job", "a")],
        values: vec![1.0],
        has_exemplar: false,
        metadata,
        start_ms,
    };
    let (gauge, hour_ago) = ((2, ""), NOW.millis() - 3_600_000);
    let known = |all: &[(Sent, &[&'static str])]| {
        let requests = all
            .iter()
            .zip(0..)
            .map(|((sent, first), round)| request_of(std::slice::from_ref(sent), round, true, first));
        check(&requests.collect::<Vec<_>>(), 1_000).unwrap()
    };
    let plain = up(0, gauge);
    assert_eq!(known(&[(plain.clone(), &[]), (plain.clone(), &["job", "up", "zzz"])]), 1);
    assert_eq!(known(&[(up(hour_ago, gauge), &[]), (up(hour_ago, gauge), &[])]), 1);
    assert_eq!(known(&[(up(hour_ago, gauge), &[]), (up(hour_ago + 1, gauge), &[])]), 0, "it began anew");
    let recent = up(NOW.millis() - 5_000, gauge);
    assert_eq!(known(&[(recent.clone(), &[]), (recent, &[])]), 0, "it may begin anew each time");
    assert_eq!(known(&[(plain.clone(), &[]), (up(0, (1, "s")), &[])]), 0, "it is said to be something else");
    let with_exemplar = Sent { has_exemplar: true, ..plain.clone() };
    assert_eq!(known(&[(plain.clone(), &[]), (with_exemplar, &[]), (plain, &[])]), 1);
}
