//! Binary operators between two vectors: which series belong together, and what results.
//!
//! A side that lacks a sample may have a number in its place (`fill`).
//!
//! Signatures are computed once from labels. Whether a match is unique is a question of each step,
//! as in Prometheus: two series of one match group that never have samples at the same step are fine.
//! Set operators work on whole validity words and never fail.

use std::collections::HashMap;

use telemetry::{Labels, METRIC_NAME};

use crate::error::PromqlError;
use crate::matrix::{Assembly, Matrix, Row, Series, set_bits};
use crate::operators::{self, BinaryOp};
use crate::plan::{Binary, Cardinality, Matching};

pub(crate) fn evaluate(binary: &Binary, left: Matrix, right: Matrix) -> Result<Matrix, PromqlError> {
    match binary.op {
        BinaryOp::And => Ok(keep_matched(binary, left, &right, true)),
        BinaryOp::Unless => Ok(keep_matched(binary, left, &right, false)),
        BinaryOp::Or => either(binary, left, right),
        _ => joined(binary, &left, &right),
    }
}

/// The labels that decide whether two series match.
fn signature(matching: &Matching, labels: &Labels) -> Labels {
    let named = |name: &str| matching.labels.binary_search_by(|label| label.as_str().cmp(name)).is_ok();
    if matching.on { labels.filter(named) } else { labels.filter(|name| name != METRIC_NAME && !named(name)) }
}

/// Match groups: signature to the rows that have it.
fn groups(matching: &Matching, matrix: &Matrix) -> HashMap<Labels, Vec<usize>> {
    let mut groups: HashMap<Labels, Vec<usize>> = HashMap::with_capacity(matrix.len());
    for (row, series) in matrix.series.iter().enumerate() {
        groups.entry(signature(matching, &series.labels)).or_default().push(row);
    }
    groups
}

/// The steps at which any of the rows has a sample.
fn union_of(matrix: &Matrix, rows: impl IntoIterator<Item = usize>) -> Vec<u64> {
    let mut union = vec![0; matrix.steps().div_ceil(64)];
    for row in rows {
        union.iter_mut().zip(matrix.row(row).bits).for_each(|(all, word)| *all |= word);
    }
    union
}

/// `and` (keep what has a match) and `unless` (keep what has none).
fn keep_matched(binary: &Binary, mut left: Matrix, right: &Matrix, keep_matches: bool) -> Matrix {
    let present: HashMap<Labels, Vec<u64>> = groups(&binary.matching, right)
        .into_iter()
        .map(|(signature, rows)| (signature, union_of(right, rows)))
        .collect();
    let nowhere = union_of(right, []);
    for row in 0..left.len() {
        let matched = present.get(&signature(&binary.matching, &left.series[row].labels)).unwrap_or(&nowhere);
        for (word, matched) in left.row_mut(row).bits.iter_mut().zip(matched) {
            *word &= if keep_matches { *matched } else { !matched };
        }
    }
    left.drop_empty_rows();
    left
}

/// `or`: everything of the left side, and of the right side what has no match on the left.
fn either(binary: &Binary, left: Matrix, right: Matrix) -> Result<Matrix, PromqlError> {
    let right = keep_matched(binary, right, &left, false);
    let mut both = Assembly::new(left.steps(), left.meter());
    for (series, row) in left.rows().chain(right.rows()) {
        let target = both.row_of(series.clone())?;
        for (step, value) in row.iter() {
            both.set(target, step, value);
        }
    }
    Ok(both.finish())
}

