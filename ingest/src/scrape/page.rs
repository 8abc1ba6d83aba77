//! From a page to series: target labels, relabelling, limits, duplicates. Pure but for the target's
//! [`Memory`].

use std::collections::HashMap;

use telemetry::{
    Exemplar, Labels, METRIC_NAME, RejectReason, Sample, SeriesExemplars, SeriesSamples, Timestamp,
};

use super::job::Job;
use super::memory::{LabelSets, Memory, Recalled, Series};
use super::relabel::{LabelSet, relabel};
use crate::exposition::{Entry, ExemplarText, Families, Format, SampleLine, entries};
use crate::validate::check_label_sizes;
use crate::{Fault, IngestLimits, Rejections};

/// How a page is read.
#[derive(Clone, Copy, Debug)]
pub struct PageContext<'a> {
    pub job: &'a Job,
    /// The target's.
    pub labels: &'a Labels,
    /// Of samples that bring no time.
    pub at: Timestamp,
    pub limits: &'a IngestLimits,
}

/// What a page comes to.
#[derive(Debug, Default)]
pub struct PageRead {
    pub series: Vec<SeriesSamples>,
    pub exemplars: Vec<SeriesExemplars>,
    /// Series that will be missed if they are not on the next page.
    pub live: LabelSets,
    /// Samples on the page.
    pub scraped: u64,
    /// Samples after relabelling.
    pub kept: u64,
    /// Series that were not on the page before.
    pub added: u64,
    /// Samples left out because the page gives the series twice for one time.
    pub duplicates: u64,
    /// Series over the limits that hold for all senders.
    pub rejections: Rejections,
}

/// Nothing of a page is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    /// For people, with the line where that helps.
    pub reason: String,
    /// As far as the page was read.
    pub scraped: u64,
    pub kept: u64,
}

/// Reads a page.
pub fn read(
    page: &str,
    format: Format,
    context: PageContext<'_>,
    memory: &mut Memory,
) -> Result<PageRead, PageError> {
    memory.begin();
    let mut reading = Reading {
        context,
        memory,
        families: Families::default(),
        places: HashMap::default(),
        read: PageRead::default(),
    };
    let outcome = reading.page(page, format);
    let Reading { memory, read, .. } = reading;
    match outcome {
        Ok(()) => {
            memory.end();
            Ok(read)
        }
        Err(reason) => Err(PageError { reason, scraped: read.scraped, kept: read.kept }),
    }
}

struct Reading<'a, 'p> {
    context: PageContext<'a>,
    memory: &'a mut Memory,
    families: Families<'p>,
    /// Where in `read.series` a label set is.
    places: HashMap<Labels, usize, foldhash::fast::RandomState>,
    read: PageRead,
}

