//! The functions: a registry with each one's name, signature and body; a file per family.
//!
//! A family file holds a table and the plain computations; walking series, steps and windows is done
//! here, once per shape of function ([`Body`]).

use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator, Windows};
use crate::matrix::{Grid, Matrix, Series};
use crate::plan::{Expr, Kind};

mod calendar;
mod convert;
mod histogram;
mod labels;
mod math;
mod order;
mod over_time;
mod presence;
mod rate;
mod trend;

const FAMILIES: [&[Function]; 10] = [
    calendar::FUNCTIONS,
    convert::FUNCTIONS,
    histogram::FUNCTIONS,
    labels::FUNCTIONS,
    math::FUNCTIONS,
    order::FUNCTIONS,
    over_time::FUNCTIONS,
    presence::FUNCTIONS,
    rate::FUNCTIONS,
    trend::FUNCTIONS,
];

pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|function| function.name == name)
}

#[derive(Debug)]
pub(crate) struct Function {
    pub name: &'static str,
    args: &'static [Kind],
    /// How many of the last `args` may be left out.
    optional: usize,
    /// The last of `args` may be repeated.
    variadic: bool,
    pub returns: Kind,
    /// Depends on the time of the step even if its arguments do not.
    pub reads_time: bool,
    body: Body,
}

