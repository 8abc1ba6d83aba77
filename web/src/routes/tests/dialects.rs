//! Telemetry in through its dialects, and out through SQL and the Prometheus API.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{As, NOW_SECS, World, request};
use crate::Role;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Two gauges by OTLP/HTTP with JSON.
async fn send_metrics(world: &World) {
    let who = world.token(Role::Ingest).await;
    let point = |region: &str, value: f64| {
        json!({
            "timeUnixNano": format!("{NOW_SECS}000000000"),
            "asDouble": value,
            "attributes": [{"key": "region", "value": {"stringValue": region}}],
        })
    };
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "chat"}}]},
        "scopeMetrics": [{"metrics": [{
            "name": "players", "gauge": {"dataPoints": [point("eu", 40.0), point("us", 2.5)]},
        }]}],
    }]});
    let answer = world.post(&who, "/v1/metrics", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

async fn prometheus(world: &World, who: &As, path: &str) -> (StatusCode, Value) {
    let answer = world.get(who, &format!("/prometheus/api/v1/{path}")).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn what_otlp_acknowledged_can_be_queried_at_once() {
    let world = World::new().await;
    send_metrics(&world).await;
    let who = world.token(Role::Viewer).await;
    let (status, answer) =
        prometheus(&world, &who, &format!("query?query=sum(players)&time={NOW_SECS}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer,
        json!({"status": "success", "data": {"resultType": "vector",
            "result": [{"metric": {}, "value": [NOW_SECS, "42.5"]}]}})
    );
    let form = format!("query=players&start={NOW_SECS}&end={}&step=60", NOW_SECS + 60);
    let path = "/prometheus/api/v1/query_range";
    let range = world.send(request(Method::POST, &who, path, &[FORM], form)).await.ok();
    assert_eq!(range["data"]["resultType"], "matrix");
    let regions: Vec<&Value> = range["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| &series["metric"]["region"])
        .collect();
    assert_eq!(regions, ["eu", "us"]);
    let sql = json!({"query": "SELECT labels['region'] AS region, value FROM metrics ORDER BY region"});
    assert_eq!(world.post(&who, "/api/sql", sql).await.ok()["rows"], json!([["eu", 40.0], ["us", 2.5]]));
}

#[tokio::test]
async fn editors_find_series_labels_and_values() {
    let world = World::new().await;
    send_metrics(&world).await;
    let who = world.token(Role::Viewer).await;
    let (_, values) = prometheus(&world, &who, "label/region/values").await;
    assert_eq!(values, json!({"status": "success", "data": ["eu", "us"]}));
    let (_, values) =
        prometheus(&world, &who, "label/region/values?match[]=players%7Bregion!=%22eu%22%7D").await;
    assert_eq!(values["data"], json!(["us"]));
    let (_, names) = prometheus(&world, &who, "labels?match[]=players").await;
    assert!(names["data"].as_array().unwrap().contains(&json!("region")), "{names}");
    let (_, series) = prometheus(&world, &who, "series?match[]=players&limit=1").await;
    assert_eq!(series["data"].as_array().unwrap().len(), 1);
    assert_eq!(series["warnings"], json!(["results truncated due to limit"]));
    let (_, metadata) = prometheus(&world, &who, "metadata?metric=players").await;
    assert_eq!(metadata["data"]["players"][0]["type"], "gauge");
    let (_, build) = prometheus(&world, &who, "status/buildinfo").await;
    assert!(build["data"]["version"].is_string() && build["data"].get("features").is_none());
}

#[tokio::test]
async fn series_are_looked_up_by_any_selector_within_the_range() {
    let world = World::new().await;
    send_metrics(&world).await;
    let who = world.token(Role::Viewer).await;
    let regions = async |path: &str| prometheus(&world, &who, path).await.1["data"].clone();
    let either = "match[]=players%7Bregion=%22eu%22%7D&match[]=players%7Bregion=%22us%22%7D";
    assert_eq!(regions(&format!("label/region/values?{either}")).await, json!(["eu", "us"]));
    assert_eq!(regions("label/U__region/values").await, json!(["eu", "us"]));
    let before = format!("start={}&end={}", NOW_SECS - 7200, NOW_SECS - 3600);
    assert_eq!(regions(&format!("label/region/values?match[]=players&{before}")).await, json!([]));
    assert_eq!(regions(&format!("labels?match[]=players&{before}")).await, json!([]));
    assert_eq!(regions(&format!("series?match[]=players&{before}")).await, json!([]));
    let form = format!("{either}&start={}", NOW_SECS - 60);
    let path = "/prometheus/api/v1/series";
    let posted = world.send(request(Method::POST, &who, path, &[FORM], form)).await.ok();
    assert_eq!(posted["data"].as_array().unwrap().len(), 2, "{posted}");
    let (_, metadata) = prometheus(&world, &who, "metadata?limit=1").await;
    assert_eq!(metadata["data"].as_object().unwrap().len(), 1, "{metadata}");
}

const RULES: &str = r#"
groups:
  - name: shop
    interval: 15s
    rules:
      - alert: TooManyPlayers
        expr: sum(players) > 40
        for: 5m
        labels: {severity: page, team: games}
        annotations: {summary: "{{ $value }} players"}
      - alert: NoPlayers
        expr: absent(players)
        labels: {severity: ticket}
"#;

#[tokio::test]
async fn rules_and_alerts_are_listed_as_prometheus_does() {
    let world = World::new().await;
    let (objects, defects) = alerting::objects::parse("rules/shop.yaml", RULES);
    assert!(defects.is_empty(), "{defects:?}");
    world.state.alerting.set_catalog(Arc::new(alerting::Catalog::build(objects).0));
    let who = world.token(Role::Viewer).await;
    let names = async |path: &str| -> Vec<String> {
        let (status, answer) = prometheus(&world, &who, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        rules.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
    };
    let both = ["TooManyPlayers", "NoPlayers"];
    assert_eq!(names("rules").await, both);
    assert_eq!(names("rules?type=alert&rule_name[]=NoPlayers&rule_name[]=Other").await, ["NoPlayers"]);
    assert_eq!(names("rules?file[]=rules/shop.yaml&rule_group[]=shop").await, both);
    assert_eq!(names("rules?match[]=%7Bteam=~%22g.*%22%7D").await, ["TooManyPlayers"]);
    let nothing: [&str; 0] = [];
    for path in ["rules?type=record", "rules?file[]=other.yaml", "rules?match[]=%7Bteam=%22x%22%7D"] {
        assert_eq!(names(path).await, nothing, "{path}");
    }
    let before = prometheus(&world, &who, "rules").await.1["data"]["groups"][0].clone();
    assert_eq!((&before["file"], &before["interval"]), (&json!("rules/shop.yaml"), &json!(15.0)));
    let rule = &before["rules"][0];
    assert_eq!(
        (&rule["health"], &rule["lastEvaluation"]),
        (&json!("unknown"), &json!("0001-01-01T00:00:00Z"))
    );
    assert_eq!((&rule["duration"], &rule["state"]), (&json!(300.0), &json!("inactive")));
    assert_eq!(rule["annotations"]["summary"], "{{ $value }} players", "as it is written");

    world.state.alerting.tick().await.unwrap();
    let after = prometheus(&world, &who, "rules").await.1["data"]["groups"][0]["rules"][0].clone();
    assert_eq!((&after["health"], &after["lastEvaluation"]), (&json!("ok"), &json!("2026-11-23T02:00:00Z")));
    assert_eq!(prometheus(&world, &who, "alerts").await.1["data"], json!({"alerts": []}));
    assert_eq!(world.get(&who, "/prometheus/").await.status, StatusCode::OK);
    let (status, answer) = prometheus(&world, &who, "rules?type=other").await;
    assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")));
}

#[tokio::test]
async fn what_the_server_is_set_to_is_told() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let data = async |path: &str| prometheus(&world, &who, path).await.1["data"].clone();
    assert_eq!(data("status/flags").await["query.lookback-delta"], "5m");
    assert_eq!(data("status/config").await["yaml"], "global:\n  evaluation_interval: 30s\n");
    let runtime = data("status/runtimeinfo").await;
    assert_eq!(
        (&runtime["startTime"], &runtime["reloadConfigSuccess"]),
        (&json!("2026-11-23T02:00:00Z"), &json!(true))
    );
    assert_eq!(data("alertmanagers").await, json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}));
    assert_eq!(data("format_query?query=sum(up)by(job)").await, "sum by (job) (up)");
    let path = "/prometheus/api/v1/parse_query";
    let parsed = world.send(request(Method::POST, &who, path, &[FORM], "query=up")).await.ok();
    assert_eq!(parsed["data"]["type"], "vectorSelector");
    let (status, answer) = prometheus(&world, &who, "parse_query?query=up(").await;
    assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")));
}

#[tokio::test]
async fn answers_are_compressed_for_who_asks() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let headers = [("accept-encoding", "gzip")];
    let path = "/prometheus/api/v1/status/flags";
    let answer = world.send(request(Method::GET, &who, path, &headers, "")).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(answer.body[..2], [0x1f, 0x8b]);
    assert_eq!(world.get(&who, path).await.header("content-encoding"), "");
}

#[tokio::test]
async fn exemplars_are_found_by_the_selectors_of_an_expression() {
    let world = World::new().await;
    let sender = world.token(Role::Ingest).await;
    let exemplar = json!({
        "timeUnixNano": format!("{NOW_SECS}250000000"),
        "asDouble": 0.75,
        "traceId": "5b8efff798038103d269b633813fc60c",
    });
    let point =
        json!({"timeUnixNano": format!("{NOW_SECS}000000000"), "asInt": "4", "exemplars": [exemplar]});
    let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]});
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "calls", "sum": sum}]}]}]});
    assert_eq!(world.post(&sender, "/v1/metrics", body).await.ok(), json!({}));

    let who = world.token(Role::Viewer).await;
    let expected = json!({"status": "success", "data": [{
        "seriesLabels": {"__name__": "calls_total"},
        "exemplars": [{
            "labels": {"trace_id": "5b8efff798038103d269b633813fc60c"},
            "value": "0.75",
            "timestamp": NOW_SECS as f64 + 0.25,
        }],
    }]});
    let (status, found) =
        prometheus(&world, &who, "query_exemplars?query=rate(calls_total%5B5m%5D)%2Fup").await;
    assert_eq!((status, found), (StatusCode::OK, expected.clone()));
    let form = format!("query=calls_total&start={NOW_SECS}&end={}", NOW_SECS + 1);
    let path = "/prometheus/api/v1/query_exemplars";
    assert_eq!(world.send(request(Method::POST, &who, path, &[FORM], form)).await.ok(), expected);
    let (_, none) =
        prometheus(&world, &who, &format!("query_exemplars?query=calls_total&end={NOW_SECS}")).await;
    assert_eq!(none, json!({"status": "success", "data": []}));
    for (path, says) in [
        ("query_exemplars", "\"query\""),
        ("query_exemplars?query=sum(", ""),
        ("query_exemplars?query=up&start=10&end=5", "end timestamp must not be before start timestamp"),
    ] {
        let (status, answer) = prometheus(&world, &who, path).await;
        assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")), "{path}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{path}: {answer}");
    }
}

