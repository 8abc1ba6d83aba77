//! What a client is told for which there is no place: what PostgreSQL says when there are too many.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// For the whole exchange.
const REFUSAL_TIME: Duration = Duration::from_secs(5);

/// Clients may ask for encryption, of two kinds, before they say who they are.
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

pub(super) async fn refuse(socket: TcpStream, connections_max: usize) {
    // Whoever does not listen is none the wiser.
    let _told = tokio::time::timeout(REFUSAL_TIME, tell(socket, connections_max)).await;
}

async fn tell(mut socket: TcpStream, connections_max: usize) -> io::Result<()> {
    // A client takes no error for an answer before its startup message.
    loop {
        let _length = socket.read_u32().await?;
        if !matches!(socket.read_u32().await?, SSL_REQUEST | GSS_REQUEST) {
            break;
        }
        socket.write_all(b"N").await?;
    }
    socket.write_all(&error(connections_max)).await?;
    socket.shutdown().await?;
    let mut unread = [0; 1 << 10];
    while socket.read(&mut unread).await? > 0 {}
    Ok(())
}

/// `ErrorResponse`: fields of a letter and a text, each ended by a zero.
fn error(connections_max: usize) -> Vec<u8> {
    let message = format!("all {connections_max} connections are taken (query.postgres.connections_max)");
    let fields = format!("SFATAL\0VFATAL\0C53300\0M{message}\0\0");
    let length = (4 + fields.len()) as u32;
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}
