//! Requests and answers, against an exporter on loopback.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::scrape::tests::{Exporter, target};

struct Fetching {
    exporter: Exporter,
    fetcher: Fetcher,
}

impl Fetching {
    async fn new(limits: ScrapeLimits) -> Fetching {
        let exporter = Exporter::start().await;
        exporter.page("up 1\n");
        Fetching { exporter, fetcher: Fetcher::new(&limits) }
    }

    /// Fetches with these settings of a job.
    async fn fetch(&self, settings: &str) -> Result<Page, String> {
        let address = self.exporter.address();
        let target =
            target(&format!("{{job_name: j, {settings}, static_configs: [{{targets: ['{address}']}}]}}"));
        let fetched = self.fetcher.fetch(&target).await;
        fetched.and_then(Fetched::into_page).map_err(|error| format!("{}: {}", error.kind, error.message))
    }

    async fn text(&self, settings: &str) -> String {
        self.fetch(settings).await.unwrap().text
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn a_request_says_what_prometheus_says_and_connections_are_kept() {
    let fetching = Fetching::new(ScrapeLimits::default()).await;
    let settings = "metrics_path: /m, params: {a: [b]}, scrape_timeout: 2500ms";
    let page = fetching.fetch(settings).await.unwrap();
    assert_eq!((page.text.as_str(), page.format), ("up 1\n", Format::Text));
    let asked = fetching.exporter.asked();
    let expect = [
        "get /m?a=b http/1.1\n".to_owned(),
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain".to_owned(),
        "accept-encoding: gzip\n".to_owned(),
        "x-prometheus-scrape-timeout-seconds: 2.5\n".to_owned(),
        format!("user-agent: evenkeel/{}\n", env!("CARGO_PKG_VERSION")),
        format!("host: {}\n", fetching.exporter.address()),
    ];
    for part in expect {
        assert!(asked.contains(&part), "{part:?} is not in {asked}");
    }
    fetching.text("enable_compression: false").await;
    assert!(fetching.exporter.asked().contains("accept-encoding: identity\n"));
    assert_eq!((fetching.exporter.requests(), fetching.exporter.connections()), (2, 1));
}

#[tokio::test]
async fn packed_pages_and_openmetrics_are_read() {
    let fetching = Fetching::new(ScrapeLimits::default()).await;
    let headers = ["content-encoding: gzip", "content-type: application/openmetrics-text; version=1.0.0"];
    fetching.exporter.answer("200 OK", &headers, &gzip(b"up 1\n# EOF\n"));
    let page = fetching.fetch("honor_labels: false").await.unwrap();
    assert_eq!((page.text.as_str(), page.format), ("up 1\n# EOF\n", Format::OpenMetrics));
}

#[tokio::test]
async fn what_is_no_page_is_named() {
    let fetching = Fetching::new(ScrapeLimits::default()).await;
    let settings = "body_size_limit: 1KB";
    for (status, headers, body, expect) in [
        ("404 Not Found", vec![], vec![], "status: server returned HTTP status 404 Not Found"),
        ("200 OK", vec![], vec![b'a'; 1025], "body_size_limit: body size limit exceeded (limit: 1024 bytes)"),
        (
            "200 OK",
            vec!["content-encoding: gzip"],
            gzip(&[b'a'; 100_000]),
            "body_size_limit: body size limit exceeded (limit: 1024 bytes)",
        ),
        (
            "200 OK",
            vec!["content-encoding: gzip"],
            b"not packed at all".to_vec(),
            "body: the gzip body is broken: invalid gzip header",
        ),
        ("200 OK", vec!["content-encoding: br"], vec![], "body: content encoding \"br\" was not asked for"),
        ("200 OK", vec![], b"a 1\nb{c=\"\xff\"} 1\n".to_vec(), "parse: line 2: not UTF-8"),
    ] {
        fetching.exporter.answer(status, &headers, &body);
        assert_eq!(fetching.fetch(settings).await.unwrap_err(), expect);
    }
    let limits = ScrapeLimits { bytes_in_flight_max: 2048, ..ScrapeLimits::default() };
    let fetching = Fetching::new(limits).await;
    fetching.exporter.page(&"#".repeat(3000));
    let error = fetching.fetch("honor_labels: false").await.unwrap_err();
    assert_eq!(
        error,
        "overloaded: the pages being read are over 2048 bytes (scrape.limits.bytes_in_flight_max)"
    );
    fetching.exporter.page(&"#".repeat(1500));
    for _ in 0..3 {
        assert_eq!(fetching.text("honor_labels: false").await.len(), 1500, "bytes are given back");
    }
}

#[tokio::test]
async fn credentials_are_sent_and_secrets_in_files_are_read_each_time() {
    let fetching = Fetching::new(ScrapeLimits::default()).await;
    let asked = async |settings: &str| {
        fetching.text(settings).await;
        let asked = fetching.exporter.asked();
        asked.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or("none").to_owned()
    };
    assert_eq!(asked("honor_labels: false").await, "none");
    // user:pass, in lower case.
    assert_eq!(asked("basic_auth: {username: user, password: pass}").await, "basic dxnlcjpwyxnz");
    assert_eq!(asked("authorization: {credentials: secret}").await, "bearer secret");
    assert_eq!(asked("authorization: {type: Token, credentials: secret}").await, "token secret");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let settings = format!("authorization: {{credentials_file: '{}'}}", file.display());
    for token in ["first", "second"] {
        std::fs::write(&file, format!(" {token}\n")).unwrap();
        assert_eq!(asked(&settings).await, format!("bearer {token}"));
    }
    std::fs::remove_file(&file).unwrap();
    let error = fetching.fetch(&settings).await.unwrap_err();
    assert!(error.starts_with("configuration: ") && error.contains("token cannot be read"), "{error}");
}

#[tokio::test]
async fn redirects_are_followed_only_if_they_may() {
    let fetching = Fetching::new(ScrapeLimits::default()).await;
    let other = Exporter::start().await;
    other.page("other 1\n");
    let location = format!("location: http://{}/there", other.address());
    fetching.exporter.answer("302 Found", &[&location], b"");
    let secret = "authorization: {credentials: secret}";
    assert_eq!(fetching.text(secret).await, "other 1\n");
    assert!(fetching.exporter.asked().contains("authorization"));
    assert!(!other.asked().contains("authorization"), "another host does not get the secret");
    let error = fetching.fetch(&format!("{secret}, follow_redirects: false")).await.unwrap_err();
    assert_eq!(error, "status: server returned HTTP status 302 Found");
}

#[tokio::test]
async fn a_file_of_tls_that_cannot_be_used_fails_the_scrape() {
    let fetching = Fetching::new(ScrapeLimits::default()).await;
    let error = fetching.fetch("scheme: https, tls_config: {ca_file: /none.pem}").await.unwrap_err();
    assert_eq!(error, "configuration: /none.pem: No such file or directory (os error 2)");
    let error = fetching.fetch("scheme: https").await.unwrap_err();
    assert!(error.starts_with("connection: "), "{error}");
}