#[tokio::test]
async fn promql_errors_have_their_class_and_status() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let health = prometheus(&world, &who, "query?query=1%2B1&time=4").await;
    assert_eq!(health.1["data"], json!({"resultType": "scalar", "result": [4, "2"]}));
    for (path, says) in [
        ("query", "\"query\""),
        ("query?query=sum(", ""),
        ("query?query=up&time=soon", "\"time\""),
        ("query_range?query=up&start=10&end=5&step=1", "end timestamp must not be before start time"),
        ("query_range?query=up&start=0&end=1&step=0", "zero or negative"),
        ("query_range?query=up&start=0&end=1000000&step=1", "exceeded maximum resolution"),
        ("series", "match[]"),
        ("series?match[]=sum(up)", "match[]"),
    ] {
        let (status, answer) = prometheus(&world, &who, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        assert_eq!(
            (&answer["status"], &answer["errorType"]),
            (&json!("error"), &json!("bad_data")),
            "{path}"
        );
        assert!(answer["error"].as_str().unwrap().contains(says), "{path}: {answer}");
    }
}

#[tokio::test]
async fn events_are_rows_of_their_views_and_results_come_in_every_format() {
    let world = World::new().await;
    let sender = world.token(Role::Ingest).await;
    let deploy = json!({"id": "d1", "kind": "deploy", "service": "checkout", "at": "2026-11-23T01:00:00Z",
        "payload": {"version": "v7", "status": "succeeded", "started_at": "2026-11-23T01:00:00Z"}});
    let answer = world.post(&sender, "/api/events", deploy).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], 1);

    let who = world.token(Role::Viewer).await;
    let body = json!({"query": "SELECT version, status FROM deploys"}).to_string();
    let ask = async |accept: &str| {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        world.send(request(Method::POST, &who, "/api/sql", &headers, body.clone())).await
    };
    assert_eq!(ask("text/csv").await.text().replace('\r', ""), "version,status\nv7,succeeded\n");
    assert_eq!(ask("application/x-ndjson").await.text(), "{\"version\":\"v7\",\"status\":\"succeeded\"}\n");
    let arrow = ask("application/vnd.apache.arrow.stream").await;
    assert_eq!(arrow.header("content-type"), "application/vnd.apache.arrow.stream");
    assert_eq!(&arrow.body[..4], [0xff; 4], "the continuation marker of a stream");
    let parquet = ask("application/vnd.apache.parquet").await;
    assert_eq!((&parquet.body[..4], &parquet.body[parquet.body.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));

    let link = "/api/sql?query=SELECT%20version%20FROM%20deploys";
    let file = world.get(&who, &format!("{link}&format=csv")).await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"query.csv\"");
    assert_eq!(file.text().replace('\r', ""), "version\nv7\n");
    assert_eq!(world.get(&who, link).await.ok()["rows"], json!([["v7"]]), "without a format, as accepted");
    let unknown = world.get(&who, &format!("{link}&format=xml")).await.problem(400);
    assert_eq!(unknown, "\"xml\" is none of json, ndjson, csv, arrow, parquet");
    assert_eq!(world.get(&sender, link).await.status, StatusCode::FORBIDDEN);
    let drop = world.get(&who, "/api/sql?query=DROP%20TABLE%20events").await.problem(400);
    assert!(drop.contains("queries read"), "{drop}");

    let bound = json!({"query": "SELECT version FROM deploys WHERE version = $1 AND started_at < $2 LIMIT $3",
        "parameters": ["v7", "2026-11-23T02:00:00Z", 1]});
    assert_eq!(world.post(&who, "/api/sql", bound).await.ok()["rows"], json!([["v7"]]));
    let nested = json!({"query": "SELECT $1", "parameters": [["a"]]});
    assert_eq!(
        world.post(&who, "/api/sql", nested).await.problem(400),
        "a parameter is text, a number, a boolean or null"
    );

    let services = world.get(&who, "/api/services").await.ok();
    assert_eq!(
        services["services"][0]["last_change"],
        json!({"deploy_id": services["services"][0]["last_change"]["deploy_id"], "version": "v7",
            "status": "succeeded", "at": "2026-11-23T01:00:00Z"})
    );
}

