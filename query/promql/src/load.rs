//! Reads what a query needs and computes its pipelines on the way.
//!
//! All scans run at once. A chunk is cut into batches; batches are evaluated beside each other by the
//! workers, while the source makes the next chunk, and what comes out is collected in the order in which
//! the series came. So the answer does not depend on timing, and samples live only from when a chunk is
//! handed out until its last batch is evaluated.

use std::sync::Arc;

use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::aggregate::{self, Fold, Members};
use crate::annotations::Annotations;
use crate::error::PromqlError;
use crate::evaluate::{Evaluator, Setting};
use crate::matrix::Matrix;
use crate::meter::Charge;
use crate::pipeline::{End, Pipeline};
use crate::plan::Expr;
use crate::scans::Scans;
use crate::select::WindowRow;
use crate::source::{ScanOptions, Selector, SeriesData, SeriesSource};
use crate::workers;

/// A batch is what one worker does at a time: a few milliseconds' worth.
const BATCH_SAMPLES: usize = 1 << 18;
const BATCH_CELLS: usize = 1 << 20;
/// Up to here a batch is evaluated where its query waits: handing it to a worker takes longer.
const SMALL_BATCH: usize = 1 << 14;
/// No chunk and no batch takes a larger part of the sample limit, so that several fit.
const PARTS_OF_LIMIT: u64 = 16;

/// What a pipeline leaves: rows in the order of their labels, or groups.
pub(crate) enum Product {
    Matrix(Matrix),
    /// Holds what the samples cost.
    Samples(Vec<WindowRow>, Charge),
}

impl Product {
    /// How many numbers it holds.
    pub(crate) fn cells(&self) -> usize {
        match self {
            Product::Matrix(matrix) => matrix.len() * matrix.steps(),
            Product::Samples(rows, _) => rows.iter().map(|row| row.samples.len()).sum(),
        }
    }
}

/// The products of the pipelines, by their numbers.
pub(crate) async fn load(
    pipelines: Vec<Pipeline>,
    scans: &Scans,
    source: &dyn SeriesSource,
    setting: &Arc<Setting>,
) -> Result<(Vec<Product>, Annotations), PromqlError> {
    let pipelines = Arc::new(pipelines);
    let loads = scans.scans.iter().enumerate().map(|(scan, selector)| {
        let served = (0..pipelines.len()).filter(|id| scans.scan_of[pipelines[*id].selector] == scan);
        let job =
            Job { ids: served.collect(), pipelines: Arc::clone(&pipelines), setting: Arc::clone(setting) };
        load_scan(Arc::new(job), selector, scans.scans.len(), source)
    });
    let mut products: Vec<Option<Product>> = pipelines.iter().map(|_| None).collect();
    let mut notes = Annotations::default();
    for (made, remarks) in try_join_all(loads).await? {
        made.into_iter().for_each(|(id, product)| products[id] = Some(product));
        notes.join(remarks);
    }
    let empty = |setting: &Setting| Product::Matrix(Matrix::new(0, &setting.meter));
    Ok((products.into_iter().map(|product| product.unwrap_or_else(|| empty(setting))).collect(), notes))
}

/// The pipelines of one scan.
struct Job {
    pipelines: Arc<Vec<Pipeline>>,
    ids: Vec<usize>,
    setting: Arc<Setting>,
}

struct Batch {
    series: Vec<SeriesData>,
    /// Holds what the samples cost.
    charge: Charge,
}

/// What one batch makes of one pipeline.
enum Part {
    Rows(Matrix),
    Groups(Matrix, Vec<Members>),
    Samples(Vec<WindowRow>),
}

async fn load_scan(
    job: Arc<Job>,
    selector: &Selector,
    at_once: usize,
    source: &dyn SeriesSource,
) -> Result<(Vec<(usize, Product)>, Annotations), PromqlError> {
    let setting = &job.setting;
    let part_of_limit = usize::try_from(setting.options.max_samples / PARTS_OF_LIMIT).unwrap_or(usize::MAX);
    let usual = ScanOptions::default().chunk_samples_max;
    let options = ScanOptions { chunk_samples_max: usual.min(part_of_limit).max(1), at_once };
    let cells = BATCH_CELLS.min(part_of_limit);
    let rows_max =
        (cells / job.ids.iter().map(|id| job.pipelines[*id].cells_per_series).max().unwrap_or(1)).max(1);

    let workers = setting.options.workers.clone();
    let batches_at_once = workers.as_ref().map_or(1, |workers| workers.threads().max(1) + 1);
    let batches = source.scan(selector, options).map(|chunk| {
        setting.meter.check()?;
        batches_of(chunk.map_err(PromqlError::Source)?, rows_max, setting)
    });
    let mut evaluated = batches
        .map_ok(|batches| stream::iter(batches.into_iter().map(Ok)))
        .try_flatten()
        .map_ok(|batch| {
            let job = Arc::clone(&job);
            let workers = workers.clone().filter(|_| !job.is_small(&batch));
            let work = workers::run(workers, move || job.evaluate(batch));
            async move { work.await.flatten() }
        })
        .try_buffered(batches_at_once)
        .boxed();

    let mut collectors: Vec<Collector> =
        job.ids.iter().map(|id| Collector::new(&job.pipelines[*id], setting)).collect();
    let mut notes = Annotations::default();
    while let Some((parts, remarks)) = evaluated.try_next().await? {
        setting.meter.check()?;
        collectors.iter_mut().zip(parts).try_for_each(|(collector, part)| collector.add(part))?;
        notes.join(remarks);
    }
    drop(evaluated);
    let products = job.ids.iter().zip(collectors).map(|(id, collector)| Ok((*id, collector.finish()?)));
    Ok((products.collect::<Result<_, PromqlError>>()?, notes))
}

