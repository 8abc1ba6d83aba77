//! The engine's own form of a query: names resolved, kinds checked, constant subtrees marked.
//!
//! Nothing of the parser library leaks past [`parse`](crate::parse); a different parser would build
//! the same tree. Times are milliseconds here, as everywhere inside of the engine.

use std::fmt;

use telemetry::Matcher;

use crate::functions::Function;
use crate::operators::BinaryOp;

/// A query that has been read and checked; evaluate it as often as you like.
#[derive(Clone, Debug)]
pub struct Query {
    pub(crate) expr: Expr,
    /// What each [`SelectorRef::id`] selects.
    pub(crate) selectors: Vec<Vec<Matcher>>,
    /// How to refuse the first experimental function or aggregation, if there is one.
    pub(crate) experimental: Option<String>,
}

impl Query {
    /// What kind of value the query has.
    pub fn kind(&self) -> Kind {
        self.expr.kind()
    }

    /// The matchers of every selector, in the order of the text.
    pub fn selectors(&self) -> &[Vec<Matcher>] {
        &self.selectors
    }
}

/// What an expression evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One number per step.
    Scalar,
    /// Per step at most one number for each series.
    Vector,
    /// Per step a window of samples for each series.
    Matrix,
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Scalar => "scalar",
            Kind::Vector => "instant vector",
            Kind::Matrix => "range vector",
            Kind::Text => "string",
        })
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    Instant(SelectorRef),
    Range(RangeExpr),
    Negate(Box<Expr>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Call),
    /// A subtree whose value is the same at every step: evaluated once, then repeated.
    Invariant(Box<Expr>),
    /// A vector that was computed while the samples were read. `selector`: it says what or when one
    /// selector, which was the whole subtree, has samples.
    Loaded {
        product: usize,
        selector: Option<usize>,
    },
}

/// A selector and the time it looks at, relative to the step.
#[derive(Clone, Debug)]
pub(crate) struct SelectorRef {
    pub id: usize,
    pub when: When,
}

/// `@` and `offset`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct When {
    pub at: Option<At>,
    pub offset_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Start,
    End,
    Time(i64),
}

/// First and last evaluation time of the whole query: what `start()` and `end()` mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub start_ms: i64,
    pub end_ms: i64,
}

impl When {
    /// The time looked at from the step at `time_ms`.
    pub(crate) fn resolve(self, time_ms: i64, span: Span) -> i64 {
        let base = match self.at {
            None => time_ms,
            Some(At::Start) => span.start_ms,
            Some(At::End) => span.end_ms,
            Some(At::Time(at_ms)) => at_ms,
        };
        base.saturating_sub(self.offset_ms)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum RangeExpr {
    Window {
        selector: SelectorRef,
        range_ms: i64,
    },
    /// `step_ms` is `None` where the text leaves it out.
    Subquery {
        expr: Box<Expr>,
        range_ms: i64,
        step_ms: Option<i64>,
        when: When,
    },
    /// A window over samples that were kept.
    Loaded {
        product: usize,
        range_ms: i64,
        when: When,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub op: BinaryOp,
    pub left: Expr,
    pub right: Expr,
    /// `bool`: comparisons answer 0 or 1 instead of filtering.
    pub return_bool: bool,
    pub matching: Matching,
}

/// How series of the two sides find each other.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    pub cardinality: Cardinality,
    /// `on(labels)` if true, else `ignoring(labels)`.
    pub on: bool,
    /// Sorted.
    pub labels: Vec<String>,
    /// Labels that `group_left`/`group_right` copy from the "one" side.
    pub include: Vec<String>,
    /// What stands for a sample that the left side lacks.
    pub fill_left: Option<f64>,
    /// The same of the right side.
    pub fill_right: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cardinality {
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// Set operators.
    ManyToMany,
}

#[derive(Clone, Debug)]
pub(crate) struct Aggregate {
    pub op: AggregateOp,
    pub param: Option<Expr>,
    pub expr: Expr,
    pub grouping: Grouping,
}

/// `by`/`without` with sorted names; no clause is `by ()`.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    pub without: bool,
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Quantile,
    CountValues,
    Topk,
    Bottomk,
    Limitk,
    LimitRatio,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
}

impl Expr {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Expr::Number(_) => Kind::Scalar,
            Expr::Text(_) => Kind::Text,
            Expr::Instant(_) | Expr::Aggregate(_) | Expr::Loaded { .. } => Kind::Vector,
            Expr::Range(_) => Kind::Matrix,
            Expr::Negate(inner) | Expr::Invariant(inner) => inner.kind(),
            Expr::Binary(binary) => match (binary.left.kind(), binary.right.kind()) {
                (Kind::Scalar, Kind::Scalar) => Kind::Scalar,
                _ => Kind::Vector,
            },
            Expr::Call(call) => call.function.returns,
        }
    }

    /// The expression below the mark, if there is one.
    pub(crate) fn unmarked(&self) -> &Expr {
        match self {
            Expr::Invariant(inner) => inner,
            other => other,
        }
    }

    /// Marks the largest subtrees that do not depend on the step.
    pub(crate) fn mark_invariants(mut self) -> Expr {
        if self.settle() {
            self.mark();
        }
        self
    }

    /// Whether the expression is the same at every step; marks invariant children of one that is not.
    fn settle(&mut self) -> bool {
        match self {
            Expr::Number(_) | Expr::Text(_) => true,
            Expr::Instant(selector) => selector.when.at.is_some(),
            Expr::Range(RangeExpr::Window { selector, .. }) => selector.when.at.is_some(),
            Expr::Range(RangeExpr::Loaded { when, .. }) => when.at.is_some(),
            Expr::Range(RangeExpr::Subquery { expr, when, .. }) => {
                // The inner expression runs on a grid of its own.
                if expr.settle() {
                    expr.mark();
                }
                when.at.is_some()
            }
            Expr::Negate(inner) => inner.settle(),
            Expr::Binary(binary) => settle_all([&mut binary.left, &mut binary.right], true),
            Expr::Aggregate(aggregate) => {
                settle_all(std::iter::once(&mut aggregate.expr).chain(&mut aggregate.param), true)
            }
            Expr::Call(call) => settle_all(&mut call.args, !call.function.reads_time),
            Expr::Loaded { .. } => false,
            Expr::Invariant(_) => true,
        }
    }

    fn mark(&mut self) {
        let worth_it = !matches!(self, Expr::Number(_) | Expr::Text(_) | Expr::Invariant(_));
        if worth_it && self.kind() != Kind::Matrix {
            let inner = std::mem::replace(self, Expr::Number(0.0));
            *self = Expr::Invariant(Box::new(inner));
        }
    }
}

fn settle_all<'e>(children: impl IntoIterator<Item = &'e mut Expr>, parent_allows: bool) -> bool {
    let settled: Vec<_> = children
        .into_iter()
        .map(|child| {
            let invariant = child.settle();
            (child, invariant)
        })
        .collect();
    if parent_allows && settled.iter().all(|(_, invariant)| *invariant) {
        return true;
    }
    for (child, invariant) in settled {
        if invariant {
            child.mark();
        }
    }
    false
}