#[tokio::test]
async fn an_exporter_that_may_not_send_reads_why_in_its_own_words() {
    let world = World::new().await;
    let viewer = world.token(Role::Viewer).await;
    for path in ["/v1/metrics", "/v1/logs", "/v1/traces", "/otlp/v1/logs", "/loki/otlp/v1/logs"] {
        let send = async |who: &As, content_type: &str| {
            world.send(request(Method::POST, who, path, &[("content-type", content_type)], "")).await
        };
        let answer = send(&As::Nobody, "application/json").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (401, "application/json"));
        assert!(!answer.header("www-authenticate").is_empty(), "{path}");
        assert_eq!(answer.json(), json!({"code": 16, "message": "a token or a session is needed"}));
        let answer = send(&viewer, "application/x-protobuf").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (403, "application/x-protobuf"));
        // Field 1, a varint: PERMISSION_DENIED; field 2, a text.
        assert_eq!(answer.body[..3], [0x08, 7, 0x12], "{path}");
        assert!(String::from_utf8_lossy(&answer.body).contains("ingest"), "{path}");
    }
}

#[tokio::test]
async fn telemetry_that_is_garbage_is_answered_in_its_dialect() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    let send = async |path: &str, content_type: &str, body: &'static str| {
        let headers = [("content-type", content_type)];
        world.send(request(Method::POST, &who, path, &headers, body)).await.status.as_u16()
    };
    assert_eq!(send("/v1/metrics", "application/json", "{").await, 400);
    assert_eq!(send("/v1/metrics", "text/plain", "x").await, 415);
    assert_eq!(send("/v1/logs", "application/x-protobuf", "\u{7f}\u{7f}").await, 400);
    assert_eq!(send("/prometheus/api/v1/write", "application/x-protobuf", "not snappy").await, 400);
    assert_eq!(send("/prometheus/api/v1/write", "text/plain", "x").await, 415);
    assert_eq!(send("/api/events", "application/json", "[[[").await, 400);
}
