//! What analysts ask. Both engines get the same text.

pub struct Query {
    pub name: &'static str,
    pub text: &'static str,
}

pub const QUERIES: [Query; 10] = [
    Query {
        name: "scan of all samples, by metric",
        text: "
            SELECT metric, count(*) AS samples, avg(value) AS mean, max(value) AS highest
            FROM metric_samples GROUP BY metric ORDER BY metric",
    },
    Query {
        name: "one host's day, by hour",
        text: "
            SELECT date_trunc('hour', ts) AS hour, avg(value) AS mean, max(value) AS highest
            FROM metrics
            WHERE metric = 'cpu_usage_user' AND labels['hostname'] = 'host_7'
            GROUP BY date_trunc('hour', ts) ORDER BY hour",
    },
    Query {
        name: "a metric by region and hour",
        text: "
            SELECT labels['region'] AS region, date_trunc('hour', ts) AS hour,
                   avg(value) AS mean, count(*) AS samples
            FROM metrics WHERE metric = 'cpu_usage_system'
            GROUP BY labels['region'], date_trunc('hour', ts) ORDER BY region, hour",
    },
    Query {
        name: "the ten busiest hosts",
        text: "
            SELECT labels['hostname'] AS host, avg(value) AS mean
            FROM metrics WHERE metric = 'cpu_usage_iowait'
            GROUP BY labels['hostname'] ORDER BY mean DESC, host LIMIT 10",
    },
    Query {
        name: "percentiles by service",
        text: "
            SELECT labels['service'] AS service,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS p50,
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY value) AS p99
            FROM metrics WHERE metric = 'cpu_usage_user'
            GROUP BY labels['service'] ORDER BY service",
    },
    Query {
        name: "text search in logs",
        text: "
            SELECT service, severity, count(*) AS lines, min(ts) AS first, max(ts) AS last
            FROM logs WHERE body LIKE '%timed out after 7%'
            GROUP BY service, severity ORDER BY service, severity",
    },
    Query {
        name: "durations out of log lines",
        text: "
            SELECT host, count(*) AS statements,
                   avg(CAST(regexp_replace(body, '.* took ([0-9.]+)ms.*', '\\1') AS DOUBLE)) AS mean_ms,
                   max(CAST(regexp_replace(body, '.* took ([0-9.]+)ms.*', '\\1') AS DOUBLE)) AS highest_ms
            FROM logs WHERE service = 'inventory' AND body LIKE 'SELECT% took %'
            GROUP BY host ORDER BY host",
    },
    Query {
        name: "objectives week by week",
        text: "
            SELECT slo_id, date_trunc('week', slice_start) AS week,
                   sum(good) / sum(total) AS sli, sum(total - good) AS bad
            FROM slo_slices
            GROUP BY slo_id, date_trunc('week', slice_start) ORDER BY slo_id, week",
    },
    Query {
        name: "incidents after deploys",
        text: "
            SELECT i.service, i.severity, count(DISTINCT i.incident_id) AS incidents,
                   avg(date_part('epoch', i.restored_at) - date_part('epoch', i.started_at)) / 60
                     AS minutes_to_restore
            FROM incidents AS i
            JOIN deploys AS d
              ON d.service = i.service
             AND d.finished_at <= i.started_at
             AND d.finished_at > i.started_at - INTERVAL '1 hour'
            WHERE d.status = 'failed'
            GROUP BY i.service, i.severity ORDER BY i.service, i.severity",
    },
    Query {
        name: "budget burned after deploys",
        text: "
            WITH blamed AS (
              SELECT DISTINCT i.incident_id, i.service, i.started_at, i.restored_at
              FROM incidents AS i
              JOIN deploys AS d
                ON d.service = i.service
               AND d.finished_at <= i.started_at
               AND d.finished_at > i.started_at - INTERVAL '1 hour'
              WHERE d.status = 'failed' AND i.severity IN ('SEV1', 'SEV2'))
            SELECT b.service, count(DISTINCT b.incident_id) AS incidents,
                   sum(s.total - s.good) AS bad, sum(s.total) AS total
            FROM blamed AS b
            JOIN slo_slices AS s
              ON s.slo_id = b.service || '-availability/1'
             AND s.slice_start >= b.started_at
             AND s.slice_start < b.restored_at
            GROUP BY b.service ORDER BY bad DESC, b.service LIMIT 10",
    },
];
