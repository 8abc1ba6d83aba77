//! Talks to a running server.

use anyhow::{Context, bail};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

/// Where the server is and who asks.
#[derive(Debug, clap::Args)]
pub struct ClientArgs {
    /// The server's address.
    #[arg(long, env = "EVENKEEL_URL", default_value = "http://127.0.0.1:7400")]
    url: Url,
    /// A token of this server (see `evenkeel token`).
    #[arg(long, env = "EVENKEEL_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl ClientArgs {
    pub fn client(self) -> anyhow::Result<Client> {
        crate::tls::install();
        let mut base = self.url;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Client { http: reqwest::Client::builder().build()?, base, token: self.token })
    }
}

impl Client {
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let answer = self.request(Method::GET, path)?.query(query).send().await;
        self.read(answer).await?.json().await.context("the server's answer is no JSON")
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.request(Method::POST, path)?.json(body).send().await;
        let text = self.read(answer).await?.text().await?;
        if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }

    /// The answer in another format than JSON, as text.
    pub async fn post_for(&self, path: &str, body: &Value, accept: &str) -> anyhow::Result<String> {
        let answer = self.request(Method::POST, path)?.header("accept", accept).json(body).send().await;
        Ok(self.read(answer).await?.text().await?)
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<reqwest::RequestBuilder> {
        let request = self.http.request(method, self.base.join(path.trim_start_matches('/'))?);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    /// The answer, or the server's own words about what is wrong.
    async fn read(&self, answer: reqwest::Result<reqwest::Response>) -> anyhow::Result<reqwest::Response> {
        let answer = answer.with_context(|| format!("no answer from {}", self.base))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if status == StatusCode::UNAUTHORIZED && self.token.is_none() {
            bail!("the server wants a token: set EVENKEEL_TOKEN or give --token");
        }
        let text = answer.text().await.unwrap_or_default();
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let word = |key: &str| problem[key].as_str().map(str::to_owned);
        let said = word("detail").or_else(|| word("error")).or_else(|| word("title")).unwrap_or(text);
        let fields: Vec<String> = problem["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|field| {
                format!(
                    "\n  {}: {}",
                    field["pointer"].as_str().unwrap_or("/"),
                    field["message"].as_str().unwrap_or("")
                )
            })
            .collect();
        bail!("{said} (HTTP {}){}", status.as_u16(), fields.concat())
    }
}
