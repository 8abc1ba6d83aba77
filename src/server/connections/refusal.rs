//! What a connection is told for which there is no place.
//!
//! It is answered before it has asked. What it sends is read for a moment all the same: closing over
//! unread bytes resets a connection, and takes the answer back.

use std::io;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// For the answer, and for what is read after it.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

pub(super) async fn refuse(socket: impl AsyncRead + AsyncWrite + Unpin, connections_max: usize) {
    // Whoever does not listen is none the wiser.
    let _told = tokio::time::timeout(REFUSAL_TIME, tell(socket, &answer(connections_max))).await;
}

fn answer(connections_max: usize) -> String {
    let problem = json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": format!("all {connections_max} connections of this port are in use (web.connections_max)"),
    });
    let problem = problem.to_string();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         content-type: application/problem+json\r\n\
         content-length: {}\r\n\
         retry-after: 1\r\n\
         connection: close\r\n\r\n\
         {problem}",
        problem.len()
    )
}

async fn tell(mut socket: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> io::Result<()> {
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await?;
    let mut unread = [0; 4 << 10];
    while socket.read(&mut unread).await? > 0 {}
    Ok(())
}
