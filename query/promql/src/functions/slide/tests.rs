//! Sliding must be the same as looking at each whole window.

use proptest::prelude::*;

use crate::functions::{self, Body, Window};

/// Counters, ties, resets, and numbers that are none.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        6 => (0..6_i32).prop_map(f64::from),
        2 => -1e3..1e3_f64,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(f64::MAX)],
    ];
    let tame = prop::collection::vec((-1e3..1e3_f64).prop_map(|value| value / 7.0), 1..120);
    prop_oneof![prop::collection::vec(value, 1..120), tame]
}

/// Widths and advances of windows; an advance over everything leaves no common sample.
fn ends() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..12_usize, 1..60_usize), 1..40)
}

fn same(name: &str, left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) if matches!(name, "sum_over_time" | "avg_over_time") => {
            (left.is_nan() && right.is_nan())
                || left == right
                || (left - right).abs() <= 1e-12 * left.abs().max(1e-3)
        }
        (Some(left), Some(right)) => left == right || (left.is_nan() && right.is_nan()),
        (left, right) => left == right,
    }
}

proptest! {
    #[test]
    fn every_function_slides_as_it_looks(values in values(), ends in ends()) {
        let ts_ms: Vec<i64> = (0..values.len() as i64).map(|n| n * 1_000).collect();
        let sliding = functions::FAMILIES.iter().flat_map(|family| family.iter()).filter_map(|function| {
            let Body::Window(body) = function.body else { return None };
            body.slide.map(|sliding| (function.name, body.apply, (sliding.begin)()))
        });
        for (name, apply, mut slide) in sliding {
            let (mut low, mut high) = (0, 0);
            for (advance, width) in &ends {
                high = (high + advance).min(values.len());
                low = low.max(high.saturating_sub(*width));
                if low == high {
                    continue;
                }
                let end_ms = high as i64 * 1_000;
                let window = Window {
                    ts_ms: &ts_ms[low..high],
                    values: &values[low..high],
                    low,
                    start_ms: end_ms - *width as i64 * 1_000,
                    end_ms,
                    now_ms: end_ms,
                };
                let (slid, looked) = (slide.value(&window, &[0.3]), apply(&window, &[0.3]));
                prop_assert!(same(name, slid, looked), "{name} {slid:?} {looked:?} of {:?}", window.values);
            }
        }
    }
}
