//! `evenkeel demo`: a server with embedded defaults, a simulated game that talks to it through the
//! public endpoints, weeks of history, and an incident to handle.
//!
//! The cast: [`game`] is the world, [`traffic`] its telemetry, [`host`] this machine's real one,
//! [`control`] the game's own port, [`inbox`] a real SMTP server, [`story`] the incident and the
//! console. Nothing in the server knows that it is a demo, except that it shows the inbox.

mod api;
mod control;
mod deploys;
mod game;
mod history;
mod host;
mod inbox;
mod otlp;
mod self_scrape;
mod story;
mod traffic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alerting::config::{SmtpConfig, SmtpTls};
use anyhow::Context;
use telemetry::{Clock, SystemClock};
use tokio_util::sync::CancellationToken;

use crate::console::tell;
use crate::server::{Extras, Server};
use crate::settings::Settings;
use api::Api;
use control::SharedGame;
use game::{Game, SERVICES};
use host::Host;
use inbox::Inbox;
use story::{Story, command, hint, say};
use traffic::Traffic;

/// How often the simulated exporters and the host's are read.
const EXPORT_EVERY: Duration = Duration::from_secs(5);
/// How long the demo's server takes for an orderly end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The configuration that the demo writes into its data directory. `@CONTROL@` is the game's port.
const OBJECTS: [(&str, &str); 6] = [
    ("people.yaml", include_str!("demo/objects/people.yaml")),
    ("services.yaml", include_str!("demo/objects/services.yaml")),
    ("slos.yaml", include_str!("demo/objects/slos.yaml")),
    ("gates.yaml", include_str!("demo/objects/gates.yaml")),
    ("rules.yaml", include_str!("demo/objects/rules.yaml")),
    ("roll-back-matchmaking.md", include_str!("demo/objects/roll-back-matchmaking.md")),
];

/// What `evenkeel demo` is told.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    pub data_dir: PathBuf,
    /// Days of history to backfill.
    pub history_days: u32,
}

pub async fn run(options: DemoOptions, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let inbox = Inbox::new(clock.clone());
    let smtp = inbox.listen(shutdown.clone()).await.context("the demo's mail server")?;
    let game = SharedGame::new(Game::with_history(clock.now()), clock.clone());
    let control = game.listen(shutdown.clone()).await.context("the game's control port")?;
    let objects = options.data_dir.join("objects");
    write_objects(&objects, &format!("http://{control}"))?;

    let scrape = options.data_dir.join("scrape");
    let mut settings = settings(&options, &objects, smtp.to_string());
    settings.scrape.config_files.push(self_scrape::configure(&scrape)?);
    let extras = Extras { inbox: Some(Arc::new(inbox)), may_move_ports: true };
    let server = Server::start(settings, extras, clock.clone()).await?;
    let token = server.create_token("demo", web::Role::Admin).await?;
    let scraper = server.create_token("self-scrape", web::Role::Viewer).await?;
    self_scrape::discover(&scrape, &server.http_url().unwrap_or_default(), &scraper)?;
    let http = reqwest::Client::new();
    let api =
        Api::new(http.clone(), server.http_url().context("the demo needs its HTTP listener")?, token.clone());

    tell!("\nEvenkeel demo. Simulated: the game. Real: this machine's metrics, every server behind it.");
    tell!("\n  dashboard   {}", server.login_url());
    if let Some(postgres) = server.postgres_address() {
        tell!(
            "  SQL         PGPASSWORD={token} psql \"host={} port={} user=demo dbname=evenkeel\"",
            postgres.ip(),
            postgres.port()
        );
    }
    tell!(
        "  command     export EVENKEEL_URL={} EVENKEEL_TOKEN={token}",
        server.http_url().unwrap_or_default()
    );
    tell!("  data        {}", options.data_dir.display());

    let traffic = history::backfill(&server, &api, &game, &options, clock.now()).await?;
    say(&format!("{} days of history are in. Look around while the game runs.", options.history_days));
    hint("Which objective is worst?");
    command(
        "SELECT slo, sli, error_budget_remaining, burn_rate_1h, state FROM slo_status ORDER BY error_budget_remaining",
    );
    hint("What did past incidents cost, and which deploy came before?");
    command(
        "SELECT i.title, i.service, d.version, i.restored_at - i.started_at AS mttr FROM incidents i LEFT JOIN deploys d ON d.service = i.service AND d.finished_at BETWEEN i.started_at - INTERVAL '1 hour' AND i.started_at ORDER BY i.started_at",
    );

    let dashboard = server.dashboard_url();
    let live = tokio::spawn(live(api.clone(), game.clone(), traffic, clock.clone(), shutdown.clone()));
    let story = tokio::spawn(Story { api, game, clock, dashboard }.play(shutdown.clone()));

    shutdown.cancelled().await;
    tell!("");
    for task in [live, story] {
        let _ended = task.await;
    }
    server.stop(SHUTDOWN_TIMEOUT).await
}

fn settings(options: &DemoOptions, objects: &Path, smtp: String) -> Settings {
    let mut settings = Settings {
        data_dir: options.data_dir.clone(),
        objects: Some(objects.to_owned()),
        ..Settings::default()
    };
    settings.lake.dir = options.data_dir.clone();
    settings.smtp = Some(SmtpConfig {
        address: smtp,
        from: "Evenkeel <pager@demo.example>".to_owned(),
        username: None,
        password_file: None,
        tls: SmtpTls::Off, // on loopback
    });
    settings
}

/// Writes the demo's configuration into a directory.
pub(crate) fn write_objects(dir: &Path, control_url: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    for (name, text) in OBJECTS {
        let path = dir.join(name);
        let text = text.replace("@CONTROL@", control_url);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Sends what exporters would send, until told to stop.
async fn live(
    api: Api,
    game: SharedGame,
    mut traffic: Traffic,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) {
    let mut host = Host::new(clock.now());
    let mut tick = tokio::time::interval(EXPORT_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let now = clock.now();
        let since = traffic.counted_to();
        let (metrics, logs) = game.with(|game| {
            let logs: Vec<_> =
                SERVICES.iter().filter_map(|service| traffic::logs(game, service.name, since, now)).collect();
            (traffic.live(game, now), logs)
        });
        let host_metrics = host.read(now);
        let sent = async {
            api.export("/v1/metrics", &metrics).await?;
            api.export("/v1/metrics", &host_metrics).await?;
            for logs in &logs {
                api.export("/v1/logs", logs).await?;
            }
            anyhow::Ok(())
        };
        if let Err(error) = sent.await {
            // Counters are cumulative: the next export makes up for this one.
            tracing::warn!(error = format!("{error:#}"), "the demo's telemetry was not taken");
        }
    }
}