#[derive(Clone, Copy)]
enum Body {
    /// A number per step, from its time in milliseconds.
    Time(fn(i64) -> f64),
    /// Each value by itself; the name goes.
    Map(fn(f64) -> f64),
    /// Each value with scalar arguments, which follow the vector; `None` removes the sample.
    MapWith(fn(f64, &[f64]) -> Option<f64>),
    /// Each value as Unix seconds; without argument, the time of the step.
    Calendar(fn(i64) -> f64),
    /// Each window of samples.
    Window(WindowBody),
    /// All of it.
    Whole(fn(&Evaluator<'_>, &[Expr], Grid) -> Result<Column, PromqlError>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}

/// A function of one range vector and any number of scalars around it.
#[derive(Clone, Copy)]
struct WindowBody {
    /// Sees windows with at least one sample; `None` means no result.
    apply: fn(&Window<'_>, &[f64]) -> Option<f64>,
    keeps_name: bool,
    /// Looks at the scalar arguments of a step before any window.
    check: fn(&Evaluator<'_>, &[f64]) -> Result<(), PromqlError>,
    /// Looks at each series that has a result.
    remark: fn(&Evaluator<'_>, &Series),
}

/// The samples of one series before one step.
pub(crate) struct Window<'s> {
    pub ts_ms: &'s [i64],
    pub values: &'s [f64],
    /// Exclusive.
    pub start_ms: i64,
    /// Inclusive; with `@` or `offset` not the time of the step.
    pub end_ms: i64,
    /// The time of the step.
    pub now_ms: i64,
}

impl Function {
    const fn new(name: &'static str, args: &'static [Kind], returns: Kind, body: Body) -> Function {
        Function { name, args, optional: 0, variadic: false, returns, reads_time: false, body }
    }

    const fn map(name: &'static str, body: fn(f64) -> f64) -> Function {
        Function::new(name, &[Kind::Vector], Kind::Vector, Body::Map(body))
    }

    const fn window(
        name: &'static str,
        args: &'static [Kind],
        apply: fn(&Window<'_>, &[f64]) -> Option<f64>,
    ) -> Function {
        let body = WindowBody { apply, keeps_name: false, check: |_, _| Ok(()), remark: |_, _| {} };
        Function::new(name, args, Kind::Vector, Body::Window(body))
    }

    const fn whole(
        name: &'static str,
        args: &'static [Kind],
        returns: Kind,
        body: fn(&Evaluator<'_>, &[Expr], Grid) -> Result<Column, PromqlError>,
    ) -> Function {
        Function::new(name, args, returns, Body::Whole(body))
    }

    const fn optional(self, count: usize) -> Function {
        Function { optional: count, ..self }
    }

    /// The last argument any number of times, also none if it is optional.
    const fn variadic(self) -> Function {
        Function { variadic: true, ..self }
    }

    const fn reads_time(self) -> Function {
        Function { reads_time: true, ..self }
    }

    const fn keeps_name(mut self) -> Function {
        if let Body::Window(body) = &mut self.body {
            body.keeps_name = true;
        }
        self
    }

    const fn checking(mut self, check: fn(&Evaluator<'_>, &[f64]) -> Result<(), PromqlError>) -> Function {
        if let Body::Window(body) = &mut self.body {
            body.check = check;
        }
        self
    }

    const fn remarking(mut self, remark: fn(&Evaluator<'_>, &Series)) -> Function {
        if let Body::Window(body) = &mut self.body {
            body.remark = remark;
        }
        self
    }

    pub(crate) fn check_args(&self, given: &[Kind]) -> Result<(), PromqlError> {
        let (least, most) = (self.args.len() - self.optional, self.args.len());
        let wrong_count = |wanted: String| {
            PromqlError::bad(format!(
                "parse error: expected {wanted} argument(s) in call to \"{}\", got {}",
                self.name,
                given.len()
            ))
        };
        if given.len() < least {
            let qualifier = if self.optional > 0 || self.variadic { "at least " } else { "" };
            return Err(wrong_count(format!("{qualifier}{least}")));
        }
        if given.len() > most && !self.variadic {
            let qualifier = if self.optional > 0 { "at most " } else { "" };
            return Err(wrong_count(format!("{qualifier}{most}")));
        }
        for (position, kind) in given.iter().enumerate() {
            let wanted = self.args[position.min(most - 1)];
            if wanted != *kind {
                return Err(PromqlError::bad(format!(
                    "parse error: expected type {wanted} in call to function \"{}\", got {kind}",
                    self.name
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn call(
        &self,
        evaluator: &Evaluator<'_>,
        args: &[Expr],
        grid: Grid,
    ) -> Result<Column, PromqlError> {
        match self.body {
            Body::Time(value) => Ok(Column::Scalar(grid.times_ms().map(value).collect())),
            Body::Map(change) => {
                let mut matrix = evaluator.vector(&args[0], grid)?;
                matrix.map(change);
                matrix.mark_names_dropped();
                Ok(Column::Vector(matrix))
            }
            Body::MapWith(change) => map_with(evaluator, args, grid, change),
            Body::Calendar(part) => calendar::evaluate(evaluator, args, grid, part),
            Body::Window(body) => over_windows(evaluator, args, grid, body),
            Body::Whole(body) => body(evaluator, args, grid),
        }
    }
}

/// Long windows make even one row slow, so the stop signal is asked after this many samples too: about
/// a millisecond of work.
const SAMPLES_PER_CHECK: usize = 1 << 20;

/// The scalars among the arguments, transposed: what each step sees.
fn scalars_by_step(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
) -> Result<Vec<Vec<f64>>, PromqlError> {
    let mut by_step = vec![Vec::new(); grid.steps];
    for arg in args.iter().filter(|arg| arg.kind() == Kind::Scalar) {
        let values = evaluator.scalar(arg, grid)?;
        by_step.iter_mut().zip(values).for_each(|(step, value)| step.push(value));
    }
    Ok(by_step)
}

fn map_with(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    change: fn(f64, &[f64]) -> Option<f64>,
) -> Result<Column, PromqlError> {
    let mut matrix = evaluator.vector(&args[0], grid)?;
    let scalars = scalars_by_step(evaluator, &args[1..], grid)?;
    matrix.filter_cells(|step, value| change(value, &scalars[step]).is_some());
    matrix.map_steps(|step, value| change(value, &scalars[step]).unwrap_or(value));
    matrix.mark_names_dropped();
    Ok(Column::Vector(matrix))
}

fn over_windows(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    body: WindowBody,
) -> Result<Column, PromqlError> {
    let scalars = scalars_by_step(evaluator, args, grid)?;
    let windows = range_argument(evaluator, args, grid)?;
    let mut matrix = Matrix::new(grid.steps, evaluator.meter);
    let mut samples_since_check = 0;
    for row in &windows.rows {
        let mut series = row.series.clone();
        series.drop_name |= !body.keeps_name;
        let before = matrix.len();
        matrix.add_filled(series, |result| {
            row.walk(&windows, |step, ts_ms, values| {
                let end_ms = windows.ends_ms[step];
                let start_ms = end_ms - windows.range_ms;
                samples_since_check += values.len();
                if samples_since_check > SAMPLES_PER_CHECK {
                    samples_since_check = 0;
                    evaluator.meter.check()?;
                }
                (body.check)(evaluator, &scalars[step])?;
                let window = Window { ts_ms, values, start_ms, end_ms, now_ms: grid.time_ms(step) };
                if let Some(value) = (body.apply)(&window, &scalars[step]) {
                    result.set(step, value);
                }
                Ok(())
            })
        })?;
        if matrix.len() > before {
            (body.remark)(evaluator, &row.series);
        }
    }
    Ok(Column::Vector(matrix))
}

/// The one range vector among the arguments.
fn range_argument(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Windows, PromqlError> {
    match args.iter().find(|arg| arg.kind() == Kind::Matrix) {
        Some(arg) => evaluator.range_vector(arg, grid),
        None => Err(PromqlError::bad("a range vector is missing")),
    }
}

/// A literal string argument.
fn text(evaluator: &Evaluator<'_>, arg: &Expr, grid: Grid) -> Result<String, PromqlError> {
    match evaluator.column(arg, grid)? {
        Column::Text(text) => Ok(text),
        _ => Err(crate::evaluate::unexpected(arg)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = FAMILIES.iter().flat_map(|f| f.iter()).map(|f| f.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(names.len() > 70, "{}", names.len());
    }

    #[test]
    fn signatures_are_checked() {
        let check = |name, given: &[Kind]| find(name).unwrap().check_args(given).map_err(|e| e.to_string());
        assert_eq!(check("rate", &[Kind::Matrix]), Ok(()));
        assert_eq!(check("round", &[Kind::Vector]), Ok(()));
        assert_eq!(check("label_join", &[Kind::Vector, Kind::Text, Kind::Text]), Ok(()));
        assert_eq!(
            check("rate", &[Kind::Vector]),
            Err("parse error: expected type range vector in call to function \"rate\", got instant vector"
                .into())
        );
        assert_eq!(
            check("pi", &[Kind::Scalar]),
            Err("parse error: expected 0 argument(s) in call to \"pi\", got 1".into())
        );
    }
}
