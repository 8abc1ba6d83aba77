//! Evenkeel's own metrics, scraped as anybody's are: its HTTP port is a target like others, discovered
//! in a file, with a token of its own.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

const CONFIG: &str = include_str!("scrape.yml");

/// Writes the scrape configuration into a directory; the target comes with [`discover`].
pub fn configure(dir: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let config = std::path::absolute(dir.join("scrape.yml"))?;
    write(&config, CONFIG)?;
    write(&dir.join("targets.json"), "[]")?;
    write(&dir.join("token"), "")?;
    Ok(config)
}

/// Makes the server's own address (`http://HOST:PORT`) a target.
pub fn discover(dir: &Path, http_url: &str, token: &str) -> anyhow::Result<()> {
    write(&dir.join("token"), token)?;
    let address = http_url.trim_start_matches("http://");
    let groups = json!([{"targets": [address], "labels": {"instance": "self"}}]);
    write(&dir.join("targets.json"), &groups.to_string())
}

/// Whole or not at all, and for nobody else's eyes.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let whole = path.with_extension("new");
    let written = std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&whole)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&whole, path));
    written.with_context(|| format!("{} cannot be written", path.display()))
}
