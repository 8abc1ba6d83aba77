//! The game's own control port, on loopback: what the runbook's HTTP steps talk to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use telemetry::Clock;
use tokio_util::sync::CancellationToken;

use super::game::{Game, SERVICES};

/// The game, shared by the story, the telemetry and the control port.
#[derive(Clone, Debug)]
pub struct SharedGame {
    game: Arc<Mutex<Game>>,
    clock: Arc<dyn Clock>,
}

impl SharedGame {
    pub fn new(game: Game, clock: Arc<dyn Clock>) -> SharedGame {
        SharedGame { game: Arc::new(Mutex::new(game)), clock }
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut Game) -> T) -> T {
        // Each change is complete before the lock is given back, a panic elsewhere harms nothing.
        work(&mut self.game.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves the control port until `shutdown`; returns its address.
    pub async fn listen(&self, shutdown: CancellationToken) -> std::io::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/state", get(state))
            .route("/rollback", post(roll_back))
            .with_state(self.clone());
        tokio::spawn(async move {
            let served =
                axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::warn!(%error, "the game's control port ended");
            }
        });
        Ok(address)
    }
}

async fn state(State(shared): State<SharedGame>) -> Json<Value> {
    let services: serde_json::Map<String, Value> = shared.with(|game| {
        SERVICES
            .iter()
            .map(|service| {
                let is_failing = game.has_open_outage(service.name);
                (service.name.to_owned(), json!(if is_failing { "failing" } else { "healthy" }))
            })
            .collect()
    });
    Json(json!({ "simulated": true, "services": services }))
}

#[derive(Debug, Deserialize)]
struct RollBack {
    service: String,
    reason: String,
}

async fn roll_back(
    State(shared): State<SharedGame>,
    Json(request): Json<RollBack>,
) -> (StatusCode, Json<Value>) {
    if !SERVICES.iter().any(|service| service.name == request.service) {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({ "error": format!("no service {:?}", request.service) })),
        );
    }
    let now = shared.clock.now();
    let ended = shared.with(|game| game.end_outages(&request.service, now));
    let outcome = if ended { "the previous version runs again" } else { "nothing to roll back" };
    (
        StatusCode::OK,
        Json(json!({ "service": request.service, "reason": request.reason, "outcome": outcome })),
    )
}
