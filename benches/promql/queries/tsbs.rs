//! TSBS' devops queries. The expressions are those of its PromQL variant where it has one, with one
//! difference: functions over time drop the metric's name, so that several metrics are joined by `or`
//! under a label of their own. `high-cpu`, `lastpoint` and `groupby-orderby-limit`, which it lacks, say
//! what the SQL ones do.

use super::{Agreement, Query};
use crate::draw::{Draw, Window};
use crate::hosts::CPU_METRICS;
use crate::request::Request;

const MINUTE_SECS: i64 = 60;
const HOUR_SECS: i64 = 3_600;
const DOUBLE_GROUP_BY_HOURS: i64 = 12;
const MAX_ALL_HOURS: i64 = 8;
const HIGH_CPU_HOURS: i64 = 12;

pub const QUERIES: [Query; 15] = [
    query("single-groupby-1-1-1", |draw| single_group_by(draw, 1, 1, 1)),
    query("single-groupby-1-1-12", |draw| single_group_by(draw, 1, 1, 12)),
    query("single-groupby-1-8-1", |draw| single_group_by(draw, 1, 8, 1)),
    query("single-groupby-5-1-1", |draw| single_group_by(draw, 5, 1, 1)),
    query("single-groupby-5-1-12", |draw| single_group_by(draw, 5, 1, 12)),
    query("single-groupby-5-8-1", |draw| single_group_by(draw, 5, 8, 1)),
    query("double-groupby-1", |draw| double_group_by(draw, 1)),
    query("double-groupby-5", |draw| double_group_by(draw, 5)),
    query("double-groupby-all", |draw| double_group_by(draw, CPU_METRICS.len())),
    query("cpu-max-all-1", |draw| cpu_max_all(draw, 1)),
    query("cpu-max-all-8", |draw| cpu_max_all(draw, 8)),
    query("high-cpu-1", |draw| {
        let hosts = draw.hosts(1);
        high_cpu(draw, &format!("{{{hosts}}}"))
    }),
    query("high-cpu-all", |draw| high_cpu(draw, "")),
    query("lastpoint", |draw| Request::Instant {
        query: "{__name__=~\"cpu_usage_.+\"}".to_owned(),
        at_secs: draw.moment(),
    }),
    query("groupby-orderby-limit", |draw| {
        let end_secs = draw.moment();
        Request::Range {
            query: "max(max_over_time(cpu_usage_user[1m]))".to_owned(),
            start_secs: end_secs - 4 * MINUTE_SECS,
            end_secs,
            step_secs: MINUTE_SECS,
        }
    }),
];

const fn query(name: &'static str, make: fn(&mut Draw<'_>) -> Request) -> Query {
    Query { name, agreement: Agreement::Exact, make }
}

/// The highest value of some metrics on some hosts, minute by minute.
fn single_group_by(draw: &mut Draw<'_>, metrics: usize, hosts: usize, hours: i64) -> Request {
    let hosts = draw.hosts(hosts);
    let expression = |metric: &str| format!("max(max_over_time({metric}{{{hosts}}}[1m]))");
    range(joined(metrics, expression), draw.window(hours), MINUTE_SECS)
}

/// The mean of some metrics on each host, hour by hour.
fn double_group_by(draw: &mut Draw<'_>, metrics: usize) -> Request {
    let expression = |metric: &str| format!("avg by (hostname) (avg_over_time({metric}[1h]))");
    range(joined(metrics, expression), draw.window(DOUBLE_GROUP_BY_HOURS), HOUR_SECS)
}

/// The highest value of every metric on some hosts, hour by hour.
fn cpu_max_all(draw: &mut Draw<'_>, hosts: usize) -> Request {
    let hosts = draw.hosts(hosts);
    let expression = |metric: &str| format!("max(max_over_time({metric}{{{hosts}}}[1h]))");
    range(joined(CPU_METRICS.len(), expression), draw.window(MAX_ALL_HOURS), HOUR_SECS)
}

/// Every reading above 90, by the minute.
fn high_cpu(draw: &mut Draw<'_>, matcher: &str) -> Request {
    let query = format!("max_over_time(cpu_usage_user{matcher}[1m]) > 90");
    range(query, draw.window(HIGH_CPU_HOURS), MINUTE_SECS)
}

fn joined(metrics: usize, expression: impl Fn(&str) -> String) -> String {
    if let ([metric], _) = CPU_METRICS.split_at(metrics) {
        return expression(metric);
    }
    let labelled = |metric: &&str| {
        format!("label_replace({}, \"metric\", \"{metric}\", \"\", \"\")", expression(metric))
    };
    CPU_METRICS[..metrics].iter().map(labelled).collect::<Vec<_>>().join(" or ")
}

fn range(query: String, window: Window, step_secs: i64) -> Request {
    Request::Range { query, start_secs: window.start, end_secs: window.end, step_secs }
}
