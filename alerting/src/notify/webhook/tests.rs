//! Requests as an endpoint gets them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::notify::email::tests::notice;

/// Takes one request and answers with a status.
async fn endpoint(status: u16) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let request = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut request, mut buffer) = (String::new(), [0_u8; 4096]);
        loop {
            let read = socket.read(&mut buffer).await.unwrap();
            request.push_str(&String::from_utf8_lossy(&buffer[..read]));
            let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.unwrap().parse::<usize>().unwrap() {
                break;
            }
        }
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
        request
    });
    (url, request)
}

fn to(url: &str) -> Notice {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut notice = notice();
    notice.page.address = url.to_owned();
    notice
}

#[tokio::test]
async fn a_body_is_signed_together_with_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "secret\n").unwrap();
    let (url, request) = endpoint(204).await;
    let mut notice = to(&url);
    notice.secret_file = Some(key.display().to_string());
    Webhook::new(&WebhookConfig::default()).send(&notice).await.unwrap();
    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let expect = sign(b"secret", notice.now.secs(), body);
    assert!(head.contains(&format!("x-evenkeel-signature: {expect}")), "{head}");
    assert!(head.contains(&format!("idempotency-key: {}", notice.page.id)), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["incident"]["incident_id"], "INC-7");
    assert_eq!(body["alerts"][0]["value"], "NaN");
    assert_eq!(body["acknowledge_url"], "https://pager.example.com/p/token");
}

#[test]
fn the_signature_is_the_documented_one() {
    // printf '1:{}' | openssl dgst -sha256 -hmac secret
    assert_eq!(
        sign(b"secret", 1, "{}"),
        "t=1,v1=24b3563d1c10654ea38e2d983adf97d9c40f6103e9cf9041c116f0d1f8676eb4"
    );
}

#[tokio::test]
async fn answers_are_told_apart() {
    for (status, expect) in
        [(200, "sent"), (302, "permanent"), (404, "permanent"), (429, "temporary"), (503, "temporary")]
    {
        let (url, _request) = endpoint(status).await;
        let end = match Webhook::new(&WebhookConfig::default()).send(&to(&url)).await {
            Ok(()) => "sent",
            Err(SendError::Permanent(_)) => "permanent",
            Err(SendError::Temporary(_)) => "temporary",
            Err(SendError::Ambiguous(_)) => "ambiguous",
        };
        assert_eq!(end, expect, "{status}");
    }
}

#[tokio::test]
async fn a_missing_key_sends_nothing_unsigned() {
    let mut notice = to("http://127.0.0.1:9/hook");
    notice.secret_file = Some("does/not/exist".into());
    let error = Webhook::new(&WebhookConfig::default()).send(&notice).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot read the signing key does/not/exist"), "{error}");
}
