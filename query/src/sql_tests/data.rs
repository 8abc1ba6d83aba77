//! What the text files ask about: a small shop on the morning of 2026-11-23, in two halves, of which
//! the second corrects and repeats parts of the first.

use serde_json::json;
use telemetry::{
    Batch, Buckets, EventKind, Exemplar, HistogramSample, Labels, LogRecord, SeriesExemplars,
    SeriesHistograms, SeriesMeta, Timestamp,
};

use super::shop;
use crate::testing::{Bench, at, event, series};

pub(super) async fn fill_first_half(bench: &Bench) {
    shop::fill_first_half(bench).await;
    let time =
        |minute: i64| at("2026-11-23T10:00:00Z").plus(std::time::Duration::from_secs(60 * minute as u64));
    for (region, start) in [("eu", 100.0), ("us", 200.0)] {
        let labels = [("__name__", "requests_total"), ("job", "shop/checkout"), ("region", region)];
        let samples: Vec<_> = (0..10).map(|minute| (time(minute), start + minute as f64)).collect();
        bench.samples(&labels, &samples).await;
    }
    bench
        .samples(&[("__name__", "odd"), ("kind", "nan")], &[(time(0), f64::NAN), (time(1), f64::INFINITY)])
        .await;
    let log = |minute, severity: &str, body: &str| LogRecord {
        ts: time(minute),
        ts_ns_rem: 7,
        service: Some("checkout".into()),
        severity: Some(severity.into()),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
        body: body.into(),
        attrs: vec![("user".into(), "ada".into())],
        ..LogRecord::default()
    };
    let logs = vec![log(0, "INFO", "started"), log(3, "ERROR", "card refused, \"code\" 7")];
    bench.lake.append(Batch { logs, ..Batch::default() }).await.unwrap();
    store_histogram(bench, at("2026-11-23T10:01:00Z"), 1.0, Some(at("2026-11-23T10:00:00Z"))).await;
    store_exemplar(bench).await;
    let opened = json!({"title": "Checkout fails", "severity": "SEV2", "state": "triage", "source": "evenkeel",
        "started_at": "2026-11-23T10:00:00Z", "detected_at": "2026-11-23T10:02:00Z"});
    let deploy = json!({"version": "1.4", "status": "running", "started_at": "2026-11-23T09:55:00Z"});
    // Told in two events, of which the second does not repeat the first.
    let begun = json!({"version": "1.5", "status": "running", "started_at": "2026-11-23T10:30:00Z"});
    let detected = json!({"title": "Slow", "started_at": "2026-02-01T00:00:00Z",
        "detected_at": "2026-02-01T00:01:00Z", "state": "triage", "source": "imported"});
    bench
        .events(vec![
            event(EventKind::DEPLOY, "d-2", 1, time(30), begun),
            event(EventKind::INCIDENT, "part", 1, time(0), detected),
            event(EventKind::INCIDENT, "INC-1", 1, time(2), opened),
            event(EventKind::DEPLOY, "d-1", 1, time(0), deploy),
        ])
        .await;
}

fn latency() -> Labels {
    let pairs = [("__name__", "latency_seconds"), ("job", "shop/checkout"), ("region", "eu")];
    Labels::new(pairs).unwrap()
}

/// So many observations more than none in each of three buckets, and one at zero.
async fn store_histogram(bench: &Bench, time: Timestamp, more: f64, start: Option<Timestamp>) {
    let histogram = HistogramSample {
        count: 3.0 * more + 3.0,
        sum: 3.0 * more + 1.5,
        zero_count: 1.0,
        positive: Buckets::from_indexed([(-1, more), (0, more + 1.0), (4, more + 1.0)]),
        ..HistogramSample::empty(time, 2)
    };
    let series = SeriesHistograms {
        labels: latency(),
        meta: SeriesMeta::default(),
        start,
        histograms: vec![histogram],
    };
    let appended = bench.lake.append(Batch { histograms: vec![series], ..Batch::default() }).await.unwrap();
    assert_eq!((appended.histograms, appended.rejections.len()), (1, 0));
}

