//! `info`: series enriched with the labels of info series, such as `target_info`, that describe the same
//! instance and job.

use std::collections::HashMap;

use telemetry::{Labels, METRIC_NAME, Matcher};

use super::Function;
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator, unexpected};
use crate::matrix::{Assembly, Grid, Matrix, Series, same_labelset};
use crate::plan::{Expr, Kind};

pub(super) const FUNCTIONS: &[Function] =
    &[Function::whole("info", &[Kind::Vector, Kind::Vector], Kind::Vector, info)];

/// The info metric where the query names none.
pub(crate) const TARGET_INFO: &str = "target_info";
/// What an info series and the series it describes have in common.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The second argument has, for each info series, the time of its newest sample as value.
fn info(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let Expr::Loaded { selector: Some(selector), .. } = args[1].unmarked() else {
        return Err(unexpected(&args[1]));
    };
    let matchers = &evaluator.setting.selectors[*selector];
    let base = evaluator.vector(&args[0], grid)?;
    let times = evaluator.vector(&args[1], grid)?;
    let infos = Infos::new(matchers, &times);
    let mut enriched = Assembly::new(grid.steps, evaluator.meter);
    for (series, row) in base.rows() {
        let is_info = infos.is_info(&series.labels);
        let candidates: &[Vec<usize>] = if is_info { &[] } else { infos.describing(&series.labels) };
        let keep_plain = is_info || infos.matchers_match_nothing;
        let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
        for (step, value) in row.iter() {
            let mut chosen = Vec::new();
            for rows in candidates {
                chosen.extend(infos.newest(rows, step)?);
            }
            if chosen.is_empty() && !keep_plain {
                continue;
            }
            let target = match known.get(&chosen) {
                Some(target) => *target,
                None => {
                    let labels = infos.enrich(&series.labels, &chosen)?;
                    let target = enriched.row_of(Series { labels, drop_name: series.drop_name })?;
                    *known.entry(chosen).or_insert(target)
                }
            };
            if !enriched.set(target, step, value) {
                return Err(same_labelset());
            }
        }
    }
    Ok(Column::Vector(enriched.finish()))
}

struct Infos<'a> {
    times: &'a Matrix,
    /// On the name of the metric.
    names: Vec<&'a Matcher>,
    /// On the labels that are wanted; all are without any.
    wanted: Vec<&'a Matcher>,
    /// A series may go without a description.
    matchers_match_nothing: bool,
    /// By the identifying labels: the rows of each info metric.
    described: HashMap<Labels, Vec<Vec<usize>>>,
}

impl<'a> Infos<'a> {
    fn new(matchers: &'a [Matcher], times: &'a Matrix) -> Infos<'a> {
        let (names, wanted): (Vec<_>, Vec<_>) =
            matchers.iter().partition(|matcher| matcher.name() == METRIC_NAME);
        let matchers_match_nothing = wanted.iter().all(|matcher| matcher.matches(&Labels::empty()));
        let mut described: HashMap<Labels, Vec<Vec<usize>>> = HashMap::new();
        for (row, series) in times.series.iter().enumerate() {
            let metrics = described.entry(identity(&series.labels)).or_default();
            let metric =
                |rows: &&mut Vec<usize>| times.series[rows[0]].labels.metric() == series.labels.metric();
            match metrics.iter_mut().find(metric) {
                Some(rows) => rows.push(row),
                None => metrics.push(vec![row]),
            }
        }
        Infos { times, names, wanted, matchers_match_nothing, described }
    }

    fn is_info(&self, labels: &Labels) -> bool {
        self.names.iter().all(|matcher| matcher.matches(labels))
    }

    fn describing(&self, labels: &Labels) -> &[Vec<usize>] {
        let identity = identity(labels);
        if identity.is_empty() { &[] } else { self.described.get(&identity).map_or(&[], Vec::as_slice) }
    }

    /// The row whose sample is the newest at a step.
    fn newest(&self, rows: &[usize], step: usize) -> Result<Option<usize>, PromqlError> {
        let mut newest: Option<(usize, f64)> = None;
        for &row in rows {
            let Some(time) = self.times.row(row).get(step) else { continue };
            match newest {
                Some((other, other_time)) if other_time == time => {
                    let millis = (time * 1e3).round();
                    return Err(PromqlError::execution(format!(
                        "found duplicate series for info metric: existing {} @ {millis}, new {} @ {millis}",
                        self.times.series[other].labels, self.times.series[row].labels
                    )));
                }
                Some((_, other_time)) if other_time > time => {}
                _ => newest = Some((row, time)),
            }
        }
        Ok(newest.map(|(row, _)| row))
    }

    /// The labels with those of info series that they do not have yet.
    fn enrich(&self, labels: &Labels, chosen: &[usize]) -> Result<Labels, PromqlError> {
        let mut enriched = labels.clone();
        for &row in chosen {
            for (name, value) in self.times.series[row].labels.iter() {
                let is_wanted =
                    self.wanted.is_empty() || self.wanted.iter().any(|matcher| matcher.name() == name);
                if name == METRIC_NAME || !is_wanted || labels.get(name).is_some() {
                    continue;
                }
                match enriched.get(name) {
                    Some(other) if other != value => {
                        return Err(PromqlError::execution(format!("conflicting label: {name}")));
                    }
                    _ => enriched = enriched.with(name, value),
                }
            }
        }
        Ok(enriched)
    }
}

fn identity(labels: &Labels) -> Labels {
    labels.filter(|name| IDENTIFYING.contains(&name))
}
