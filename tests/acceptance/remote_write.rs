//! Remote write, both versions: what a sender is told is written can be read back, count for count,
//! native histograms and exemplars included.

use prost::Message;
use serde_json::{Value, json};

use crate::harness::{
    ADMIN_TOKEN, Answer, Api, BucketSpanV2, ExemplarV2, HistogramV2, MetadataV2, Prometheus, RequestV2, SOON,
    SampleV2, Server, ServerOptions, TimeSeriesV2, eventually, free_port, now_ms, snappy_block, start_peer,
};

const WRITE: &str = "/prometheus/api/v1/write";
const PROTO_V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

async fn send(api: &Api, content_type: &str, body: &[u8]) -> Answer {
    let headers = [
        ("content-type", content_type),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "2.0.0"),
    ];
    api.send(WRITE, &headers, snappy_block(body)).await.expect("the server answers")
}

/// Samples, histograms and exemplars that the answer says are written.
fn written(answer: &Answer) -> [u64; 3] {
    ["samples", "histograms", "exemplars"].map(|kind| {
        let name = format!("x-prometheus-remote-write-{kind}-written");
        let count = answer.headers.get(&name).unwrap_or_else(|| panic!("no {name} in {answer:?}"));
        count.to_str().expect("a number").parse().expect("a number")
    })
}

const SERIES: usize = 50;
const POINTS: i64 = 20;

