//! Targets over their lives: a real HTTP exporter on loopback, a sink that plays the lake, a clock that
//! is turned by hand.

mod exporter;

use std::fs;
use std::time::Duration;

use telemetry::time::{Clock, ManualClock, SystemClock};
use telemetry::{SeriesSamples, Timestamp, is_stale};

use super::job::Place;
use super::*;
use crate::receiver::tests::FakeSink;
use crate::{IngestError, IngestLimits};
pub(crate) use exporter::Exporter;

/// A job from its YAML, with default limits.
pub(crate) fn job(yaml: &str) -> Arc<Job> {
    let config: JobConfig = serde_saphyr::from_str(yaml).unwrap();
    let place = Place { file: "test.yml", dir: std::path::Path::new("") };
    let jobs = job::check(
        &[config],
        &config::GlobalConfig::default(),
        &ScrapeLimits::default(),
        place,
        &mut BTreeSet::new(),
    );
    Arc::new(jobs.unwrap().remove(0))
}

/// The only target of a job.
pub(crate) fn target(yaml: &str) -> Target {
    let job = job(yaml);
    let mut set = TargetSet::default();
    set.add(&job, job.static_groups.iter(), &ScrapeLimits::default());
    set.targets.into_values().next().unwrap()
}

/// One target, scraped when the test says so.
struct Life {
    exporter: Exporter,
    sink: Arc<FakeSink>,
    clock: Arc<ManualClock>,
    task: TargetTask,
    told: Arc<Mutex<Told>>,
    _orders: watch::Sender<Order>,
}

const START: Timestamp = Timestamp::from_secs(1_000);
const INTERVAL: Duration = Duration::from_secs(15);

impl Life {
    async fn of(settings: &str) -> Life {
        Life::within(settings, ScrapeLimits::default()).await
    }

    async fn within(settings: &str, limits: ScrapeLimits) -> Life {
        let exporter = Exporter::start().await;
        let sink = Arc::new(FakeSink::default());
        let clock = Arc::new(ManualClock::at(START));
        let ingest = Ingest::new(sink.clone(), IngestLimits::default(), clock.clone());
        let scraper = Scraper::new(ingest, limits, clock.clone());
        let address = exporter.address();
        let target = target(&format!(
            "{{job_name: j, scrape_interval: 15s, {settings}, static_configs: [{{targets: ['{address}'], labels: {{instance: i}}}}]}}"
        ));
        let (orders, given) = watch::channel(Order::Scrape(Box::new(target.clone())));
        let told = Arc::new(Mutex::new(Told::default()));
        let task = TargetTask::new(scraper.0.shared.clone(), target, given, told.clone());
        Life { exporter, sink, clock, task, told, _orders: orders }
    }

    /// Scrapes and shows what was written, without the times that a scrape takes.
    async fn scrape(&mut self) -> Vec<String> {
        self.clock.advance(INTERVAL);
        self.task.scrape(self.clock.now()).await;
        self.written()
    }

    fn written(&self) -> Vec<String> {
        let batches = std::mem::take(&mut *self.sink.batches.lock());
        let series = batches.iter().flat_map(|(batch, source, _)| {
            assert_eq!(source, "scrape:j");
            &batch.series
        });
        series.filter(|it| it.labels.metric() != "scrape_duration_seconds").map(|it| self.shown(it)).collect()
    }

    /// `name value`, with the distance to now where there is one.
    fn shown(&self, series: &SeriesSamples) -> String {
        assert_eq!((series.labels.get("job"), series.labels.get("instance")), (Some("j"), Some("i")));
        let [sample] = series.samples[..] else { panic!("{series:?}") };
        let value = if is_stale(sample.value) { "stale".to_owned() } else { sample.value.to_string() };
        let distance = sample.ts.secs() - self.clock.now().secs();
        let at = if distance == 0 { String::new() } else { format!(" at {distance:+}s") };
        let name = series.labels.metric().trim_start_matches("scrape_");
        format!("{name} {value}{at}")
    }

