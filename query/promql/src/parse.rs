//! Text to [`Query`]. Only this file and [`syntax`](crate::syntax) know the parser library.
//!
//! The library checks syntax and most types; this file lowers its tree to [`crate::plan`], checks
//! function signatures against our own registry, and names what is not supported. A query's size is
//! bounded before it is parsed, because later stages recurse over the tree.

use std::time::{Duration, SystemTime};

use promql_parser::label as theirs;
use promql_parser::parser as ast;
use promql_parser::parser::token;
use telemetry::{MatchOp, Matcher};

use crate::error::PromqlError;
use crate::functions;
use crate::operators::BinaryOp;
use crate::plan::{
    Aggregate, AggregateOp, At, Binary, Call, Cardinality, Expr, Grouping, Kind, Matching, Query, RangeExpr,
    SelectorRef, When,
};

mod patterns;
mod size;
mod unsupported;

/// Reads a query.
///
/// # Errors
/// [`PromqlError::Bad`] for wrong syntax, wrong types, and constructs that are not supported.
pub fn parse(text: &str) -> Result<Query, PromqlError> {
    patterns::uncompiled(text, |tree| {
        let mut lowering = Lowering::default();
        let expr = lowering.expr(tree)?.mark_invariants();
        Ok(Query { expr, selectors: lowering.selectors, experimental: lowering.experimental })
    })
}

/// Reads a series selector: a name, matchers in braces, or both, and nothing around them.
///
/// # Errors
/// [`PromqlError::Bad`] as for [`parse`], and for every other kind of query.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, PromqlError> {
    patterns::uncompiled(text, |tree| match tree {
        ast::Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => {
            let mut lowering = Lowering::default();
            lowering.selector(selector)?;
            Ok(lowering.selectors.pop().unwrap_or_default())
        }
        _ => Err(bad(format!("{text:?} is not a series selector"))),
    })
}

/// The library's tree, of a text whose size is bounded.
pub(crate) fn tree_of(text: &str) -> Result<ast::Expr, PromqlError> {
    size::check(text)?;
    read(text)
}

fn read(text: &str) -> Result<ast::Expr, PromqlError> {
    // The library panics at spans that do not fit (`offset 1e300`).
    let tree = std::panic::catch_unwind(|| ast::parse(text));
    let tree = tree.unwrap_or_else(|_| Err("a number in the query is out of range".to_owned()));
    tree.map_err(|message| match unsupported::construct(text) {
        Some(what) => bad(format!("parse error: {what}")),
        None => bad(format!("parse error: {message}")),
    })
}

fn bad(message: impl Into<String>) -> PromqlError {
    PromqlError::bad(message)
}

#[derive(Default)]
struct Lowering {
    selectors: Vec<Vec<Matcher>>,
    /// How to refuse the first experimental construct.
    experimental: Option<String>,
}

impl Lowering {
    fn expr(&mut self, tree: &ast::Expr) -> Result<Expr, PromqlError> {
        match tree {
            ast::Expr::NumberLiteral(number) => Ok(Expr::Number(number.val)),
            ast::Expr::StringLiteral(text) => Ok(Expr::Text(text.val.clone())),
            ast::Expr::Paren(paren) => self.expr(&paren.expr),
            ast::Expr::Unary(unary) => self.negate(&unary.expr),
            ast::Expr::VectorSelector(selector) => Ok(Expr::Instant(self.selector(selector)?)),
            ast::Expr::MatrixSelector(matrix) => {
                let selector = self.selector(&matrix.vs)?;
                let range_ms = positive_millis(matrix.range, "range")?;
                Ok(Expr::Range(RangeExpr::Window { selector, range_ms }))
            }
            ast::Expr::Subquery(subquery) => self.subquery(subquery),
            ast::Expr::Binary(binary) => self.binary(binary),
            ast::Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            ast::Expr::Call(call) => self.call(call),
            ast::Expr::Extension(_) => Err(bad("parser extensions are not supported")),
        }
    }

    fn negate(&mut self, tree: &ast::Expr) -> Result<Expr, PromqlError> {
        let inner = self.expr(tree)?;
        match inner.kind() {
            Kind::Scalar | Kind::Vector => Ok(Expr::Negate(Box::new(inner))),
            kind => Err(bad(format!(
                "parse error: unary expression only allowed on expressions of type scalar or instant vector, got {kind}"
            ))),
        }
    }

