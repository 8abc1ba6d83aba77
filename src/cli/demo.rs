//! `evenkeel demo`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::demo::{self, DemoOptions};
use crate::{logging, shutdown, tls};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The demo's own data; remove it to start over.
    #[arg(long, default_value = ".demo", value_name = "DIR")]
    data_dir: PathBuf,
    /// Days of simulated history.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..=30))]
    history_days: u32,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    tls::install();
    logging::init(logging::Default::Quiet);
    let options = DemoOptions { data_dir: args.data_dir, history_days: args.history_days };
    demo::run(options, shutdown::on_signal()?).await?;
    Ok(ExitCode::SUCCESS)
}