    fn last(&self) -> LastScrape {
        self.told.lock().last.clone()
    }

    fn error(&self) -> String {
        assert_eq!(self.last().health, Health::Down);
        self.last().error.unwrap().to_string()
    }
}

fn report(up: u8, scraped: u64, kept: u64, added: u64) -> [String; 4] {
    [
        format!("up {up}"),
        format!("samples_scraped {scraped}"),
        format!("samples_post_metric_relabeling {kept}"),
        format!("series_added {added}"),
    ]
}

fn lines(series: &[&str], report: [String; 4]) -> Vec<String> {
    series.iter().map(|it| (*it).to_owned()).chain(report).collect()
}

#[tokio::test]
async fn series_live_and_end_as_in_prometheus() {
    let mut life =
        Life::of("metric_relabel_configs: [{source_labels: [__name__], regex: x, action: drop}]").await;
    life.exporter.page("a 1\nb 2\nx 3\nt 4 990000\n");
    assert_eq!(life.scrape().await, lines(&["a 1", "b 2", "t 4 at -25s"], report(1, 4, 3, 3)));
    let last = life.last();
    assert_eq!((last.health, last.samples, last.at), (Health::Up, 3, Some(START.plus(INTERVAL))));

    // b leaves the page; t brought its own time and is not missed.
    life.exporter.page("a 1\n");
    assert_eq!(life.scrape().await, lines(&["a 1", "b stale"], report(1, 1, 1, 0)));

    life.exporter.fail("500 Internal Server Error");
    assert_eq!(life.scrape().await, lines(&["a stale"], report(0, 0, 0, 0)));
    assert_eq!(life.error(), "server returned HTTP status 500 Internal Server Error");
    assert_eq!(life.scrape().await, lines(&[], report(0, 0, 0, 0)), "once is enough");

    life.exporter.page("a 2\n");
    assert_eq!(life.scrape().await, lines(&["a 2"], report(1, 1, 1, 0)));
    life.exporter.page("a 2\n}\n");
    assert_eq!(
        life.scrape().await,
        lines(&["a stale"], report(0, 1, 1, 0)),
        "half a page counts for nothing"
    );
    assert_eq!(life.error(), "line 2: the name of a metric is expected at \"}\"");

    life.exporter.page("a 3\n");
    life.scrape().await;
    life.exporter.stop().await;
    assert_eq!(life.scrape().await, lines(&["a stale"], report(0, 0, 0, 0)));
    assert!(life.error().contains("onnection refused"), "{}", life.error());
}

#[tokio::test]
async fn a_target_that_leaves_ends_all_its_series() {
    let mut life = Life::of("honor_labels: false").await;
    life.exporter.page("a 1\n");
    life.scrape().await;
    let (stale_at, _) = schedule::end_of_target(life.clock.now(), INTERVAL);
    life.task.write_end(stale_at).await;
    let names = ["a", "up", "samples_scraped", "samples_post_metric_relabeling", "series_added"]
        .map(|name| format!("{name} stale at +15s"));
    assert_eq!(life.written(), names);
}

#[tokio::test]
async fn what_ingest_refuses_is_a_failed_scrape_and_no_end_of_series() {
    let mut life = Life::of("honor_labels: false").await;
    life.exporter.page("a 1\nb 1\n");
    life.scrape().await;
    life.exporter.page("a 2\n");
    let refusal =
        IngestError::Overloaded { what: "the log is behind".into(), limit: None, retry_after: INTERVAL };
    *life.sink.refuse_with.lock() = Some(refusal);
    assert_eq!(life.scrape().await, Vec::<String>::new());
    assert_eq!(life.error(), "overloaded: the log is behind; try again in 15s");
    *life.sink.refuse_with.lock() = None;
    assert_eq!(life.scrape().await, lines(&["a 2", "b stale"], report(1, 1, 1, 0)), "it is still missed");
}

