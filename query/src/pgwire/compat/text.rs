//! `format('%s has %L', a, b)`, which tools build their statements with.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use datafusion::arrow::array::{Array, StringArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// Wider fields are nobody's table, but somebody's attack.
const WIDTH_MAX: usize = 1_000;

pub(super) fn format() -> ScalarUDF {
    let signature = Signature::new(TypeSignature::Variadic(vec![DataType::Utf8]), Volatility::Immutable);
    ScalarUDF::from(Format { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Format {
    signature: Signature,
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &str {
        "format"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let columns: Vec<&StringArray> =
            columns.iter().map(|column| as_string_array(column)).collect::<Result<_>>()?;
        let mut made = StringBuilder::new();
        let Some((templates, values)) = columns.split_first() else {
            return exec_err!("format: the first argument is the text with %s, %I or %L in it");
        };
        for row in 0..templates.len() {
            if templates.is_null(row) {
                made.append_null();
                continue;
            }
            let values: Vec<Option<&str>> =
                values.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect();
            made.append_value(filled(templates.value(row), &values)?);
        }
        Ok(ColumnarValue::Array(Arc::new(made.finish())))
    }
}

fn filled(template: &str, values: &[Option<&str>]) -> Result<String> {
    let (mut text, mut letters, mut next) = (String::new(), template.chars().peekable(), 0);
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        if letters.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let mut width = number(&mut letters);
        let mut to_the_left = false;
        if letters.next_if_eq(&'$').is_some() {
            let Some(position) = width.filter(|position| *position > 0) else {
                return exec_err!("format: positions are %1$s and above in {template:?}");
            };
            (next, width) = (position - 1, None);
        }
        if width.is_none() {
            to_the_left = letters.next_if_eq(&'-').is_some();
            width = number(&mut letters);
        }
        let kind = letters.next();
        let Some(value) = values.get(next) else {
            return exec_err!("format: {template:?} asks for more than {} values", values.len());
        };
        next += 1;
        let part = match (kind, value) {
            (Some('s'), value) => value.unwrap_or_default().to_owned(),
            (Some('I'), Some(value)) => identifier(value),
            (Some('I'), None) => return exec_err!("format: NULL is no name, in {template:?}"),
            (Some('L'), Some(value)) => format!("'{}'", value.replace('\'', "''")),
            (Some('L'), None) => "NULL".to_owned(),
            _ => return exec_err!("format: only %s, %I, %L and %% are known, in {template:?}"),
        };
        let width = width.unwrap_or(0).min(WIDTH_MAX);
        // Writing into text cannot fail.
        let _ = if to_the_left { write!(text, "{part:<width$}") } else { write!(text, "{part:>width$}") };
    }
    Ok(text)
}

fn number(letters: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut number: Option<usize> = None;
    while let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(10)) {
        number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize));
        letters.next();
    }
    number
}

/// In quotes where it needs them.
fn identifier(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.chars().all(is_plain)
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
    {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_text_names_and_literals() {
        let values = [Some("it's"), Some("Big name"), None];
        for (template, expected) in [
            ("%s = %I", "it's = \"Big name\""),
            ("%L, %2$I, %L", "'it''s', \"Big name\", NULL"),
            ("100%% of %1$s", "100% of it's"),
            ("[%6s][%-10s][%s]", "[  it's][Big name  ][]"),
        ] {
            assert_eq!(filled(template, &values).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for template in ["%s %s", "%d", "%0$s", "%"] {
            let error = filled(template, &[Some("x")]).unwrap_err().to_string();
            assert!(error.contains("format:") && error.contains(template), "{error}");
        }
        assert!(filled("%I", &[None]).unwrap_err().to_string().contains("NULL is no name"));
    }
}
