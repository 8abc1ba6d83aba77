//! The demo's mail server: real SMTP on loopback, kept in memory, shown in the dashboard.
//!
//! The protocol is `mailin`'s; this file reads lines, writes answers and keeps the newest mails.
//! No TLS, no accounts: it listens on loopback for the demo alone.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mail_parser::MessageParser;
use mailin::{Action, Handler, Response, SessionBuilder, response};
use telemetry::{Clock, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The oldest mail goes when one more comes.
const MAILS_MAX: usize = 200;
/// A mail of ours has a few kilobytes.
const MAIL_BYTES_MAX: usize = 1024 * 1024;
/// RFC 5321 allows 1000 octets in a line of text.
const LINE_BYTES_MAX: u64 = 4 * 1024;

/// A mail as the dashboard shows it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub id: u64,
    pub from: String,
    pub to: String,
    pub subject: String,
    pub received_at: Timestamp,
    pub text: String,
    pub html: Option<String>,
}

/// The mailbox; clones share it.
#[derive(Clone, Debug)]
pub struct Inbox {
    mails: Arc<Mutex<Mails>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Mails {
    newest_last: VecDeque<Mail>,
    received: u64,
}

impl Inbox {
    pub fn new(clock: Arc<dyn Clock>) -> Inbox {
        Inbox { mails: Arc::default(), clock }
    }

    /// The mails, newest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.lock().newest_last.iter().rev().cloned().collect()
    }

    /// Listens on a free port of the loopback and serves until `shutdown`.
    pub async fn listen(&self, shutdown: CancellationToken) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inbox = self.clone();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = shutdown.cancelled() => return,
                };
                let Ok((socket, peer)) = accepted else { continue };
                let inbox = inbox.clone();
                tokio::spawn(async move {
                    if let Err(error) = inbox.serve(socket, peer.ip()).await {
                        tracing::debug!(%error, "a mail connection ended early");
                    }
                });
            }
        });
        Ok(address)
    }

    async fn serve(&self, mut socket: TcpStream, peer: IpAddr) -> io::Result<()> {
        let mut session =
            SessionBuilder::new("inbox.demo").build(peer, Delivery { inbox: self.clone(), mail: Vec::new() });
        let (read, mut write) = socket.split();
        let mut lines = BufReader::new(read);
        write.write_all(&session.greeting().buffer()?).await?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let answer = session.process(&line);
            match answer.action {
                Action::NoReply => {}
                Action::Close => return write.write_all(&answer.buffer()?).await,
                _ => write.write_all(&answer.buffer()?).await?,
            }
        }
    }

    fn keep(&self, raw: &[u8]) {
        let Some(message) = MessageParser::default().parse(raw) else { return };
        let address = |list: Option<&mail_parser::Address<'_>>| {
            list.and_then(|list| list.first())
                .and_then(|first| first.address())
                .unwrap_or_default()
                .to_owned()
        };
        let mut mails = self.lock();
        mails.received += 1;
        let mail = Mail {
            id: mails.received,
            from: address(message.from()),
            to: address(message.to()),
            subject: message.subject().unwrap_or_default().to_owned(),
            received_at: self.clock.now(),
            text: message.body_text(0).map(|text| text.into_owned()).unwrap_or_default(),
            html: message.body_html(0).map(|html| html.into_owned()),
        };
        mails.newest_last.push_back(mail);
        if mails.newest_last.len() > MAILS_MAX {
            mails.newest_last.pop_front();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Mails> {
        // A panic elsewhere leaves the list as it was: each change is one push.
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl web::Inbox for Inbox {
    async fn mails(&self, limit: usize) -> Vec<web::InboxMail> {
        let mails = Inbox::mails(self);
        mails.into_iter().take(limit).map(shown).collect()
    }
}

fn shown(mail: Mail) -> web::InboxMail {
    let is_link = |word: &&str| word.starts_with("http://") || word.starts_with("https://");
    let links = mail.text.split_whitespace().filter(is_link).map(str::to_owned).collect();
    web::InboxMail {
        id: mail.id.to_string(),
        to: mail.to,
        from: mail.from,
        subject: mail.subject,
        received_at: mail.received_at,
        text: mail.text,
        html: mail.html,
        links,
    }
}

/// One connection's mail in the making.
struct Delivery {
    inbox: Inbox,
    mail: Vec<u8>,
}

impl Handler for Delivery {
    fn data_start(&mut self, _domain: &str, _from: &str, _is8bit: bool, _to: &[String]) -> Response {
        self.mail.clear();
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        if self.mail.len() + line.len() > MAIL_BYTES_MAX {
            return Err(io::Error::other(format!("a mail has at most {MAIL_BYTES_MAX} bytes here")));
        }
        self.mail.extend_from_slice(line);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.inbox.keep(&std::mem::take(&mut self.mail));
        response::OK
    }
}

#[cfg(test)]
mod tests {
    use telemetry::ManualClock;

    use super::*;

    #[tokio::test]
    async fn a_mail_sent_by_smtp_is_in_the_inbox() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
        let inbox = Inbox::new(clock);
        let shutdown = CancellationToken::new();
        let address = inbox.listen(shutdown.clone()).await.unwrap();

        let mut socket = TcpStream::connect(address).await.unwrap();
        let (read, mut write) = socket.split();
        let mut answers = BufReader::new(read).lines();
        assert!(answers.next_line().await.unwrap().unwrap().starts_with("220 "));
        let mail = "From: Evenkeel <pager@a.example>\r\nTo: ada@a.example\r\nSubject: SEV2 checkout\r\n\r\nIt burns.\r\n.\r\n";
        for (line, code) in [
            ("HELO test\r\n", "250"),
            ("MAIL FROM:<pager@a.example>\r\n", "250"),
            ("RCPT TO:<ada@a.example>\r\n", "250"),
            ("DATA\r\n", "354"),
            (mail, "250"),
            ("QUIT\r\n", "221"),
        ] {
            write.write_all(line.as_bytes()).await.unwrap();
            let answer = answers.next_line().await.unwrap().unwrap();
            assert!(answer.starts_with(code), "{line:?}: {answer}");
        }
        let mails = inbox.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!((mails[0].to.as_str(), mails[0].subject.as_str()), ("ada@a.example", "SEV2 checkout"));
        assert_eq!(mails[0].text.trim(), "It burns.");
        assert_eq!(mails[0].received_at, Timestamp::from_secs(1_000));
        shutdown.cancel();
    }
}
