//! What is read, what is refused, and where.

use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expect: Expect) {
    let said = match LogQuery::parse(text) {
        Ok(query) => query.terms.iter().map(|term| format!("{}\n", written(term))).collect(),
        Err(error) => format!("{error}\n"),
    };
    expect.assert_eq(&said);
}

fn written(term: &Term) -> String {
    let not = if term.negated { "not " } else { "" };
    match &term.test {
        Test::Text(test) => format!("{not}{test}"),
        Test::Field { name, test: FieldTest::OneOf(values) } => format!("{not}{name} in {values:?}"),
        Test::Field { name, test: FieldTest::Present } => format!("{not}{name} is there"),
        Test::Field { name, test: FieldTest::Regex(pattern) } => {
            format!("{not}{name} matches {}", pattern.0.as_str())
        }
    }
}

#[test]
fn words_phrases_prefixes_and_patterns() {
    check("", expect![[""]]);
    check(
        r#"Refused "Connection Refused" refus* /api/v1 -debug -"slow \"path\"" ~time(d)?out -~"a b""#,
        expect![[r#"
            "refused"
            "connection refused"
            refus*
            "/api/v1"
            not "debug"
            not "slow \"path\""
            ~"time(d)?out"
            not ~"a b"
        "#]],
    );
    check(
        "http://a.b/c?d=e 100% *",
        expect![[r#"
        "http://a.b/c?d=e"
        "100%"
        "*"
    "#]],
    );
}

#[test]
fn fields_with_one_value_several_any_and_patterns() {
    check(
        r#"service=checkout region=eu-0,"eu 1" -host=a k8s.pod.name!=x,y level=* -order.id=* path=~/api/.* path!~"a b" empty="""#,
        expect![[r#"
            service in ["checkout"]
            region in ["eu-0", "eu 1"]
            not host in ["a"]
            not k8s.pod.name in ["x", "y"]
            level is there
            not order.id is there
            path matches ^(?:/api/.*)$
            not path in ["a b"]
            empty in [""]
        "#]],
    );
    check(
        r#"region=~"eu-(0|1)" severity=~"err|fatal" severity=~"err.*""#,
        expect![[r#"
            region in ["eu-0", "eu-1"]
            severity in ["ERR", "FATAL"]
            severity matches ^(?i:err.*)$
        "#]],
    );
}

#[test]
fn errors_say_where() {
    check("a \"open", expect!["the quote is not closed (at character 3)\n"]);
    check("ü region=", expect!["a value is missing; write \"\" for the empty one (at character 10)\n"]);
    check(
        "a - b",
        expect!["`-` stands before a term; write \"-\" to look for the character (at character 4)\n"],
    );
    check("~(", expect!["not a regular expression: unclosed group (at character 2)\n"]);
    check("region=~\"a)|(b\"", expect!["not a regular expression: unopened group (at character 9)\n"]);
    check("~", expect!["the regular expression is empty (at character 2)\n"]);
    check("\"\"", expect!["the phrase is empty (at character 1)\n"]);
    let long = "a ".repeat(TERMS_MAX + 1);
    assert!(LogQuery::parse(&long).unwrap_err().message.contains("64 terms"));
    assert!(LogQuery::parse(&"a".repeat(TEXT_BYTES_MAX + 1)).unwrap_err().message.contains("4096 bytes"));
}
