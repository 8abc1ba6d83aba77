//! The semantics that Prometheus documents, one line of YAML a rule.

use super::*;

fn labels(text: &str) -> LabelSet {
    text.split_whitespace().filter_map(|pair| pair.split_once('=')).collect()
}

fn shown(labels: &LabelSet) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn rules(yaml: &[&str]) -> Result<Vec<RelabelRule>, String> {
    let text: String = yaml.iter().map(|rule| format!("- {{{rule}}}\n")).collect();
    serde_saphyr::from_str(&text).map_err(|error| error.without_snippet().to_string())
}

/// `expect` is the labels after the rules, or `dropped`.
fn check(before: &str, yaml: &[&str], expect: &str) {
    let mut found = labels(before);
    let kept = relabel(&rules(yaml).unwrap(), &mut found);
    assert_eq!(if kept { shown(&found) } else { "dropped".to_owned() }, expect, "{before} by {yaml:?}");
}

#[test]
fn replace_sets_what_a_match_makes() {
    check(
        "a=foo b=bar",
        &["source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch${1}'"],
        "a=foo b=bar d=choo-choo",
    );
    check("a=foo b=bar", &["source_labels: [a, b], target_label: c"], "a=foo b=bar c=foo;bar");
    check("a=foo b=bar", &["source_labels: [a, b], separator: '', target_label: c"], "a=foo b=bar c=foobar");
    check("a=foo", &["source_labels: [a, missing], target_label: c"], "a=foo c=foo;");
    check("a=foo", &["target_label: c, replacement: fixed"], "a=foo c=fixed");
    check("a=foo", &["source_labels: [b], regex: f.*, target_label: c, replacement: x"], "a=foo");
    // The whole text has to match.
    check("a=foo", &["source_labels: [a], regex: oo, target_label: c, replacement: x"], "a=foo");
    check("a=foo", &["source_labels: [a], regex: 'x|foo', target_label: c, replacement: x"], "a=foo c=x");
    // An empty result removes the label.
    check(
        "a=foo b=bar",
        &["source_labels: [a], regex: '(f).*', target_label: b, replacement: '$2'"],
        "a=foo",
    );
    check("a=foo b=bar", &["target_label: b, replacement: ''"], "a=foo");
    check("a=foo", &["source_labels: [missing], target_label: a"], "");
    // $1x is a group of that name, ${1}x the first group and an x.
    check("a=foo", &["source_labels: [a], target_label: b, replacement: '$1x'"], "a=foo");
    check("a=foo", &["source_labels: [a], target_label: b, replacement: '${1}x'"], "a=foo b=foox");
    check("a=foo", &["source_labels: [a], target_label: b, replacement: '$$1'"], "a=foo b=$1");
    check(
        "a=foo",
        &["source_labels: [a], regex: '(?P<all>.*)', target_label: b, replacement: '${all}'"],
        "a=foo b=foo",
    );
    // The target may be made of the match, and may turn out to be no name.
    check(
        "a=some-name-value",
        &["source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', replacement: '${2}'"],
        "a=some-name-value name=value",
    );
    check("a=x", &["source_labels: [a], regex: '(x)(y)?', target_label: '$2', replacement: z"], "a=x");
    // Rules see what the rules before them did.
    check(
        "a=foo",
        &[
            "source_labels: [a], target_label: b",
            "source_labels: [b], target_label: c",
            "regex: b, action: labeldrop",
        ],
        "a=foo c=foo",
    );
}