impl<'p> Reading<'_, 'p> {
    fn page(&mut self, page: &'p str, format: Format) -> Result<(), String> {
        let mut lines = entries(page, format);
        while let Some(entry) = lines.next() {
            match entry.map_err(|error| error.to_string())? {
                Entry::Help { .. } => {}
                Entry::Type { family, metric_type } => self.families.learn_type(family, metric_type),
                Entry::Unit { family, unit } => self.families.learn_unit(family, unit),
                Entry::Sample(sample) => {
                    self.sample(sample).map_err(|reason| format!("line {}: {reason}", lines.line()))?;
                }
            }
        }
        let (kept, limit) = (self.read.kept, self.context.job.limits.samples);
        if kept > limit {
            return Err(format!("sample limit exceeded (number of samples: {kept}, limit: {limit})"));
        }
        Ok(())
    }

    fn sample(&mut self, sample: SampleLine<'p>) -> Result<(), String> {
        self.read.scraped += 1;
        let series = match self.memory.recall(sample.series.as_str()) {
            Recalled::Dropped => return Ok(()),
            Recalled::Series(series) => series.clone(),
            Recalled::New => {
                let series = self.series_of(&sample)?;
                self.memory.learn(sample.series.as_str(), series.clone());
                let Some(series) = series else { return Ok(()) };
                self.read.added += 1;
                series
            }
        };
        self.read.kept += 1;
        let job = self.context.job;
        if self.read.kept > job.limits.samples {
            // Read on, to tell how many there are.
            return Ok(());
        }
        let own_time = sample.timestamp.filter(|_| job.honor_timestamps);
        if own_time.is_none() || job.track_timestamps_staleness {
            self.read.live.insert(series.labels.clone());
        }
        let ts = own_time.unwrap_or(self.context.at);
        if let Some(exemplar) = &sample.exemplar {
            self.exemplar(&series, exemplar, ts);
        }
        self.add(series, Sample { ts, value: sample.value });
        Ok(())
    }

    fn add(&mut self, series: Series, sample: Sample) {
        let Some(place) = self.places.get(&series.labels) else {
            self.places.insert(series.labels.clone(), self.read.series.len());
            let samples = vec![sample];
            let Series { labels, meta } = series;
            self.read.series.push(SeriesSamples { labels, meta, start: None, samples });
            return;
        };
        let samples = &mut self.read.series[*place].samples;
        match samples.binary_search_by_key(&sample.ts, |known| known.ts) {
            // The first one stays, as in Prometheus.
            Ok(_) => self.read.duplicates += 1,
            Err(at) => samples.insert(at, sample),
        }
    }

    /// What an exemplar's labels may come to together, as OpenMetrics has it.
    fn exemplar(&mut self, series: &Series, text: &ExemplarText<'_>, sample_at: Timestamp) {
        const CHARS_MAX: usize = 128;
        let chars = |text: &str| text.chars().count();
        let length: usize = text.labels.iter().map(|(name, value)| chars(name) + chars(value)).sum();
        let labels = Labels::new(text.labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        let (Ok(labels), true) = (labels, length <= CHARS_MAX) else {
            self.read.rejections.drop_parts(
                RejectReason::InvalidLabels,
                1,
                &format!("exemplar of series {}: its labels are too long or given twice", series.labels),
            );
            return;
        };
        let exemplar = Exemplar { ts: text.timestamp.unwrap_or(sample_at), value: text.value, labels };
        self.read.exemplars.push(SeriesExemplars {
            labels: series.labels.clone(),
            meta: series.meta.clone(),
            exemplars: vec![exemplar],
        });
    }

    /// The series that a new piece of text stands for; `None` when it is not wanted.
    fn series_of(&mut self, sample: &SampleLine<'p>) -> Result<Option<Series>, String> {
        let job = self.context.job;
        let pairs = sample.series.pairs()?;
        // Refuses labels that are given twice.
        let exposed = Labels::new(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
            .map_err(|error| error.to_string())?;
        let meta = self.families.meta_of(exposed.metric());
        let mut labels = with_target_labels(&exposed, self.context.labels, job.honor_labels);
        if !relabel(&job.metric_relabel, &mut labels) {
            return Ok(None);
        }
        if !labels.has(METRIC_NAME) {
            return Err(format!("metric relabelling left no name of {exposed}"));
        }
        check_job_limits(&labels, job)?;
        for (name, value) in job.external_labels.iter() {
            labels.set_missing(name, value);
        }
        let pairs: Vec<(&str, &str)> = labels.iter().collect();
        if let Err(over) = check_label_sizes(&pairs, self.context.limits) {
            self.read.rejections.reject(Fault {
                index: self.read.scraped,
                pointer: String::new(),
                reason: RejectReason::OverLimit,
                count: 1,
                message: format!("series {}: {over}", crate::validate::describe(&pairs)),
            });
            return Ok(None);
        }
        let labels = labels.to_labels().map_err(|error| error.to_string())?;
        Ok(Some(Series { labels, meta }))
    }
}

/// The labels of the page and of the target. Where both have one, the target's wins and the page's is
/// renamed to `exported_…`; with `honor` the page's wins.
fn with_target_labels(exposed: &Labels, target: &Labels, honor: bool) -> LabelSet {
    let mut labels: LabelSet = exposed.iter().collect();
    if honor {
        target.iter().for_each(|(name, value)| labels.set_missing(name, value));
        return labels;
    }
    let mut conflicts: Vec<&str> = Vec::new();
    for (name, value) in target.iter() {
        if exposed.get(name).is_some() {
            conflicts.push(name);
        }
        labels.set(name, value);
    }
    conflicts.sort_by_key(|name| name.len());
    for name in conflicts {
        let mut renamed = format!("exported_{name}");
        while labels.has(&renamed) {
            renamed.insert_str(0, "exported_");
        }
        labels.set(&renamed, exposed.get(name).unwrap_or_default());
    }
    labels
}

/// Over one of these the whole scrape fails, as in Prometheus.
fn check_job_limits(labels: &LabelSet, job: &Job) -> Result<(), String> {
    let limits = &job.limits;
    let metric = labels.get(METRIC_NAME);
    let count = labels.iter().count() as u64;
    if count > limits.labels {
        return Err(format!(
            "label_limit exceeded (metric: {metric:?}, number of labels: {count}, limit: {})",
            limits.labels
        ));
    }
    for (name, value) in labels.iter() {
        let sizes = [
            ("label_name_length_limit", name.len() as u64, limits.label_name_bytes),
            ("label_value_length_limit", value.len() as u64, limits.label_value_bytes),
        ];
        if let Some((setting, length, limit)) = sizes.into_iter().find(|(_, length, limit)| length > limit) {
            return Err(format!(
                "{setting} exceeded (metric: {metric:?}, label: {name:?}, length: {length}, limit: {limit})"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
