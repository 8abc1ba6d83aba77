//! Logs that came in by Loki and OTLP are searched, counted, shown in context, and followed live.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Api, Finished, Process, SOON, Server, ServerOptions, now_ms, peer_to_end, run};

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

async fn cli(server: &Server, args: &[&str]) -> Finished {
    run(server.cli(&[&["logs"], args].concat()), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_searches_as_text_json_and_csv() {
    let server = Server::start(ServerOptions::default()).await;
    let sender = server.api().with_token(&server.token("logs", "ingest").await);
    let orders: Vec<String> = (0..1_500).map(|n| format!("order {n} was placed")).collect();
    push(&sender, "info", &orders).await;
    push(&sender, "error", &["payment \"7\" refused,\u{1b}[2J really".to_owned()]).await;

    let found = cli(&server, &["\"order 17\""]).await;
    assert!(found.stdout.ends_with(" INFO  shop order 17 was placed\n"), "{}{}", found.stdout, found.stderr);
    assert_eq!(found.stdout.lines().count(), 1);
    let error = cli(&server, &["payment", "--severity", "warn"]).await;
    assert!(error.stdout.ends_with("payment \"7\" refused,\u{fffd}[2J really\n"), "{:?}", error.stdout);

    let many = cli(&server, &["placed", "--limit", "1200", "--output", "json"]).await;
    let lines: Vec<Value> = many
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object for each line"))
        .collect();
    assert_eq!(bodies(&json!(lines)), orders[300..], "the newest, over more than one page, oldest first");
    assert_eq!((&lines[0]["service"], &lines[0]["attrs"]["level"]), (&json!("shop"), &json!("info")));

    let csv = cli(&server, &["refused", "--service", "shop", "--output", "csv"]).await;
    let rows: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!(rows[0], "ts,severity,service,host,env,trace_id,span_id,body,attrs");
    assert!(rows[1].contains(",ERROR,shop,web-1,,,,\"payment \"\"7\"\" refused,"), "{}", rows[1]);
    assert_eq!(rows.len(), 2);

    let wrong = cli(&server, &["--severity", "loud"]).await;
    assert!(wrong.code != 0 && wrong.stderr.contains("?severity"), "{}", wrong.stderr);
    let unclosed = cli(&server, &["a \"b"]).await;
    assert!(unclosed.code != 0 && unclosed.stderr.contains("at character 3"), "{}", unclosed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_follows_from_what_was_to_what_comes() {
    let server = Server::start(ServerOptions::default()).await;
    let sender = server.api().with_token(&server.token("logs", "ingest").await);
    push(&sender, "error", &["payment refused at first".to_owned()]).await;
    let args = ["logs", "-f", "refused", "--service", "shop", "--severity", "warn", "--output", "csv"];
    let mut follower = Process::spawn("evenkeel logs", &mut server.cli(&args));
    follower.line("20", SOON).await;
    push(&sender, "info", &["refused, says somebody calm".to_owned()]).await;
    push(&sender, "error", &["payment refused again".to_owned()]).await;
    let printed = crate::harness::eventually(SOON, "the second line", async || {
        let lines = follower.lines();
        if lines.len() >= 3 { Ok(lines) } else { Err(format!("{lines:?}")) }
    });
    let printed = printed.await;
    assert!(printed[0].starts_with("ts,severity,") && printed.len() == 3, "{printed:?}");
    assert!(printed[1].contains("refused at first") && printed[2].contains("refused again"), "{printed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_taken_away_as_files_up_to_a_named_limit() {
    let server = Server::start(ServerOptions::settings("query: {logs: {export_lines_max: 250}}")).await;
    let api = server.api();
    let orders: Vec<String> = (0..300).map(|n| format!("order {n} was placed")).collect();
    push(&api.with_token(&server.token("logs", "ingest").await), "info", &orders).await;
    let file = async |query: &str| {
        let path = format!("/api/logs/export?service=shop&{query}");
        let answer = api.request(Method::GET, &path).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let name = answer.headers().get("content-disposition");
        let name = name.map(|name| name.to_str().expect("text").to_owned()).unwrap_or_default();
        (status, name, answer.text().await.expect("a body"))
    };
    let (status, name, csv) = file("q=placed").await;
    assert_eq!((status, name.as_str()), (200, "attachment; filename=\"logs.csv\""));
    let rows: Vec<&str> = csv.lines().collect();
    assert!(
        rows.len() == 251 && rows[0].contains("body") && rows[1].contains("order 299 was"),
        "{}",
        rows[1]
    );
    let (_, name, lines) = file("format=ndjson&limit=2&direction=forward").await;
    assert_eq!(name, "attachment; filename=\"logs.ndjson\"");
    let lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("one object for each line")).collect();
    assert_eq!(bodies(&json!(lines)), orders[..2]);
    let (status, _, problem) = file("limit=251").await;
    assert!(status == 400 && problem.contains("?limit") && problem.contains("250"), "{problem}");
    let (status, _, problem) = file("format=pdf").await;
    assert!(status == 400 && problem.contains("csv"), "{problem}");
    let (status, _, problem) = file("after=1").await;
    assert!(status == 400 && problem.contains("unknown field `after`"), "{problem}");
}
