//! Samples, native histograms and exemplars with the labels of their series.

use super::{Described, View};

pub(super) fn views() -> Vec<View> {
    vec![
        View::new(METRICS_DESCRIBED, METRICS),
        View::new(SERIES_DESCRIBED, SERIES),
        View::new(HISTOGRAMS_DESCRIBED, HISTOGRAMS),
        View::new(EXEMPLARS_DESCRIBED, EXEMPLARS),
    ]
}

const METRICS_DESCRIBED: Described = Described {
    name: "metrics",
    comment: "Samples of all metrics with the labels of their series. Filter by metric and ts first.",
    columns: &[
        ("ts", "When the value was measured."),
        ("metric", "Name of the metric."),
        ("value", "The value; of a counter its running total."),
        ("labels", "All labels of the series but its name, as a map: labels['region']."),
        ("service", "The service that the labels name."),
        ("series_id", "Number of the series; joins with series and metric_samples."),
    ],
};

/// Joining on the metric too lets a filter on it reach both sides.
const METRICS: &str = "
    SELECT sample.ts, sample.metric, sample.value, series.labels, series.service, sample.series_id
    FROM lake.series AS series
    JOIN metric_samples AS sample
      ON sample.series_id = series.series_id AND sample.metric = series.metric";

const SERIES_DESCRIBED: Described = Described {
    name: "series",
    comment: "Every series once, as the index knows it now.",
    columns: &[
        ("series_id", "Number of the series."),
        ("metric", "Name of the metric."),
        ("labels", "All labels but the name, as a map."),
        ("service", "The service that the labels name."),
        ("env", "The environment that the labels name."),
        ("type", "counter, gauge, histogram, summary or unknown."),
        ("unit", "The unit that the sender gave."),
        ("first_ts", "Time of the oldest known sample."),
        ("last_ts", "Time of the newest sample."),
    ],
};

const SERIES: &str = "
    SELECT series_id, metric, labels, service, env, type, unit, first_ts, last_ts FROM lake.series";

const HISTOGRAMS_DESCRIBED: Described = Described {
    name: "histograms",
    comment: "Native (exponential) histograms with the labels of their series.",
    columns: &[
        ("ts", "When the histogram was taken."),
        ("metric", "Name of the metric."),
        ("count", "Observations so far."),
        ("sum", "Sum of the observations so far."),
        ("schema", "Resolution: a bucket is 2^(2^-schema) times as wide as the one before it."),
        ("zero_threshold", "Observations up to this distance from zero are in the zero bucket."),
        ("zero_count", "Observations in the zero bucket."),
        ("positive_spans", "Runs of positive buckets: how many are left out before one, how many it has."),
        ("positive_counts", "Observations in each of these buckets."),
        ("negative_spans", "Runs of negative buckets."),
        ("negative_counts", "Observations in each of these buckets."),
        ("custom_values", "Upper bounds where the buckets are not exponential."),
        ("reset_hint", "unknown, yes, no or gauge: whether counting began anew."),
        ("labels", "All labels of the series but its name, as a map: labels['region']."),
        ("service", "The service that the labels name."),
        ("series_id", "Number of the series; joins with series and metric_samples."),
    ],
};

const HISTOGRAMS: &str = "
    SELECT histogram.ts, series.metric, histogram.count, histogram.sum, histogram.schema,
           histogram.zero_threshold, histogram.zero_count,
           histogram.positive_spans, histogram.positive_counts,
           histogram.negative_spans, histogram.negative_counts,
           histogram.custom_values, histogram.reset_hint,
           series.labels, series.service, histogram.series_id
    FROM lake.series AS series
    JOIN metric_histograms AS histogram ON histogram.series_id = series.series_id";

const EXEMPLARS_DESCRIBED: Described = Described {
    name: "exemplars",
    comment: "Single observations that lead from a metric to a trace or log line.",
    columns: &[
        ("ts", "When it was observed."),
        ("metric", "Name of the metric."),
        ("value", "What was observed."),
        ("trace_id", "The trace that it was part of, lower-case hex."),
        ("span_id", "The span that it was part of, lower-case hex."),
        ("exemplar_labels", "The labels of the exemplar itself."),
        ("labels", "All labels of the series but its name, as a map: labels['region']."),
        ("service", "The service that the labels name."),
        ("series_id", "Number of the series; joins with series and metric_samples."),
    ],
};

const EXEMPLARS: &str = "
    SELECT exemplar.ts, series.metric, exemplar.value, exemplar.trace_id, exemplar.span_id,
           exemplar.labels AS exemplar_labels, series.labels, series.service, exemplar.series_id
    FROM lake.series AS series
    JOIN metric_exemplars AS exemplar ON exemplar.series_id = series.series_id";
