//! Searches over a lake whose lines are in the buffer, in flush files and in merged files.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use telemetry::{Batch, LogRecord, LogRows};

use super::matcher::RowMatcher;
use super::*;
use crate::testing::{Bench, at, run};
use crate::{QueryError, QueryRole};

/// A line of the hour before last, `secs` after its beginning.
fn line(secs: i64, service: &str, severity: &str, body: &str) -> LogRecord {
    LogRecord {
        ts: at("2026-11-23T10:00:00Z").plus(Duration::from_secs(secs as u64)),
        service: (!service.is_empty()).then(|| service.into()),
        host: Some("h1".into()),
        severity: (!severity.is_empty()).then(|| severity.into()),
        body: body.into(),
        attrs: vec![("n".into(), secs.to_string().into()), ("region".into(), "eu".into())],
        ..LogRecord::default()
    }
}

/// As OpenTelemetry's and Loki's senders say it once more.
fn with_names_of_columns(mut record: LogRecord) -> LogRecord {
    let level = record.severity.as_deref().map(|severity| severity.to_lowercase().into());
    let again = [("service.name", record.service.clone()), ("level", level)];
    record.attrs.extend(again.into_iter().filter_map(|(key, value)| Some((key.into(), value?))));
    record
}

async fn store(bench: &Bench, records: &[LogRecord]) {
    let log_rows: LogRows = records.iter().collect();
    let appended = bench.lake.append(Batch { log_rows, ..Batch::default() }).await.unwrap();
    assert_eq!(appended.logs, records.len() as u64, "{:?}", appended.rejections);
}

/// Brings everything that is stored by now into files of closed hours, which have an index.
async fn merge(bench: &Bench) {
    bench.lake.flush().await.unwrap();
    bench.lake.compact().await.unwrap();
    let snapshot = bench.lake.snapshot(lake::Table::Logs).await.unwrap();
    let kinds: Vec<lake::FileKind> = snapshot.files.iter().map(|file| file.kind).collect();
    assert!(kinds.iter().all(|kind| *kind == lake::FileKind::Hour), "{kinds:?}");
}

fn filter(query: &str) -> LogFilter {
    LogFilter {
        from: at("2026-11-23T00:00:00Z"),
        to: at("2026-11-24T00:00:00Z"),
        query: LogQuery::parse(query).unwrap(),
        ..LogFilter::default()
    }
}

/// All pages of so many lines.
async fn pages(bench: &Bench, filter: &LogFilter, direction: Direction, limit: usize) -> Vec<LogLine> {
    let mut search = LogSearch { filter: filter.clone(), direction, after: None, limit };
    let mut lines = Vec::new();
    loop {
        let page = bench.engine.log_search(&search, QueryRole::Viewer).await.unwrap();
        assert!(page.lines.len() <= limit);
        lines.extend(page.lines);
        match page.next {
            Some(next) => search.after = Some(next),
            None => return lines,
        }
    }
}

fn bodies(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.record.body.as_ref()).collect()
}

#[test]
fn newest_first_in_pages_that_neither_repeat_nor_skip() {
    run(async {
        let bench = Bench::new().await;
        let records: Vec<LogRecord> =
            (0..30).map(|n| line(n / 3, "shop", "INFO", &format!("order {n}"))).collect();
        store(&bench, &records[..10]).await;
        merge(&bench).await;
        store(&bench, &records[10..20]).await;
        bench.lake.flush().await.unwrap();
        store(&bench, &records[20..]).await;
        // Twice the same: both are given.
        store(&bench, &records[..1]).await;
        let whole = pages(&bench, &filter(""), Direction::Backward, 100).await;
        assert_eq!(whole.len(), 31);
        assert!(whole.is_sorted_by(|a, b| a.id.ts >= b.id.ts));
        for limit in [1, 2, 7] {
            assert_eq!(pages(&bench, &filter(""), Direction::Backward, limit).await, whole, "{limit} a page");
        }
        let forward = pages(&bench, &filter(""), Direction::Forward, 4).await;
        let mut reversed: Vec<&str> = bodies(&whole);
        reversed.reverse();
        assert_eq!(bodies(&forward), reversed);
    });
}

#[test]
fn many_lines_of_one_instant_come_whole() {
    run(async {
        let bench = Bench::new().await;
        let records: Vec<LogRecord> =
            (0..2_000).map(|n| line(n % 2, "shop", "INFO", &format!("order {n}"))).collect();
        store(&bench, &records).await;
        let lines = pages(&bench, &filter(""), Direction::Backward, 300).await;
        let mut seen: Vec<&str> = bodies(&lines);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((lines.len(), seen.len()), (2_000, 2_000));
    });
}

