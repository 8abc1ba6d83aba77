//! Remote write, OTLP metrics, and the pages of exporters.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use telemetry::{Labels, SeriesRef};

use super::{LIMITS, NOW, decode, head, refused, take};
use crate::exposition::{Entry, Format, SampleLine, entries};
use crate::otlp::OtlpMetrics;
use crate::remote_write::generated::v1::WriteRequest;
use crate::remote_write::generated::v2::Request;
use crate::remote_write::{RemoteWrite, v1, v2};
use crate::scrape::page;
use crate::{Decoded, KnownSeries};

/// As the generated type has it; and every row is stored or refused, also by what is known.
pub fn remote_write_v1(body: &[u8]) {
    v1::against_prost::check(body).unwrap_or_else(|difference| panic!("{difference}"));
    let rows = |request: WriteRequest| {
        let series = request.timeseries.iter();
        series.map(|series| series.samples.len() + series.histograms.len()).sum()
    };
    remote_write(body, "application/x-protobuf", WriteRequest::decode(body).ok().map(rows));
}

/// As [`remote_write_v1`].
pub fn remote_write_v2(body: &[u8]) {
    v2::against_prost::check(body).unwrap_or_else(|difference| panic!("{difference}"));
    let rows = |request: Request| {
        let series = request.timeseries.iter();
        series.map(|series| series.samples.len() + series.histograms.len()).sum()
    };
    let content_type = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    remote_write(body, content_type, Request::decode(body).ok().map(rows));
}

fn remote_write(body: &[u8], content_type: &'static str, rows: Option<usize>) {
    let parts = head(content_type);
    let Ok(decoded) = take(&RemoteWrite, &parts, body) else { return };
    assert_eq!(Some(decoded.rows as usize), rows);
    let stored = (decoded.batch.sample_count() + decoded.batch.histogram_count()) as u64;
    assert!(stored <= decoded.rows);
    // A series without rows that is wrong in itself is refused as one row.
    assert!(stored + refused(&decoded) >= decoded.rows, "rows are missing");

    // A second time, when all that was stored is known.
    let known = KnownSeries::new(1_000);
    let first = decode(&RemoteWrite, &parts, body, &known).expect("it was decoded before");
    known.learn(first.keys.iter().map(|(key, place)| (*key, SeriesRef::new(*place as u32))));
    let second = decode(&RemoteWrite, &parts, body, &known).expect("it was decoded before");
    let names: Vec<&Labels> = first.batch.series.iter().map(|series| &series.labels).collect();
    assert_eq!(samples(&first, &names), samples(&second, &names));
    assert_eq!((first.rows, refused(&first)), (second.rows, refused(&second)));
    let of_others = |it: &Decoded| format!("{:?} {:?}", it.batch.histograms, it.batch.exemplars);
    assert_eq!(of_others(&first), of_others(&second));
}

/// Samples by series, whichever way they came, values as bits.
fn samples<'a>(decoded: &'a Decoded, names: &[&'a Labels]) -> BTreeMap<&'a Labels, Vec<(i64, u64)>> {
    let mut all: BTreeMap<&Labels, Vec<(i64, u64)>> = BTreeMap::new();
    let known = decoded.batch.known.iter().map(|known| (names[known.series.get() as usize], known.sample));
    let series = decoded.batch.series.iter();
    let named = series.flat_map(|series| series.samples.iter().map(|sample| (&series.labels, *sample)));
    for (labels, sample) in known.chain(named) {
        all.entry(labels).or_default().push((sample.ts.micros(), sample.value.to_bits()));
    }
    all.values_mut().for_each(|samples| samples.sort_unstable());
    all
}

/// Every point is stored or refused, and the request means the same when it is written as JSON.
pub fn otlp_metrics(body: &[u8]) {
    let Ok(decoded) = take(&OtlpMetrics, &head("application/x-protobuf"), body) else { return };
    check_points(&decoded);
    let request = ExportMetricsServiceRequest::decode(body).expect("it was decoded before");
    let Some(json) = super::logs::as_json(&request) else { return };
    let Ok(of_json) = take(&OtlpMetrics, &head("application/json"), &json) else {
        panic!("not read back: {}", String::from_utf8_lossy(&json));
    };
    assert_eq!(super::promises::told(&decoded), super::promises::told(&of_json));
}

pub fn otlp_metrics_json(body: &[u8]) {
    if let Ok(decoded) = take(&OtlpMetrics, &head("application/json"), body) {
        check_points(&decoded);
    }
}

/// A point becomes one row or several.
fn check_points(decoded: &Decoded) {
    let stored = decoded.batch.sample_count() + decoded.batch.histogram_count();
    let kept_points = decoded.rows.checked_sub(refused(decoded)).expect("no more is refused than was sent");
    assert!(kept_points <= stored as u64);
    assert_eq!(kept_points == 0, stored == 0);
}

/// Both formats. A line that is read can be written and read again; a page that is read again, its series
/// known by then, says the same.
pub fn exposition(body: &[u8]) {
    let Ok(page) = std::str::from_utf8(body) else { return };
    check_page(page, Format::Text);
    check_page(page, Format::OpenMetrics);
    if !page.ends_with("# EOF\n") {
        let line_feed = if page.is_empty() || page.ends_with('\n') { "" } else { "\n" };
        check_page(&format!("{page}{line_feed}# EOF\n"), Format::OpenMetrics);
    }
}

fn check_page(page: &str, format: Format) {
    for entry in entries(page, format).map_while(Result::ok) {
        if let Entry::Sample(sample) = entry {
            check_line(&sample, format);
        }
    }
    page::promises::check(page, format, NOW, &LIMITS);
}

fn check_line(sample: &SampleLine<'_>, format: Format) {
    let Ok(pairs) = sample.series.pairs() else { return };
    let quoted =
        |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
    let labels = pairs[1..].iter().map(|(name, value)| format!(",{}={}", quoted(name), quoted(value)));
    let mut line = format!("{{{}{}}} {}", quoted(&pairs[0].1), labels.collect::<String>(), sample.value);
    let time = sample.timestamp.filter(|_| format == Format::Text);
    if let Some(time) = time {
        line.push_str(&format!(" {}", time.millis()));
    }
    let page = if format == Format::Text { line } else { line + "\n# EOF\n" };
    let read: Vec<_> = entries(&page, format).collect();
    let [Ok(Entry::Sample(again))] = read.as_slice() else { panic!("{page:?} is {read:?}") };
    assert_eq!(again.series.pairs().as_ref(), Ok(&pairs), "{page:?}");
    assert_eq!(again.value.to_bits(), sample.value.to_bits(), "{page:?}");
    assert_eq!(again.timestamp.map(|ts| ts.millis()), time.map(|ts| ts.millis()), "{page:?}");
}
