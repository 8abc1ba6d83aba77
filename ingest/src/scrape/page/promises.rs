//! What holds of every page that can be read at all: read again, and read again when the lake has named
//! its series, it says the same. For fuzzing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::scrape::config::Scheme;
use crate::scrape::job::{HttpSettings, JobLimits};

/// # Panics
///
/// When a promise does not hold.
pub(crate) fn check(page: &str, format: Format, at: Timestamp, limits: &IngestLimits) {
    let labels = Labels::new([("job", "fuzz"), ("instance", "a:1")]).expect("labels of a target");
    let (job, mut memory) = (job(), Memory::default());
    let context = PageContext { job: &job, labels: &labels, at, limits, metadata_bytes_max: 1_000 };
    let mut read_again = || read(page, format, context, &mut memory);
    let first = match read_again() {
        Ok(first) => first,
        Err(error) => {
            assert_eq!(read_again().err(), Some(error));
            return;
        }
    };
    check_read(&first, limits);
    let second = read_again().expect("it was read before");
    assert_eq!(second.added, 0);
    assert_eq!(told(&first), told(&second));
    assert_eq!(format!("{:?}", first.series), format!("{:?}", second.series));

    let series: Vec<Labels> = first.series.iter().map(|series| series.labels.clone()).collect();
    let names = || series.iter().cloned().zip((0..).map(SeriesRef::new));
    memory.stored(second.live, names());
    let by_name = read(page, format, context, &mut memory).expect("it was read before");
    assert!(by_name.series.is_empty(), "the lake has named them all: {:?}", by_name.series);
    assert_eq!(told(&first), told(&by_name));
    assert_eq!(samples(&first, &series), samples(&by_name, &series));
    assert_eq!(memory.ended(&by_name.live).len(), 0, "the same series are on the page");
}

fn check_read(read: &PageRead, limits: &IngestLimits) {
    assert!(read.known.is_empty(), "no series has a name yet");
    let stored: usize = read.series.iter().map(|series| series.samples.len()).sum();
    let refused: u64 = read.rejections.refused("").iter().map(|refused| refused.count).sum();
    assert_eq!(read.kept, stored as u64 + read.duplicates);
    assert_eq!(read.scraped, read.kept + refused);
    let names: HashSet<&Labels> = read.series.iter().map(|series| &series.labels).collect();
    assert_eq!(names.len(), read.series.len(), "a series stands once");
    assert!(read.live.unnamed.iter().all(|labels| names.contains(labels)));
    for series in &read.series {
        assert!(series.samples.is_sorted_by(|a, b| a.ts < b.ts), "{}", series.labels);
        assert!(series.labels.len() <= limits.labels_per_series_max, "{}", series.labels);
        let mut pairs = series.labels.iter();
        assert!(pairs.all(|(_, value)| value.len() <= limits.label_value_bytes_max), "{}", series.labels);
    }
}

/// What does not depend on names.
fn told(read: &PageRead) -> String {
    let refused = read.rejections.refused("");
    let counts = (read.scraped, read.kept, read.duplicates);
    format!("{:?} {counts:?} {refused:?} {}", read.exemplars, read.live.named.len() + read.live.unnamed.len())
}

/// Samples by series, whichever way they came, values as bits.
fn samples<'a>(read: &'a PageRead, series: &'a [Labels]) -> BTreeMap<&'a Labels, Vec<(i64, u64)>> {
    let known = read.known.iter().map(|known| (&series[known.series.get() as usize], known.sample));
    let whole = read.series.iter();
    let whole = whole.flat_map(|series| series.samples.iter().map(|sample| (&series.labels, *sample)));
    let mut all: BTreeMap<&Labels, Vec<(i64, u64)>> = BTreeMap::new();
    for (labels, sample) in known.chain(whole) {
        all.entry(labels).or_default().push((sample.ts.micros(), sample.value.to_bits()));
    }
    all.values_mut().for_each(|samples| samples.sort_unstable());
    all
}

/// A job that changes nothing and limits nothing.
fn job() -> Job {
    const NONE: u64 = u64::MAX;
    Job {
        name: "fuzz".to_owned(),
        interval: Duration::from_secs(15),
        timeout: Duration::from_secs(10),
        metrics_path: String::new(),
        scheme: Scheme::Http,
        params: BTreeMap::new(),
        honor_labels: false,
        honor_timestamps: true,
        track_timestamps_staleness: false,
        http: HttpSettings::default(),
        static_groups: Vec::new(),
        file_discoveries: Vec::new(),
        relabel: Vec::new(),
        metric_relabel: Vec::new(),
        external_labels: Labels::empty(),
        limits: JobLimits {
            samples: NONE,
            targets: NONE,
            labels: NONE,
            label_name_bytes: NONE,
            label_value_bytes: NONE,
            body_bytes: NONE,
        },
    }
}