    fn selector(&mut self, selector: &ast::VectorSelector) -> Result<SelectorRef, PromqlError> {
        if !selector.matchers.or_matchers.is_empty() {
            return Err(bad("`or` between label matchers is not supported"));
        }
        let mut matchers = Vec::with_capacity(selector.matchers.matchers.len() + 1);
        if let Some(name) = &selector.name {
            matchers.push(matcher(telemetry::METRIC_NAME, MatchOp::Equal, name, None)?);
        }
        for theirs in &selector.matchers.matchers {
            let (op, value, fallback) = match (&theirs.op, patterns::marked(&theirs.value)) {
                (theirs::MatchOp::Equal, None) => (MatchOp::Equal, &*theirs.value, None),
                (theirs::MatchOp::Equal, Some(pattern)) => (MatchOp::Regex, pattern, None),
                (theirs::MatchOp::NotEqual, None) => (MatchOp::NotEqual, &*theirs.value, None),
                (theirs::MatchOp::NotEqual, Some(pattern)) => (MatchOp::NotRegex, pattern, None),
                (theirs::MatchOp::Re(pattern), _) => (MatchOp::Regex, &*theirs.value, Some(pattern)),
                (theirs::MatchOp::NotRe(pattern), _) => (MatchOp::NotRegex, &*theirs.value, Some(pattern)),
            };
            matchers.push(matcher(&theirs.name, op, value, fallback)?);
        }
        // The library has looked at this where it knows of all expressions that they are some.
        if selector.name.is_none() && matchers.iter().all(|matcher| matcher.accepts("")) {
            return Err(bad("parse error: vector selector must contain at least one non-empty matcher"));
        }
        self.selectors.push(matchers);
        let when = when(selector.at.as_ref(), selector.offset.as_ref())?;
        Ok(SelectorRef { id: self.selectors.len() - 1, when })
    }

    fn subquery(&mut self, subquery: &ast::SubqueryExpr) -> Result<Expr, PromqlError> {
        let expr = self.expr(&subquery.expr)?;
        if expr.kind() != Kind::Vector {
            return Err(bad(format!(
                "parse error: subquery is only allowed on instant vector, got {} instead",
                expr.kind()
            )));
        }
        let range_ms = positive_millis(subquery.range, "subquery range")?;
        let step_ms = subquery.step.map(|step| positive_millis(step, "subquery step")).transpose()?;
        let when = when(subquery.at.as_ref(), subquery.offset.as_ref())?;
        Ok(Expr::Range(RangeExpr::Subquery { expr: Box::new(expr), range_ms, step_ms, when }))
    }

    fn binary(&mut self, binary: &ast::BinaryExpr) -> Result<Expr, PromqlError> {
        let op = binary_op(binary.op)?;
        let (left, right) = (self.expr(&binary.lhs)?, self.expr(&binary.rhs)?);
        for side in [&left, &right] {
            if !matches!(side.kind(), Kind::Scalar | Kind::Vector) {
                return Err(bad(
                    "parse error: binary expression must contain only scalar and instant vector types",
                ));
            }
        }
        let modifier = binary.modifier.clone().unwrap_or_default();
        let (fill_left, fill_right) = (modifier.fill_values.lhs, modifier.fill_values.rhs);
        if fill_left.is_some() || fill_right.is_some() {
            if op.is_set() {
                return Err(bad("parse error: filling in missing series not allowed for set operators"));
            }
            if [&left, &right].iter().any(|side| side.kind() != Kind::Vector) {
                return Err(bad(
                    "parse error: filling in missing series only allowed between instant vectors",
                ));
            }
            self.experimental.get_or_insert_with(|| {
                "parse error: binop fill modifiers are experimental and not enabled: set query.promql.experimental_functions"
                    .to_owned()
            });
        }
        let (cardinality, mut include) = match &modifier.card {
            _ if op.is_set() => (Cardinality::ManyToMany, Vec::new()),
            ast::VectorMatchCardinality::ManyToOne(include) => {
                (Cardinality::ManyToOne, include.labels.clone())
            }
            ast::VectorMatchCardinality::OneToMany(include) => {
                (Cardinality::OneToMany, include.labels.clone())
            }
            _ => (Cardinality::OneToOne, Vec::new()),
        };
        include.dedup();
        let (on, labels) = match &modifier.matching {
            Some(ast::LabelModifier::Include(labels)) => (true, sorted(&labels.labels)),
            Some(ast::LabelModifier::Exclude(labels)) => (false, sorted(&labels.labels)),
            None => (false, Vec::new()),
        };
        let return_bool = modifier.return_bool;
        if return_bool && !op.is_comparison() {
            return Err(bad("parse error: bool modifier can only be used on comparison operators"));
        }
        let matching = Matching { cardinality, on, labels, include, fill_left, fill_right };
        Ok(Expr::Binary(Box::new(Binary { op, left, right, return_bool, matching })))
    }

