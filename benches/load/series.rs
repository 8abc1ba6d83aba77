//! The load of the remote write benchmarks: its series and its bodies.

use prost::Message;

#[path = "wire.rs"]
mod wire;

use wire::{Label, Sample, TimeSeries, WriteRequest};

/// What a scrape of one host sends, and about what Prometheus puts into a request.
pub const SAMPLES_PER_REQUEST: usize = 2_000;
pub const SCRAPE_INTERVAL_MS: i64 = 15_000;

/// Series of even numbers are counters, the others gauges.
pub fn is_counter(series: usize) -> bool {
    series.is_multiple_of(2)
}

/// A compressed request body: one sample of each series, by its number, at one time.
pub fn body(
    encoder: &mut snap::raw::Encoder,
    samples: impl Iterator<Item = (usize, f64)>,
    timestamp: i64,
) -> Vec<u8> {
    let one = |(series, value)| TimeSeries {
        labels: labels_of(series),
        samples: vec![Sample { value, timestamp }],
    };
    let plain = WriteRequest { timeseries: samples.map(one).collect() }.encode_to_vec();
    encoder.compress_vec(&plain).expect("a body can be compressed")
}

fn labels_of(series: usize) -> Vec<Label> {
    let label = |name: &str, value: String| Label { name: name.to_owned(), value };
    let kind = if is_counter(series) { "total" } else { "bytes" };
    vec![
        label("__name__", format!("node_metric_{}_{kind}", series % 100)),
        label("device", format!("device-{}", series / 100 % 10)),
        label("instance", format!("host-{}.example:9100", series / 1_000)),
        label("job", "node".to_owned()),
    ]
}
