//! From a page to series: target labels, relabelling, limits, duplicates. Pure but for the target's
//! [`Memory`].

mod labels;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use telemetry::{
    Exemplar, KnownSample, Labels, METRIC_NAME, RejectReason, Sample, SeriesExemplars, SeriesRef,
    SeriesSamples, Timestamp,
};

use super::job::Job;
use super::memory::{Live, Memory, Series, StandsFor};
use super::relabel::relabel;
use crate::exposition::{Entry, ExemplarText, Families, Format, SampleLine, entries};
use crate::validate::check_label_sizes;
use crate::{IngestLimits, OverLimit, Rejections};
use labels::{check_job_limits, with_target_labels};

/// How a page is read.
#[derive(Clone, Copy, Debug)]
pub struct PageContext<'a> {
    pub job: &'a Job,
    /// The target's.
    pub labels: &'a Labels,
    /// Of samples that bring no time.
    pub at: Timestamp,
    pub limits: &'a IngestLimits,
    /// Of `ScrapeLimits`.
    pub metadata_bytes_max: usize,
}

/// What a page comes to.
#[derive(Debug, Default)]
pub(super) struct PageRead {
    /// Samples of series that the lake has named.
    pub known: Vec<KnownSample>,
    pub series: Vec<SeriesSamples>,
    pub exemplars: Vec<SeriesExemplars>,
    /// Series that will be missed if they are not on the next page.
    pub live: Live,
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
pub(super) struct PageError {
    /// For counters: `parse`, or the setting that limits the job.
    pub kind: &'static str,
    /// For people, with the line where that helps.
    pub reason: String,
    /// As far as the page was read.
    pub scraped: u64,
    pub kept: u64,
}

/// Reads a page.
pub(super) fn read(
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
        seen: HashSet::default(),
        read: PageRead::default(),
    };
    let outcome = reading.page(page, format);
    let Reading { memory, read, .. } = reading;
    match outcome {
        Ok(()) => {
            memory.end();
            Ok(read)
        }
        Err(Fault { kind, reason }) => {
            Err(PageError { kind, reason, scraped: read.scraped, kept: read.kept })
        }
    }
}

/// Why reading ends.
struct Fault {
    kind: &'static str,
    reason: String,
}

impl From<String> for Fault {
    fn from(reason: String) -> Fault {
        Fault { kind: "parse", reason }
    }
}

struct Reading<'a, 'p> {
    context: PageContext<'a>,
    memory: &'a mut Memory,
    families: Families<'p>,
    /// Where in `read.series` a label set is.
    places: HashMap<Labels, usize, foldhash::fast::RandomState>,
    /// What `read.known` holds.
    seen: HashSet<(SeriesRef, Timestamp), foldhash::fast::RandomState>,
    read: PageRead,
}

