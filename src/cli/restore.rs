//! `evenkeel restore`: verifies a backup and makes a data directory of it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;

use crate::backup::{self, CONFIG};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a backup.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// A new directory, to be served with `evenkeel serve --data-dir`.
    #[arg(long, env = "EVENKEEL_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Also write the settings file and the objects into this new directory.
    #[arg(long, value_name = "DIR")]
    config_to: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(config_to) = &args.config_to {
        ensure!(!config_to.exists(), "{} is there already", config_to.display());
    }
    let manifest = backup::restore(&args.from, &args.data_dir)?;
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    println!(
        "{}: {} files, {} bytes, {rows} rows in {} tables, as of {}",
        args.data_dir.display(),
        manifest.files.len(),
        manifest.bytes(),
        manifest.tables.len(),
        manifest.began_at
    );
    let config = args.from.join(CONFIG);
    match &args.config_to {
        Some(target) => {
            backup::copy_tree(&config, target)?;
            println!("{}: settings and objects", target.display());
        }
        None => println!("settings and objects are in {}", config.display()),
    }
    Ok(ExitCode::SUCCESS)
}
