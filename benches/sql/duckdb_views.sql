-- Evenkeel's views, for DuckDB: the same columns from the same tables.

CREATE VIEW metrics AS
SELECT sample.ts, sample.metric, sample.value, series.labels, series.service, sample.series_id
FROM metric_series AS series
JOIN metric_samples AS sample
  ON sample.series_id = series.series_id AND sample.metric = series.metric;

CREATE VIEW slo_slices AS
SELECT slo_id, generation, group_key, slice_start, slice_secs,
       CAST(good_milli AS DOUBLE) / 1000 AS good,
       CAST(total_milli AS DOUBLE) / 1000 AS total,
       coverage, rev, recorded_at
FROM slo_slices_table;

CREATE VIEW incidents AS
SELECT subject_id AS incident_id,
       payload->>'title' AS title,
       service,
       coalesce(payload->>'severity', severity) AS severity,
       payload->>'state' AS state,
       CAST(payload->>'started_at' AS TIMESTAMPTZ) AS started_at,
       CAST(payload->>'detected_at' AS TIMESTAMPTZ) AS detected_at,
       CAST(payload->>'acknowledged_at' AS TIMESTAMPTZ) AS acknowledged_at,
       CAST(payload->>'restored_at' AS TIMESTAMPTZ) AS restored_at,
       CAST(payload->>'resolved_at' AS TIMESTAMPTZ) AS resolved_at,
       payload->>'commander' AS commander
FROM events WHERE kind = 'incident'
QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC) = 1;

CREATE VIEW deploys AS
SELECT subject_id AS deploy_id,
       service,
       payload->>'version' AS version,
       CAST(payload->>'started_at' AS TIMESTAMPTZ) AS started_at,
       CAST(payload->>'finished_at' AS TIMESTAMPTZ) AS finished_at,
       payload->>'status' AS status
FROM events WHERE kind = 'deploy'
QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC) = 1;
