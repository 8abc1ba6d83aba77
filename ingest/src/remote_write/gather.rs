//! From the series of a request to a batch: which rows are kept, which are refused by name.
//!
//! A series with bad labels is refused whole, a bad histogram alone. Exemplars hang on rows: a bad one
//! is left out and counted, and no reason to complain about its row.

use telemetry::{
    Exemplar, HistogramSample, KnownSample, Labels, Limit, METRIC_NAME, MetricType, RejectReason, Sample,
    SeriesMeta, SeriesRef, Timestamp,
};

use super::FAULTS_MAX;
use super::series::Series;
use crate::known_series::SeriesKey;
use crate::series::SeriesSet;
use crate::validate::{Meter, Refusal, check_label_sizes, describe, pair_bytes, series_labels};
use crate::{Context, Decoded, FamilyTypes, Fault, IngestError, OverLimit, Rejections};

/// `MetricMetadata.MetricType`, as both versions number it.
pub(super) fn metric_type(number: i32) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        // 4 is the gauge histogram, which is stored like any other.
        3 | 4 => MetricType::Histogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

pub(super) struct Gatherer<'a> {
    context: &'a Context<'a>,
    types: &'a FamilyTypes,
    meter: Meter<'a>,
    known: Vec<KnownSample>,
    samples: SeriesSet<Sample>,
    keys: Vec<(SeriesKey, usize)>,
    histograms: SeriesSet<HistogramSample>,
    exemplars: SeriesSet<Exemplar>,
    rejections: Rejections,
    rows: u64,
    series_index: u64,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(context: &'a Context<'a>, types: &'a FamilyTypes) -> Self {
        Gatherer {
            context,
            types,
            meter: Meter::new(context.limits),
            known: Vec::new(),
            samples: SeriesSet::default(),
            keys: Vec::new(),
            histograms: SeriesSet::default(),
            exemplars: SeriesSet::default(),
            rejections: Rejections::new(FAULTS_MAX),
            rows: 0,
            series_index: 0,
        }
    }

    pub(super) fn add(&mut self, series: &Series<'_>) -> Result<(), IngestError> {
        if let Some(known) = series.known {
            self.add_known(known, series)?;
            self.series_index += 1;
            return Ok(());
        }
        self.measure(series)?;
        self.rows += series.rows();
        let labels = match series.fault {
            Some(fault) => {
                let message = format!("series {}: {fault}", describe(&series.labels));
                Err((RejectReason::InvalidPayload, message))
            }
            None => series_labels(&series.labels, self.context.limits),
        };
        match labels {
            Err(refusal) => self.refuse(refusal, series.rows().max(1)),
            Ok(labels) => {
                let meta = self.meta(&labels, series);
                self.add_samples(&labels, &meta, series);
                if let Some((key, place)) = series.key.zip(self.samples.place_of(&labels, meta.delta)) {
                    self.keys.push((key, place));
                }
                self.add_histograms(&labels, &meta, series);
                self.add_exemplars(labels, &meta, series);
            }
        }
        self.series_index += 1;
        Ok(())
    }

    fn add_known(&mut self, known: SeriesRef, series: &Series<'_>) -> Result<(), IngestError> {
        let first = self.known.len();
        for sample in &series.samples {
            self.meter.row(0)?;
            let ts = Timestamp::from_millis(sample.timestamp_ms);
            self.known.push(KnownSample { series: known, sample: Sample { ts, value: sample.value } });
        }
        self.rows += series.rows();
        // Stable: of two samples for one time the one sent later stays later.
        self.known[first..].sort_by_key(|known| known.sample.ts);
        Ok(())
    }

    fn measure(&mut self, series: &Series<'_>) -> Result<(), IngestError> {
        let mut bytes = pair_bytes(&series.labels);
        for exemplar in &series.exemplars {
            bytes += pair_bytes(series.labels_of(exemplar));
        }
        for histogram in &series.histograms {
            bytes += histogram.bytes();
        }
        for _ in 0..series.samples.len() + series.histograms.len() + series.exemplars.len() {
            self.meter.row(std::mem::take(&mut bytes))?;
        }
        self.meter.text(bytes)
    }

    /// What the request says of the series itself wins over what is known of its family.
    fn meta(&self, labels: &Labels, series: &Series<'_>) -> SeriesMeta {
        let known = self.types.of_metric(labels.get(METRIC_NAME).unwrap_or_default());
        let mut meta = SeriesMeta {
            metric_type: known.map_or(MetricType::Unknown, |family| family.metric_type),
            unit: known.and_then(|family| family.unit.clone()),
            delta: false,
        };
        let told = series.metadata;
        if metric_type(told.metric_type) != MetricType::Unknown {
            meta.metric_type = metric_type(told.metric_type);
        }
        if !told.unit.is_empty() {
            meta.unit = Some(told.unit.into());
        }
        meta
    }

    fn add_samples(&mut self, labels: &Labels, meta: &SeriesMeta, series: &Series<'_>) {
        if series.samples.is_empty() {
            return;
        }
        let starts_at_zero = starts_at_zero(labels, meta);
        for sample in &series.samples {
            let ts = Timestamp::from_millis(sample.timestamp_ms);
            let start = start(sample.start_ms, series.start_ms, ts).filter(|_| starts_at_zero);
            self.samples.add_since(labels.clone(), meta, start, Sample { ts, value: sample.value });
        }
    }

    fn add_histograms(&mut self, labels: &Labels, meta: &SeriesMeta, series: &Series<'_>) {
        let meta = match meta.metric_type {
            MetricType::Unknown => SeriesMeta { metric_type: MetricType::Histogram, ..meta.clone() },
            _ => meta.clone(),
        };
        for histogram in &series.histograms {
            let refusal: Refusal = if histogram.is_cut {
                let max = self.context.limits.buckets_per_histogram_max;
                OverLimit::new(Limit::BucketsPerHistogram, format!("more than {max} buckets")).into()
            } else {
                match histogram.to_sample() {
                    Ok(sample) => {
                        let start = start(histogram.start_ms, series.start_ms, sample.ts)
                            .filter(|_| sample.reset_hint != telemetry::ResetHint::Gauge);
                        self.histograms.add_since(labels.clone(), &meta, start, sample);
                        continue;
                    }
                    Err(what) => (RejectReason::InvalidPayload, what.to_owned()),
                }
            };
            let (reason, what) = refusal;
            let at = Timestamp::from_millis(histogram.timestamp_ms);
            let series_name = describe(&series.labels);
            self.refuse((reason, format!("series {series_name}: the histogram at {at}: {what}")), 1);
        }
    }

    fn add_exemplars(&mut self, labels: Labels, meta: &SeriesMeta, series: &Series<'_>) {
        let newest = series.samples.iter().map(|sample| sample.timestamp_ms);
        let newest = newest.chain(series.histograms.iter().map(|histogram| histogram.timestamp_ms)).max();
        for exemplar in &series.exemplars {
            let pairs = series.labels_of(exemplar);
            let checked =
                check_label_sizes(pairs, self.context.limits).map_err(Refusal::from).and_then(|()| {
                    Labels::new(pairs.iter().copied())
                        .map_err(|error| (RejectReason::InvalidLabels, error.to_string()))
                });
            match checked {
                Ok(own) => {
                    let ts = match exemplar.timestamp_ms {
                        0 => newest.unwrap_or(self.context.now.millis()),
                        said => said,
                    };
                    let exemplar =
                        Exemplar { ts: Timestamp::from_millis(ts), value: exemplar.value, labels: own };
                    self.exemplars.add(labels.clone(), meta, exemplar);
                }
                Err((reason, what)) => {
                    self.rejections.drop_parts(reason, 1, &format!("an exemplar of {labels}: {what}"));
                }
            }
        }
    }

    fn refuse(&mut self, (reason, message): Refusal, count: u64) {
        let index = self.series_index;
        self.rejections.reject(Fault { index, pointer: String::new(), reason, count, message });
    }

    pub(super) fn finish(self) -> Decoded {
        let mut decoded = Decoded { rows: self.rows, rejections: self.rejections, ..Decoded::default() };
        decoded.batch.known = self.known;
        decoded.batch.series = self.samples.finish();
        decoded.keys = self.keys;
        decoded.batch.histograms = self.histograms.finish();
        decoded.batch.exemplars = self.exemplars.finish();
        decoded
    }
}

/// When counting began: what the row says, else what the series says; before the row, or it is not
/// the start of anything.
fn start(row_ms: i64, series_ms: i64, ts: Timestamp) -> Option<Timestamp> {
    let said = if row_ms == 0 { series_ms } else { row_ms };
    (said != 0).then(|| Timestamp::from_millis(said)).filter(|start| *start < ts)
}

/// A counter stood at 0 when it began; a gauge or a quantile did not.
fn starts_at_zero(labels: &Labels, meta: &SeriesMeta) -> bool {
    match meta.metric_type {
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => false,
        MetricType::Summary => labels.get("quantile").is_none(),
        MetricType::Counter | MetricType::Histogram | MetricType::Unknown => true,
    }
}
