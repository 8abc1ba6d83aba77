//! A stream's labels as protobuf clients write them: `{app="shop", env="prod"}`.
//!
//! Equality alone, values as Go string literals: quoted with escapes, or raw between backticks. Of a
//! label that is there twice, whoever reads the pairs takes the last.

use std::borrow::Cow;

use super::push::{PAIRS_MAX, Pairs};
use crate::body::excerpt;

/// Reads a whole label set; the error says what is wrong and where.
pub(crate) fn parse(text: &str) -> Result<Pairs<'_>, String> {
    let mut parser = Parser { text, at: 0 };
    parser.labels().map_err(|what| format!("the labels {:?}: {what} at byte {}", excerpt(text), parser.at))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn labels(&mut self) -> Result<Pairs<'a>, &'static str> {
        let mut pairs: Pairs<'a> = Vec::new();
        self.expect("{", "a { is missing")?;
        while !self.eat("}") {
            let name = self.name()?;
            if pairs.len() == PAIRS_MAX {
                return Err("too many labels");
            }
            self.expect("=", "a = is missing")?;
            pairs.push((name.into(), self.value()?));
            if !self.eat(",") {
                self.expect("}", "a , or } is missing")?;
                break;
            }
        }
        self.skip_space();
        if self.rest().is_empty() { Ok(pairs) } else { Err("text after the closing }") }
    }

    fn name(&mut self) -> Result<&'a str, &'static str> {
        self.skip_space();
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, '=' | '!' | '~' | ',' | '{' | '}' | '"' | '`');
        let name = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += name.len();
        if name.is_empty() { Err("a label name is missing") } else { Ok(name) }
    }

    fn value(&mut self) -> Result<Cow<'a, str>, &'static str> {
        self.skip_space();
        if self.eat("`") {
            let length = self.rest().find('`').ok_or("a ` that is not closed")?;
            let raw = &self.rest()[..length];
            self.at += length + 1;
            return Ok(raw.into());
        }
        self.expect("\"", "a value is missing")?;
        let length = self.rest().find(['"', '\\']).ok_or("a \" that is not closed")?;
        let plain = &self.rest()[..length];
        self.at += length;
        if self.eat_here('"') {
            return Ok(plain.into());
        }
        self.escaped(plain).map(Cow::Owned)
    }

    /// The rest of a quoted value that has escapes.
    fn escaped(&mut self, plain: &str) -> Result<String, &'static str> {
        // Bytes, for an escape may stand for a part of a character.
        let mut value = plain.as_bytes().to_vec();
        loop {
            let c = self.next().ok_or("a \" that is not closed")?;
            match c {
                '"' => return String::from_utf8(value).map_err(|_| "a value that is not UTF-8"),
                '\\' => self.escape(&mut value)?,
                c => value.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    fn escape(&mut self, value: &mut Vec<u8>) -> Result<(), &'static str> {
        const UNKNOWN: &str = "an escape that is not known";
        let byte = match self.next().ok_or(UNKNOWN)? {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            c @ ('\\' | '"' | '\'') => c as u8,
            'x' => u8::try_from(self.number(2, 16)?).map_err(|_| UNKNOWN)?,
            '0'..='7' => {
                self.at -= 1;
                u8::try_from(self.number(3, 8)?).map_err(|_| UNKNOWN)?
            }
            c @ ('u' | 'U') => {
                let number = self.number(if c == 'u' { 4 } else { 8 }, 16)?;
                let c = char::from_u32(number).ok_or("an escape that is no character")?;
                value.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(UNKNOWN),
        };
        value.push(byte);
        Ok(())
    }

    /// Exactly so many digits.
    fn number(&mut self, digits: usize, radix: u32) -> Result<u32, &'static str> {
        let mut number = 0_u32;
        for _ in 0..digits {
            let digit = self.next().and_then(|c| c.to_digit(radix)).ok_or("an escape with a wrong digit")?;
            number = number.wrapping_mul(radix) | digit;
        }
        Ok(number)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let is_there = self.rest().starts_with(token);
        self.at += if is_there { token.len() } else { 0 };
        is_there
    }

    fn eat_here(&mut self, c: char) -> bool {
        let is_there = self.rest().starts_with(c);
        self.at += if is_there { c.len_utf8() } else { 0 };
        is_there
    }

    fn expect(&mut self, token: &str, missing: &'static str) -> Result<(), &'static str> {
        if self.eat(token) { Ok(()) } else { Err(missing) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expect: Result<&[(&str, &str)], &str>) {
        let found = parse(text);
        let found: Result<Vec<(&str, &str)>, &str> = match &found {
            Ok(pairs) => Ok(pairs.iter().map(|(name, value)| (&**name, &**value)).collect()),
            Err(why) => Err(why),
        };
        assert_eq!(found, expect.map(<[_]>::to_vec), "{text}");
    }

    #[test]
    fn labels_as_clients_write_them() {
        check("{}", Ok(&[]));
        check(r#"{app="shop"}"#, Ok(&[("app", "shop")]));
        check(r#" { app = "shop" , env="prod", } "#, Ok(&[("app", "shop"), ("env", "prod")]));
        check("{path=`C:\\logs\"`}", Ok(&[("path", "C:\\logs\"")]));
        check(r#"{a="",k8s.pod-name="ü}"}"#, Ok(&[("a", ""), ("k8s.pod-name", "ü}")]));
        check(r#"{a="\"x\\\t\n\x41\101\u00e9\U0001F600"}"#, Ok(&[("a", "\"x\\\t\nAAé😀")]));
        // Half a character and its other half.
        check(r#"{a="\xc3\xa9"}"#, Ok(&[("a", "é")]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        check("", Err(r#"the labels "": a { is missing at byte 0"#));
        check("app", Err(r#"the labels "app": a { is missing at byte 0"#));
        check("{app}", Err(r#"the labels "{app}": a = is missing at byte 4"#));
        check("{=\"x\"}", Err(r#"the labels "{=\"x\"}": a label name is missing at byte 1"#));
        check("{a=b}", Err(r#"the labels "{a=b}": a value is missing at byte 3"#));
        check("{a=\"b}", Err(r#"the labels "{a=\"b}": a " that is not closed at byte 4"#));
        check("{a=\"b\" c=\"d\"}", Err(r#"the labels "{a=\"b\" c=\"d\"}": a , or } is missing at byte 7"#));
        check("{a=\"1\"} x", Err(r#"the labels "{a=\"1\"} x": text after the closing } at byte 8"#));
        check("{a!=\"1\"}", Err(r#"the labels "{a!=\"1\"}": a = is missing at byte 2"#));
        check(r#"{a="\q"}"#, Err(r#"the labels "{a=\"\\q\"}": an escape that is not known at byte 6"#));
        check(r#"{a="\xff"}"#, Err(r#"the labels "{a=\"\\xff\"}": a value that is not UTF-8 at byte 9"#));
        check(
            r#"{a="\ud800"}"#,
            Err(r#"the labels "{a=\"\\ud800\"}": an escape that is no character at byte 10"#),
        );
    }

    proptest! {
        #[test]
        fn whatever_a_client_quotes_is_read_back(value in ".{0,40}", name in "[a-z_][a-z0-9_.-]{0,9}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let text = format!("{{{name}=\"{quoted}\"}}");
            prop_assert_eq!(parse(&text), Ok(vec![(name.into(), value.into())]));
        }

        #[test]
        fn nothing_panics(text in ".{0,60}", tail in r#"[{}="\\`,a-z0-9ux~é ]{0,40}"#) {
            let _either = parse(&text);
            let _either = parse(&format!("{{a=\"{tail}"));
        }
    }
}