/// 50 counters that began 10 minutes ago and 50 histograms, 20 points each, an exemplar per counter.
fn request(end_ms: i64) -> RequestV2 {
    let mut request = RequestV2::default();
    let unit_ref = request.symbol("seconds");
    for n in 0..SERIES {
        let shard = n.to_string();
        let times = (0..POINTS).map(|point| end_ms - (POINTS - 1 - point) * 15_000);
        let trace = format!("{n:032x}");
        let exemplar =
            ExemplarV2 { labels_refs: request.refs(&[("trace_id", &trace)]), value: 0.5, timestamp: end_ms };
        let sample = |(at, timestamp)| SampleV2 { value: at as f64, timestamp };
        let counter = TimeSeriesV2 {
            samples: (1_i64..).zip(times.clone()).map(sample).collect(),
            exemplars: vec![exemplar],
            metadata: Some(MetadataV2 { r#type: 1, help_ref: 0, unit_ref: 0 }),
            created_timestamp: end_ms - 600_000,
            ..TimeSeriesV2::default()
        };
        let histogram = |(count, timestamp): (u64, i64)| HistogramV2 {
            count: 3 * count,
            sum: count as f64,
            schema: 2,
            zero_threshold: 1e-6,
            zero_count: count,
            positive_spans: vec![BucketSpanV2 { offset: -3, length: 2 }],
            positive_deltas: vec![count as i64, 0],
            timestamp,
        };
        let latency = TimeSeriesV2 {
            histograms: (1_u64..).zip(times).map(histogram).collect(),
            metadata: Some(MetadataV2 { r#type: 3, help_ref: 0, unit_ref }),
            ..TimeSeriesV2::default()
        };
        let job = ("job", "shop/checkout");
        request.push(&[("__name__", "calls_total"), job, ("shard", &shard)], counter);
        request.push(&[("__name__", "latency_seconds"), job, ("shard", &shard)], latency);
    }
    request
}

async fn check_rows(api: &Api, end_ms: i64) {
    let (series, points) = (SERIES as u64, POINTS as u64);
    let of_all = series * points * (points + 1) / 2;
    // The start of each counter is a zero of its own.
    assert_eq!(
        api.sql("SELECT count(*), sum(value) FROM metrics WHERE metric = 'calls_total'").await,
        [[json!(series * (points + 1)), json!(of_all as f64)]]
    );
    assert_eq!(
        api.sql("SELECT count(*), sum(count), sum(zero_count), sum(sum) FROM histograms WHERE service = 'checkout'").await,
        [[json!(series * points), json!(3.0 * of_all as f64), json!(of_all as f64), json!(of_all as f64)]]
    );
    let newest = "SELECT positive_spans, positive_counts, schema FROM histograms \
                  WHERE labels['shard'] = '7' ORDER BY ts DESC LIMIT 1";
    let last = POINTS as f64;
    assert_eq!(
        api.sql(newest).await,
        [[json!([{"offset": -3, "length": 2}]), json!([last, last]), json!(2)]]
    );
    assert_eq!(
        api.sql("SELECT count(*), count(DISTINCT trace_id), min(value) FROM exemplars WHERE metric = 'calls_total'").await,
        [[json!(series), json!(series), json!(0.5)]]
    );
    assert_eq!(
        api.sql("SELECT DISTINCT type, unit FROM lake.series WHERE metric = 'latency_seconds'").await,
        [[json!("histogram"), json!("seconds")]]
    );
    let path = format!(
        "/prometheus/api/v1/query_exemplars?query=rate(calls_total%7Bshard%3D%223%22%7D%5B5m%5D)&start={}&end={}",
        (end_ms - 1_000) / 1_000,
        (end_ms + 1_000) / 1_000
    );
    assert_eq!(
        api.get(&path).await["data"],
        json!([{
            "seriesLabels": {"__name__": "calls_total", "job": "shop/checkout", "shard": "3"},
            "exemplars": [{
                "labels": {"trace_id": format!("{:032x}", 3)},
                "value": "0.5",
                "timestamp": end_ms as f64 / 1_000.0,
            }],
        }])
    );
}

#[tokio::test]
async fn version_2_is_read_back_count_exact_also_after_retries_and_kill_9() {
    let mut server = Server::start(ServerOptions::default()).await;
    let end_ms = now_ms();
    let body = request(end_ms).encode_to_vec();
    let all = [SERIES as u64 * POINTS as u64, SERIES as u64 * POINTS as u64, SERIES as u64];
    for attempt in 0..3 {
        let answer = send(&server.api(), PROTO_V2, &body).await;
        assert_eq!(answer.status, 204, "attempt {attempt}: {}", answer.text());
        assert_eq!((written(&answer), answer.body.len()), (all, 0), "attempt {attempt}");
    }
    check_rows(&server.api(), end_ms).await;
    server.kill9();
    server.start_again().await;
    check_rows(&server.api(), end_ms).await;
    server.stop().await;
    server.start_again().await;
    check_rows(&server.api(), end_ms).await;
    let answer = send(&server.api(), PROTO_V2, &body).await;
    assert_eq!((answer.status, written(&answer)), (204, all));
    check_rows(&server.api(), end_ms).await;
}

#[tokio::test]
async fn version_2_says_what_was_written_also_when_something_was_not() {
    let server = Server::start(ServerOptions::default()).await;
    let api = server.api();
    let now = now_ms();
    let sample = |value, timestamp| SampleV2 { value, timestamp };
    let mut request = RequestV2::default();
    let one = |samples| TimeSeriesV2 { samples, ..TimeSeriesV2::default() };
    request.push(&[("__name__", "good")], one(vec![sample(1.0, now), sample(2.0, now + 3_600_000)]));
    request.push(&[("job", "nameless")], one(vec![sample(1.0, now)]));
    let histogram = HistogramV2 { count: 1, zero_count: 2, timestamp: now, ..HistogramV2::default() };
    request.push(
        &[("__name__", "broken")],
        TimeSeriesV2 { histograms: vec![histogram], ..TimeSeriesV2::default() },
    );
    let answer = send(&api, PROTO_V2, &request.encode_to_vec()).await;
    assert_eq!((answer.status, written(&answer)), (400, [1, 0, 0]));
    let text = answer.text();
    for part in ["3 of 4 samples", "too_far_ahead", "nameless", "more observations than the count says"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(api.count("SELECT count(*) FROM metrics WHERE metric = 'good'").await, 1);

    // Nothing of these is written, and they say so.
    let refused = [
        (415, "application/x-protobuf;proto=io.prometheus.write.v3.Request", request.encode_to_vec()),
        (415, "application/json", b"{}".to_vec()),
        (400, PROTO_V2, b"no protobuf".to_vec()),
        (400, "application/x-protobuf", b"no protobuf".to_vec()),
    ];
    for (status, content_type, body) in refused {
        let answer = send(&api, content_type, &body).await;
        assert_eq!(
            (answer.status, written(&answer)),
            (status, [0, 0, 0]),
            "{content_type}: {}",
            answer.text()
        );
    }
}

/// Values of `prometheus_remote_storage_NAME` in what Prometheus says of itself.
fn remote_storage(metrics: &str, name: &str) -> f64 {
    let beginning = format!("prometheus_remote_storage_{name}{{");
    let lines = metrics.lines().filter(|line| line.starts_with(&beginning));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().expect("a number")).sum()
}

#[tokio::test]
async fn prometheus_sends_native_histograms_and_exemplars_and_nothing_fails() {
    let server = Server::start(ServerOptions::default()).await;
    let api = server.api();
    let target = free_port();
    let mut exporter = start_peer("native_histograms.py", &[&target.to_string()]);
    exporter.line("listening", SOON).await;
    let dir = tempfile::tempdir().expect("a directory can be made");
    let config = |_address: &str| {
        format!(
            "global: {{scrape_interval: 1s}}\n\
             scrape_configs:\n\
             - {{job_name: native, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}\n\
             remote_write:\n\
             - url: {}{WRITE}\n  \
               authorization: {{credentials: {ADMIN_TOKEN}}}\n  \
               send_exemplars: true\n  \
               send_native_histograms: true\n  \
               queue_config: {{batch_send_deadline: 500ms}}\n",
            server.http()
        )
    };
    let features = ["--enable-feature=native-histograms,exemplar-storage"];
    let prometheus = Prometheus::start_with(dir.path(), &features, config).await;

    const SCRAPES: usize = 5;
    let rows = "SELECT count, sum, zero_count, schema, positive_spans, positive_counts, negative_counts \
                FROM histograms WHERE metric = 'latency_seconds' ORDER BY ts";
    let exemplars = "SELECT value, trace_id FROM exemplars WHERE metric = 'calls_total' ORDER BY ts";
    eventually(SOON, "five scrapes have arrived", async || {
        let (rows, exemplars) = (api.sql(rows).await.len(), api.sql(exemplars).await.len());
        if rows.min(exemplars) >= SCRAPES { Ok(()) } else { Err(format!("{rows} and {exemplars}")) }
    })
    .await;
    // Scrape n found 6n observations: every one of them is there, in order, as it was.
    for (n, row) in (1_i64..).zip(api.sql(rows).await) {
        let n = n as f64;
        let spans = json!([{"offset": -2, "length": 2}]);
        let expected: Vec<Value> = vec![
            json!(6.0 * n),
            json!(0.25 * n),
            json!(n),
            json!(3),
            spans,
            json!([n, 2.0 * n]),
            json!([2.0 * n]),
        ];
        assert_eq!(row, expected, "scrape {n}");
    }
    for (n, row) in (1_i64..).zip(api.sql(exemplars).await) {
        assert_eq!(row, [json!(n as f64), json!(format!("{n:032x}"))], "exemplar {n}");
    }

    // The same answer as Prometheus' own, over a time that is over.
    let end = api.cell("SELECT date_part('epoch', max(ts)) FROM exemplars").await;
    let path = format!("/api/v1/query_exemplars?query=calls_total&start=0&end={end}");
    let theirs = Api::new(&prometheus.url, None).get(&path).await;
    let ours = api.get(&format!("/prometheus{path}")).await;
    assert_eq!(ours, theirs);
    assert!(ours["data"][0]["exemplars"].as_array().expect("a list").len() >= SCRAPES);

    let metrics = Api::new(&prometheus.url, None).try_get("/metrics").await.expect("it answers").text();
    for kind in ["samples", "histograms", "exemplars"] {
        assert!(remote_storage(&metrics, &format!("{kind}_total")) >= SCRAPES as f64, "{kind}: {metrics}");
        for fate in ["failed_total", "dropped_total", "retried_total"] {
            assert_eq!(remote_storage(&metrics, &format!("{kind}_{fate}")), 0.0, "{kind}_{fate}");
        }
    }
    assert_eq!(api.sql("SELECT reason, sample FROM ingest_rejections").await, Vec::<Vec<Value>>::new());
}
