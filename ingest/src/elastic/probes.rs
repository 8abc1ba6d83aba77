//! What shippers ask and wish before they send: is this Elasticsearch, of which version, licensed,
//! healthy; make me an index, a template, a policy.
//!
//! There are no indices, templates or policies here: every one is said to be there, and whoever wants
//! to make one is told that it was made. Nothing is kept. What reads documents back is an error that
//! says where to read instead.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Call, Speech};

/// The version that shippers adapt to.
const VERSION: &str = "8.19.0";
const CLUSTER: &str = "evenkeel";
/// A name, not a secret: the same for every installation.
const CLUSTER_UUID: &str = "ZXZlbmtlZWwtY2x1c3Rlcg";

/// Things with names that shippers make for themselves before they send.
const KEPT_BY_NAME: [&str; 8] = [
    "_index_template",
    "_component_template",
    "_template",
    "_ilm",
    "_ingest",
    "_data_stream",
    "_alias",
    "_aliases",
];

impl Call {
    /// Answers a call that is not a bulk. `parts` is the request's head.
    pub fn answer(parts: &Parts, path: &[String]) -> Response<Bytes> {
        let speech = Speech::of(&parts.headers);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let body = match parts.method {
            Method::GET | Method::HEAD => match path[..] {
                ["_cat", "health"] => return speech.text(format!("{CLUSTER} green 1 1\n")),
                _ => question(&path),
            },
            Method::PUT | Method::POST | Method::DELETE => wish(&parts.method, &path),
            _ => None,
        };
        match body {
            Some(body) => speech.json(StatusCode::OK, &body),
            None => {
                let reason = "Evenkeel takes documents by _bulk, _doc and _create and answers the questions that shippers ask \
                              before; read them back by SQL (POST /api/sql, table logs)";
                speech.error(StatusCode::NOT_FOUND, reason)
            }
        }
    }
}

fn question(path: &[&str]) -> Option<Value> {
    Some(match path {
        [] => info(),
        ["_license"] => json!({"license": license()}),
        ["_xpack", ..] => {
            let on = json!({"available": true, "enabled": true});
            json!({
                "build": {"hash": build_hash(), "date": "2025-07-24T00:00:00.000Z"},
                "license": license(),
                "features": {"ilm": on, "data_streams": on, "security": on},
                "tagline": "You know, for X",
            })
        }
        ["_cluster", "health", ..] => json!({
            "cluster_name": CLUSTER, "status": "green", "timed_out": false,
            "number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": 1,
            "active_shards": 1, "relocating_shards": 0, "initializing_shards": 0,
            "unassigned_shards": 0, "delayed_unassigned_shards": 0, "number_of_pending_tasks": 0,
            "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0,
            "active_shards_percent_as_number": 100.0,
        }),
        ["_cluster", "settings"] => json!({"persistent": {}, "transient": {}}),
        // No addresses: a client that looks for more nodes stays with the one it was given.
        ["_nodes", ..] => json!({
            "_nodes": {"total": 0, "successful": 0, "failed": 0}, "cluster_name": CLUSTER, "nodes": {},
        }),
        ["_ilm", "status"] => json!({"operation_mode": "RUNNING"}),
        [kind, ..] if KEPT_BY_NAME.contains(kind) => json!({}),
        [index] if is_index(index) => {
            json!({ *index: {"aliases": {}, "mappings": {}, "settings": {}} })
        }
        [index, "_alias" | "_aliases" | "_mapping" | "_settings", ..] if is_index(index) => json!({}),
        _ => return None,
    })
}

fn wish(method: &Method, path: &[&str]) -> Option<Value> {
    let acknowledged = || json!({"acknowledged": true});
    Some(match path {
        [kind, ..] if KEPT_BY_NAME.contains(kind) => acknowledged(),
        ["_cluster", "settings"] => json!({"acknowledged": true, "persistent": {}, "transient": {}}),
        ["_refresh" | "_flush"] | [_, "_refresh" | "_flush"] => {
            json!({"_shards": {"total": 1, "successful": 1, "failed": 0}})
        }
        [index] if method == Method::PUT && is_index(index) => {
            json!({"acknowledged": true, "shards_acknowledged": true, "index": index})
        }
        [index, "_alias" | "_aliases" | "_mapping" | "_settings", ..] if is_index(index) => acknowledged(),
        _ => return None,
    })
}

