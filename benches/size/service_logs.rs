//! Repetitive service logs: requests that leave lines in several services, from twenty templates.
//!
//! A request has one trace, each service it passes a span, and its lines carry what real ones do:
//! paths with ids, durations, addresses, status codes, a UUID here and there. One line in two hundred
//! is an error with a short stack. Raw size is that of the lines as JSON, as a log shipper sends them.

use serde_json::{Value, json};
use telemetry::{LogRecord, Timestamp};

use crate::random::Random;

pub struct ServiceLogs {
    pub records: Vec<LogRecord>,
    pub json_bytes: u64,
}

/// How many lines, and from when to when about.
#[derive(Clone, Copy)]
pub struct Extent {
    pub lines: usize,
    pub start_nanos: i64,
    pub span_nanos: i64,
    /// Other numbers give other lines.
    pub seed: u64,
}

/// Service, and its templates: severity, text.
const SERVICES: [(&str, &[(&str, &str)]); 6] = [
    (
        "gateway",
        &[
            (
                "INFO",
                "{method} /api/v1/orders/{number} 200 {millis}ms upstream=checkout-{small} bytes={bytes}",
            ),
            (
                "INFO",
                "{method} /api/v1/products?page={small}&sort=price 200 {millis}ms upstream=catalog-{small}",
            ),
            ("WARN", "slow upstream: {method} /api/v1/orders/{number} took {millis}ms, threshold is 500ms"),
            ("INFO", "accepted connection from {address}"),
        ],
    ),
    (
        "checkout",
        &[
            ("INFO", "order {uuid} created for customer {number}, total {cents} EUR"),
            ("INFO", "reserving {small} items of product {number} in warehouse fra-{small}"),
            ("DEBUG", "cache hit for cart:{number} after {millis}ms"),
            (
                "ERROR",
                "payment for customer {number} failed: connection to payments:8443 timed out after {millis}ms\n  at checkout.Payments.charge(Payments.java:141)\n  at checkout.Orders.submit(Orders.java:88)",
            ),
        ],
    ),
    (
        "payments",
        &[
            ("INFO", "authorised {cents} EUR with provider stripe in {millis}ms"),
            ("INFO", "publishing event payment.authorised to partition {small}"),
            ("WARN", "retrying provider call, attempt {small} of 5, backing off {millis}ms"),
        ],
    ),
    (
        "catalog",
        &[
            ("INFO", "listed {small} products in {millis}ms (index products-v3)"),
            ("DEBUG", "query plan for products: index scan on price, cost {cents}"),
            ("INFO", "refreshed {number} prices from supplier {small} in {millis}ms"),
        ],
    ),
    (
        "inventory",
        &[
            ("INFO", "stock of product {number} is {number} after reservation"),
            (
                "INFO",
                "SELECT id, quantity FROM stock WHERE product_id = {number} AND warehouse = 'fra-{small}' took {millis}ms",
            ),
            ("WARN", "stock of product {number} is below its threshold of {small}"),
        ],
    ),
    (
        "mailer",
        &[
            ("INFO", "sent template order-confirmation to customer {number} via smtp-{small} in {millis}ms"),
            ("INFO", "queue depth is {small}"),
            ("INFO", "rendered order-confirmation for order {uuid} in {millis}ms"),
        ],
    ),
];

pub fn generate(extent: Extent) -> ServiceLogs {
    let mut random = Random(extent.seed);
    let mut records: Vec<LogRecord> = Vec::with_capacity(extent.lines);
    let mut json_bytes = 0;
    let mut nanos = extent.start_nanos;
    while records.len() < extent.lines {
        // A request touches the gateway and two to four others, each with one to three lines.
        let trace_id = hex(&mut random, 2);
        let uuid = uuid(&mut random);
        let (customer, mut at) = (random.below(50_000), nanos);
        let services = 3 + random.below(3) as usize;
        for step in 0..services {
            let service = if step == 0 { 0 } else { 1 + random.below(SERVICES.len() as u64 - 1) as usize };
            let (name, templates) = SERVICES[service];
            let span_id = hex(&mut random, 1);
            let host = format!("{name}-{}", random.below(3));
            for _ in 0..=random.below(3) {
                at += 50_000 + random.below(4_000_000) as i64;
                let (severity, template) = pick(templates, &mut random);
                let body = fill(template, &uuid, customer, &mut random);
                let attrs = [
                    ("k8s.namespace.name", "shop".to_owned()),
                    ("k8s.pod.name", format!("{host}-7c9d8b6f5-x2x{}", random.below(3))),
                    ("service.version", "2.14.3".to_owned()),
                    ("thread.name", format!("worker-{}", random.below(16))),
                ];
                let record = LogRecord {
                    ts: Timestamp::from_micros(at / 1_000),
                    ts_ns_rem: (at % 1_000) as i16,
                    service: Some(name.into()),
                    env: Some("prod".into()),
                    host: Some(host.as_str().into()),
                    severity: Some(severity.into()),
                    trace_id: Some(trace_id.as_str().into()),
                    span_id: Some(span_id.as_str().into()),
                    body: body.into(),
                    attrs: attrs.map(|(name, value)| (name.into(), value.into())).into(),
                };
                json_bytes += json_line(&record).len() as u64 + 1;
                records.push(record);
            }
        }
        // Requests arrive at random, ten lines each on average.
        nanos += random.below(2 * extent.span_nanos as u64 / (extent.lines as u64 / 8)) as i64;
    }
    records.sort_by_key(|record| (record.ts, record.ts_ns_rem));
    ServiceLogs { records, json_bytes }
}

/// Errors are rare, warnings less so.
fn pick(templates: &[(&'static str, &'static str)], random: &mut Random) -> (&'static str, &'static str) {
    loop {
        let (severity, template) = templates[random.below(templates.len() as u64) as usize];
        let keep = match severity {
            "ERROR" => random.below(50) == 0,
            "WARN" => random.below(10) == 0,
            _ => true,
        };
        if keep {
            return (severity, template);
        }
    }
}

fn fill(template: &str, uuid: &str, customer: u64, random: &mut Random) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (field, after) = after.split_once('}').expect("templates are whole");
        text.push_str(before);
        match field {
            "method" => text.push_str(["GET", "POST", "PUT"][random.below(3) as usize]),
            "number" => text.push_str(&customer.to_string()),
            "small" => text.push_str(&random.below(10).to_string()),
            "millis" => text.push_str(&format!("{}.{}", 1 + random.below(80), random.below(10))),
            "bytes" => text.push_str(&random.below(20_000).to_string()),
            "cents" => text.push_str(&format!("{}.{:02}", random.below(300), random.below(100))),
            "address" => text.push_str(&format!("10.{}.{}.17", random.below(4), random.below(256))),
            _ => text.push_str(uuid),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

fn hex(random: &mut Random, words: usize) -> String {
    (0..words).map(|_| format!("{:016x}", random.below(u64::MAX))).collect()
}

fn uuid(random: &mut Random) -> String {
    let digits = hex(random, 2);
    let part = |range: std::ops::Range<usize>| &digits[range];
    format!("{}-{}-4{}-a{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

/// The record as a shipper writes it.
fn json_line(record: &LogRecord) -> String {
    let mut line = json!({
        "timestamp": format!("{}{:03}Z", record.ts.to_string().trim_end_matches('Z'), record.ts_ns_rem),
        "level": record.severity,
        "service": record.service,
        "env": record.env,
        "host": record.host,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "message": record.body,
    });
    for (name, value) in &record.attrs {
        line[name.as_ref()] = Value::from(value.as_ref());
    }
    line.to_string()
}