/// Whole series, at most `rows_max` of them, and about [`BATCH_SAMPLES`]. The whole chunk is charged at
/// once: its samples are in memory.
fn batches_of(chunk: Vec<SeriesData>, rows_max: usize, setting: &Setting) -> Result<Vec<Batch>, PromqlError> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut room = 0;
    for series in chunk {
        let samples = series.samples.len();
        let batch = match batches.last_mut() {
            Some(batch) if samples <= room && batch.series.len() < rows_max => batch,
            _ => {
                room = BATCH_SAMPLES.max(samples);
                batches.push(Batch { series: Vec::new(), charge: setting.meter.charge() });
                batches.last_mut().expect("pushed right before")
            }
        };
        room -= samples;
        batch.charge.add(samples)?;
        batch.series.push(series);
    }
    Ok(batches)
}

impl Job {
    fn is_small(&self, batch: &Batch) -> bool {
        let samples: usize = batch.series.iter().map(|series| series.samples.len()).sum();
        let cells = self.ids.iter().map(|id| self.pipelines[*id].cells_per_series);
        let cells = batch.series.len().saturating_mul(cells.fold(0, usize::saturating_add));
        samples.max(cells) <= SMALL_BATCH
    }

    fn evaluate(&self, batch: Batch) -> Result<(Vec<Part>, Annotations), PromqlError> {
        let evaluator = Evaluator::over_series(&self.setting, &batch.series);
        let parts = self.ids.iter().map(|id| {
            let pipeline = &self.pipelines[*id];
            Ok(match (&pipeline.end, &pipeline.expr) {
                (End::Rows, expr) => Part::Rows(evaluator.vector(expr, pipeline.grid)?),
                (End::Groups(_, grouping), expr) => {
                    let matrix = evaluator.vector(expr, pipeline.grid)?;
                    let groups = aggregate::groups_of(grouping, &matrix);
                    Part::Groups(matrix, groups)
                }
                (End::Samples, Expr::Range(range)) => {
                    Part::Samples(evaluator.windows(range, pipeline.grid)?.rows)
                }
                (End::Samples, expr) => return Err(crate::evaluate::unexpected(expr)),
            })
        });
        let parts = parts.collect::<Result<Vec<_>, PromqlError>>()?;
        Ok((parts, evaluator.into_notes()))
    }
}

enum Collector {
    Rows(Matrix),
    Groups(Box<dyn Fold>),
    Samples(Vec<WindowRow>, Charge),
}

impl Collector {
    fn new(pipeline: &Pipeline, setting: &Setting) -> Collector {
        let steps = pipeline.grid.steps;
        match pipeline.end {
            End::Rows => Collector::Rows(Matrix::new(steps, &setting.meter)),
            End::Groups(op, _) => Collector::Groups(aggregate::fold_of(op, steps, &setting.meter)),
            End::Samples => Collector::Samples(Vec::new(), setting.meter.charge()),
        }
    }

    fn add(&mut self, part: Part) -> Result<(), PromqlError> {
        match (self, part) {
            (Collector::Rows(all), Part::Rows(rows)) => all.append(rows),
            (Collector::Groups(fold), Part::Groups(matrix, groups)) => fold.add(groups, &matrix)?,
            (Collector::Samples(all, charge), Part::Samples(mut rows)) => {
                charge.add(rows.iter().map(|row| row.samples.len()).sum())?;
                all.append(&mut rows);
            }
            _ => unreachable!("a pipeline's parts are of the kind of its end"),
        }
        Ok(())
    }

    fn finish(self) -> Result<Product, PromqlError> {
        Ok(match self {
            Collector::Rows(matrix) => Product::Matrix(matrix.sorted()),
            Collector::Groups(fold) => Product::Matrix(fold.finish()?),
            Collector::Samples(mut rows, charge) => {
                rows.sort_by(|a, b| a.series.labels.cmp(&b.series.labels));
                Product::Samples(rows, charge)
            }
        })
    }
}

#[cfg(test)]
mod tests;
