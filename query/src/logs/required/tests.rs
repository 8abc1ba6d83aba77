//! Words by example, and that no match is ever without them.

use datafusion::arrow::array::{Scalar, StringArray};
use datafusion::arrow::compute::kernels::comparison::{ilike, like as arrow_like};
use proptest::prelude::*;
use regex::Regex;

use super::*;

/// Groups apart by spaces, words of a group by bars.
fn check(pattern: &str, expect: &str) {
    let groups: Vec<String> = words_of(pattern).iter().map(|group| group.join("|")).collect();
    assert_eq!(groups.join(" "), expect, "{pattern}");
}

#[test]
fn words_count_where_they_are_whole() {
    check("refused", "");
    check("connection refused", "");
    check("user .* not found", "not");
    check("user [0-9]+ not found", "not");
    check("payment was REFUSED by bank", "was refused by");
    check("^connection refused$", "connection refused");
    check("(?m)^error: ", "error");
    check(r"[:= ]timeout\s+of\s", "timeout of");
    check(r"(?i) disk full ", "full disk|diſk");
    check("time(d )?out", "");
    check(r"\berror\b", "");
    // Of each way to write it the longest word.
    check("id=\"(orders|carts)\" (lost|gone), .* again after", "carts|orders again");
}

#[test]
fn of_branches_each_has_to_have_one() {
    check(" (refused|reset by) ", "refused|reset");
    check("the (refused|reset) one", "refused|reset");
    check(" a one b| a two b", "a one|two");
    check(" refused |[a-z]+", "");
    check("( refused [0-9]+| gone for [a-z]+)+", "refused|gone");
    check("( refused [0-9]+)*", "");
    check("( ab){2} ", "ab");
}

#[test]
fn values_are_all_there_are_or_unknown() {
    let check = |pattern: &str, expect: Option<&[&str]>| {
        let found = values_of(pattern);
        let found: Option<Vec<&str>> = found.as_ref().map(|all| all.iter().map(String::as_str).collect());
        assert_eq!(found.as_deref(), expect, "{pattern}");
    };
    check("eu-0|eu-1", Some(&["eu-0", "eu-1"]));
    check("eu-[01]", Some(&["eu-0", "eu-1"]));
    check("(a|b)?c", Some(&["ac", "bc", "c"]));
    check("eu-.*", None);
    check("eu-[0-9]{4}", None);
    check("^eu$", None);
    check("a\\b", None);
}

#[test]
fn patterns_of_like_have_words_too() {
    let check = |like: &str, any_case: bool, expect: &str| check(&pattern_of_like(like, any_case), expect);
    check("%timed out after 7%", false, "out after");
    check("timed out%", false, "timed");
    check("%timed out", false, "out");
    check("timed Out", false, "timed out");
    check("%refused%", false, "");
    check("% refused_", false, "");
    check(r"% 100\% full, b%", false, "100 full");
    check(r"% a\_b %", false, "a_b");
    check(r"% one \t two %", false, "one two");
    check("% (Disk) [full] %", true, "full disk|diſk");
}

/// Expressions over few letters, so that random texts match them.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abk²İs]{1,3}",
        Just(" ".to_owned()),
        Just(": ".to_owned()),
        Just(r"\s".to_owned()),
        Just(r"\b".to_owned()),
        Just(r"\W".to_owned()),
        Just("^".to_owned()),
        Just("(?m:$)".to_owned()),
        Just(".".to_owned()),
        Just("[a-c ]".to_owned()),
        Just("[ =:]".to_owned()),
        Just("(?i:ks)".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join("|"))),
            (inner, prop_oneof![Just("?"), Just("*"), Just("+"), Just("{2}"), Just("{0,3}")])
                .prop_map(|(part, times)| format!("(?:{part}){times}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_text_that_is_like_a_pattern_is_without_the_words(
        like in "[ab²Ks %_\\\\]{0,12}",
        any_case: bool,
        texts in prop::collection::vec("[abkKsſS²: %_\\\\\n]{0,8}", 64),
    ) {
        let column = StringArray::from(texts);
        let pattern = Scalar::new(StringArray::from(vec![like.as_str()]));
        let is_like = if any_case { ilike(&column, &pattern) } else { arrow_like(&column, &pattern) }.unwrap();
        let groups = words_of(&pattern_of_like(&like, any_case));
        for (row, text) in column.iter().flatten().enumerate().filter(|(row, _)| is_like.value(*row)) {
            let folded = fold(text);
            let mut present = Vec::new();
            words(&folded, |word| present.push(word));
            for group in &groups {
                let is_there = group.iter().any(|word| present.contains(&word.as_str()));
                prop_assert!(is_there, "row {row}: {text:?} is like {like:?} without any of {group:?}");
            }
        }
    }

    #[test]
    fn no_text_that_matches_is_without_the_words(
        pattern in pattern(),
        texts in prop::collection::vec("[abckKsſSİ²: =\n]{0,12}", 16),
    ) {
        let regex = Regex::new(&pattern).unwrap();
        let groups = words_of(&pattern);
        let values = values_of(&pattern);
        let whole = Regex::new(&format!("^(?:{pattern})$")).unwrap();
        for text in texts {
            let folded = fold(&text);
            let mut present = Vec::new();
            words(&folded, |word| present.push(word));
            if regex.is_match(&text) {
                for group in &groups {
                    let is_there = group.iter().any(|word| present.contains(&word.as_str()));
                    prop_assert!(is_there, "{pattern:?} matches {text:?}, which has none of {group:?}");
                }
            }
            if let Some(values) = &values {
                prop_assert_eq!(whole.is_match(&text), values.contains(&text), "{} {:?}", pattern, text);
            }
        }
    }
}