#[tokio::test]
async fn a_sample_limit_refuses_the_page_and_tells_how_much_it_was() {
    let mut life = Life::of("sample_limit: 2").await;
    life.exporter.page("a 1\nb 2\nc 3\n");
    let mut expect = lines(&[], report(0, 3, 3, 0));
    expect.sort();
    let mut found = life.scrape().await;
    found.sort();
    assert_eq!(found, expect);
    assert_eq!(life.error(), "sample limit exceeded (number of samples: 3, limit: 2)");
}

#[tokio::test]
async fn external_labels_are_on_the_report_as_well() {
    let mut life = Life::of("honor_labels: false").await;
    let mut job = (*life.task.target.job).clone();
    job.external_labels = telemetry::Labels::new([("cluster", "eu"), ("instance", "not this")]).unwrap();
    life.task.target.job = job.into();
    life.exporter.page("a 1\n");
    life.scrape_only().await;
    let batches = life.sink.batches.lock();
    let series = &batches[0].0.series;
    assert!(
        series.len() == 6 && series.iter().all(|it| it.labels.get("cluster") == Some("eu")),
        "{series:?}"
    );
    assert!(series.iter().all(|it| it.labels.get("instance") == Some("i")), "{series:?}");
}

impl Life {
    async fn scrape_only(&mut self) {
        self.task.scrape(self.clock.now()).await;
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_not_waited_for() {
    let mut life = Life::of("scrape_timeout: 50ms").await;
    life.exporter.hang();
    assert_eq!(life.scrape().await, lines(&[], report(0, 0, 0, 0)));
    assert_eq!(life.error(), "no answer within 50ms");
    let limits = ScrapeLimits { scrapes_in_flight_max: 0, ..ScrapeLimits::default() };
    let mut life = Life::within("scrape_timeout: 50ms", limits).await;
    life.scrape().await;
    assert_eq!(
        life.error(),
        "no answer within 50ms (0 scrapes are under way: scrape.limits.scrapes_in_flight_max)"
    );
}

/// A scraper at work, by the real clock.
struct Work {
    exporter: Exporter,
    sink: Arc<FakeSink>,
    scraper: Scraper,
}

const SOON: Duration = Duration::from_secs(60);

impl Work {
    async fn new() -> Work {
        let sink = Arc::new(FakeSink::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ingest = Ingest::new(sink.clone(), IngestLimits::default(), clock.clone());
        let exporter = Exporter::start().await;
        exporter.page("a 1\n");
        Work { exporter, sink, scraper: Scraper::new(ingest, ScrapeLimits::default(), clock) }
    }

    async fn use_jobs(&self, jobs: &[&str]) {
        let jobs = jobs.iter().map(|yaml| job(yaml)).collect();
        self.scraper.set_config(Loaded { jobs, defects: Vec::new() }).await;
    }

    /// Waits for a series with this value; everything before it is forgotten.
    async fn sees(&self, what: &str, is_wanted: impl Fn(&SeriesSamples) -> bool) {
        let waited = tokio::time::timeout(SOON, async {
            loop {
                let batches = std::mem::take(&mut *self.sink.batches.lock());
                if batches.iter().flat_map(|(batch, _, _)| &batch.series).any(&is_wanted) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{what} was not seen"));
    }

    fn instances(&self) -> Vec<String> {
        let instance = |it: &TargetStatus| it.target.labels.get("instance").unwrap().to_owned();
        self.scraper.targets().iter().map(instance).collect()
    }
}

fn of_instance(series: &SeriesSamples, metric: &str, instance: &str) -> bool {
    series.labels.metric() == metric && series.labels.get("instance") == Some(instance)
}

#[tokio::test]
async fn targets_start_go_on_and_leave_with_the_configuration() {
    let work = Work::new().await;
    let address = work.exporter.address();
    let of = |instance: &str, more: &str| {
        format!(
            "{{job_name: {instance}, scrape_interval: 40ms, {more} static_configs: [{{targets: ['{address}'], labels: {{instance: {instance}}}}}]}}"
        )
    };
    work.use_jobs(&[&of("one", ""), &of("two", "")]).await;
    work.sees("the first", |it| of_instance(it, "a", "one")).await;
    work.sees("the second", |it| of_instance(it, "up", "two") && it.samples[0].value == 1.0).await;
    assert_eq!(work.instances(), ["one", "two"]);

    // One goes on under new rules, two leaves: only two's series end.
    let rules = "metric_relabel_configs: [{target_label: rules, replacement: new}],";
    work.use_jobs(&[&of("one", rules)]).await;
    assert_eq!(work.instances(), ["one"]);
    work.sees("the new rules", |it| of_instance(it, "a", "one") && it.labels.get("rules") == Some("new"))
        .await;
    work.sees("the end", |it| of_instance(it, "up", "two") && is_stale(it.samples[0].value)).await;

    // With an error nothing changes, and the error shows.
    let defects = vec![Defect::error("prometheus.yml", Some(3), "wrong")];
    work.scraper.set_config(Loaded { jobs: vec![], defects }).await;
    assert_eq!(work.instances(), ["one"]);
    assert_eq!(work.scraper.defects()[0].to_string(), "prometheus.yml:3: wrong");

    work.scraper.shutdown().await;
    assert!(
        work.sink.batches.lock().iter().flat_map(|(batch, _, _)| &batch.series).all(|it| {
            it.labels.get("instance") != Some("one")
                || it.labels.get("rules").is_none()
                || !is_stale(it.samples[0].value)
        }),
        "no series ends because the process does"
    );
}

#[tokio::test]
async fn a_target_that_comes_back_in_time_has_not_ended() {
    let work = Work::new().await;
    let yaml = format!(
        "{{job_name: j, scrape_interval: 300ms, static_configs: [{{targets: ['{}'], labels: {{instance: i}}}}]}}",
        work.exporter.address()
    );
    work.use_jobs(&[&yaml]).await;
    work.sees("a scrape", |it| of_instance(it, "a", "i")).await;
    work.use_jobs(&[]).await;
    assert_eq!(work.instances(), Vec::<String>::new());
    work.use_jobs(&[&yaml]).await;
    for _ in 0..3 {
        work.sees("a scrape", |it| {
            assert!(!is_stale(it.samples[0].value), "{it:?}");
            of_instance(it, "a", "i")
        })
        .await;
    }
    work.scraper.shutdown().await;
}

#[tokio::test]
async fn discovered_files_change_targets() {
    let work = Work::new().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("targets.json");
    let write = |instances: &str| {
        let address = work.exporter.address();
        fs::write(&file, instances.replace("ADDRESS", &address)).unwrap();
    };
    write(r#"[{"targets": ["ADDRESS"], "labels": {"instance": "one"}}]"#);
    let yaml = format!(
        "{{job_name: j, scrape_interval: 40ms, file_sd_configs: [{{files: ['{}/*.json']}}], relabel_configs: [{{source_labels: [__meta_filepath], regex: '.*/(.*).json', target_label: file}}]}}",
        dir.path().display()
    );
    work.use_jobs(&[&yaml]).await;
    work.sees("the first", |it| of_instance(it, "a", "one") && it.labels.get("file") == Some("targets"))
        .await;
    write(
        r#"[{"targets": ["ADDRESS"], "labels": {"instance": "one"}}, {"targets": ["ADDRESS"], "labels": {"instance": "two"}}]"#,
    );
    work.scraper.refresh().await;
    work.sees("the second", |it| of_instance(it, "a", "two")).await;
    write("[{]");
    work.scraper.refresh().await;
    assert_eq!(work.instances(), ["one", "two"]);
    assert_eq!(work.scraper.defects().len(), 1);
    fs::remove_file(&file).unwrap();
    work.scraper.refresh().await;
    assert_eq!((work.instances(), work.scraper.defects()), (vec![], vec![]));
    work.scraper.shutdown().await;
}