impl<'p> Reading<'_, 'p> {
    fn page(&mut self, page: &'p str, format: Format) -> Result<(), Fault> {
        let mut lines = entries(page, format);
        while let Some(entry) = lines.next() {
            let entry = entry.map_err(|error| error.to_string())?;
            self.memory.metadata.learn(&entry, self.context.metadata_bytes_max);
            match entry {
                Entry::Help { .. } => {}
                Entry::Type { family, metric_type } => self.families.learn_type(family, metric_type),
                Entry::Unit { family, unit } => self.families.learn_unit(family, unit),
                Entry::Sample(sample) => {
                    self.sample(sample).map_err(|Fault { kind, reason }| Fault {
                        kind,
                        reason: format!("line {}: {reason}", lines.line()),
                    })?;
                }
            }
        }
        self.order();
        let (kept, limit) = (self.read.kept, self.context.job.limits.samples);
        if kept > limit {
            return Err(Fault {
                kind: "sample_limit",
                reason: format!("sample limit exceeded (number of samples: {kept}, limit: {limit})"),
            });
        }
        Ok(())
    }

    fn sample(&mut self, sample: SampleLine<'p>) -> Result<(), Fault> {
        self.read.scraped += 1;
        let (stands_for, name) = match self.memory.recall(sample.series.as_str()) {
            Some(recalled) => recalled,
            None => {
                let stands_for = self.meaning(&sample)?;
                self.read.added += u64::from(matches!(stands_for, StandsFor::Series(_)));
                let name = self.memory.learn(sample.series.as_str(), stands_for.clone());
                (stands_for, name)
            }
        };
        let series = match stands_for {
            StandsFor::Series(series) => series,
            StandsFor::Nothing => return Ok(()),
            StandsFor::Refused(over) => {
                self.refuse(&over);
                return Ok(());
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
            self.read.live.insert(&series.labels, name);
        }
        let ts = own_time.unwrap_or(self.context.at);
        if let Some(exemplar) = &sample.exemplar {
            self.exemplar(&series, exemplar, ts);
        }
        let sample = Sample { ts, value: sample.value };
        match name {
            Some(name) => self.add_known(name, sample),
            None => self.add(&series, sample),
        }
        Ok(())
    }

    fn add_known(&mut self, series: SeriesRef, sample: Sample) {
        // The first one stays, as in Prometheus.
        if self.seen.insert((series, sample.ts)) {
            self.read.known.push(KnownSample { series, sample });
        } else {
            self.read.duplicates += 1;
        }
    }

    fn add(&mut self, series: &Series, sample: Sample) {
        let Some(place) = self.places.get(&series.labels) else {
            self.places.insert(series.labels.clone(), self.read.series.len());
            let (labels, meta) = (series.labels.clone(), series.meta.clone());
            self.read.series.push(SeriesSamples { labels, meta, start: None, samples: vec![sample] });
            return;
        };
        self.read.series[*place].samples.push(sample);
    }

    /// Puts each series' samples in order; of two for one time the first one stays, as in Prometheus.
    fn order(&mut self) {
        for series in &mut self.read.series {
            let pushed = series.samples.len();
            series.samples.sort_by_key(|sample| sample.ts);
            series.samples.dedup_by_key(|sample| sample.ts);
            self.read.duplicates += (pushed - series.samples.len()) as u64;
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

    /// One more sample of a series that is over a limit.
    fn refuse(&mut self, over: &OverLimit) {
        let (reason, message) = over.clone().into();
        let index = self.read.scraped;
        self.read.rejections.reject(crate::Fault {
            index,
            pointer: String::new(),
            reason,
            count: 1,
            message,
        });
    }

    /// What a new piece of text stands for.
    fn meaning(&self, sample: &SampleLine<'p>) -> Result<StandsFor, Fault> {
        let job = self.context.job;
        let pairs = sample.series.pairs()?;
        // Refuses labels that are given twice.
        let exposed = Labels::new(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
            .map_err(|error| error.to_string())?;
        let meta = self.families.meta_of(exposed.metric());
        let mut labels = with_target_labels(&exposed, self.context.labels, job.honor_labels);
        if !relabel(&job.metric_relabel, &mut labels) {
            return Ok(StandsFor::Nothing);
        }
        if !labels.has(METRIC_NAME) {
            return Err(format!("metric relabelling left no name of {exposed}").into());
        }
        check_job_limits(&labels, job)?;
        for (name, value) in job.external_labels.iter() {
            labels.set_missing(name, value);
        }
        let pairs: Vec<(&str, &str)> = labels.iter().collect();
        if let Err(over) = check_label_sizes(&pairs, self.context.limits) {
            let over = over.at(format_args!("series {}", crate::validate::describe(&pairs)));
            return Ok(StandsFor::Refused(Arc::new(over)));
        }
        let labels = labels.to_labels().map_err(|error| error.to_string())?;
        Ok(StandsFor::Series(Arc::new(Series { labels, meta })))
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod promises;
#[cfg(test)]
mod tests;