    fn aggregate(&mut self, aggregate: &ast::AggregateExpr) -> Result<Expr, PromqlError> {
        let op = aggregate_op(aggregate.op)?;
        if matches!(op, AggregateOp::Limitk | AggregateOp::LimitRatio) {
            self.experimental.get_or_insert_with(|| {
                format!("parse error: {}() is experimental and must be enabled with query.promql.experimental_functions", aggregate.op)
            });
        }
        let param = aggregate.param.as_ref().map(|param| self.expr(param)).transpose()?;
        let expr = self.expr(&aggregate.expr)?;
        let wanted = match op {
            AggregateOp::CountValues => Some(Kind::Text),
            AggregateOp::Quantile | AggregateOp::Topk | AggregateOp::Bottomk => Some(Kind::Scalar),
            AggregateOp::Limitk | AggregateOp::LimitRatio => Some(Kind::Scalar),
            _ => None,
        };
        let name = aggregate.op;
        for (wanted, given) in [(wanted, param.as_ref()), (Some(Kind::Vector), Some(&expr))] {
            let given = given.map(Expr::kind);
            if wanted != given {
                let (wanted, given) = (kind_name(wanted), kind_name(given));
                return Err(bad(format!(
                    "parse error: expected type {wanted} in aggregation {name}, got {given}"
                )));
            }
        }
        let grouping = match &aggregate.modifier {
            Some(ast::LabelModifier::Include(labels)) => {
                Grouping { without: false, labels: sorted(&labels.labels) }
            }
            Some(ast::LabelModifier::Exclude(labels)) => {
                Grouping { without: true, labels: sorted(&labels.labels) }
            }
            None => Grouping { without: false, labels: Vec::new() },
        };
        Ok(Expr::Aggregate(Box::new(Aggregate { op, param, expr, grouping })))
    }

    fn call(&mut self, call: &ast::Call) -> Result<Expr, PromqlError> {
        let name = call.func.name;
        let Some(function) = functions::find(name) else {
            return Err(bad(format!("function {name:?} is not supported yet")));
        };
        if call.func.experimental {
            self.experimental.get_or_insert_with(|| {
                format!(
                    "parse error: function {name:?} is not enabled: set query.promql.experimental_functions"
                )
            });
        }
        let mut args = Vec::with_capacity(call.args.args.len());
        let own = if name == "info" { 1 } else { usize::MAX };
        for arg in call.args.args.iter().take(own) {
            args.push(self.expr(arg)?);
        }
        if name == "info" {
            args.push(self.info_selector(call.args.args.get(1).map(|arg| &**arg))?);
        }
        function.check_args(&args.iter().map(Expr::kind).collect::<Vec<_>>())?;
        Ok(Expr::Call(Call { function, args }))
    }
}

impl Lowering {
    /// What `info` reads besides its argument: when each info series has its newest sample.
    fn info_selector(&mut self, tree: Option<&ast::Expr>) -> Result<Expr, PromqlError> {
        let mut selector = match tree {
            None => {
                self.selectors.push(Vec::new());
                SelectorRef { id: self.selectors.len() - 1, when: When::default() }
            }
            Some(ast::Expr::VectorSelector(selector)) if selector.name.is_none() => {
                self.selector(selector)?
            }
            Some(_) => return Err(bad("parse error: expected label selectors only")),
        };
        selector.when = When::default();
        let matchers = &mut self.selectors[selector.id];
        if !matchers.iter().any(|matcher| matcher.name() == telemetry::METRIC_NAME) {
            matchers.push(matcher(
                telemetry::METRIC_NAME,
                MatchOp::Equal,
                functions::info::TARGET_INFO,
                None,
            )?);
        }
        let timestamp = functions::find("timestamp").expect("the registry has it");
        Ok(Expr::Call(Call { function: timestamp, args: vec![Expr::Instant(selector)] }))
    }
}

fn kind_name(kind: Option<Kind>) -> String {
    kind.map_or_else(|| "nothing".to_owned(), |kind| kind.to_string())
}

