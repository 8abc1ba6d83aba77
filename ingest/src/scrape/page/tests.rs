//! Pages of one target, read one after the other.

mod by_name;

use super::*;
use crate::scrape::memory::Ended;
use crate::scrape::tests::job;

const AT: Timestamp = Timestamp::from_secs(1_000);

/// Reads pages of one target, one after the other.
struct Reader {
    job: std::sync::Arc<Job>,
    labels: Labels,
    limits: IngestLimits,
    memory: Memory,
}

impl Reader {
    fn new(settings: &str) -> Reader {
        Reader {
            job: job(&format!("{{job_name: j, {settings}}}")),
            labels: Labels::new([("job", "j"), ("instance", "a:1")]).unwrap(),
            limits: IngestLimits::default(),
            memory: Memory::default(),
        }
    }

    fn try_read(&mut self, page: &str) -> Result<PageRead, String> {
        self.read_as(Format::Text, page).map_err(|error| error.reason)
    }

    fn read_as(&mut self, format: Format, page: &str) -> Result<PageRead, PageError> {
        let context = PageContext {
            job: &self.job,
            labels: &self.labels,
            at: AT,
            limits: &self.limits,
            metadata_bytes_max: 1_000,
        };
        read(page, format, context, &mut self.memory)
    }

    fn read(&mut self, page: &str) -> PageRead {
        self.try_read(page).unwrap()
    }

    /// Series as text, `@` and seconds where the time is the page's.
    fn series(&mut self, page: &str) -> Vec<String> {
        let shown = |series: &SeriesSamples| {
            let samples = series.samples.iter().map(|sample| match sample.ts {
                AT => sample.value.to_string(),
                own => format!("{}@{}", sample.value, own.secs()),
            });
            format!("{} {}", series.labels, samples.collect::<Vec<_>>().join(" "))
        };
        self.read(page).series.iter().map(shown).collect()
    }
}

fn check(settings: &str, page: &str, expect: &[&str]) {
    assert_eq!(Reader::new(settings).series(page), expect, "{settings}: {page}");
}

