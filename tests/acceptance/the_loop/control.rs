//! The machine's control port: what a runbook's HTTP step talks to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use tokio::net::TcpListener;

/// Remembers what it was asked.
pub struct Control {
    asked: Arc<Mutex<Vec<String>>>,
    pub url: String,
}

impl Control {
    pub async fn start() -> Control {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let router = Router::new().fallback(answer).with_state(asked.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Control { asked, url }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic with the lock").clone()
    }
}

async fn answer(
    State(asked): State<Arc<Mutex<Vec<String>>>>,
    method: Method,
    uri: Uri,
    body: String,
) -> &'static str {
    asked.lock().expect("no panic with the lock").push(format!("{method} {uri} {body}"));
    "started\n"
}
