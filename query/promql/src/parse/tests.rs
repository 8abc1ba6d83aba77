//! What is read, what is refused, and with which words.

use super::size::*;
use super::*;
use expect_test::{Expect, expect};

fn refused(text: &str, words: &Expect) {
    let error = parse(text).expect_err(text);
    assert!(matches!(error, PromqlError::Bad(_)), "{text}: {error:?}");
    words.assert_eq(&error.to_string());
}

#[test]
fn unsupported_constructs_are_named() {
    refused("integral(up[5m])", &expect![[r#"function "integral" is not supported yet"#]]);
    refused(
        "a + fill(0) 1",
        &expect!["parse error: filling in missing series only allowed between instant vectors"],
    );
    refused(r#"{a="1" or b="2"}"#, &expect!["`or` between label matchers is not supported"]);
}

#[test]
fn wrong_queries_are_refused() {
    for text in
        ["", "sum(", "up{", "rate(up)", "up[5m", "1 and 2", "up == bool", "foo()", "sum(1)", "-up[5m]"]
    {
        assert!(matches!(parse(text), Err(PromqlError::Bad(_))), "{text:?}");
    }
}

#[test]
fn kinds_are_known_without_data() {
    let kind = |text| parse(text).unwrap().kind();
    assert_eq!(kind("1 + 2"), Kind::Scalar);
    assert_eq!(kind("up[5m]"), Kind::Matrix);
    assert_eq!(kind("rate(up[5m]) > 0"), Kind::Vector);
    assert_eq!(kind("'text'"), Kind::Text);
    assert_eq!(kind("max_over_time(up[1h:1m])"), Kind::Vector);
}

#[test]
fn selectors_come_in_order() {
    let query = parse(r#"a{x="1"} / on(x) sum by (x) (rate({__name__=~"b.*"}[5m]))"#).unwrap();
    let texts: Vec<_> = query.selectors().iter().map(|matchers| format!("{matchers:?}")).collect();
    assert_eq!(texts, [r#"[__name__="a", x="1"]"#, r#"[__name__=~"b.*"]"#]);
}

#[test]
fn size_is_bounded_before_parsing() {
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    refused(&deep, &expect!["the query has 5000 operators and brackets, more than 250"]);
    let long = format!("up{{a=\"{}\"}}", "x".repeat(70_000));
    refused(&long, &expect!["the query has 70008 bytes, more than 65536"]);
    let patterns = format!("up{{{}}}", "a=~'b',".repeat(101));
    refused(&patterns, &expect!["the query has 101 regular expressions, more than 100"]);
    let size = |text| measure(text).map(|size| (size.nesting, size.patterns)).unwrap();
    assert_eq!(size(r#"a{b="(((", c!="d", e=~"~~"} + b # (((~"#), (1, 1));
    assert_eq!(size("a and b unless(c)"), (3, 0));
}

#[test]
fn spans_that_do_not_fit_are_refused() {
    for text in ["up offset 1e300", "up[1e300]", "up[5m:1e300]", "up offset -1e300", "up @ 1e300"] {
        assert!(matches!(parse(text), Err(PromqlError::Bad(_))), "{text:?}");
    }
}

#[test]
fn byte_escapes_beyond_ascii_are_refused() {
    refused(
        r#"up{job="\xff"}"#,
        &expect![[r"the byte escape `\xff` is not supported: write the character itself"]],
    );
    assert!(parse(r#"up{job="\x41\n\u00e9"}"#).is_ok());
}

/// Nothing: the deepest queries that are let through.
struct Nothing;

impl crate::SeriesSource for Nothing {
    fn scan(&self, _: &crate::Selector, options: crate::ScanOptions) -> crate::SeriesChunks {
        crate::chunked(Vec::new(), options)
    }
}

#[test]
fn the_deepest_queries_fit_a_small_stack() {
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}up{}", open.repeat(depth), close.repeat(depth));
    let queries = [
        nested("(", ")", NESTING_MAX),
        nested("-", "", NESTING_MAX),
        nested("", " + 1", NESTING_MAX),
        nested("1 + (", ")", NESTING_MAX / 2),
        nested("abs(", ")", NESTING_MAX),
        nested("sum(", ")", NESTING_MAX),
        nested("", " or up", NESTING_MAX),
        nested("max_over_time(", "[1m:1m])", NESTING_MAX / 2),
        nested("label_replace(", r#", "a", "b", "c", "d")"#, NESTING_MAX),
    ];
    let small = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let run = small.spawn(move || {
        for text in queries {
            let query = parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let at = telemetry::Timestamp::EPOCH;
            let options = crate::EvalOptions::default();
            futures::executor::block_on(crate::eval_instant(&query, at, &Nothing, &options)).unwrap();
        }
    });
    run.unwrap().join().unwrap();
}

#[test]
fn what_is_experimental_is_refused_where_it_is_turned_off() {
    let evaluate = |text: &str, experimental_functions| {
        let options = crate::EvalOptions { experimental_functions, ..crate::EvalOptions::default() };
        let (query, at) = (parse(text).unwrap(), telemetry::Timestamp::EPOCH);
        let answer = futures::executor::block_on(crate::eval_instant(&query, at, &Nothing, &options));
        answer.map(drop).map_err(|error| error.to_string())
    };
    for (text, refusal) in [
        (
            "1 + sum(mad_over_time(m[5m]))",
            "parse error: function \"mad_over_time\" is not enabled: set query.promql.experimental_functions",
        ),
        (
            "limitk(2, m)",
            "parse error: limitk() is experimental and must be enabled with query.promql.experimental_functions",
        ),
        (
            "a + fill(0) b",
            "parse error: binop fill modifiers are experimental and not enabled: set query.promql.experimental_functions",
        ),
    ] {
        assert_eq!(evaluate(text, false), Err(refusal.to_owned()));
        assert_eq!(evaluate(text, true), Ok(()));
    }
    assert_eq!(evaluate("first_over_time(m[5m])", false), Ok(()));
}

#[test]
fn constructs_that_the_library_cannot_read_are_named() {
    refused(
        "rate(m[5m * 2])",
        &expect![
            "parse error: a duration that has to be computed is not supported: write its value, as in `[10m]`"
        ],
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..12)) {
        let _ = parse(&words.join(" "));
        let _ = parse(&words.concat());
    }

    #[test]
    fn no_characters_make_the_parser_panic(text in ".{0,40}") {
        let _ = parse(&text);
    }
}

const WORDS: &[&str] = &[
    "up",
    "rate",
    "sum",
    "by",
    "without",
    "(",
    ")",
    "{",
    "}",
    "[5m]",
    "[1h:5m]",
    "[",
    "]",
    ",",
    "=",
    "=~",
    "!=",
    "\"a\"",
    "'",
    "\\",
    "+",
    "-",
    "*",
    "/",
    "^",
    "%",
    "==",
    "bool",
    "on",
    "ignoring",
    "group_left",
    "or",
    "and",
    "unless",
    "offset",
    "@",
    "5m",
    "-5m",
    "1",
    "0x",
    "1e",
    "NaN",
    "start",
    "end",
    "time",
    "topk",
    "quantile",
    "é",
    "__name__",
    "#",
    "\n",
    "fill",
    "atan2",
    "9999999999999999999999",
    "1e999",
    "{{",
    "}}",
    "x",
];

#[test]
fn step_invariant_subtrees_are_marked_once() {
    let marks = |text| format!("{:?}", parse(text).unwrap().expr).matches("Invariant(").count();
    assert_eq!(marks("sum(up @ 5)"), 1);
    assert_eq!(marks("up + sum(up @ 5)"), 1);
    assert_eq!(marks("time() + 1"), 0);
    assert_eq!(marks("rate(up[5m] @ end())"), 1);
    assert_eq!(marks("predict_linear(up[5m] @ 5, 60)"), 0);
}