/// Arithmetic and comparisons. `many` is the left side unless the query says `group_right`.
fn joined(binary: &Binary, left: &Matrix, right: &Matrix) -> Result<Matrix, PromqlError> {
    let swapped = binary.matching.cardinality == Cardinality::OneToMany;
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let (fill_left, fill_right) = (binary.matching.fill_left, binary.matching.fill_right);
    let (fill_many, fill_one) = if swapped { (fill_right, fill_left) } else { (fill_left, fill_right) };
    let result = Assembly::new(left.steps(), left.meter());
    let mut join = Join { binary, swapped, many, one, fill_many, fill_one, result };
    let ones = groups(&binary.matching, one);
    join.check_one_side(&ones)?;

    // Match groups in the order of the many side, so that results keep it.
    let mut order: Vec<(&[usize], Vec<usize>)> = Vec::new();
    let mut seen: HashMap<Labels, usize> = HashMap::new();
    for (row, series) in many.series.iter().enumerate() {
        let signature = signature(&binary.matching, &series.labels);
        let partners = match ones.get(&signature) {
            Some(partners) => partners.as_slice(),
            None if fill_one.is_some() => &[],
            None => continue,
        };
        let at = *seen.entry(signature).or_insert(order.len());
        if at == order.len() {
            order.push((partners, Vec::new()));
        }
        order[at].1.push(row);
    }
    if let Some(value) = fill_many {
        for (signature, rows) in in_order(&ones) {
            let members = seen.get(signature).map_or(&[][..], |at| &order[*at].1);
            join.fill_many(signature, rows, members, value)?;
        }
    }
    for (partners, rows) in order {
        if binary.matching.cardinality == Cardinality::OneToOne && rows.len() > 1 {
            join.check_many_side(&rows, partners)?;
        }
        for row in rows {
            for partner in partners {
                join.pair(row, *partner)?;
            }
            if let Some(value) = fill_one {
                join.fill_one(row, partners, value)?;
            }
        }
    }
    Ok(join.result.finish())
}

/// Match groups in the order of their signatures.
fn in_order(groups: &HashMap<Labels, Vec<usize>>) -> Vec<(&Labels, &[usize])> {
    let mut groups: Vec<_> = groups.iter().map(|(signature, rows)| (signature, rows.as_slice())).collect();
    groups.sort_unstable_by(|a, b| a.0.cmp(b.0));
    groups
}

struct Join<'a> {
    binary: &'a Binary,
    /// The "one" side is the left side of the operator.
    swapped: bool,
    many: &'a Matrix,
    one: &'a Matrix,
    fill_many: Option<f64>,
    fill_one: Option<f64>,
    result: Assembly,
}