#[test]
fn keep_and_drop_decide_about_the_whole() {
    check("a=foo", &["source_labels: [a], regex: foo, action: keep"], "a=foo");
    check("a=foo", &["source_labels: [a], regex: fo, action: keep"], "dropped");
    check("a=foo", &["source_labels: [a], regex: f.*, action: drop"], "dropped");
    check("a=foo", &["source_labels: [a], regex: o, action: DROP"], "a=foo");
    check("a=foo", &["source_labels: [missing], regex: '', action: drop"], "dropped");
    check("a=foo", &["source_labels: [missing], regex: '.+', action: keep"], "dropped");
    check("a=foo b=bar", &["source_labels: [a, b], regex: 'foo;bar', action: keep"], "a=foo b=bar");
    check(
        "port=80 own=80",
        &["source_labels: [own], target_label: port, action: keepequal"],
        "own=80 port=80",
    );
    check("port=80 own=81", &["source_labels: [own], target_label: port, action: keepequal"], "dropped");
    check("port=80 own=80", &["source_labels: [own], target_label: port, action: dropequal"], "dropped");
    check(
        "port=80 own=81",
        &["source_labels: [own], target_label: port, action: dropequal"],
        "own=81 port=80",
    );
    check("a=1", &["source_labels: [x], target_label: y, action: keepequal"], "a=1");
}

#[test]
fn names_are_mapped_dropped_and_kept() {
    check(
        "a=1 b1=2 b2=3",
        &["regex: 'b(.*)', replacement: 'bar_$1', action: labelmap"],
        "a=1 b1=2 b2=3 bar_1=2 bar_2=3",
    );
    check(
        "__meta_my_zone=eu a=1",
        &["regex: '__meta_(my.*)', action: labelmap"],
        "__meta_my_zone=eu a=1 my_zone=eu",
    );
    check("a=1 b1=2 b2=3", &["regex: 'b.*', action: labeldrop"], "a=1");
    check("a=1 b1=2 b2=3", &["regex: 'b', action: labeldrop"], "a=1 b1=2 b2=3");
    check("a=1 b1=2 b2=3", &["regex: 'b.*', action: labelkeep"], "b1=2 b2=3");
}

#[test]
fn values_are_hashed_and_folded() {
    // The vectors of Prometheus' own documentation and tests.
    check(
        "a=foo b=bar c=baz",
        &["source_labels: [c], target_label: d, action: hashmod, modulus: 1000"],
        "a=foo b=bar c=baz d=976",
    );
    check("a=foo", &["source_labels: [a], target_label: d, action: hashmod, modulus: 1"], "a=foo d=0");
    check(
        "foo=bAr123Foo",
        &[
            "source_labels: [foo], action: uppercase, target_label: foo_uppercase",
            "source_labels: [foo], action: lowercase, target_label: foo_lowercase",
        ],
        "foo=bAr123Foo foo_lowercase=bar123foo foo_uppercase=BAR123FOO",
    );
}

#[test]
fn a_rule_that_makes_no_sense_is_refused() {
    for (yaml, expect) in [
        ("action: replcae", "\"replcae\" is not a relabel action"),
        ("source_labels: [a]", "relabel action replace needs a target_label"),
        ("source_labels: [a], action: hashmod, target_label: b", "hashmod needs a modulus above 0"),
        ("source_labels: [a], action: lowercase", "relabel action lowercase needs a target_label"),
        (
            "action: uppercase, target_label: a, replacement: x",
            "relabel action uppercase takes no replacement",
        ),
        (
            "action: keepequal, target_label: a, regex: x",
            "keepequal takes source_labels and target_label, no regex",
        ),
        (
            "action: labeldrop, regex: x, source_labels: [a]",
            "relabel action labeldrop takes a regex, no source_labels",
        ),
        (
            "action: labelkeep, regex: x, replacement: y",
            "relabel action labelkeep takes a regex, no replacement",
        ),
        ("target_label: a, regex: '('", "regex \"(\""),
        ("target_label: a, regex: ')|('", "regex \")|(\""),
        ("target_label: a, regex: '(?:.{1000}){1000}'", "size limit"),
        ("target_label: \"a\\n\"", "target_label \"a\\n\" holds a control character"),
        ("source_label: [a]", "source_label"),
    ] {
        let error = rules(&[yaml]).unwrap_err();
        assert!(error.contains(expect), "{yaml}: {error}");
    }
}
