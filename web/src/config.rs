//! The web settings: every limit has a name here. The listeners' addresses belong to the root, the
//! limits of telemetry bodies to `ingest`, those of queries to `query`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::time::duration_text;
use url::Url;

/// `web:` in the configuration file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebConfig {
    /// What links start with: one setting of the whole server. `None`: links are relative and cookies are
    /// not marked `Secure`.
    #[serde(skip)]
    pub external_url: Option<Url>,
    pub auth: AuthConfig,
    /// Bodies of the JSON API and of queries, in bytes. Retrospectives are the longest.
    pub api_body_bytes_max: usize,
    /// Bodies of the login form and the acknowledge button: a token and nothing else.
    pub form_body_bytes_max: usize,
    /// Requests answered at once. Telemetry has a bound of its own in `ingest`, so that neither
    /// starves the other.
    pub api_requests_max: usize,
    /// Webhooks and change events read at once: nobody vouches for them before they are read, and
    /// they must not take the places of senders with a token.
    pub signed_requests_max: usize,
    /// Connections of each HTTP listener at once, those of OTLP/gRPC included. Beyond it idle ones give way
    /// to new ones, which are refused only when all are in use.
    pub connections_max: usize,
    /// How long a connection may leave the server waiting: for its next request, the rest of a request's
    /// head, or for taking more of an answer. Senders pause for less between two requests.
    #[serde(with = "duration_text")]
    pub idle_timeout: Duration,
    /// From the request's head to the answer's head. Rows still stream after that, within the
    /// query limits.
    #[serde(with = "duration_text")]
    pub request_timeout: Duration,
    /// Depth of arrays and objects in a JSON body. serde_json itself stops at 128.
    pub json_depth_max: usize,
    /// Points that a burn-down chart may ask for.
    pub history_points_max: usize,
    /// Windows that a report of an objective may be asked for.
    pub report_windows_max: usize,
    /// Series and label values in one answer of the Prometheus API.
    pub series_rows_max: usize,
    /// Incidents, alerts and pages in one answer.
    pub list_rows_max: u32,
}

impl Default for WebConfig {
    fn default() -> WebConfig {
        WebConfig {
            external_url: None,
            auth: AuthConfig::default(),
            api_body_bytes_max: 1 << 20,
            form_body_bytes_max: 8 << 10,
            api_requests_max: 256,
            signed_requests_max: 16,
            connections_max: 512,
            idle_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(60),
            json_depth_max: 32,
            history_points_max: 2_000,
            report_windows_max: 20,
            series_rows_max: 100_000,
            list_rows_max: 1_000,
        }
    }
}

/// `web.auth:` in the configuration file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// How long a browser stays logged in.
    #[serde(with = "duration_text")]
    pub session_lifetime: Duration,
    /// Tokens that are kept; all of them are in memory.
    pub tokens_max: usize,
    /// How long a login link works when nobody uses it.
    #[serde(with = "duration_text")]
    pub login_link_lifetime: Duration,
    /// Wrong tokens from one address within the window before it has to wait for its end.
    pub login_failures_max: u32,
    #[serde(with = "duration_text")]
    pub login_failures_window: Duration,
}

impl Default for AuthConfig {
    fn default() -> AuthConfig {
        AuthConfig {
            session_lifetime: Duration::from_secs(7 * 24 * 3600),
            tokens_max: 10_000,
            login_link_lifetime: Duration::from_secs(24 * 3600),
            login_failures_max: 10,
            login_failures_window: Duration::from_secs(60),
        }
    }
}

impl WebConfig {
    /// Cookies are `Secure` exactly when people come over HTTPS.
    pub(crate) fn is_https(&self) -> bool {
        self.external_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// The path under which a proxy serves us, `/` at the end: what `<base href>` says.
    pub(crate) fn base_path(&self) -> String {
        let path = self.external_url.as_ref().map_or("/", |url| url.path());
        format!("{}/", path.trim_end_matches('/'))
    }
}
