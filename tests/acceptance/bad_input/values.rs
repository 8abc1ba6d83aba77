//! Odd values that are no mistakes: they are kept as they came.

use serde_json::{Value, json};

use crate::harness::{Series, Server, ServerOptions, WriteRequest, now_ms};

/// Prometheus' mark of a series that ended: a NaN with bits of its own.
const STALE_MARKER: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

const NAMES: [&str; 6] = ["odd_infinite", "odd_low", "odd_nan", "odd_smallest", "odd_stale", "odd_vast"];

async fn write(server: &Server) {
    let now = now_ms();
    let values = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324, STALE_MARKER, -1.7e308];
    for (name, value) in NAMES.into_iter().zip(values) {
        let samples = [(now - 5_000, 1.0), (now, value)];
        let request = WriteRequest::of(&[Series { labels: &[("__name__", name)], samples: &samples }]);
        let answer = server.api().remote_write(&request).await.expect("the server answers");
        assert_eq!(answer.status, 204, "{name}: {}", answer.text());
    }
}

async fn check(server: &Server) {
    let rows = server
        .api()
        .sql("SELECT metric, value FROM metrics WHERE metric LIKE 'odd_%' ORDER BY metric, ts")
        .await;
    let newest: Vec<&Vec<Value>> = rows.iter().skip(1).step_by(2).collect();
    let expected = json!([
        ["odd_infinite", "+Inf"],
        ["odd_low", "-Inf"],
        ["odd_nan", "NaN"],
        ["odd_smallest", 5e-324],
        ["odd_stale", "NaN"],
        ["odd_vast", -1.7e308],
    ]);
    assert_eq!(json!(newest), expected);
    // What tells a stale marker from a NaN is its bits alone: the series of one has ended, the series
    // of the other has the value NaN.
    assert_eq!(server.api().promql("odd_nan").await[0]["value"][1], "NaN");
    assert_eq!(server.api().promql("odd_stale").await, Vec::<Value>::new());
    assert_eq!(server.api().promql("odd_infinite").await[0]["value"][1], "+Inf");
}

#[tokio::test(flavor = "multi_thread")]
async fn nan_stale_markers_and_infinities_are_kept_in_the_buffer_the_log_and_the_tables() {
    let mut server = Server::start(ServerOptions::default()).await;
    write(&server).await;
    check(&server).await;
    server.kill9();
    server.start_again().await;
    check(&server).await;
    server.stop().await;
    server.start_again().await;
    check(&server).await;
}
