//! The query parameter `filter_path`, by which shippers ask for the part of an answer that they read:
//! `errors,items.*.error`. Patterns are members joined by dots, `*` is any one of them; one that begins
//! with `-` takes away instead. Lists are passed through. Elasticsearch's `**` matches nothing here.

use serde_json::Value;

/// Patterns that are looked at; shippers send two or three.
const PATTERNS_MAX: usize = 16;
const MEMBERS_MAX: usize = 16;

/// What is left of an answer; all of it without the parameter.
pub(super) fn apply(query: Option<&str>, answer: Value) -> Value {
    let text = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("filter_path="));
    let text = text.unwrap_or_default().replace("%2C", ",").replace("%2c", ",").replace("%2A", "*");
    let patterns = text.split(',').filter(|pattern| !pattern.is_empty()).take(PATTERNS_MAX);
    let (without, with): (Vec<&str>, Vec<&str>) = patterns.partition(|pattern| pattern.starts_with('-'));
    let members = |pattern: &str| -> Vec<String> {
        pattern.trim_start_matches('-').split('.').take(MEMBERS_MAX).map(str::to_owned).collect()
    };
    let with: Vec<Vec<String>> = with.into_iter().map(members).collect();
    let without: Vec<Vec<String>> = without.into_iter().map(members).collect();
    let kept = if with.is_empty() { Some(answer) } else { keep(answer, &as_slices(&with)) };
    let mut kept = kept.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if !without.is_empty() {
        remove(&mut kept, &as_slices(&without));
    }
    kept
}

/// A pattern's members that are still to be matched.
type Pattern<'p> = &'p [String];

fn as_slices(patterns: &[Vec<String>]) -> Vec<Pattern<'_>> {
    patterns.iter().map(Vec::as_slice).collect()
}

/// The patterns behind a member, for what is in it.
fn behind<'p>(patterns: &[Pattern<'p>], member: &str) -> Vec<Pattern<'p>> {
    let next = patterns.iter().filter_map(|pattern| match pattern {
        [name, rest @ ..] if name == "*" || name == member => Some(rest),
        _ => None,
    });
    next.collect()
}

fn is_matched(patterns: &[Pattern<'_>]) -> bool {
    patterns.iter().any(|pattern| pattern.is_empty())
}

fn keep(value: Value, patterns: &[Pattern<'_>]) -> Option<Value> {
    if is_matched(patterns) {
        return Some(value);
    }
    match value {
        _ if patterns.is_empty() => None,
        Value::Object(map) => {
            let kept: serde_json::Map<_, _> = map
                .into_iter()
                .filter_map(|(name, value)| {
                    let value = keep(value, &behind(patterns, &name))?;
                    Some((name, value))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(list) => {
            let kept: Vec<Value> = list.into_iter().filter_map(|value| keep(value, patterns)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

fn remove(value: &mut Value, patterns: &[Pattern<'_>]) {
    match value {
        Value::Object(map) => map.retain(|name, value| {
            let behind = behind(patterns, name);
            remove(value, &behind);
            !is_matched(&behind)
        }),
        Value::Array(list) => list.iter_mut().for_each(|value| remove(value, patterns)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(query: &str, expect: Value) {
        let answer = json!({"took": 3, "errors": true, "items": [
            {"create": {"_index": "a", "status": 201}},
            {"create": {"_index": "a", "status": 400, "error": {"type": "t", "reason": "r"}}},
        ]});
        assert_eq!(apply(Some(query), answer), expect, "{query}");
    }

    #[test]
    fn what_shippers_ask_for() {
        let error = json!({"type": "t", "reason": "r"});
        // Fluent Bit, Filebeat, Logstash.
        check(
            "filter_path=errors,items.*.error",
            json!({"errors": true, "items": [{"create": {"error": error}}]}),
        );
        check(
            "refresh=false&filter_path=errors%2Citems.%2A.status",
            json!({"errors": true, "items": [{"create": {"status": 201}}, {"create": {"status": 400}}]}),
        );
        check("filter_path=-items", json!({"took": 3, "errors": true}));
        check(
            "filter_path=took,items,-items.*.error,-items.*._index",
            json!({"took": 3, "items": [
            {"create": {"status": 201}}, {"create": {"status": 400}}]}),
        );
        check("filter_path=nothing", json!({}));
    }

    #[test]
    fn without_the_parameter_the_answer_is_whole() {
        for query in [None, Some(""), Some("pretty=true"), Some("filter_path=")] {
            assert_eq!(apply(query, json!({"took": 1})), json!({"took": 1}));
        }
    }
}
