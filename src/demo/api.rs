//! The demo's way into the server: the public endpoints with a token, like anybody's.

use anyhow::{Context, bail};
use prost::Message;
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    pub fn new(http: reqwest::Client, base: String, token: String) -> Api {
        Api { http, base, token }
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await?;
        accepted(path, answer).await?.json().await.context("no JSON")
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer =
            self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(body).send().await?;
        accepted(path, answer).await?.json().await.context("no JSON")
    }

    /// Sends an OTLP request as protobuf.
    pub async fn export(&self, path: &str, request: &impl Message) -> anyhow::Result<()> {
        let answer = self
            .http
            .post(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .header("content-type", "application/x-protobuf")
            .body(request.encode_to_vec())
            .send()
            .await?;
        accepted(path, answer).await?;
        Ok(())
    }
}

async fn accepted(path: &str, answer: reqwest::Response) -> anyhow::Result<reqwest::Response> {
    let status = answer.status();
    if !status.is_success() {
        bail!("{path} answered {status}: {}", answer.text().await.unwrap_or_default());
    }
    Ok(answer)
}
