//! Types, units and help of metric families: from the series that there are, completed by what targets
//! say of themselves. Help texts that came by other ways than scraping are not kept.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use telemetry::{MetricType, SeriesMeta};

use super::answer::{ApiError, Success, answer, aside};
use super::params::Params;
use super::series::complete;
use crate::state::AppState;

/// One saying about a family.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Saying {
    r#type: &'static str,
    help: String,
    unit: String,
}

type Families = BTreeMap<String, Vec<Saying>>;

/// `/prometheus/api/v1/metadata`
pub(crate) async fn metadata(State(state): State<AppState>, params: Params) -> Response {
    answer(aside(move || find(&state, &params)).await)
}

fn find(state: &AppState, params: &Params) -> Result<Success<Families>, ApiError> {
    let only = params.get("metric");
    let limit = params.count("limit")?.min(state.config.series_rows_max);
    let per_metric = params.count("limit_per_metric")?;
    complete(state)?;
    let mut families = said_by_targets(state, only);
    for metric in only.map_or_else(|| vec![None], |family| members(family).map(Some).to_vec()) {
        for (metric, kinds) in state.engine.metric_metadata(metric.as_deref(), usize::MAX)? {
            for kind in kinds {
                let family = family_of(&metric, &kind);
                if only.is_none_or(|only| only == family) {
                    families.entry(family.to_owned()).or_insert_with(|| vec![Saying::from(kind)]);
                }
            }
        }
    }
    for sayings in families.values_mut() {
        sayings.truncate(per_metric);
    }
    Ok(Success::of(families.into_iter().take(limit).collect()))
}

fn said_by_targets(state: &AppState, only: Option<&str>) -> Families {
    let mut families = Families::new();
    for target in state.scraper.targets() {
        for (family, text) in
            target.metadata.iter().filter(|(family, _)| only.is_none_or(|only| only == &***family))
        {
            let saying = Saying {
                r#type: text.metric_type.as_str(),
                help: text.help.to_string(),
                unit: text.unit.to_string(),
            };
            let sayings = families.entry(family.to_string()).or_default();
            if !sayings.contains(&saying) {
                sayings.push(saying);
            }
        }
    }
    families
}

/// The metrics that a family's series may be of.
fn members(family: &str) -> [String; 4] {
    ["", "_bucket", "_count", "_sum"].map(|suffix| format!("{family}{suffix}"))
}

/// The family that a metric is of: that of `latency_bucket` is `latency`.
fn family_of<'a>(metric: &'a str, kind: &SeriesMeta) -> &'a str {
    let suffixes: &[&str] = match kind.metric_type {
        MetricType::Histogram => &["_bucket", "_count", "_sum"],
        MetricType::Summary => &["_count", "_sum"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| metric.strip_suffix(suffix)).unwrap_or(metric)
}

impl From<SeriesMeta> for Saying {
    fn from(meta: SeriesMeta) -> Saying {
        let unit = meta.unit.as_deref().unwrap_or_default().to_owned();
        Saying { r#type: meta.metric_type.as_str(), help: String::new(), unit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_histograms_and_summaries_are_of_one_family() {
        let of = |metric_type| SeriesMeta { metric_type, ..SeriesMeta::default() };
        for (metric, metric_type, family) in [
            ("latency_bucket", MetricType::Histogram, "latency"),
            ("latency_sum", MetricType::Histogram, "latency"),
            ("latency_count", MetricType::Summary, "latency"),
            ("latency", MetricType::Histogram, "latency"),
            ("fire_bucket", MetricType::Gauge, "fire_bucket"),
            ("calls_total", MetricType::Counter, "calls_total"),
        ] {
            assert_eq!(family_of(metric, &of(metric_type)), family, "{metric}");
        }
    }
}
