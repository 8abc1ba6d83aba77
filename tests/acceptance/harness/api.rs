//! The HTTP surfaces, asked the way their clients do.

use std::sync::Once;

use prost::Message;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{WriteRequest, snappy_block};

/// Somebody who asks: an address and perhaps a token. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}

impl Api {
    pub fn new(base: &str, token: Option<&str>) -> Api {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            // Somebody else's is as good.
            let _installed = rustls::crypto::ring::default_provider().install_default();
        });
        Api {
            base: base.to_owned(),
            token: token.map(str::to_owned),
            http: client(reqwest::Client::builder()),
        }
    }

    /// A connection for each request: a server that refuses a body unread ends the connection, and a
    /// request on a kept one would race with that end, where a real sender tries again.
    pub fn with_new_connections(&self) -> Api {
        Api { http: client(reqwest::Client::builder().pool_max_idle_per_host(0)), ..self.clone() }
    }

    pub fn with_token(&self, token: &str) -> Api {
        Api { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn try_get(&self, path: &str) -> reqwest::Result<Answer> {
        answer(self.request(Method::GET, path)).await
    }

    /// `GET` that must work.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.try_get(path).await.expect("the server answers");
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.json()
    }

    pub async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// `POST` that must work; an empty answer is null.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.try_post(path, body).await.expect("the server answers");
        assert!((200..300).contains(&answer.status), "POST {path}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Sends a body as it is.
    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> reqwest::Result<Answer> {
        let mut request = self.request(Method::POST, path).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    pub async fn try_sql(&self, query: &str) -> reqwest::Result<Answer> {
        self.try_post("/api/sql", &json!({ "query": query })).await
    }

    /// The rows of a query that must work.
    pub async fn sql(&self, query: &str) -> Vec<Vec<Value>> {
        let answer = self.try_sql(query).await.expect("the server answers");
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        serde_json::from_value(answer.json()["rows"].take()).expect("rows are lists")
    }

    /// The only cell of a query's result.
    pub async fn cell(&self, query: &str) -> Value {
        let rows = self.sql(query).await;
        assert!(rows.len() == 1 && rows[0].len() == 1, "{query}: not one cell: {rows:?}");
        rows[0][0].clone()
    }

    pub async fn count(&self, query: &str) -> u64 {
        let cell = self.cell(query).await;
        cell.as_u64().unwrap_or_else(|| panic!("{query}: not a count: {cell}"))
    }

    /// The result of an instant query that must work.
    pub async fn promql(&self, expr: &str) -> Vec<Value> {
        let request = self.request(Method::GET, "/prometheus/api/v1/query").query(&[("query", expr)]);
        let answer = answer(request).await.expect("the server answers");
        assert_eq!(answer.status, 200, "{expr}: {}", answer.text());
        answer.json()["data"]["result"].as_array().expect("a vector").clone()
    }

    pub async fn remote_write(&self, request: &WriteRequest) -> reqwest::Result<Answer> {
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        self.send("/prometheus/api/v1/write", &headers, snappy_block(&request.encode_to_vec())).await
    }
}

fn client(builder: reqwest::ClientBuilder) -> reqwest::Client {
    builder.redirect(reqwest::redirect::Policy::none()).build().expect("a client can be built")
}

async fn answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let headers = response.headers().clone();
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Answer {
        status: response.status().as_u16(),
        content_type: content_type.to_owned(),
        headers,
        body: response.bytes().await?.to_vec(),
    })
}
