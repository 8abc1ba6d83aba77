//! Gets a target's page over HTTP.
//!
//! Connections are kept and shared by all targets with equal settings. They go where the configuration
//! says and nowhere else: no proxy from the environment, redirects only if they are followed.

use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ScrapeLimits;
use super::config::{SecretText, TlsConfig};
use super::job::{Credentials, HttpSettings};
use super::target::Target;
use crate::exposition::Format;

/// What is understood, best first.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=1.0.0;q=0.5,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";
const USER_AGENT: &str = concat!("evenkeel/", env!("CARGO_PKG_VERSION"));
/// As many as Prometheus follows.
const REDIRECTS_MAX: usize = 10;
/// Longer than the usual intervals, so that connections live from scrape to scrape.
const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(300);
/// Sets of connections; with more, all are closed and made anew as they are needed.
const CLIENTS_MAX: usize = 256;

/// Why there is no page. The text is what the target's `last_error` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    /// For the counter of failed scrapes.
    pub kind: &'static str,
    pub message: String,
}

impl FetchError {
    pub fn new(kind: &'static str, message: impl Into<String>) -> FetchError {
        FetchError { kind, message: message.into() }
    }
}

/// An answer as it came.
#[derive(Debug)]
pub struct Fetched {
    body: Bytes,
    is_packed: bool,
    format: Format,
    bytes_max: u64,
    share: ByteShare,
}

/// A page to read.
#[derive(Debug)]
pub struct Page {
    pub text: String,
    pub format: Format,
    /// Holds the page's bytes against the limit.
    _share: ByteShare,
}

impl Fetched {
    /// Over the wire.
    pub fn received_bytes(&self) -> u64 {
        self.body.len() as u64
    }

    /// Unpacks it.
    pub fn into_page(mut self) -> Result<Page, FetchError> {
        let plain = if self.is_packed { self.unpack()? } else { self.body.to_vec() };
        let text = String::from_utf8(plain).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            FetchError::new("parse", format!("line {line}: not UTF-8"))
        })?;
        Ok(Page { text, format: self.format, _share: self.share })
    }

    fn unpack(&mut self) -> Result<Vec<u8>, FetchError> {
        let mut plain = Vec::new();
        let mut unpacked = MultiGzDecoder::new(&self.body[..]);
        let mut chunk = vec![0; UNPACK_CHUNK_BYTES];
        loop {
            let count = unpacked
                .read(&mut chunk)
                .map_err(|error| FetchError::new("body", format!("the gzip body is broken: {error}")))?;
            if count == 0 {
                return Ok(plain);
            }
            if (plain.len() + count) as u64 > self.bytes_max {
                return Err(too_large(self.bytes_max));
            }
            self.share.take(count as u64)?;
            plain.extend_from_slice(&chunk[..count]);
        }
    }
}

const UNPACK_CHUNK_BYTES: usize = 64 << 10;

fn too_large(bytes_max: u64) -> FetchError {
    FetchError::new("body_size_limit", format!("body size limit exceeded (limit: {bytes_max} bytes)"))
}

/// All connections of the scraper.
#[derive(Debug)]
pub struct Fetcher {
    clients: Mutex<HashMap<ClientKey, Client>>,
    bytes: Arc<Semaphore>,
    bytes_max: u64,
}

/// What makes a set of connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ClientKey {
    tls: TlsConfig,
    /// When the files of `tls` changed last.
    changed: Vec<Option<SystemTime>>,
    follow_redirects: bool,
    /// The host behind `tls.server_name`, which every connection is to that host then.
    host: Option<String>,
}

/// Bytes in flight are counted in units of this.
const UNIT_BYTES: u64 = 1 << 10;

impl Fetcher {
    pub fn new(limits: &ScrapeLimits) -> Fetcher {
        let units = (limits.bytes_in_flight_max / UNIT_BYTES).min(Semaphore::MAX_PERMITS as u64);
        Fetcher {
            clients: Mutex::new(HashMap::new()),
            bytes: Arc::new(Semaphore::new(units as usize)),
            bytes_max: limits.bytes_in_flight_max,
        }
    }

    /// Gets the page of a target. Its timeout is the caller's to keep.
    pub async fn fetch(&self, target: &Target) -> Result<Fetched, FetchError> {
        let http = &target.job.http;
        let (client, url, host) = self.client_for(target)?;
        let mut request = client
            .get(url)
            .header(ACCEPT, ACCEPTED)
            .header(ACCEPT_ENCODING, if http.compression { "gzip" } else { "identity" })
            .header(TIMEOUT_HEADER, target.timeout.as_secs_f64().to_string());
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request = authorized(request, http).await?;
        let response = request.send().await.map_err(no_answer)?;
        if response.status() != StatusCode::OK {
            let message = format!("server returned HTTP status {}", response.status());
            return Err(FetchError::new("status", message));
        }
        self.receive(response, target.job.limits.body_bytes).await
    }

