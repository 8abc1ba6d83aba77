//! Numbers stay with their label sets; matchers select as Prometheus' do.

use telemetry::MatchOp;

use super::*;

const FOREVER: Range<Timestamp> = Timestamp::MIN..Timestamp::MAX;

fn labels(text: &str) -> Labels {
    Labels::new(text.split(',').filter_map(|pair| pair.split_once('='))).unwrap()
}

fn register(index: &SeriesIndex, text: &str) -> Arc<SeriesEntry> {
    let (labels, meta) = (labels(text), SeriesMeta::default());
    let resolved = index.resolve([(&labels, &meta)].into_iter(), "test", &SeriesLimits::NONE);
    let entry = index.entries_of(&[resolved.slots[0].unwrap()]).remove(0);
    entry.cell().cover(0);
    entry
}

#[test]
fn one_label_set_has_one_number() {
    let index = SeriesIndex::default();
    let first = register(&index, "__name__=up,job=a");
    assert_eq!(register(&index, "__name__=up,job=a").id, first.id);
    assert_ne!(register(&index, "__name__=up,job=b").id, first.id);
    assert_eq!(index.len(), 2);
}

#[test]
fn colliding_label_sets_get_different_numbers_and_keep_them_over_a_restart() {
    let index = SeriesIndex::colliding();
    let ids = ["a=1", "a=2", "a=3"].map(|text| register(&index, text).id.get());
    assert_eq!(ids, [7, 8, 9]);

    let reopened = SeriesIndex::colliding();
    for text in ["a=3", "a=2"] {
        let entry = register(&index, text);
        reopened.restore(entry.id, entry.labels.clone(), entry.meta.clone(), "test");
    }
    // The set that has the number at home may be gone; the others keep theirs all the same.
    assert_eq!(["a=3", "a=2"].map(|text| register(&reopened, text).id.get()), [9, 8]);
    assert_eq!(register(&reopened, "a=1").id.get(), 7);
}

#[test]
fn new_series_stop_at_the_bound_and_known_ones_go_on() {
    let index = SeriesIndex::default();
    let sets = [labels("a=1"), labels("a=2"), labels("a=1"), labels("a=3")];
    let meta = SeriesMeta::default();
    let limits = SeriesLimits { all: 2, ..SeriesLimits::NONE };
    let resolved = index.resolve(sets.iter().map(|set| (set, &meta)), "test", &limits);
    assert_eq!(resolved.slots, [Ok(0), Ok(1), Ok(0), Err(SeriesLimit::All)]);
}

#[test]
fn matchers_select_as_prometheus_does() {
    let index = SeriesIndex::default();
    for text in ["__name__=up,job=api,env=prod", "__name__=up,job=web", "__name__=down,job=api"] {
        register(&index, text);
    }
    let check = |conditions: &[(&str, MatchOp, &str)], expected: &[&str]| {
        let matchers: Vec<_> =
            conditions.iter().map(|(name, op, value)| Matcher::new(name, *op, value).unwrap()).collect();
        let found = index.find(&matchers, FOREVER);
        let mut found: Vec<String> = found.iter().map(|entry| entry.labels.to_string()).collect();
        found.sort();
        assert_eq!(found, expected, "{conditions:?}");
    };
    const DOWN: &str = r#"down{job="api"}"#;
    const UP_API: &str = r#"up{env="prod", job="api"}"#;
    const UP_WEB: &str = r#"up{job="web"}"#;
    check(&[], &[DOWN, UP_API, UP_WEB]);
    check(&[("__name__", MatchOp::Equal, "up")], &[UP_API, UP_WEB]);
    check(&[("__name__", MatchOp::Equal, "up"), ("job", MatchOp::NotEqual, "web")], &[UP_API]);
    check(&[("env", MatchOp::Equal, "")], &[DOWN, UP_WEB]);
    check(&[("env", MatchOp::NotEqual, "")], &[UP_API]);
    check(&[("env", MatchOp::NotEqual, "prod")], &[DOWN, UP_WEB]);
    check(&[("job", MatchOp::Regex, "api|web|nothing")], &[DOWN, UP_API, UP_WEB]);
    check(&[("job", MatchOp::Regex, "a.*")], &[DOWN, UP_API]);
    check(&[("job", MatchOp::NotRegex, "a.*")], &[UP_WEB]);
    check(&[("job", MatchOp::Regex, "w.*"), ("__name__", MatchOp::Equal, "up")], &[UP_WEB]);
    check(&[("env", MatchOp::NotRegex, "p.+"), ("job", MatchOp::Equal, "api")], &[DOWN]);
    check(&[("__name__", MatchOp::Regex, "d.*n"), ("job", MatchOp::Regex, "a.+")], &[DOWN]);
    check(&[("env", MatchOp::Regex, "prod|")], &[DOWN, UP_API, UP_WEB]);
    check(&[("env", MatchOp::NotRegex, ".*")], &[]);
    check(&[("absent", MatchOp::Equal, "")], &[DOWN, UP_API, UP_WEB]);
    check(&[("absent", MatchOp::Regex, ".+")], &[]);
}

#[test]
fn names_and_values_are_those_of_the_selected_series() {
    let index = SeriesIndex::default();
    register(&index, "__name__=up,job=api,env=prod");
    register(&index, "__name__=up,job=web").cell().cover(5_000_000);
    let web = [Matcher::new("job", MatchOp::Equal, "web").unwrap()];
    assert_eq!(index.label_names(&[], FOREVER), ["__name__", "env", "job"]);
    assert_eq!(index.label_names(&web, FOREVER), ["__name__", "job"]);
    assert_eq!(index.label_values("job", &[], FOREVER), ["api", "web"]);
    assert_eq!(index.label_values("env", &web, FOREVER), Vec::<String>::new());
    let later = Timestamp::from_secs(3)..Timestamp::from_secs(9);
    assert_eq!(index.label_values("job", &[], later), ["web"]);
}
