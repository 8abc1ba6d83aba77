//! What dashboards send: panels over the last hour, the same over a day, single numbers, and what
//! fills their lists of hosts and regions.

use super::{Agreement, Query};
use crate::draw::Draw;
use crate::request::Request;

const ENVIRONMENTS: [&str; 3] = ["production", "staging", "test"];
const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1"];

/// Panels that a dashboard of the last hour opens with: what many people at once ask for, too.
pub const PANELS: [Query; 8] = [
    Query {
        name: "rate by region, 1 h",
        agreement: Agreement::Rates,
        make: |draw| over(draw, 1, 15, "sum by (region) (rate(http_requests_total[5m]))"),
    },
    Query {
        name: "rate of one environment, 1 h",
        agreement: Agreement::Rates,
        make: |draw| {
            let environment = draw.one_of(&ENVIRONMENTS);
            let selector = format!("http_requests_total{{service_environment=\"{environment}\"}}");
            over(draw, 1, 15, &format!("sum by (service) (rate({selector}[5m]))"))
        },
    },
    Query {
        name: "latency p99, 1 h",
        agreement: Agreement::Rates,
        make: |draw| {
            let buckets = "sum by (le) (rate(http_request_duration_seconds_bucket[5m]))";
            over(draw, 1, 15, &format!("histogram_quantile(0.99, {buckets})"))
        },
    },
    Query {
        name: "busiest services, 1 h",
        agreement: Agreement::Rates,
        make: |draw| over(draw, 1, 60, "topk(5, sum by (service) (rate(http_requests_total[5m])))"),
    },
    Query {
        name: "cpu by service, 1 h",
        agreement: Agreement::Exact,
        make: |draw| over(draw, 1, 60, "avg by (service) (cpu_usage_user)"),
    },
    Query {
        name: "one host's cpu, 1 h",
        agreement: Agreement::Exact,
        make: |draw| {
            let host = draw.hosts(1);
            over(draw, 1, 15, &format!("{{__name__=~\"cpu_usage_.+\",{host}}}"))
        },
    },
    Query {
        name: "busy hosts by region, now",
        agreement: Agreement::Exact,
        make: |draw| now(draw, "count by (region) (cpu_usage_user > 50)"),
    },
    Query {
        name: "hosts by service, now",
        agreement: Agreement::Exact,
        make: |draw| now(draw, "count by (service, service_environment) (http_requests_total)"),
    },
];

pub const OTHERS: [Query; 8] = [
    Query {
        name: "rate by region, 24 h",
        agreement: Agreement::Rates,
        make: |draw| over(draw, 24, 300, "sum by (region) (rate(http_requests_total[5m]))"),
    },
    Query {
        name: "latency p99, 24 h",
        agreement: Agreement::Rates,
        make: |draw| {
            let buckets = "sum by (le) (rate(http_request_duration_seconds_bucket[5m]))";
            over(draw, 24, 300, &format!("histogram_quantile(0.99, {buckets})"))
        },
    },
    Query {
        name: "cpu by service, 24 h",
        agreement: Agreement::Exact,
        make: |draw| over(draw, 24, 300, "avg by (service) (cpu_usage_user)"),
    },
    Query {
        name: "busiest services, now",
        agreement: Agreement::Rates,
        make: |draw| now(draw, "topk(5, sum by (service) (rate(http_requests_total[5m])))"),
    },
    Query {
        name: "label values of all hosts",
        agreement: Agreement::Exact,
        make: |draw| {
            let window = draw.window(1);
            let (start_secs, end_secs) = (window.start, window.end);
            let matcher = "cpu_usage_user".to_owned();
            Request::LabelValues { label: "hostname", matcher, start_secs, end_secs }
        },
    },
    Query {
        name: "label values of a region",
        agreement: Agreement::Exact,
        make: |draw| {
            let matcher = format!("{{region=\"{}\"}}", draw.one_of(&REGIONS));
            let window = draw.window(1);
            let (start_secs, end_secs) = (window.start, window.end);
            Request::LabelValues { label: "hostname", matcher, start_secs, end_secs }
        },
    },
    Query {
        name: "series of a host",
        agreement: Agreement::Exact,
        make: |draw| {
            let matcher = format!("{{{}}}", draw.hosts(1));
            let window = draw.window(1);
            Request::Series { matcher, start_secs: window.start, end_secs: window.end }
        },
    },
    Query {
        name: "series of a metric in a region",
        agreement: Agreement::Exact,
        make: |draw| {
            let matcher = format!("cpu_usage_user{{region=\"{}\"}}", draw.one_of(&REGIONS));
            let window = draw.window(1);
            Request::Series { matcher, start_secs: window.start, end_secs: window.end }
        },
    },
];

fn over(draw: &mut Draw<'_>, hours: i64, step_secs: i64, query: &str) -> Request {
    let window = draw.window(hours);
    Request::Range { query: query.to_owned(), start_secs: window.start, end_secs: window.end, step_secs }
}

fn now(draw: &mut Draw<'_>, query: &str) -> Request {
    Request::Instant { query: query.to_owned(), at_secs: draw.moment() }
}