#[test]
fn a_filter_says_the_same_of_service_severity_trace_and_text() {
    run(async {
        let bench = Bench::new().await;
        let mut traced = line(5, "shop", "ERROR", "payment refused");
        traced.trace_id = Some("0af7651916cd43dd8448eb211c80319c".into());
        let records = [
            line(1, "shop", "INFO", "payment taken"),
            line(2, "mail", "WARNING", "slow"),
            line(3, "", "", "bare"),
            traced,
        ];
        store(&bench, &records).await;
        for _ in 0..2 {
            let found = async |filter: LogFilter| {
                bodies(&pages(&bench, &filter, Direction::Backward, 10).await).join("|")
            };
            assert_eq!(found(filter("payment")).await, "payment refused|payment taken");
            assert_eq!(found(filter("n=3")).await, "bare");
            assert_eq!(found(filter("service!=shop")).await, "bare|slow");
            let services = vec!["mail".to_owned(), "none".to_owned()];
            assert_eq!(found(LogFilter { services, ..filter("") }).await, "slow");
            let severity_min = Some(Level::Warn);
            assert_eq!(found(LogFilter { severity_min, ..filter("") }).await, "payment refused|slow");
            let trace_id = Some("0af7651916cd43dd8448eb211c80319c".to_owned());
            assert_eq!(found(LogFilter { trace_id, ..filter("") }).await, "payment refused");
            merge(&bench).await;
        }
        let sql = "SELECT body FROM logs WHERE log_match(body, 'refused -taken') AND service = 'shop'";
        assert_eq!(bench.rows(sql).await, ["payment refused"]);
        let wrong = bench.error("SELECT log_match(body, 'a=b') FROM logs", QueryRole::Viewer).await;
        assert!(matches!(&wrong, QueryError::Execution(text) if text.contains("attrs['key']")), "{wrong:?}");
    });
}

#[test]
fn words_and_trace_ids_rule_out_what_cannot_have_them() {
    run(async {
        let bench = Bench::new().await;
        let mut records: Vec<LogRecord> =
            (0..20_000).map(|n| line(n / 10, "shop", "INFO", &format!("order {n} placed"))).collect();
        for (n, record) in records.iter_mut().enumerate() {
            record.trace_id = Some(format!("{:032x}", n * 7 + 1).into());
        }
        store(&bench, &records).await;
        merge(&bench).await;
        let explained = async |predicate: &str| {
            let plan = format!("EXPLAIN ANALYZE SELECT count(body) FROM logs WHERE {predicate}");
            bench.rows(&plan).await.join("\n")
        };
        assert_eq!(bench.rows("SELECT count(*) FROM logs WHERE log_match(body, '12345')").await, ["1"]);
        let nowhere = explained("log_match(body, 'nowhere')").await;
        assert!(!nowhere.contains(".parquet"), "no file is left: {nowhere}");
        let one_block = explained("log_match(body, '12345')").await;
        assert!(one_block.contains("pushdown_rows_pruned=8.19 K"), "one block of three: {one_block}");
        let pattern = explained("log_match(body, '~\" 1234[56] \"')").await;
        assert!(pattern.contains("pushdown_rows_pruned=8.19 K"), "as for one word of the two: {pattern}");
        for predicate in [
            "body LIKE '% 12345 %'",
            "body ILIKE 'ORDER 12345 placed'",
            "body = 'order 12345 placed'",
            "body ~ ' 1234[5] '",
            "body ~* '^ORDER 12345 '",
        ] {
            let plan = explained(predicate).await;
            assert!(plan.contains("pushdown_rows_pruned=8.19 K"), "{predicate}: {plan}");
            let count = format!("SELECT count(*) FROM logs WHERE {predicate}");
            assert_eq!(bench.rows(&count).await, ["1"], "{predicate}");
        }
        // What the index knows is said of bodies alone.
        for predicate in ["log_match(service, 'shop')", "service LIKE 'shop'", "attrs['region'] LIKE 'eu'"] {
            let count = format!("SELECT count(*) FROM logs WHERE {predicate}");
            assert_eq!(bench.rows(&count).await, ["20000"], "{predicate}");
        }
        // Within the bounds of the file, and not in it.
        let absent = explained("trace_id = '00000000000000000000000000000003'").await;
        assert!(absent.contains("row_groups_pruned_bloom_filter=1 total \u{2192} 0 matched"), "{absent}");
    });
}

