//! The shop's counters, buckets, queue, log lines, slices and notes.

use std::time::Duration;

use serde_json::json;
use slo::{SloState, SloStatus};
use telemetry::{Batch, EventKind, LogRecord, RejectReason, Rejection, SloSlice, Timestamp};

use crate::testing::{Bench, at, event};

const JOB: (&str, &str) = ("job", "shop/checkout");

fn second(seconds: u64) -> Timestamp {
    at("2026-11-23T10:00:00Z").plus(Duration::from_secs(seconds))
}

pub(super) async fn fill_first_half(bench: &Bench) {
    counters(bench, 0..12).await;
    // Three samples, a gap of two minutes, one more.
    let queue = [("__name__", "queue_length"), JOB];
    bench.samples(&queue, &[(second(0), 4.0), (second(60), 8.0), (second(240), 2.0)]).await;
    bench.lake.append(Batch { logs: log_lines(), ..Batch::default() }).await.unwrap();
    let slices = vec![slice(0, 1, 90, second(60)), slice(30, 1, 100, second(60))];
    bench.lake.append(Batch { slices, ..Batch::default() }).await.unwrap();
    bench.engine.publish_slo_status(vec![status()]);
}

pub(super) async fn fill_second_half(bench: &Bench) {
    counters(bench, 12..21).await;
    let slices = vec![slice(0, 2, 95, second(3_600))];
    let rejections = vec![Rejection {
        source: "remote_write:laptop".to_owned(),
        reason: RejectReason::TooOld,
        count: 3,
        sample: "up 2020-01-01".to_owned(),
    }];
    bench.lake.append(Batch { slices, rejections, ..Batch::default() }).await.unwrap();
    let note = json!({"text": "Rolled back to 1.3", "incident_id": "INC-1"});
    bench.events(vec![event(EventKind::NOTE, "INC-1", 3, second(1_800), note)]).await;
}

/// Every 15 s: instance `a` loses its count at 10:03, `b` counts errors; buckets of latencies.
async fn counters(bench: &Bench, steps: std::ops::Range<u64>) {
    let samples = |value: &dyn Fn(u64) -> f64| {
        steps.clone().map(|step| (second(15 * step), value(step))).collect::<Vec<_>>()
    };
    let restarting =
        |step: u64| if step < 12 { 1_000.0 + 3.0 * step as f64 } else { 3.0 * (step - 12) as f64 };
    let name = ("__name__", "http_requests_total");
    bench.samples(&[name, JOB, ("code", "200"), ("instance", "a")], &samples(&restarting)).await;
    let growing = |step: u64| 6.0 * step as f64;
    bench.samples(&[name, JOB, ("code", "500"), ("instance", "b")], &samples(&growing)).await;
    for (le, each) in [("0.1", 60.0), ("0.5", 90.0), ("1", 99.0), ("+Inf", 100.0)] {
        let labels = [("__name__", "latency_seconds_bucket"), JOB, ("le", le)];
        bench.samples(&labels, &samples(&|step| each * step as f64)).await;
    }
}

fn log_lines() -> Vec<LogRecord> {
    let lines = [
        (0, "web", "10.0.0.7 - ada [23/Nov/2026] \"GET /cart\" 200 512"),
        (1, "web", "10.0.0.8 - bob [23/Nov/2026] \"POST /pay\" 503 17"),
        (2, "web", "10.0.0.7 - ada [23/Nov/2026] \"GET /cart\" 200 498"),
        (10, "pay", "level=info msg=\"order 4711 paid\" user=ada ms=12.5"),
        (11, "pay", "level=error msg=\"card \\\"VISA\\\" refused\" user=bob ms=340"),
        (12, "pay", "level=info msg=\"order 4712 paid\" user=eve ms=9"),
        (
            20,
            "cart",
            "{\"user\":\"ada\",\"cached\":true,\"timing\":{\"total_ms\":8.5},\"items\":[\"pen\",\"ink\"]}",
        ),
        (21, "cart", "{\"user\":\"bob\",\"cached\":false,\"timing\":{\"total_ms\":91},\"items\":[]}"),
        (22, "cart", "not JSON at all"),
    ];
    let record = |(seconds, service, body): (u64, &str, &str)| LogRecord {
        ts: second(seconds),
        service: Some(service.into()),
        severity: Some("INFO".into()),
        body: body.into(),
        ..LogRecord::default()
    };
    lines.map(record).into()
}

/// 30 seconds with 100 valid events.
fn slice(start: u64, rev: i32, good: i64, recorded_at: Timestamp) -> SloSlice {
    SloSlice {
        slo_id: "checkout/1".to_owned(),
        generation: 7,
        group_key: String::new(),
        slice_start: second(start),
        slice_secs: 30,
        good_milli: good * 1_000,
        total_milli: 100_000,
        coverage: 1.0,
        rev,
        recorded_at,
    }
}

fn status() -> SloStatus {
    SloStatus {
        slo: "checkout".to_owned(),
        objective: "1".to_owned(),
        display_name: "Checkout".to_owned(),
        service: "checkout".to_owned(),
        window: "30d".to_owned(),
        group: String::new(),
        method: "Occurrences",
        target: 0.9,
        good: Some(195.0),
        total: Some(200.0),
        bad: Some(5.0),
        allowed_bad: Some(20.0),
        sli: Some(0.975),
        consumed: Some(0.25),
        error_budget_remaining: Some(0.75),
        error_budget_remaining_units: Some(15.0),
        error_budget_remaining_secs: Some(194_400.0),
        error_budget_remaining_to_date: Some(0.75),
        burn_rate_1h: Some(0.25),
        burn_rate_6h: None,
        coverage: 1.0,
        clamped_slices: 0,
        state: SloState::Healthy,
        no_data: None,
        as_of: Some(second(60)),
        exhausted_in_secs: None,
        exhausted_at: None,
        exhausted_in_pace_secs: None,
        exhausted_in_fixed_window_secs: None,
        exhausted_in_rolling_secs: None,
        burn_windows: Vec::new(),
    }
}
