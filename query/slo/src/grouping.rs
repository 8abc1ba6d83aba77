//! One definition, an SLO per group: by region, tenant, route.
//!
//! Queries return a series per group (`sum by (region) (...)`), statements a row per group and
//! slice. Each group has slices, a budget and alerts of its own under its key.

use serde::Serialize;

/// Groups of one SLO unless annotated `evenkeel.dev/groups-max`.
pub const GROUPS_MAX_DEFAULT: u32 = 100;
/// No annotation raises it further: each group is evaluated and kept like an SLO.
pub const GROUPS_MAX: u32 = 10_000;
/// More labels are no grouping that somebody looks at.
pub const GROUP_LABELS_MAX: usize = 5;

/// What an SLO is divided by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grouping {
    /// Labels or columns, in the order written; never empty.
    pub labels: Vec<String>,
    /// Groups beyond are not evaluated and are reported as a problem of the SLO.
    pub groups_max: u32,
}

impl Grouping {
    /// The key of a group, as Prometheus writes labels: `{region="eu",tenant="a"}`. A label that is
    /// missing is an empty one.
    pub fn key<'v>(&self, value_of: impl Fn(&str) -> Option<&'v str>) -> String {
        let pairs: Vec<String> = self
            .labels
            .iter()
            .map(|label| format!("{label}={}", quoted(value_of(label).unwrap_or_default())))
            .collect();
        format!("{{{}}}", pairs.join(","))
    }

    /// A label that a PromQL text loses: it aggregates and never names the label. A guess by words, since
    /// expressions are not parsed here.
    pub fn lost_in(&self, promql: &str) -> Option<&str> {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let words: Vec<&str> = promql.split(|c| !is_inner(c)).collect();
        let aggregates = words.iter().any(|word| AGGREGATIONS.contains(word)) && !words.contains(&"without");
        self.labels.iter().map(String::as_str).find(|label| aggregates && !words.contains(label))
    }
}

const AGGREGATIONS: [&str; 6] = ["sum", "avg", "min", "max", "count", "quantile"];

fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_region_and_tenant() -> Grouping {
        Grouping { labels: vec!["region".into(), "tenant".into()], groups_max: 10 }
    }

    #[test]
    fn aggregations_that_lose_a_label_are_noticed() {
        let grouping = by_region_and_tenant();
        assert_eq!(grouping.lost_in("sum by (region) (x)"), Some("tenant"));
        assert_eq!(grouping.lost_in("sum by (region, tenant) (x)"), None);
        assert_eq!(grouping.lost_in("sum without (pod) (x)"), None);
        assert_eq!(grouping.lost_in("x_sum"), None);
    }

    #[test]
    fn keys_tell_groups_apart_whatever_their_values() {
        let grouping = by_region_and_tenant();
        let key = |region: &'static str, tenant: Option<&'static str>| {
            grouping.key(|label| if label == "region" { Some(region) } else { tenant })
        };
        assert_eq!(key("eu", Some("a")), r#"{region="eu",tenant="a"}"#);
        assert_eq!(key("eu", None), r#"{region="eu",tenant=""}"#);
        assert_eq!(key(r#"eu",tenant="a"#, Some("")), r#"{region="eu\",tenant=\"a",tenant=""}"#);
    }
}
