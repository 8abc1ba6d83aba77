//! A query as text and as a tree for editors: the shapes of Prometheus' `format_query` and
//! `parse_query`. Nothing is lowered or evaluated, so queries that we refuse to run can be shown.

use promql_parser::label as theirs;
use promql_parser::parser as ast;
use serde_json::{Value, json};
use telemetry::METRIC_NAME;

use crate::error::PromqlError;
use crate::parse::tree_of;

/// The query laid out over several lines where it is long.
///
/// # Errors
/// [`PromqlError::Bad`] for wrong syntax and types.
pub fn format(text: &str) -> Result<String, PromqlError> {
    Ok(tree_of(text)?.prettify())
}

/// The tree as Prometheus' `parse_query` writes it; durations and times in milliseconds.
///
/// # Errors
/// [`PromqlError::Bad`] for wrong syntax and types.
pub fn syntax_tree(text: &str) -> Result<Value, PromqlError> {
    Ok(node(&tree_of(text)?))
}

fn node(expr: &ast::Expr) -> Value {
    match expr {
        ast::Expr::Aggregate(aggregate) => {
            let (grouping, without) = match &aggregate.modifier {
                Some(ast::LabelModifier::Include(labels)) => (labels.labels.as_slice(), false),
                Some(ast::LabelModifier::Exclude(labels)) => (labels.labels.as_slice(), true),
                None => (&[][..], false),
            };
            json!({
                "type": "aggregation",
                "op": aggregate.op.to_string(),
                "expr": node(&aggregate.expr),
                "param": aggregate.param.as_deref().map(node),
                "grouping": grouping,
                "without": without,
            })
        }
        ast::Expr::Unary(unary) => json!({ "type": "unaryExpr", "op": "-", "expr": node(&unary.expr) }),
        ast::Expr::Binary(binary) => json!({
            "type": "binaryExpr",
            "op": binary.op.to_string(),
            "lhs": node(&binary.lhs),
            "rhs": node(&binary.rhs),
            "matching": matching(binary),
            "bool": binary.modifier.as_ref().is_some_and(|modifier| modifier.return_bool),
        }),
        ast::Expr::Paren(paren) => json!({ "type": "parenExpr", "expr": node(&paren.expr) }),
        ast::Expr::Subquery(subquery) => json!({
            "type": "subquery",
            "expr": node(&subquery.expr),
            "range": millis(subquery.range),
            "step": subquery.step.map_or(0, millis),
            "offset": offset(subquery.offset.as_ref()),
            "timestamp": timestamp(subquery.at.as_ref()),
            "startOrEnd": start_or_end(subquery.at.as_ref()),
        }),
        ast::Expr::NumberLiteral(number) => json!({ "type": "numberLiteral", "val": number.to_string() }),
        ast::Expr::StringLiteral(text) => json!({ "type": "stringLiteral", "val": text.val }),
        ast::Expr::VectorSelector(selector) => selected("vectorSelector", selector),
        ast::Expr::MatrixSelector(matrix) => {
            let mut selected = selected("matrixSelector", &matrix.vs);
            selected["range"] = json!(millis(matrix.range));
            selected
        }
        ast::Expr::Call(call) => json!({
            "type": "call",
            "func": {
                "name": call.func.name,
                "argTypes": call.func.arg_types.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "variadic": call.func.variadic,
                "returnType": call.func.return_type.to_string(),
            },
            "args": call.args.args.iter().map(|argument| node(argument)).collect::<Vec<_>>(),
        }),
        // Made by programs, never by the parser.
        ast::Expr::Extension(_) => Value::Null,
    }
}

fn selected(kind: &str, selector: &ast::VectorSelector) -> Value {
    let shown = |matcher: &theirs::Matcher| json!({ "name": matcher.name, "value": matcher.value, "type": matcher.op.to_string() });
    let mut matchers: Vec<Value> = selector.matchers.matchers.iter().map(shown).collect();
    if let Some(name) = &selector.name {
        matchers.push(json!({ "name": METRIC_NAME, "value": name, "type": "=" }));
    }
    json!({
        "type": kind,
        "name": selector.name.as_deref().unwrap_or_default(),
        "matchers": matchers,
        "offset": offset(selector.offset.as_ref()),
        "timestamp": timestamp(selector.at.as_ref()),
        "startOrEnd": start_or_end(selector.at.as_ref()),
    })
}

/// Of two vectors only; `null` beside a scalar.
fn matching(binary: &ast::BinaryExpr) -> Value {
    use promql_parser::parser::value::ValueType;
    let is_vector = |side: &ast::Expr| side.value_type() == ValueType::Vector;
    if !is_vector(&binary.lhs) || !is_vector(&binary.rhs) {
        return Value::Null;
    }
    let Some(modifier) = &binary.modifier else {
        let is_set = matches!(binary.op.to_string().as_str(), "and" | "or" | "unless");
        let card = if is_set { "many-to-many" } else { "one-to-one" };
        return json!({ "card": card, "labels": [], "on": false, "include": [] });
    };
    let (card, include) = match &modifier.card {
        ast::VectorMatchCardinality::OneToOne => ("one-to-one", &[][..]),
        ast::VectorMatchCardinality::ManyToOne(labels) => ("many-to-one", labels.labels.as_slice()),
        ast::VectorMatchCardinality::OneToMany(labels) => ("one-to-many", labels.labels.as_slice()),
        ast::VectorMatchCardinality::ManyToMany => ("many-to-many", &[][..]),
    };
    let (labels, on) = match &modifier.matching {
        Some(ast::LabelModifier::Include(labels)) => (labels.labels.as_slice(), true),
        Some(ast::LabelModifier::Exclude(labels)) => (labels.labels.as_slice(), false),
        None => (&[][..], false),
    };
    let mut matching = json!({ "card": card, "labels": labels, "on": on, "include": include });
    let fill = &modifier.fill_values;
    if fill.lhs.is_some() || fill.rhs.is_some() {
        matching["fillValues"] = json!({ "lhs": fill.lhs, "rhs": fill.rhs });
    }
    matching
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn offset(offset: Option<&ast::Offset>) -> i64 {
    match offset {
        None => 0,
        Some(ast::Offset::Pos(span)) => millis(*span),
        Some(ast::Offset::Neg(span)) => -millis(*span),
    }
}

fn timestamp(at: Option<&ast::AtModifier>) -> Option<i64> {
    let Some(ast::AtModifier::At(time)) = at else { return None };
    Some(match time.duration_since(std::time::SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    })
}

fn start_or_end(at: Option<&ast::AtModifier>) -> Option<&'static str> {
    match at {
        Some(ast::AtModifier::Start) => Some("start"),
        Some(ast::AtModifier::End) => Some("end"),
        Some(ast::AtModifier::At(_)) | None => None,
    }
}

#[cfg(test)]
mod tests;