#[test]
fn the_targets_labels_win_unless_the_pages_are_honoured() {
    check("", "up 1\n", &[r#"up{instance="a:1", job="j"} 1"#]);
    check("", "a{job=\"own\",x=\"y\"} 1\n", &[r#"a{exported_job="own", instance="a:1", job="j", x="y"} 1"#]);
    check(
        "",
        "a{job=\"own\",exported_job=\"older\"} 1\n",
        &[r#"a{exported_exported_job="own", exported_job="older", instance="a:1", job="j"} 1"#],
    );
    check("honor_labels: true", "a{job=\"own\"} 1\n", &[r#"a{instance="a:1", job="own"} 1"#]);
    check("honor_labels: true", "a{job=\"\"} 1\n", &[r#"a{instance="a:1", job="j"} 1"#]);
}

#[test]
fn the_pages_times_are_used_if_they_are_honoured() {
    let page = "a 1 5000\na 2 4000\nb 3\n";
    check("", page, &[r#"a{instance="a:1", job="j"} 2@4 1@5"#, r#"b{instance="a:1", job="j"} 3"#]);
    let mut honouring = Reader::new("");
    assert_eq!(honouring.read(page).live.len(), 1, "a series with its own times is never missed");
    assert_eq!(Reader::new("track_timestamps_staleness: true").read(page).live.len(), 2);
    let mut reader = Reader::new("honor_timestamps: false");
    let read = reader.read(page);
    assert_eq!((read.duplicates, read.live.len()), (1, 2));
    assert_eq!(read.series[0].samples, [Sample { ts: AT, value: 1.0 }]);
}

#[test]
fn a_series_given_twice_counts_once() {
    let read = Reader::new("").read("a{x=\"1\",y=\"2\"} 1\na{y=\"2\", x=\"1\"} 2\n");
    assert_eq!((read.scraped, read.kept, read.added, read.duplicates), (2, 2, 2, 1));
    assert_eq!(read.series[0].samples, [Sample { ts: AT, value: 1.0 }]);
}

#[test]
fn metrics_are_relabelled_and_the_answer_is_remembered() {
    let mut reader = Reader::new(
        "metric_relabel_configs: [{source_labels: [__name__], regex: 'go_.*', action: drop}, {regex: mode, action: labeldrop}]",
    );
    let page = "go_threads 7\ncpu{mode=\"idle\"} 1\n";
    for added in [1, 0] {
        let read = reader.read(page);
        assert_eq!((read.scraped, read.kept, read.added), (2, 1, added));
        assert_eq!(read.series[0].labels.to_string(), r#"cpu{instance="a:1", job="j"}"#);
    }
    // What leaves the page and comes back is new again.
    reader.read("go_threads 7\n");
    assert_eq!(reader.read(page).added, 1);
    check(
        "metric_relabel_configs: [{source_labels: [__name__], target_label: __name__, replacement: 'my_$1'}]",
        "up 1\n",
        &[r#"my_up{instance="a:1", job="j"} 1"#],
    );
    let error =
        Reader::new("metric_relabel_configs: [{regex: __name__, action: labeldrop}]").try_read("up 1\n");
    assert_eq!(error.unwrap_err(), r#"line 1: metric relabelling left no name of up{}"#);
}

#[test]
fn a_family_gives_its_type_to_its_series() {
    let read =
        Reader::new("").read("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# TYPE c_total counter\nc_total 1\n");
    let types: Vec<_> = read.series.iter().map(|series| series.meta.metric_type.as_str()).collect();
    assert_eq!(types, ["histogram", "counter"]);
}

#[test]
fn exemplars_come_along() {
    let mut reader = Reader::new("");
    let long = "x".repeat(130);
    let page = format!(
        "a_total 3 # {{trace_id=\"t1\"}} 0.5 7\nb_total 1 # {{trace_id=\"t2\"}} 1\nc_total 1 # {{x=\"{long}\"}} 1\n# EOF\n"
    );
    let read = reader.read_as(Format::OpenMetrics, &page).unwrap();
    let shown: Vec<_> = read
        .exemplars
        .iter()
        .map(|it| (it.labels.metric(), it.exemplars[0].trace_id(), it.exemplars[0].ts.secs()))
        .collect();
    assert_eq!(shown, [("a_total", Some("t1"), 7), ("b_total", Some("t2"), 1_000)]);
    assert_eq!(read.series.len(), 3, "a sample does not suffer from its exemplar");
    assert_eq!(read.rejections.ledger("scrape:j")[0].count, 1);
}

#[test]
fn limits_fail_the_scrape_by_name() {
    for (settings, expect) in [
        ("sample_limit: 1", "sample limit exceeded (number of samples: 2, limit: 1)"),
        ("label_limit: 3", "line 2: label_limit exceeded (metric: \"b\", number of labels: 4, limit: 3)"),
        (
            "label_name_length_limit: 8",
            "line 2: label_name_length_limit exceeded (metric: \"b\", label: \"long_name\", length: 9, limit: 8)",
        ),
        (
            "label_value_length_limit: 4",
            "line 2: label_value_length_limit exceeded (metric: \"b\", label: \"long_name\", length: 5, limit: 4)",
        ),
    ] {
        let page = "a 1\nb{long_name=\"value\"} 1\n";
        assert_eq!(Reader::new(settings).try_read(page).unwrap_err(), expect, "{settings}");
        let kind = Reader::new(settings).read_as(Format::Text, page).unwrap_err().kind;
        assert!(settings.starts_with(kind), "{settings} is counted as {kind}");
    }
    assert_eq!(
        Reader::new("").try_read("a{b=\"1\",b=\"2\"} 1\n").unwrap_err(),
        "line 1: label \"b\" occurs twice"
    );
    assert_eq!(
        Reader::new("").try_read("a 1\n!\n").unwrap_err(),
        "line 2: the name of a metric is expected at \"!\""
    );
}

#[test]
fn a_series_over_the_limits_of_all_senders_is_left_out() {
    let mut reader = Reader::new("");
    reader.limits.label_value_bytes_max = 4;
    let read = reader.read("a{b=\"12345\"} 1\nc 1\n");
    assert_eq!((read.series.len(), read.scraped, read.kept), (1, 2, 1));
    for rejections in [read.rejections, reader.read("a{b=\"12345\"} 1\n").rejections] {
        let refused = rejections.refused("scrape:j");
        assert!(refused[0].sample.contains("label_value_bytes_max"), "{refused:?}");
        assert_eq!(refused[0].count, 1, "with each page");
    }
}

#[test]
fn external_labels_fill_gaps() {
    let mut reader = Reader::new("");
    let mut job = (*reader.job).clone();
    job.external_labels = Labels::new([("cluster", "eu"), ("job", "not this")]).unwrap();
    reader.job = job.into();
    assert_eq!(reader.series("up 1\n"), [r#"up{cluster="eu", instance="a:1", job="j"} 1"#]);
}

#[test]
fn series_that_end_are_told() {
    let mut reader = Reader::new("");
    let read = reader.read("a 1\nb 1\nc 1 5000\n");
    assert_eq!(reader.memory.ended(&read.live), Ended::default());
    reader.memory.stored(read.live, std::iter::empty());
    let read = reader.read("a 2\n");
    let shown = |ended: Ended| ended.unnamed.iter().map(|it| it.metric().to_owned()).collect::<Vec<_>>();
    assert_eq!(shown(reader.memory.ended(&read.live)), ["b"]);
    // As long as that is not stored it stays so.
    let read = reader.read("a 3\n");
    assert_eq!(shown(reader.memory.ended(&read.live)), ["b"]);
    reader.memory.stored(read.live, std::iter::empty());
    assert_eq!(shown(reader.memory.all_live()), ["a"]);
}

#[test]
fn a_series_that_the_lake_has_named_is_told_by_its_name() {
    let mut reader = Reader::new("");
    let page = "a{x=\"1\",y=\"2\"} 1\nb 2 5000\n";
    let read = reader.read(page);
    let labels = read.series.iter().map(|series| series.labels.clone());
    let names = labels.zip([7, 8].map(SeriesRef::new)).collect::<Vec<_>>();
    reader.memory.stored(read.live, names.into_iter());

    let shown = |read: &PageRead| -> Vec<(u32, i64, f64)> {
        let known = read.known.iter();
        known.map(|it| (it.series.get(), it.sample.ts.secs(), it.sample.value)).collect()
    };
    let read = reader.read(page);
    assert_eq!((read.series.len(), shown(&read)), (0, vec![(7, 1_000, 1.0), (8, 5, 2.0)]));
    assert_eq!((read.added, read.live.len()), (0, 1), "b brings its own time");
    // The same series, written otherwise and twice: the first sample stays.
    let read = reader.read("a{y=\"2\", x=\"1\"} 3\na{x=\"1\",y=\"2\"} 4\nc 5\n");
    assert_eq!((read.series.len(), shown(&read), read.duplicates), (1, vec![(7, 1_000, 3.0)], 1));
    assert_eq!(reader.memory.ended(&read.live), Ended::default());
    // New rules make labels anew; what comes to the same labels is the same series.
    reader.memory.forget_labels();
    assert_eq!(shown(&reader.read(page)), [(7, 1_000, 1.0), (8, 5, 2.0)]);
}
