//! The functions: a registry with each one's name, signature and body; a file per family.
//!
//! A family file holds a table and the plain computations; walking series, steps and windows is done
//! once per shape of function ([`Body`]), here and in `windows`.

use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::{Grid, Series};
use crate::plan::{Expr, Kind};

mod calendar;
mod convert;
pub(crate) mod histogram;
pub(crate) mod info;
mod labels;
mod math;
mod order;
mod over_time;
mod presence;
pub(crate) mod rate;
mod slide;
mod trend;
mod windows;

pub(crate) use windows::Window;
use windows::{Slide, Sliding, WindowBody, over_windows, scalars_by_step};

const FAMILIES: [&[Function]; 11] = [
    calendar::FUNCTIONS,
    convert::FUNCTIONS,
    histogram::FUNCTIONS,
    info::FUNCTIONS,
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

/// What `absent_over_time` asks about.
pub(crate) fn present_over_time() -> &'static Function {
    find("present_over_time").expect("the registry has it")
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
    /// Asks of its argument only at which steps there is anything.
    pub presence_only: bool,
    /// Of a [`Body::Whole`]: treats each series by itself.
    row_wise: bool,
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

impl Function {
    const fn new(name: &'static str, args: &'static [Kind], returns: Kind, body: Body) -> Function {
        Function {
            name,
            args,
            optional: 0,
            variadic: false,
            returns,
            reads_time: false,
            presence_only: false,
            row_wise: false,
            body,
        }
    }

    const fn map(name: &'static str, body: fn(f64) -> f64) -> Function {
        Function::new(name, &[Kind::Vector], Kind::Vector, Body::Map(body))
    }

    const fn window(
        name: &'static str,
        args: &'static [Kind],
        apply: fn(&Window<'_>, &[f64]) -> Option<f64>,
    ) -> Function {
        let body =
            WindowBody { apply, slide: None, keeps_name: false, check: |_, _| Ok(()), remark: |_, _| {} };
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

    const fn presence_only(self) -> Function {
        Function { presence_only: true, ..self }
    }

    const fn row_wise(self) -> Function {
        Function { row_wise: true, ..self }
    }

    /// From so many windows on that share a sample, computes from what enters and leaves them.
    const fn sliding(mut self, from_overlap: i64, begin: fn() -> Box<dyn Slide>) -> Function {
        if let Body::Window(body) = &mut self.body {
            body.slide = Some(Sliding { from_overlap, begin });
        }
        self
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

    /// Whether it treats each series of its one vector by itself.
    pub(crate) fn is_row_wise(&self) -> bool {
        self.row_wise || !matches!(self.body, Body::Whole(_))
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

fn map_with(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    change: fn(f64, &[f64]) -> Option<f64>,
) -> Result<Column, PromqlError> {
    let mut matrix = evaluator.vector(&args[0], grid)?;
    let scalars = scalars_by_step(evaluator, &args[1..], grid)?;
    matrix.filter_cells(|step, value| change(value, scalars.of(step)).is_some());
    matrix.map_steps(|step, value| change(value, scalars.of(step)).unwrap_or(value));
    matrix.mark_names_dropped();
    Ok(Column::Vector(matrix))
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