#[test]
fn histogram_and_facets_count_what_the_search_finds() {
    run(async {
        let bench = Bench::new().await;
        let services = ["shop", "mail", "shop", ""];
        let severities = ["INFO", "ERROR", "purple"];
        let records: Vec<LogRecord> = (0..240)
            .map(|n| line(n * 10, services[n as usize % 4], severities[n as usize % 3], "tick"))
            .map(with_names_of_columns)
            .collect();
        store(&bench, &records[..200]).await;
        merge(&bench).await;
        store(&bench, &records[200..]).await;
        let hour =
            LogFilter { from: at("2026-11-23T10:00:00Z"), to: at("2026-11-23T10:20:00Z"), ..filter("") };
        let histogram = bench.engine.log_histogram(&hour, QueryRole::Viewer).await.unwrap();
        assert_eq!((histogram.total, histogram.step), (120, Duration::from_secs(10)));
        assert_eq!(histogram.bars.len(), 120);
        let sums = histogram.bars.iter().fold((0, 0, 0), |(info, error, other), bar| {
            let level = |level: Level| bar.levels[level as usize];
            (info + level(Level::Info), error + level(Level::Error), other + bar.other)
        });
        assert_eq!(sums, (40, 40, 40));
        let facets = bench.engine.log_facets(&hour, QueryRole::Viewer).await.unwrap();
        let said = |facet: &LogFacet| {
            let values: Vec<String> =
                facet.values.iter().map(|value| format!("{} {}", value.value, value.lines)).collect();
            format!("{} {} of {}: {}", facet.name, facet.lines, facet.distinct, values.join(", "))
        };
        let columns: Vec<String> = facets.columns.iter().map(said).collect();
        let expected = [
            "service 90 of 2: shop 60, mail 30",
            "severity 120 of 3: ERROR 40, INFO 40, purple 40",
            "host 120 of 1: h1 120",
            "env 0 of 0: ",
        ];
        assert_eq!(columns, expected);
        assert_eq!((facets.total, facets.sampled), (120, 120));
        let attributes: Vec<(&str, u64)> =
            facets.attributes.iter().map(|facet| (facet.name.as_str(), facet.distinct)).collect();
        assert_eq!(attributes, [("n", 120), ("region", 1)]);
    });
}

#[test]
fn rows_for_a_file_are_the_first_of_the_search() {
    run(async {
        let mut config = crate::QueryConfig::default();
        config.logs.export_lines_max = 20;
        let bench = Bench::with(config).await;
        let records: Vec<LogRecord> = (0..60)
            .map(|n| line(n, ["shop", "mail"][n as usize % 2], "INFO", &format!("order {n}")))
            .collect();
        store(&bench, &records[..30]).await;
        merge(&bench).await;
        store(&bench, &records[30..]).await;
        let text = async |direction, limit| {
            let filter = filter("service=shop");
            let rows = bench.engine.log_rows(&filter, direction, limit, QueryRole::Viewer).await.unwrap();
            let csv = crate::formats::collect(crate::formats::csv(rows)).await.unwrap();
            String::from_utf8_lossy(&csv).lines().map(str::to_owned).collect::<Vec<String>>()
        };
        let newest = text(Direction::Backward, 3).await;
        assert!(newest[0].starts_with("ts,ts_ns_rem,") && newest[0].contains(",body,"), "{newest:?}");
        let bodies = ["order 58", "order 56", "order 54"];
        assert!(newest.len() == 4 && newest[1..].iter().zip(bodies).all(|(row, body)| row.contains(body)));
        let oldest = text(Direction::Forward, 1_000).await;
        assert_eq!(oldest.len(), 1 + 20, "no more than query.logs.export_lines_max");
        assert!(oldest[1].contains("order 0") && oldest[20].contains("order 38"), "{oldest:?}");
    });
}

#[test]
fn around_a_line_is_what_its_service_and_host_wrote() {
    run(async {
        let bench = Bench::new().await;
        let mut records: Vec<LogRecord> =
            (0..40).map(|n| line(n, ["shop", "mail"][n as usize % 2], "INFO", &format!("{n}"))).collect();
        records[18].host = Some("h2".into());
        store(&bench, &records[..25]).await;
        merge(&bench).await;
        store(&bench, &records[25..]).await;
        let found = pages(&bench, &filter("20"), Direction::Backward, 1).await;
        let stream = LogStream { service: Some("shop".into()), host: Some("h1".into()) };
        let around = bench.engine.logs_around(found[0].id, stream, 3, QueryRole::Viewer).await.unwrap();
        assert_eq!(bodies(&around.before), ["12", "14", "16"]);
        assert_eq!(bodies(&around.after), ["22", "24", "26"]);
    });
}

