//! What a case needs beyond the core language: cases with native histograms cannot run, others may fail
//! without breaking a promise yet.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::notation::Point;
use crate::script::{Eval, Load};

/// Metrics of a block that hold something the engine has no samples for.
#[derive(Default)]
pub struct Unusual {
    histograms: HashSet<String>,
    start_timestamps: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Must work.
    Core,
    /// Experimental functions, expressions as durations, extended ranges: works or not.
    Beyond,
    /// Native histograms: not tried.
    Impossible,
}

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

static STRINGS: LazyLock<Regex> = LazyLock::new(|| regex(r#""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`"#));
static IDENTIFIERS: LazyLock<Regex> = LazyLock::new(|| regex(r"[A-Za-z_:][A-Za-z0-9_:]*"));
static ANONYMOUS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|[^A-Za-z0-9_:])\{"));
static BEYOND: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)\b(?:histogram_quantiles|double_exponential_smoothing|info|mad_over_time|sort_by_label|",
        r"sort_by_label_desc|ts_of_\w+_over_time|first_over_time|start_timestamp|limitk|limit_ratio)\s*",
        r"(?:(?:by|without)\s*\([^)]*\)\s*)?\(",
        r"|\b(?:range|step|max_of|min_of)\s*\(",
        r"|(?:^|[^@\s])\s*\b(?:start|end)\s*\(",
        r"|\b(?:anchored|smoothed)\b|\bfill(?:_left|_right)?\s*\(|</|>/",
    ))
});
static DURATIONS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\[([^\]]*)\]|offset\s+(\([^)]*\)|[-+]?[\w.]+\s*[*/^%+][^)\s]*)"));
static PLAIN_DURATION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^\s*[-+]?(?:(?:\d+(?:ms|[ywdhms]))+|[\d.]+(?:e\d+)?|0x[0-9a-fA-F]+)?\s*$"));

impl Unusual {
    pub fn learn(&mut self, load: &Load) {
        self.start_timestamps |= load.start_timestamps;
        for (labels, points) in &load.series {
            let name = labels.metric();
            if points.contains(&Point::Histogram) {
                self.histograms.insert(name.to_owned());
            }
            if load.converts_histograms {
                let base = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
                self.histograms.extend(base.map(str::to_owned));
            }
        }
    }

    pub fn reach(&self, eval: &Eval) -> Reach {
        let bare = STRINGS.replace_all(&eval.expr, r#""""#);
        let expects_histogram = eval.series.iter().any(|(_, points)| points.contains(&Point::Histogram));
        let mut names = IDENTIFIERS.find_iter(&bare).map(|found| found.as_str());
        let named = names.any(|name| self.histograms.contains(name))
            || STRINGS
                .find_iter(&eval.expr)
                .any(|found| self.histograms.contains(&found.as_str()[1..found.as_str().len() - 1]));
        let wildcard = bare.contains("__name__") || ANONYMOUS.is_match(&bare);
        if expects_histogram || named || (wildcard && !self.histograms.is_empty()) || self.start_timestamps {
            return Reach::Impossible;
        }
        let computed_duration = DURATIONS.captures_iter(&bare).any(|captures| {
            let text = captures.get(1).or(captures.get(2)).map_or("", |found| found.as_str());
            !text.split(':').all(|part| PLAIN_DURATION.is_match(part))
        });
        if computed_duration || BEYOND.is_match(&bare) { Reach::Beyond } else { Reach::Core }
    }
}
