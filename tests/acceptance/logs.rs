//! Logs that came in by Loki and OTLP are searched, counted, shown in context, and followed live.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Api, SOON, Server, ServerOptions, now_ms, peer_to_end};

/// Lines of a shop, a millisecond apart, ending a minute ago.
async fn push(api: &Api, level: &str, lines: &[String]) {
    let end = now_ms() - 60_000;
    let at = |n: usize| ((end - lines.len() as i64 + n as i64) * 1_000_000).to_string();
    let values: Vec<Value> = lines.iter().enumerate().map(|(n, line)| json!([at(n), line])).collect();
    let stream = json!({"service": "shop", "level": level, "host": "web-1"});
    let body = json!({"streams": [{"stream": stream, "values": values}]});
    let answer = api.request(Method::POST, "/loki/api/v1/push").json(&body).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 204, "{}", answer.text().await.unwrap_or_default());
}

fn bodies(lines: &Value) -> Vec<String> {
    let lines = lines.as_array().expect("lines");
    lines.iter().map(|line| line["body"].as_str().expect("a body").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_loki_and_otlp_sent_is_searched_counted_and_seen_around() {
    let server = Server::start(ServerOptions::default()).await;
    let (api, token) = (server.api(), server.token("logs", "ingest").await);
    let orders: Vec<String> = (0..300).map(|n| format!("order {n} was placed")).collect();
    push(&api.with_token(&token), "info", &orders).await;
    // So many by each of OTLP's two protocols.
    let peer = [server.otlp_http(), server.otlp_grpc(), &token, "40"];
    peer_to_end("otel_sender.py", &peer).await;

    let found = api.get("/api/logs?q=%22order+17%22").await;
    assert_eq!(bodies(&found["lines"]), ["order 17 was placed"]);
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page = api.get(&format!("/api/logs?service=shop&limit=70&after={after}")).await;
        paged.extend(bodies(&page["lines"]));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let mut newest_first = orders.clone();
    newest_first.reverse();
    assert_eq!(paged, newest_first, "every line once");

    let facets = api.get("/api/logs/facets").await;
    let services = facets["columns"][0]["values"].as_array().expect("services");
    let count = |name: &str| {
        let facet = services.iter().find(|facet| facet["value"] == name);
        facet.and_then(|facet| facet["lines"].as_u64()).unwrap_or_default()
    };
    assert_eq!(count("shop"), 300);
    assert_eq!((count("otel-http"), count("otel-grpc")), (40, 40));
    assert_eq!(facets["total"], 380);
    let host = api.get("/api/logs?service=otel-grpc&q=%22player+7%22+queue=ranked").await;
    assert_eq!(host["lines"][0]["host"], "game-7");
    let histogram = api.get("/api/logs/histogram?service=shop").await;
    assert_eq!(histogram["total"], 300);

    let id = found["lines"][0]["id"].as_str().expect("an id");
    let context = api.get(&format!("/api/logs/context?id={id}&service=shop&host=web-1&lines=2")).await;
    assert_eq!(bodies(&context["before"]), ["order 15 was placed", "order 16 was placed"]);
    assert_eq!(bodies(&context["after"]), ["order 18 was placed", "order 19 was placed"]);

    let sql = "SELECT count(*) FROM logs WHERE log_match(body, 'placed -\"order 17\"')";
    assert_eq!(api.count(sql).await, 299);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_sees_a_line_that_was_acknowledged() {
    let mut server = Server::start(ServerOptions::default()).await;
    let api = server.api();
    let sender = api.with_token(&server.token("logs", "ingest").await);
    let tail = api.request(Method::GET, "/api/logs/tail?service=shop&severity=warn&q=refused").send().await;
    let tail = tail.expect("the server answers");
    assert_eq!(tail.status().as_u16(), 200);
    push(&sender, "info", &["payment refused, says the log of somebody calm".to_owned()]).await;
    push(&sender, "error", &["payment taken".to_owned(), "payment refused".to_owned()]).await;
    let read = async {
        let (mut text, mut parts) = (String::new(), tail.bytes_stream());
        while let Some(part) = parts.next().await {
            text.push_str(&String::from_utf8_lossy(&part.expect("the stream goes on")));
            if let Some(event) = text.split("\n\n").find(|event| event.contains("event: lines")) {
                return event.to_owned();
            }
        }
        panic!("the tail ended: {text}");
    };
    let event = tokio::time::timeout(SOON, read).await.expect("the line comes soon");
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(bodies(&data["lines"]), ["payment refused"]);
    let search = api.get("/api/logs?service=shop&severity=warn&q=refused").await;
    assert_eq!(search["lines"][0]["id"], data["lines"][0]["id"], "one line, one name");
    // A server that is followed still stops in time.
    let follower = api.request(Method::GET, "/api/logs/tail").send().await.expect("the server answers");
    let stopping = tokio::time::timeout(Duration::from_secs(20), server.stop()).await;
    assert!(stopping.is_ok(), "a tail held the server up");
    drop(follower);
}