    async fn receive(&self, mut response: reqwest::Response, bytes_max: u64) -> Result<Fetched, FetchError> {
        let format = Format::of_content_type(text_of(response.headers(), CONTENT_TYPE));
        let is_packed = match text_of(response.headers(), CONTENT_ENCODING).trim() {
            "" | "identity" => false,
            "gzip" => true,
            other => {
                return Err(FetchError::new("body", format!("content encoding {other:?} was not asked for")));
            }
        };
        let mut share =
            ByteShare { units: self.bytes.clone(), held: None, bytes: 0, bytes_max: self.bytes_max };
        let mut received = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if (received.len() + chunk.len()) as u64 > bytes_max {
                return Err(too_large(bytes_max));
            }
            share.take(chunk.len() as u64)?;
            received.extend_from_slice(&chunk);
        }
        Ok(Fetched { body: received.freeze(), is_packed, format, bytes_max, share })
    }

    /// Connections for a target, the URL to ask for, and the host to name when that is another.
    fn client_for(&self, target: &Target) -> Result<(Client, Url, Option<HeaderValue>), FetchError> {
        let http = &target.job.http;
        let mut url = target.url.clone();
        let tls = if url.scheme() == "https" { http.tls.clone() } else { TlsConfig::default() };
        let mut host = None;
        let mut header = None;
        if let Some(name) = &tls.server_name {
            // The URL carries the name that the certificate has to bear; the resolver leads it home.
            let bad =
                || FetchError::new("configuration", format!("server_name {name:?} does not fit in a URL"));
            let address = address_in(&url);
            header = Some(HeaderValue::from_str(&address).map_err(|_| bad())?);
            host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned());
            url.set_host(Some(name)).map_err(|_| bad())?;
        }
        let changed = [&tls.ca_file, &tls.cert_file, &tls.key_file]
            .into_iter()
            .flatten()
            .map(|path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
            .collect();
        let key = ClientKey { tls, changed, follow_redirects: http.follow_redirects, host };
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(&key) {
            return Ok((client.clone(), url, header));
        }
        let client = client(&key).map_err(|message| FetchError::new("configuration", message))?;
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok((client, url, header))
    }
}

/// `HOST:PORT`, or `HOST` where the port is the scheme's.
fn address_in(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn client(key: &ClientKey) -> Result<Client, String> {
    let redirects = if key.follow_redirects { Policy::limited(REDIRECTS_MAX) } else { Policy::none() };
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(redirects)
        .referer(false)
        .http1_only()
        .pool_idle_timeout(IDLE_CONNECTION_MAX)
        .tls_danger_accept_invalid_certs(key.tls.insecure_skip_verify);
    if let Some(path) = &key.tls.ca_file {
        let certificates = Certificate::from_pem_bundle(&read_file(path)?)
            .map_err(|error| format!("{}: no certificates: {error}", path.display()))?;
        builder = builder.tls_certs_only(certificates);
    }
    if let (Some(certificate), Some(key)) = (&key.tls.cert_file, &key.tls.key_file) {
        let mut pem = read_file(certificate)?;
        pem.push(b'\n');
        pem.extend(read_file(key)?);
        let identity = Identity::from_pem(&pem)
            .map_err(|error| format!("{}: no certificate and key: {error}", certificate.display()))?;
        builder = builder.identity(identity);
    }
    if let (Some(name), Some(host)) = (&key.tls.server_name, &key.host) {
        builder = builder.dns_resolver(StandIn { name: name.clone(), host: host.clone() });
    }
    builder.build().map_err(|error| causes(&error))
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Leads the name that a certificate bears to the host that shows the certificate.
struct StandIn {
    name: String,
    host: String,
}

impl Resolve for StandIn {
    fn resolve(&self, name: Name) -> Resolving {
        let host = if name.as_str().eq_ignore_ascii_case(&self.name) { &self.host } else { name.as_str() };
        let host = host.to_owned();
        Box::pin(async move {
            // The port is the URL's.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Secrets in files are read for every request: they may be replaced at any time.
async fn authorized(
    request: reqwest::RequestBuilder,
    http: &HttpSettings,
) -> Result<reqwest::RequestBuilder, FetchError> {
    let failed = |message| FetchError::new("configuration", message);
    match &http.credentials {
        Credentials::None => Ok(request),
        Credentials::Basic(basic) => {
            let password =
                secret(basic.password.as_ref(), basic.password_file.as_deref()).await.map_err(failed)?;
            Ok(request.basic_auth(&basic.username, password))
        }
        Credentials::Authorization(own) => {
            let credentials = secret(own.credentials.as_ref(), own.credentials_file.as_deref())
                .await
                .map_err(failed)?
                .unwrap_or_default();
            let value = format!("{} {credentials}", own.kind.trim());
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| failed("the credentials do not fit in a header".to_owned()))?;
            value.set_sensitive(true);
            Ok(request.header(AUTHORIZATION, value))
        }
    }
}

async fn secret(text: Option<&SecretText>, file: Option<&Path>) -> Result<Option<String>, String> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.expose().to_owned())),
        (None, Some(path)) => {
            let text = tokio::fs::read_to_string(path)
                .await
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            Ok(Some(text.trim().to_owned()))
        }
        (None, None) => Ok(None),
    }
}

fn text_of(headers: &HeaderMap, name: http::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn no_answer(error: reqwest::Error) -> FetchError {
    // Whoever reads it sees the URL beside it.
    FetchError::new("connection", causes(&error.without_url()))
}

/// An error with what caused it, down to the refused connection.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// What one page takes of the bytes in flight; given back when it is dropped.
#[derive(Debug)]
struct ByteShare {
    units: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    bytes: u64,
    bytes_max: u64,
}

impl ByteShare {
    fn take(&mut self, bytes: u64) -> Result<(), FetchError> {
        let more = (self.bytes + bytes).div_ceil(UNIT_BYTES) - self.bytes.div_ceil(UNIT_BYTES);
        self.bytes += bytes;
        if more == 0 {
            return Ok(());
        }
        let permit =
            u32::try_from(more).ok().and_then(|more| self.units.clone().try_acquire_many_owned(more).ok());
        let permit = permit.ok_or_else(|| {
            let message = format!(
                "the pages being read are over {} bytes (scrape.limits.bytes_in_flight_max)",
                self.bytes_max
            );
            FetchError::new("overloaded", message)
        })?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