impl Join<'_> {
    /// Two samples of the "one" side in one match group at one step are an error, matched or not, if
    /// the other side has any sample at that step.
    fn check_one_side(&self, ones: &HashMap<Labels, Vec<usize>>) -> Result<(), PromqlError> {
        let mut anything_to_match = None;
        for (signature, rows) in in_order(ones).into_iter().filter(|(_, rows)| rows.len() > 1) {
            let relevant = anything_to_match.get_or_insert_with(|| match self.fill_many {
                Some(_) => union_of(self.one, 0..self.one.len()),
                None => union_of(self.many, 0..self.many.len()),
            });
            let met = meeting_rows(rows.iter().map(|row| (*row, self.one.row(*row))), relevant);
            let Some((first, second)) = met else { continue };
            let mut twins = [first, second].map(|row| braces(&self.one.series[row].labels));
            twins.sort_unstable();
            let side = if self.swapped { "left" } else { "right" };
            return Err(PromqlError::execution(format!(
                "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                braces(signature),
                twins[0],
                twins[1],
            )));
        }
        Ok(())
    }

    /// One-to-one: two samples on the other side must not share a partner at a step either.
    fn check_many_side(&self, rows: &[usize], partners: &[usize]) -> Result<(), PromqlError> {
        let relevant = match self.fill_one {
            Some(_) => union_of(self.many, rows.iter().copied()),
            None => union_of(self.one, partners.iter().copied()),
        };
        match meeting_rows(rows.iter().map(|row| (*row, self.many.row(*row))), &relevant) {
            None => Ok(()),
            Some(_) => Err(PromqlError::execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            )),
        }
    }

    fn pair(&mut self, many: usize, one: usize) -> Result<(), PromqlError> {
        let (many_row, one_row) = (self.many.row(many), self.one.row(one));
        let both: Vec<u64> = many_row.bits.iter().zip(one_row.bits).map(|(a, b)| a & b).collect();
        let (many_series, one_series) = (&self.many.series[many], &self.one.series[one]);
        self.compute(many_series, one_series, &both, |step| (many_row.values[step], one_row.values[step]))
    }

    /// Where a row of the "many" side has no partner.
    fn fill_one(&mut self, many: usize, partners: &[usize], value: f64) -> Result<(), PromqlError> {
        let (row, series) = (self.many.row(many), &self.many.series[many]);
        let met = union_of(self.one, partners.iter().copied());
        let alone: Vec<u64> = row.bits.iter().zip(&met).map(|(bits, met)| bits & !met).collect();
        let partner = Series::new(signature(&self.binary.matching, &series.labels));
        self.compute(series, &partner, &alone, |step| (row.values[step], value))
    }

    /// Where rows of the "one" side are nobody's partner.
    fn fill_many(
        &mut self,
        signature: &Labels,
        rows: &[usize],
        members: &[usize],
        value: f64,
    ) -> Result<(), PromqlError> {
        let met = union_of(self.many, members.iter().copied());
        for &one in rows {
            let row = self.one.row(one);
            let alone: Vec<u64> = row.bits.iter().zip(&met).map(|(bits, met)| bits & !met).collect();
            let member = Series::new(signature.clone());
            self.compute(&member, &self.one.series[one], &alone, |step| (value, row.values[step]))?;
        }
        Ok(())
    }

    /// The operator at some steps, for the values of the "many" and the "one" side there.
    fn compute(
        &mut self,
        many: &Series,
        one: &Series,
        steps: &[u64],
        values: impl Fn(usize) -> (f64, f64),
    ) -> Result<(), PromqlError> {
        if steps.iter().all(|word| *word == 0) {
            return Ok(());
        }
        let (op, return_bool) = (self.binary.op, self.binary.return_bool);
        let target = self.result.row_of(self.result_series(many, one))?;
        for step in set_bits(steps) {
            let (many, one) = values(step);
            let (left, right) = if self.swapped { (one, many) } else { (many, one) };
            let (value, keep) = operators::pair(op, left, right, return_bool);
            if keep && !self.result.set(target, step, value) {
                return Err(PromqlError::execution(
                    "multiple matches for labels: grouping labels must ensure unique matches",
                ));
            }
        }
        Ok(())
    }

    fn result_series(&self, many: &Series, one: &Series) -> Series {
        let (op, matching) = (self.binary.op, &self.binary.matching);
        let named = |name: &str| matching.labels.binary_search_by(|label| label.as_str().cmp(name)).is_ok();
        let changes_meaning = op.arithmetic().is_some();
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let mut labels = many.labels.filter(|name| {
            let hidden = changes_meaning && name == METRIC_NAME;
            !hidden && (!one_to_one || named(name) == matching.on)
        });
        for name in &matching.include {
            labels = labels.with(name, one.labels.get(name).unwrap_or_default());
        }
        Series { labels, drop_name: self.binary.return_bool || (!changes_meaning && many.drop_name) }
    }
}

/// Two of the rows that have a sample at the same step, among the steps in `relevant`.
fn meeting_rows<'m>(
    rows: impl Iterator<Item = (usize, Row<'m>)>,
    relevant: &[u64],
) -> Option<(usize, usize)> {
    let mut taken: Vec<(usize, Row<'m>)> = Vec::new();
    for (row, cells) in rows {
        let meets = taken.iter().find(|(_, other)| {
            other.bits.iter().zip(cells.bits).zip(relevant).any(|((a, b), c)| a & b & c != 0)
        });
        if let Some((other, _)) = meets {
            return Some((*other, row));
        }
        taken.push((row, cells));
    }
    None
}

/// Labels as Prometheus prints them in errors, the name among the others.
fn braces(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