fn sorted(labels: &[String]) -> Vec<String> {
    let mut labels = labels.to_vec();
    labels.sort_unstable();
    labels.dedup();
    labels
}

fn matcher(
    name: &str,
    op: MatchOp,
    value: &str,
    fallback: Option<&regex::Regex>,
) -> Result<Matcher, PromqlError> {
    match (Matcher::new(name, op, value), fallback) {
        (Ok(matcher), _) => Ok(matcher),
        // The library has repaired a brace that Go reads literally.
        (Err(_), Some(pattern)) => Matcher::with_pattern(name, op, value, pattern.as_str()).map_err(refused),
        (Err(error), None) => Err(refused(error)),
    }
}

fn refused(error: telemetry::MatcherError) -> PromqlError {
    bad(format!("parse error: {error}"))
}

fn when(at: Option<&ast::AtModifier>, offset: Option<&ast::Offset>) -> Result<When, PromqlError> {
    let at = match at {
        None => None,
        Some(ast::AtModifier::Start) => Some(At::Start),
        Some(ast::AtModifier::End) => Some(At::End),
        Some(ast::AtModifier::At(time)) => Some(At::Time(unix_millis(*time)?)),
    };
    let offset_ms = match offset {
        None => 0,
        Some(ast::Offset::Pos(span)) => millis(*span, "offset")?,
        Some(ast::Offset::Neg(span)) => -millis(*span, "offset")?,
    };
    Ok(When { at, offset_ms })
}

fn unix_millis(time: SystemTime) -> Result<i64, PromqlError> {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since, "@ timestamp"),
        Err(before) => millis(before.duration(), "@ timestamp").map(|millis| -millis),
    }
}

/// Refuses what could overflow when times are added to each other: about 1 000 000 years.
fn millis(span: Duration, what: &str) -> Result<i64, PromqlError> {
    i64::try_from(span.as_millis())
        .ok()
        .filter(|millis| *millis < i64::MAX / 256)
        .ok_or_else(|| bad(format!("parse error: {what} out of range")))
}

fn positive_millis(span: Duration, what: &str) -> Result<i64, PromqlError> {
    match millis(span, what)? {
        0 => Err(bad(format!("parse error: {what} must be greater than 0"))),
        millis => Ok(millis),
    }
}

fn binary_op(op: token::TokenType) -> Result<BinaryOp, PromqlError> {
    Ok(match op.id() {
        token::T_ADD => BinaryOp::Add,
        token::T_SUB => BinaryOp::Sub,
        token::T_MUL => BinaryOp::Mul,
        token::T_DIV => BinaryOp::Div,
        token::T_MOD => BinaryOp::Mod,
        token::T_POW => BinaryOp::Pow,
        token::T_ATAN2 => BinaryOp::Atan2,
        token::T_EQLC => BinaryOp::Equal,
        token::T_NEQ => BinaryOp::NotEqual,
        token::T_GTR => BinaryOp::Greater,
        token::T_LSS => BinaryOp::Less,
        token::T_GTE => BinaryOp::GreaterEqual,
        token::T_LTE => BinaryOp::LessEqual,
        token::T_LAND => BinaryOp::And,
        token::T_LOR => BinaryOp::Or,
        token::T_LUNLESS => BinaryOp::Unless,
        _ => return Err(bad(format!("operator `{op}` is not supported yet"))),
    })
}

fn aggregate_op(op: token::TokenType) -> Result<AggregateOp, PromqlError> {
    Ok(match op.id() {
        token::T_SUM => AggregateOp::Sum,
        token::T_AVG => AggregateOp::Avg,
        token::T_MIN => AggregateOp::Min,
        token::T_MAX => AggregateOp::Max,
        token::T_COUNT => AggregateOp::Count,
        token::T_GROUP => AggregateOp::Group,
        token::T_STDDEV => AggregateOp::Stddev,
        token::T_STDVAR => AggregateOp::Stdvar,
        token::T_QUANTILE => AggregateOp::Quantile,
        token::T_COUNT_VALUES => AggregateOp::CountValues,
        token::T_TOPK => AggregateOp::Topk,
        token::T_BOTTOMK => AggregateOp::Bottomk,
        token::T_LIMITK => AggregateOp::Limitk,
        token::T_LIMIT_RATIO => AggregateOp::LimitRatio,
        _ => return Err(bad(format!("aggregation `{op}` is not supported yet"))),
    })
}

#[cfg(test)]
mod tests;
