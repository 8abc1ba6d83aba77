//! A sender of remote write over HTTP.

use std::time::Duration;

/// Where and how requests go.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<&'static str>,
}

impl Client {
    pub fn new(url: String, token: Option<&'static str>) -> Client {
        Client { http: reqwest::Client::new(), url, token }
    }

    /// Until it is taken: an overloaded server is asked again after a pause. Returns how often it was
    /// overloaded.
    pub async fn send(&self, body: &[u8]) -> u64 {
        let mut refused = 0;
        loop {
            let mut request = self
                .http
                .post(&self.url)
                .header("content-type", "application/x-protobuf")
                .header("content-encoding", "snappy")
                .header("x-prometheus-remote-write-version", "0.1.0")
                .body(body.to_vec());
            if let Some(token) = self.token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.expect("the server answers");
            let status = answer.status();
            if status.is_success() {
                return refused;
            }
            assert!(
                status.as_u16() == 429 || status.is_server_error(),
                "{status}: {}",
                answer.text().await.unwrap_or_default()
            );
            refused += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
