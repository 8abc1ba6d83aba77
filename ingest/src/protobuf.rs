//! Protobuf's wire format, read by hand: numbers, texts that borrow from the body, messages inside of
//! messages. The decoders of hot dialects are written with it.
//!
//! Accepts and refuses what generated code does (each decoder checks that against prost's types in
//! its tests): unknown fields and groups are passed over, text is UTF-8. Nothing recurses.

#[cfg(test)]
pub(crate) mod hostile;

use std::str;

/// A body that is not the message, and where that showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct WireError {
    pub what: &'static str,
    /// Offset in the unpacked body.
    pub at: usize,
}

/// How a field's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Varint,
    Fixed64,
    Delimited,
    GroupStart,
    GroupEnd,
    Fixed32,
}

/// Groups inside groups that an unknown field may hold, as in the generated code.
const GROUP_DEPTH_MAX: usize = 100;

/// A place in the body, and the end of the message being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Reader<'a> {
        Reader { body, at: 0, end: body.len() }
    }

    pub(crate) fn error(&self, what: &'static str) -> WireError {
        WireError { what, at: self.at }
    }

    /// The next field's number and wire type; `None` at the end of the message.
    pub(crate) fn key(&mut self) -> Result<Option<(u32, Wire)>, WireError> {
        if self.at == self.end {
            return Ok(None);
        }
        let key = self.varint()?;
        let key = u32::try_from(key).map_err(|_| self.error("a field number that is too large"))?;
        let wire = match key & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Delimited,
            3 => Wire::GroupStart,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            _ => return Err(self.error("an unknown wire type")),
        };
        match key >> 3 {
            0 => Err(self.error("field number 0")),
            field => Ok(Some((field, wire))),
        }
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for (index, byte) in self.body[self.at..self.end].iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                if index == 9 && *byte > 1 {
                    break;
                }
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(self.error("a number that does not end"))
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        if length > (self.end - self.at) as u64 {
            return Err(self.error("a field that is longer than what holds it"));
        }
        let start = self.at;
        self.at += length as usize;
        Ok(&self.body[start..self.at])
    }

    fn expect(&self, found: Wire, wanted: Wire) -> Result<(), WireError> {
        if found == wanted { Ok(()) } else { Err(self.error("a field with the wrong wire type")) }
    }

    fn delimited(&mut self, wire: Wire) -> Result<&'a [u8], WireError> {
        self.expect(wire, Wire::Delimited)?;
        let length = self.varint()?;
        self.bytes(length)
    }

    /// What is left of the message.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.body[self.at..self.end]
    }

    pub(crate) fn message(&mut self, wire: Wire) -> Result<Reader<'a>, WireError> {
        let length = self.delimited(wire)?.len();
        Ok(Reader { body: self.body, at: self.at - length, end: self.at })
    }

    pub(crate) fn text(&mut self, wire: Wire) -> Result<&'a str, WireError> {
        let bytes = self.delimited(wire)?;
        str::from_utf8(bytes)
            .map_err(|_| WireError { what: "text that is not UTF-8", at: self.at - bytes.len() })
    }

    /// A field of bytes, or a message as it is.
    pub(crate) fn blob(&mut self, wire: Wire) -> Result<&'a [u8], WireError> {
        self.delimited(wire)
    }

    pub(crate) fn fixed64(&mut self, wire: Wire) -> Result<u64, WireError> {
        self.expect(wire, Wire::Fixed64)?;
        let bytes = self.bytes(8)?;
        Ok(bytes.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    pub(crate) fn double(&mut self, wire: Wire) -> Result<f64, WireError> {
        self.fixed64(wire).map(f64::from_bits)
    }

    pub(crate) fn integer(&mut self, wire: Wire) -> Result<u64, WireError> {
        self.expect(wire, Wire::Varint)?;
        self.varint()
    }

    /// `sint32`: small negative numbers are short.
    pub(crate) fn zigzag32(&mut self, wire: Wire) -> Result<i32, WireError> {
        let bits = self.integer(wire)? as u32;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    /// The integers of a repeated field: one, or several packed together.
    pub(crate) fn integers(&mut self, wire: Wire, mut each: impl FnMut(u64)) -> Result<(), WireError> {
        if wire != Wire::Delimited {
            each(self.integer(wire)?);
            return Ok(());
        }
        let mut packed = self.message(wire)?;
        while packed.at < packed.end {
            each(packed.varint()?);
        }
        Ok(())
    }

    /// As [`Reader::integers`], of a field of doubles.
    pub(crate) fn doubles(&mut self, wire: Wire, mut each: impl FnMut(f64)) -> Result<(), WireError> {
        if wire != Wire::Delimited {
            each(self.double(wire)?);
            return Ok(());
        }
        let mut packed = self.message(wire)?;
        while packed.at < packed.end {
            each(packed.double(Wire::Fixed64)?);
        }
        Ok(())
    }

    /// Passes over a field that is not known.
    pub(crate) fn skip(&mut self, field: u32, wire: Wire) -> Result<(), WireError> {
        match wire {
            Wire::GroupStart => self.skip_group(field),
            Wire::GroupEnd => Err(self.error("the end of a group that did not begin")),
            other => self.skip_value(other),
        }
    }

    fn skip_value(&mut self, wire: Wire) -> Result<(), WireError> {
        match wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.bytes(8).map(drop),
            Wire::Fixed32 => self.bytes(4).map(drop),
            Wire::Delimited => self.delimited(wire).map(drop),
            Wire::GroupStart | Wire::GroupEnd => Ok(()),
        }
    }

    fn skip_group(&mut self, field: u32) -> Result<(), WireError> {
        let mut open = vec![field];
        while let Some(innermost) = open.last().copied() {
            let Some((field, wire)) = self.key()? else {
                return Err(self.error("a group that does not end"));
            };
            match wire {
                Wire::GroupStart if open.len() == GROUP_DEPTH_MAX => {
                    return Err(self.error("groups that nest too deeply"));
                }
                Wire::GroupStart => open.push(field),
                Wire::GroupEnd if field == innermost => {
                    open.pop();
                }
                Wire::GroupEnd => return Err(self.error("the end of another group")),
                value => self.skip_value(value)?,
            }
        }
        Ok(())
    }
}