async fn store_exemplar(bench: &Bench) {
    let ids = [("trace_id", "0AF7651916CD43DD8448EB211C80319C"), ("span_id", "b7ad6b7169203331")];
    let exemplar =
        Exemplar { ts: at("2026-11-23T10:01:30Z"), value: 0.75, labels: Labels::new(ids).unwrap() };
    let series =
        SeriesExemplars { labels: latency(), meta: SeriesMeta::default(), exemplars: vec![exemplar] };
    bench.lake.append(Batch { exemplars: vec![series], ..Batch::default() }).await.unwrap();
}

pub(super) async fn fill_second_half(bench: &Bench) {
    shop::fill_second_half(bench).await;
    // A retry of the first half's histogram and exemplar, and a newer histogram.
    store_histogram(bench, at("2026-11-23T10:01:00Z"), 1.0, None).await;
    store_histogram(bench, at("2026-11-23T10:02:00Z"), 2.0, Some(at("2026-11-23T10:00:00Z"))).await;
    store_exemplar(bench).await;
    let time = at("2026-11-23T11:00:00Z");
    // A correction of a sample that is there already, and later ones.
    let labels = [("__name__", "requests_total"), ("job", "shop/checkout"), ("region", "eu")];
    let corrected = series(&labels, &[(at("2026-11-23T10:09:00Z"), 999.0), (time, 1000.0)]);
    bench.lake.append(Batch { series: vec![corrected], ..Batch::default() }).await.unwrap();
    let resolved = json!({"title": "Checkout fails", "severity": "SEV1", "state": "resolved", "source": "evenkeel",
        "started_at": "2026-11-23T10:00:00Z", "detected_at": "2026-11-23T10:02:00Z",
        "acknowledged_at": "2026-11-23T10:05:00Z", "restored_at": "2026-11-23T10:50:00Z",
        "resolved_at": "2026-11-23T11:00:00Z", "closed_at": null});
    let imported = json!({"title": "Old one", "started_at": "2026-01-01T00:00:00Z",
        "restored_at": "2026-01-01T01:00:00Z", "resolved_at": null});
    let page = json!({"incident_id": "INC-1", "alert": "CheckoutBurn", "recipient": "ada", "channel": "email",
        "step": 1, "queued_at": "2026-11-23T10:02:01Z", "sent_at": "2026-11-23T10:02:02Z", "state": "sent"});
    let alert = json!({"alert": "CheckoutBurn", "labels": {"slo": "checkout", "severity": "page"},
        "state": "firing", "value": 14.5, "incident_id": "INC-1"});
    let deploy = json!({"version": "1.4", "status": "failed", "started_at": "2026-11-23T09:55:00Z",
        "finished_at": "2026-11-23T09:59:00Z"});
    let ended = json!({"version": "1.5", "status": "succeeded", "started_at": null,
        "finished_at": "2026-11-23T10:34:00Z"});
    let over = json!({"title": null, "started_at": null, "detected_at": null, "state": "resolved",
        "restored_at": "2026-02-01T00:55:00Z", "resolved_at": "2026-02-01T00:55:00Z", "source": "imported"});
    let events = vec![
        event(EventKind::DEPLOY, "d-2", 2, time, ended),
        event(EventKind::INCIDENT, "part", 2, time, over),
        event(EventKind::INCIDENT, "INC-1", 2, time, resolved),
        event(EventKind::INCIDENT, "old", 1, time, imported),
        event(EventKind::PAGE, "p-1", 1, time, page),
        event(EventKind::ALERT, "a-1", 1, time, alert),
        event(EventKind::DEPLOY, "d-1", 2, time, deploy),
    ];
    bench.events(events.clone()).await;
    // The same events again: a sender's retry.
    bench.events(events).await;
}
