//! Talks to a running server.

use anyhow::{Context, bail};
use query::formats::{CellReader, Column, Format};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};

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

    /// An answer that is read as it comes.
    pub async fn get_for(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Response> {
        let answer = self.request(Method::GET, path)?.query(query).send().await;
        self.read(answer).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.request(Method::POST, path)?.json(body).send().await;
        let text = self.read(answer).await?.text().await?;
        if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }

    /// The answer in another format than JSON, as it comes.
    pub async fn post_for(&self, path: &str, body: &Value, accept: &str) -> anyhow::Result<Response> {
        let answer = self.request(Method::POST, path)?.header("accept", accept).json(body).send().await;
        self.read(answer).await
    }

    /// Runs a SQL query; `parameters` are the values of `$1`, `$2`, ... in it.
    pub async fn sql(&self, query: &str, parameters: &[Value]) -> anyhow::Result<SqlAnswer> {
        let body = json!({ "query": query, "parameters": parameters });
        let response = self.post_for("/api/sql", &body, Format::ArrowIpc.content_type()).await?;
        let mut answer =
            SqlAnswer { response, reader: CellReader::default(), first: Vec::new(), ended: false };
        // The columns come before the first row.
        while answer.columns().is_empty() && !answer.ended {
            let rows = answer.receive().await?;
            answer.first.extend(rows);
        }
        Ok(answer)
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

/// A result whose rows are still coming.
pub struct SqlAnswer {
    response: Response,
    reader: CellReader,
    /// Rows that came with the columns.
    first: Vec<Vec<Value>>,
    ended: bool,
}

impl SqlAnswer {
    pub fn columns(&self) -> Vec<Column> {
        self.reader.columns()
    }

    /// Some more rows, `None` after the last ones. A result that broke off is an error.
    pub async fn next_rows(&mut self) -> anyhow::Result<Option<Vec<Vec<Value>>>> {
        if !self.first.is_empty() {
            return Ok(Some(std::mem::take(&mut self.first)));
        }
        while !self.ended {
            let rows = self.receive().await?;
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> anyhow::Result<Vec<Vec<Value>>> {
        const BROKEN: &str = "the result broke off: the query ended with an error, or the connection did";
        match self.response.chunk().await.context(BROKEN)? {
            Some(bytes) => Ok(self.reader.push(bytes)?),
            None => {
                self.ended = true;
                self.reader.finish().context(BROKEN)?;
                Ok(Vec::new())
            }
        }
    }
}
