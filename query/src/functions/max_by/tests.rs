//! The greatest row of each group, in one go and in parts.

use datafusion::arrow::array::{AsArray, BooleanArray, Int64Array, StringArray};
use datafusion::arrow::datatypes::Int64Type;

use super::*;

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn two_keys(value: DataType) -> Greatest {
    Greatest::new(&value, vec![DataType::Int64, DataType::Int64]).unwrap()
}

fn shown(column: &ArrayRef) -> Vec<Option<&str>> {
    column.as_string::<i32>().iter().collect()
}

#[test]
fn the_next_key_decides_and_null_is_the_least() {
    let mut groups = two_keys(DataType::Utf8);
    let values = text(&[Some("old"), Some("new"), Some("late"), None, Some("only")]);
    let first = numbers(&[Some(1), Some(2), Some(2), None, None]);
    let second = numbers(&[Some(9), Some(1), Some(2), Some(99), None]);
    groups.update_batch(&[values, first, second], &[0, 0, 0, 0, 1], None, 3).unwrap();
    assert_eq!(shown(&groups.evaluate(EmitTo::All).unwrap()), [Some("late"), Some("only"), None]);
}

#[test]
fn a_null_value_counts_and_a_filter_leaves_rows_out() {
    let mut groups = two_keys(DataType::Utf8);
    let columns = [text(&[Some("a"), None]), numbers(&[Some(1), Some(2)]), numbers(&[Some(1); 2])];
    groups.update_batch(&columns, &[0, 0], None, 2).unwrap();
    let known = BooleanArray::from(vec![Some(true), None]);
    groups.update_batch(&columns, &[1, 1], Some(&known), 2).unwrap();
    assert_eq!(shown(&groups.evaluate(EmitTo::All).unwrap()), [None, Some("a")]);
}

#[test]
fn parts_add_up_to_the_whole() {
    let (mut whole, mut merged) = (two_keys(DataType::Int64), two_keys(DataType::Int64));
    for part in 0..40i64 {
        let rows: Vec<_> = (0..1_000i64).map(|row| (row * 7 + part * 13) % 5_003).collect();
        let keys = numbers(&rows.iter().map(|key| Some(*key)).collect::<Vec<_>>());
        let values = numbers(&rows.iter().map(|key| Some(*key * 10)).collect::<Vec<_>>());
        let of: Vec<usize> = rows.iter().map(|key| *key as usize % 17).collect();
        let columns = [values, keys.clone(), keys];
        whole.update_batch(&columns, &of, None, 18).unwrap();
        let mut alone = two_keys(DataType::Int64);
        alone.update_batch(&columns, &of, None, 18).unwrap();
        let first = alone.state(EmitTo::First(5)).unwrap();
        merged.merge_batch(&first, &[0, 1, 2, 3, 4], 18).unwrap();
        let rest = alone.state(EmitTo::All).unwrap();
        merged.merge_batch(&rest, &(5..18).collect::<Vec<_>>(), 18).unwrap();
    }
    // Superseded values are let go.
    assert!(whole.size() < 500_000, "{}", whole.size());
    let (whole, merged) = (whole.evaluate(EmitTo::All).unwrap(), merged.evaluate(EmitTo::All).unwrap());
    assert_eq!(whole.as_primitive::<Int64Type>(), merged.as_primitive::<Int64Type>());
    assert_eq!(whole.null_count(), 1);
}

#[test]
fn without_groups_and_without_rows() {
    let mut all = OfAllRows(two_keys(DataType::Int64));
    let column = numbers(&[Some(3), Some(5), Some(4)]);
    all.update_batch(&[column.clone(), column.clone(), column]).unwrap();
    assert_eq!(all.evaluate().unwrap(), ScalarValue::Int64(Some(5)));
    assert_eq!(OfAllRows(two_keys(DataType::Int64)).evaluate().unwrap(), ScalarValue::Int64(None));
}
