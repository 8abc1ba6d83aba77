//! The binary operators on two numbers, and where one side is a number per step.

use std::fmt;

use crate::matrix::Matrix;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    And,
    Or,
    Unless,
}

impl BinaryOp {
    /// What the operator computes, if it is arithmetic.
    pub(crate) fn arithmetic(self) -> Option<fn(f64, f64) -> f64> {
        Some(match self {
            BinaryOp::Add => |left, right| left + right,
            BinaryOp::Sub => |left, right| left - right,
            BinaryOp::Mul => |left, right| left * right,
            BinaryOp::Div => |left, right| left / right,
            BinaryOp::Mod => |left, right| left % right,
            BinaryOp::Pow => f64::powf,
            BinaryOp::Atan2 => f64::atan2,
            _ => return None,
        })
    }

    /// What the operator asks, if it compares.
    pub(crate) fn comparison(self) -> Option<fn(f64, f64) -> bool> {
        Some(match self {
            BinaryOp::Equal => |left, right| left == right,
            BinaryOp::NotEqual => |left, right| left != right,
            BinaryOp::Greater => |left, right| left > right,
            BinaryOp::Less => |left, right| left < right,
            BinaryOp::GreaterEqual => |left, right| left >= right,
            BinaryOp::LessEqual => |left, right| left <= right,
            _ => return None,
        })
    }

    pub(crate) fn is_comparison(self) -> bool {
        self.comparison().is_some()
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
    }
}

impl fmt::Display for BinaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Pow => "^",
            BinaryOp::Atan2 => "atan2",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Greater => ">",
            BinaryOp::Less => "<",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::LessEqual => "<=",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Unless => "unless",
        })
    }
}

fn truth(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

/// Two numbers per step. Comparisons answer 0 or 1: between scalars `bool` is obligatory.
pub(crate) fn scalars(op: BinaryOp, mut left: Vec<f64>, right: &[f64]) -> Vec<f64> {
    let pairs = left.iter_mut().zip(right);
    if let Some(compute) = op.arithmetic() {
        pairs.for_each(|(left, right)| *left = compute(*left, *right));
    } else if let Some(ask) = op.comparison() {
        pairs.for_each(|(left, right)| *left = truth(ask(*left, *right)));
    }
    left
}

/// A vector and a number per step. A comparison without `bool` keeps the vector's own values,
/// whichever side it is on; everything else changes what the values mean and so drops the name.
pub(crate) fn vector_scalar(
    op: BinaryOp,
    mut vector: Matrix,
    scalar: &[f64],
    scalar_is_left: bool,
    return_bool: bool,
) -> Matrix {
    if let Some(compute) = op.arithmetic() {
        if scalar_is_left {
            vector.map_steps(|step, value| compute(scalar[step], value));
        } else {
            vector.map_steps(|step, value| compute(value, scalar[step]));
        }
        vector.mark_names_dropped();
    } else if let Some(ask) = op.comparison() {
        let holds = |step: usize, value: f64| {
            if scalar_is_left { ask(scalar[step], value) } else { ask(value, scalar[step]) }
        };
        if return_bool {
            vector.map_steps(|step, value| truth(holds(step, value)));
            vector.mark_names_dropped();
        } else {
            vector.filter_cells(holds);
        }
    }
    vector
}

/// One pair of samples: the value that results, and whether it is kept.
pub(crate) fn pair(op: BinaryOp, left: f64, right: f64, return_bool: bool) -> (f64, bool) {
    if let Some(compute) = op.arithmetic() {
        return (compute(left, right), true);
    }
    let holds = op.comparison().is_some_and(|ask| ask(left, right));
    if return_bool { (truth(holds), true) } else { (left, holds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_behave_as_in_go() {
        let of = |op: BinaryOp, left, right| pair(op, left, right, false).0;
        assert_eq!(of(BinaryOp::Mod, -7.0, 3.0), -1.0);
        assert_eq!(of(BinaryOp::Pow, f64::NAN, 0.0), 1.0);
        assert!(of(BinaryOp::Mod, 1.0, 0.0).is_nan());
        assert_eq!(pair(BinaryOp::Greater, 2.0, 3.0, true), (0.0, true));
        assert_eq!(pair(BinaryOp::Greater, 2.0, 3.0, false), (2.0, false));
        assert_eq!(pair(BinaryOp::NotEqual, 2.0, f64::NAN, false), (2.0, true));
    }
}
