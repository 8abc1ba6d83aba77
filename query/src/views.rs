//! The SQL views: what people query instead of the tables. Their columns are a contract.
//!
//! A subject's current state is its event with the highest `seq`. Times inside payloads are
//! RFC 3339 text; `json_time` reads them.

use datafusion::prelude::SessionContext;
use futures::FutureExt;

use crate::QueryError;

/// Each view with its definition, in an order that lets later ones use earlier ones.
const VIEWS: [(&str, &str); 8] = [
    ("metrics", METRICS),
    ("histograms", HISTOGRAMS),
    ("exemplars", EXEMPLARS),
    ("slo_slices", SLO_SLICES),
    ("incidents", INCIDENTS),
    ("pages", PAGES),
    ("deploys", DEPLOYS),
    ("alert_history", ALERT_HISTORY),
];

/// Samples with the labels of their series. Joining on the metric too lets a filter on it reach
/// both sides.
const METRICS: &str = "
    SELECT sample.ts, sample.metric, sample.value, series.labels, series.service, sample.series_id
    FROM lake.series AS series
    JOIN metric_samples AS sample
      ON sample.series_id = series.series_id AND sample.metric = series.metric";

/// Native histograms with the labels of their series.
const HISTOGRAMS: &str = "
    SELECT histogram.ts, series.metric, histogram.count, histogram.sum, histogram.schema,
           histogram.zero_threshold, histogram.zero_count,
           histogram.positive_spans, histogram.positive_counts,
           histogram.negative_spans, histogram.negative_counts,
           histogram.custom_values, histogram.reset_hint,
           series.labels, series.service, histogram.series_id
    FROM lake.series AS series
    JOIN metric_histograms AS histogram ON histogram.series_id = series.series_id";

/// Exemplars: `labels` are those of the series, `exemplar_labels` the exemplar's own.
const EXEMPLARS: &str = "
    SELECT exemplar.ts, series.metric, exemplar.value, exemplar.trace_id, exemplar.span_id,
           exemplar.labels AS exemplar_labels, series.labels, series.service, exemplar.series_id
    FROM lake.series AS series
    JOIN metric_exemplars AS exemplar ON exemplar.series_id = series.series_id";

const SLO_SLICES: &str = "
    SELECT slo_id, generation, group_key, slice_start, slice_secs,
           CAST(good_milli AS DOUBLE) / 1000 AS good,
           CAST(total_milli AS DOUBLE) / 1000 AS total,
           coverage, rev, recorded_at
    FROM lake.slo_slices";

/// Imported history says neither state nor source: both follow from its times. Some senders tell the
/// end of an incident without its title and beginning: an earlier event knows them.
const INCIDENTS: &str = "
    SELECT subject_id AS incident_id,
           title,
           service,
           coalesce(json_text(payload, 'severity'), severity) AS severity,
           coalesce(
             json_text(payload, 'state'),
             CASE WHEN json_time(payload, 'resolved_at') IS NOT NULL THEN 'resolved'
                  WHEN json_time(payload, 'restored_at') IS NOT NULL THEN 'mitigated'
                  ELSE 'investigating' END) AS state,
           started_at,
           detected_at,
           json_time(payload, 'acknowledged_at') AS acknowledged_at,
           json_time(payload, 'mitigated_at') AS mitigated_at,
           json_time(payload, 'restored_at') AS restored_at,
           json_time(payload, 'resolved_at') AS resolved_at,
           json_time(payload, 'closed_at') AS closed_at,
           coalesce(json_text(payload, 'source'), 'imported') AS source,
           json_text(payload, 'commander') AS commander,
           env
    FROM (SELECT subject_id, service, env, severity, payload,
                 first_value(json_text(payload, 'title')) IGNORE NULLS OVER
                   (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS title,
                 first_value(json_time(payload, 'started_at')) IGNORE NULLS OVER
                   (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS started_at,
                 first_value(json_time(payload, 'detected_at')) IGNORE NULLS OVER
                   (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS detected_at,
                 row_number() OVER (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC) AS age
          FROM events WHERE kind = 'incident')
    WHERE age = 1";

const PAGES: &str = "
    SELECT subject_id AS page_id,
           json_text(payload, 'incident_id') AS incident_id,
           json_text(payload, 'alert') AS alert,
           json_text(payload, 'recipient') AS recipient,
           json_text(payload, 'channel') AS channel,
           CAST(json_number(payload, 'step') AS BIGINT) AS step,
           json_time(payload, 'queued_at') AS queued_at,
           json_time(payload, 'sent_at') AS sent_at,
           json_time(payload, 'delivered_at') AS delivered_at,
           json_time(payload, 'acknowledged_at') AS acknowledged_at,
           json_text(payload, 'state') AS state,
           json_text(payload, 'error') AS error
    FROM (SELECT subject_id, payload,
                 row_number() OVER (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC) AS age
          FROM events WHERE kind = 'page')
    WHERE age = 1";

/// Some senders tell the end of a deploy without its beginning: an earlier event knows it.
const DEPLOYS: &str = "
    SELECT subject_id AS deploy_id,
           service,
           env,
           json_text(payload, 'version') AS version,
           started_at,
           json_time(payload, 'finished_at') AS finished_at,
           json_text(payload, 'status') AS status
    FROM (SELECT subject_id, service, env, payload,
                 first_value(json_time(payload, 'started_at')) IGNORE NULLS OVER
                   (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS started_at,
                 row_number() OVER (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC) AS age
          FROM events WHERE kind = 'deploy')
    WHERE age = 1";

/// One row per transition.
const ALERT_HISTORY: &str = "
    SELECT json_text(payload, 'alert') AS alert,
           json_map(payload, 'labels') AS labels,
           json_text(payload, 'state') AS state,
           valid_at AS at,
           subject_id AS alert_id,
           json_number(payload, 'value') AS value,
           json_text(payload, 'incident_id') AS incident_id,
           service,
           severity
    FROM events WHERE kind = 'alert'";

/// Creates the views. Planning them reads no table, so it is done when it returns.
pub(crate) fn create(context: &SessionContext) -> Result<(), QueryError> {
    for (name, definition) in VIEWS {
        let statement = format!("CREATE VIEW {name} AS {definition}");
        let planned = context.sql(&statement).now_or_never();
        planned.ok_or_else(|| QueryError::Invalid(format!("the view {name} waits for something")))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
