//! An exporter: HTTP/1.1 by hand, which answers as told and remembers what it was asked.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub(crate) struct Exporter {
    address: String,
    state: Arc<Mutex<State>>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// `None`: it never answers.
    answer: Option<Vec<u8>>,
    /// Request lines and headers, in lower case.
    asked: Vec<String>,
    connections: usize,
}

impl Exporter {
    pub async fn start() -> Exporter {
        // As the process does at its start.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let listening = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().connections += 1;
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        Exporter { address, state, listening }
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Answers with a page.
    pub fn page(&self, text: &str) {
        self.answer("200 OK", &["content-type: text/plain; version=0.0.4"], text.as_bytes());
    }

    pub fn fail(&self, status: &str) {
        self.answer(status, &[], b"sorry");
    }

    pub fn answer(&self, status: &str, headers: &[&str], body: &[u8]) {
        let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|header| answer.push_str(&format!("{header}\r\n")));
        answer.push_str("\r\n");
        self.state.lock().answer = Some([answer.as_bytes(), body].concat());
    }

    /// Does not answer any more.
    pub fn hang(&self) {
        self.state.lock().answer = None;
    }

    /// The head of the last request, in lower case.
    pub fn asked(&self) -> String {
        self.state.lock().asked.last().cloned().unwrap_or_default()
    }

    pub fn requests(&self) -> usize {
        self.state.lock().asked.len()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// Closes its port and its connections.
    pub async fn stop(&mut self) {
        self.listening.abort();
        let _aborted = (&mut self.listening).await;
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    loop {
        let mut head = String::new();
        loop {
            match lines.next_line().await {
                Ok(Some(line)) if line.is_empty() => break,
                Ok(Some(line)) => head.push_str(&format!("{}\n", line.to_lowercase())),
                _ => return,
            }
        }
        let answer = {
            let mut state = state.lock();
            state.asked.push(head);
            state.answer.clone()
        };
        let Some(answer) = answer else { return std::future::pending().await };
        if writer.write_all(&answer).await.is_err() {
            return;
        }
    }
}
