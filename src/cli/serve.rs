//! `evenkeel serve`.

use std::process::ExitCode;
use std::sync::Arc;

use telemetry::SystemClock;

use crate::server::{Extras, Server};
use crate::settings::{Settings, SettingsArgs};
use crate::{logging, shutdown, tls};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    tls::install();
    logging::init(logging::Default::Normal);
    let settings = Settings::load(&args.settings)?;
    let timeout = settings.shutdown_timeout;
    let shutdown = shutdown::on_signal()?;
    let server = Server::start(settings, Extras::default(), Arc::new(SystemClock)).await?;
    server.announce();
    let failure = tokio::select! {
        () = shutdown.cancelled() => None,
        failure = server.failed() => Some(failure),
    };
    let stopped = server.stop(timeout).await;
    match failure {
        Some(failure) => Err(failure),
        None => stopped.map(|()| ExitCode::SUCCESS),
    }
}