/// Names that begin with an underscore are Elasticsearch's own.
fn is_index(name: &str) -> bool {
    !name.starts_with('_')
}

fn info() -> Value {
    json!({
        "name": CLUSTER,
        "cluster_name": CLUSTER,
        "cluster_uuid": CLUSTER_UUID,
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": build_hash(),
            "build_date": "2025-07-24T00:00:00.000000000Z",
            "build_snapshot": false,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        // Clients compare it letter by letter.
        "tagline": "You Know, for Search",
    })
}

fn license() -> Value {
    json!({"status": "active", "uid": CLUSTER_UUID, "type": "basic", "mode": "basic", "issued_to": CLUSTER})
}

/// Says whose build it is.
fn build_hash() -> &'static str {
    concat!("evenkeel-", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: Method, path: &str) -> (u16, Value) {
        let mut request = http::Request::new(());
        *request.method_mut() = method.clone();
        let (parts, ()) = request.into_parts();
        let Call::Other { path } = Call::of(&method, path) else { panic!("{path} is a write") };
        let answer = Call::answer(&parts, &path);
        assert_eq!(answer.headers()["x-elastic-product"], "Elasticsearch", "{method} {path:?}");
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status().as_u16(), body)
    }

    #[test]
    fn it_says_that_it_is_elasticsearch_eight() {
        let (status, body) = ask(Method::GET, "/");
        assert_eq!(status, 200);
        assert!(body["version"]["number"].as_str().unwrap().starts_with("8."));
        assert_eq!(body["tagline"], "You Know, for Search");
        assert_eq!(body["version"]["build_flavor"], "default");
        assert_eq!(ask(Method::HEAD, "").0, 200);
    }

    #[test]
    fn what_shippers_ask_and_wish_is_answered() {
        for path in [
            "/_license",
            "/_xpack",
            "/_xpack/usage",
            "/_cat/health",
            "/_cluster/health",
            "/_cluster/health/logs",
            "/_nodes/http",
            "/_nodes/_local",
            "/_ilm/policy/filebeat",
            "/_ilm/status",
            "/_index_template/filebeat-8",
            "/_component_template/a",
            "/_template/logstash",
            "/_data_stream/logs-shop",
            "/_ingest/pipeline/geoip",
            "/logs-2026.11.23",
            "/logs/_alias/current",
        ] {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(ask(method, path).0, 200, "{path}");
            }
        }
        assert_eq!(ask(Method::GET, "/_license").1["license"]["status"], "active");
        assert_eq!(ask(Method::GET, "/_cluster/health").1["status"], "green");
        for path in [
            "/_ilm/policy/filebeat",
            "/_index_template/filebeat-8",
            "/_data_stream/logs-shop",
            "/_ingest/pipeline/geoip",
            "/logs-2026.11.23",
            "/logs/_mapping",
        ] {
            let (status, body) = ask(Method::PUT, path);
            assert_eq!((status, &body["acknowledged"]), (200, &json!(true)), "{path}");
        }
        assert_eq!(ask(Method::POST, "/logs/_refresh").1["_shards"]["failed"], 0);
    }

    #[test]
    fn what_reads_back_says_where_to_read() {
        for (method, path) in [
            (Method::GET, "/logs/_search"),
            (Method::POST, "/_search"),
            (Method::GET, "/_bulk"),
            (Method::GET, "/logs/_doc/1"),
            (Method::POST, "/"),
            (Method::DELETE, "/logs"),
            (Method::PATCH, "/logs"),
        ] {
            let (status, body) = ask(method, path);
            assert_eq!(status, 404, "{path}: {body}");
            assert_eq!(body["status"], 404);
            assert!(body["error"]["reason"].as_str().unwrap().contains("POST /api/sql"), "{body}");
        }
    }
}
