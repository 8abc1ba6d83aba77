//! Scraping: brings its configuration into use, watches the files that it is in, and looks at the
//! files that targets are discovered in.
//!
//! A broken file never takes down what is running: the last good version stays in use, and what is
//! wrong is shown.

use std::path::PathBuf;

use ingest::scrape::load::{self, Loaded, SettingsPlace, Texts};
use ingest::scrape::{ScrapeSettings, Scraper};
use telemetry::Defect;

use crate::settings::Settings;

/// A reconciler: compares texts, and loads when they differ.
pub struct ScrapeConfig {
    scraper: Scraper,
    /// The section as it was read last.
    settings: ScrapeSettings,
    place: SettingsPlace,
    /// Given as flags beside the section.
    more_files: Vec<PathBuf>,
    in_use: Option<Seen>,
}

/// Equal texts make equal jobs.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    settings: Option<String>,
    files: Texts,
}

impl ScrapeConfig {
    pub fn new(settings: &Settings, scraper: Scraper) -> ScrapeConfig {
        ScrapeConfig {
            scraper,
            settings: settings.scrape.clone(),
            place: SettingsPlace { file: settings.file.clone() },
            more_files: settings.scrape_config_files.clone(),
            in_use: None,
        }
    }

    /// Brings changes into use, of configuration and of discovered files.
    pub async fn reconcile(&mut self) {
        let text = self.place.file.as_deref().and_then(|path| std::fs::read_to_string(path).ok());
        let mut settings = self.settings.clone();
        let mut broken = None;
        let is_edited = self.in_use.as_ref().is_some_and(|seen| seen.settings != text);
        if let (true, Some(path)) = (is_edited, &self.place.file) {
            match Settings::from_file(path) {
                Ok(edited) => {
                    settings = edited.scrape;
                    settings.config_files.extend(self.more_files.iter().cloned());
                }
                Err(error) => {
                    let message = format!("the scrape jobs stay as they are: {error:#}");
                    broken = Some(Defect::error(&path.display().to_string(), None, message));
                }
            }
        }
        let seen = Seen { settings: text, files: load::read(&settings, &self.place) };
        if self.in_use.as_ref() == Some(&seen) {
            return self.scraper.refresh().await;
        }
        let loaded = match broken {
            Some(defect) => Loaded { jobs: Vec::new(), defects: vec![defect] },
            None => load::jobs(&settings, &self.place, &seen.files),
        };
        for defect in &loaded.defects {
            tracing::warn!(%defect, "a defect in the scrape configuration");
        }
        if !loaded.has_errors() {
            tracing::info!(jobs = loaded.jobs.len(), "scrape configuration in use");
        }
        (self.settings, self.in_use) = (settings, Some(seen));
        self.scraper.set_config(loaded).await;
    }
}

/// What is wrong with the scrape configuration of a server's settings, for `evenkeel check`; and how
/// many jobs there are.
pub fn lint(settings: &Settings) -> (usize, Vec<Defect>) {
    let place = SettingsPlace { file: settings.file.clone() };
    let texts = load::read(&settings.scrape, &place);
    let loaded = load::jobs(&settings.scrape, &place, &texts);
    (loaded.jobs.len(), loaded.defects)
}