#[test]
fn a_tail_gives_what_matches_and_says_what_it_missed() {
    run(async {
        let bench = Bench::new().await;
        let mut filter = filter("refused -debug");
        filter.severity_min = Some(Level::Warn);
        let mut tail = bench.engine.log_tail(filter).unwrap();
        store(&bench, &[line(1, "shop", "INFO", "refused"), line(2, "shop", "ERROR", "taken")]).await;
        store(&bench, &[line(3, "shop", "ERROR", "refused debug"), line(4, "shop", "ERROR", "Refused!")])
            .await;
        let Some(TailNews::Lines(lines)) = tail.next().await else { panic!("no lines") };
        assert_eq!(bodies(&lines), ["Refused!"]);
        let searched = pages(&bench, &super::tests::filter("Refused"), Direction::Backward, 1).await;
        assert_eq!(searched[0], lines[0], "the same identity as in a search");
        bench.lake.end_followers();
        assert_eq!(tail.next().await, None);
    });
}

#[test]
fn tails_have_a_limit_with_a_name() {
    run(async {
        let mut config = crate::QueryConfig::default();
        config.logs.tails_max = 1;
        let bench = Bench::with(config).await;
        let first = bench.engine.log_tail(filter("")).unwrap();
        let refused = bench.engine.log_tail(filter("")).err().unwrap();
        assert!(refused.to_string().contains("query.logs.tails_max"), "{refused}");
        drop(first);
        assert!(bench.engine.log_tail(filter("")).is_ok());
    });
}

const WORDS: [&str; 8] = ["order", "ORDER", "order_7", "refused", "größe", "a", "a-b", "77"];

fn any_line() -> impl Strategy<Value = LogRecord> {
    let text = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..5);
    let separator = prop::sample::select(vec![" ", "/", ": "]);
    (0_i64..40, prop::sample::select(vec!["shop", "mail", ""]), text, separator)
        .prop_map(|(secs, service, words, separator)| line(secs, service, "INFO", &words.join(separator)))
}

fn any_query() -> impl Strategy<Value = String> {
    let word = || prop::sample::select(&WORDS[..]);
    let term = prop_oneof![
        word().prop_map(str::to_owned),
        (word(), word()).prop_map(|(a, b)| format!("\"{a} {b}\"")),
        word().prop_map(|word| format!("{}*", &word[..1])),
        (0_i64..40).prop_map(|n| format!("n={n},{}", n + 1)),
        Just("service=shop".to_owned()),
        Just("region=*".to_owned()),
        Just("~\"ord[^ ]r\"".to_owned()),
        (word(), word()).prop_map(|(a, b)| format!("~\" {a} ({b}|77)\"")),
        (word(), word()).prop_map(|(a, b)| format!("~\"(?i)^{a}\\\\W+({b}|a) \"")),
        Just("region=~\"eu|us\"".to_owned()),
    ];
    let term =
        (any::<bool>(), term).prop_map(|(negated, term)| if negated { format!("-{term}") } else { term });
    prop::collection::vec(term, 0..3).prop_map(|terms| terms.join(" "))
}

async fn check_against_every_line(bench: &Bench, lines: &[LogRecord], query: &str) {
    let rows: LogRows = lines.iter().collect();
    let matcher = RowMatcher::of(&LogQuery::parse(query).unwrap());
    let mut expected: BTreeMap<&str, u32> = BTreeMap::new();
    for row in (0..rows.len()).filter(|row| matcher.matches(&rows, *row)) {
        *expected.entry(lines[row].body.as_ref()).or_default() += 1;
    }
    let found = pages(bench, &filter(query), Direction::Backward, 7).await;
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    bodies(&found).into_iter().for_each(|body| *counted.entry(body).or_default() += 1);
    assert_eq!(counted, expected, "{query} in {:?}", rows.bodies().iter().collect::<Vec<_>>());
}

/// Wherever lines are, a search finds those that a look at each of them finds.
#[test]
fn a_search_finds_what_looking_at_every_line_finds() {
    run(async {
        let mut runner = TestRunner::new(Config::default());
        for _ in 0..8 {
            let lines = prop::collection::vec(any_line(), 1..60).new_tree(&mut runner).unwrap().current();
            let queries = prop::collection::vec(any_query(), 6).new_tree(&mut runner).unwrap().current();
            let bench = Bench::new().await;
            let (merged, rest) = lines.split_at(lines.len() / 2);
            store(&bench, merged).await;
            merge(&bench).await;
            store(&bench, rest).await;
            for query in &queries {
                check_against_every_line(&bench, &lines, query).await;
            }
        }
    });
}
