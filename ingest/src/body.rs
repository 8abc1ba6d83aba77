//! Bodies: what a request says it carries, and bounded decompression.
//!
//! Nothing is allocated on the word of a sender beyond the limits: snappy's length header is
//! checked first, gzip and zstd are read in steps.

use std::io::Read;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use telemetry::Limit;

use crate::{IngestError, IngestLimits, OverLimit};

/// How much of a gzip or zstd body is unpacked between two looks at the limits.
const STEP_BYTES: usize = 64 << 10;

/// zstd frames may ask for a window of up to 128 MiB of memory; senders of telemetry use at most
/// 8 MiB (level 19).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// A content encoding that a dialect can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    /// With zlib's header, as HTTP has it, or without, as many clients send it.
    Deflate,
    Zstd,
    /// The block format (not the framed one), as remote write uses it.
    Snappy,
}

impl Encoding {
    /// The encoding of a request, if it is one of `allowed`. `expected` names them for people.
    pub fn of(
        headers: &HeaderMap,
        allowed: &[Encoding],
        expected: &'static str,
    ) -> Result<Encoding, IngestError> {
        let named = header_text(headers, &CONTENT_ENCODING).to_ascii_lowercase();
        let encoding = match named.as_str() {
            "" | "identity" => Some(Encoding::Identity),
            "gzip" | "x-gzip" => Some(Encoding::Gzip),
            "deflate" => Some(Encoding::Deflate),
            "zstd" => Some(Encoding::Zstd),
            "snappy" => Some(Encoding::Snappy),
            _ => None,
        };
        encoding
            .filter(|encoding| allowed.contains(encoding))
            .ok_or_else(|| IngestError::UnsupportedEncoding { found: excerpt(&named), expected })
    }
}

/// Unpacks a body. `charge` is told of every byte before it is kept and may refuse.
pub fn decompress(
    encoding: Encoding,
    body: Bytes,
    limits: &IngestLimits,
    charge: &mut dyn FnMut(u64) -> Result<(), IngestError>,
) -> Result<Bytes, IngestError> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => unpack(flate2::bufread::MultiGzDecoder::new(&body[..]), "gzip", limits, charge),
        Encoding::Deflate if has_zlib_header(&body) => {
            unpack(flate2::bufread::ZlibDecoder::new(&body[..]), "deflate", limits, charge)
        }
        Encoding::Deflate => {
            unpack(flate2::bufread::DeflateDecoder::new(&body[..]), "deflate", limits, charge)
        }
        Encoding::Zstd => {
            let malformed = |error| IngestError::Malformed(format!("the body is not valid zstd: {error}"));
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&body[..]).map_err(malformed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(malformed)?;
            unpack(decoder, "zstd", limits, charge)
        }
        Encoding::Snappy => unpack_snappy(&body, limits, charge),
    }
}

/// By RFC 1950: method 8, a window of at most 32 KiB, and a checksum of the two bytes. A raw stream
/// begins so only with padding that no encoder writes.
fn has_zlib_header(body: &[u8]) -> bool {
    let [method, flags, ..] = body else { return false };
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
}

fn unpack(
    mut packed: impl Read,
    name: &str,
    limits: &IngestLimits,
    charge: &mut dyn FnMut(u64) -> Result<(), IngestError>,
) -> Result<Bytes, IngestError> {
    let mut plain = Vec::new();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let read = packed
            .read(&mut step)
            .map_err(|error| IngestError::Malformed(format!("the body is not valid {name}: {error}")))?;
        if read == 0 {
            return Ok(plain.into());
        }
        check_plain_length(plain.len() as u64 + read as u64, limits)?;
        charge(read as u64)?;
        plain.extend_from_slice(&step[..read]);
    }
}

fn unpack_snappy(
    body: &[u8],
    limits: &IngestLimits,
    charge: &mut dyn FnMut(u64) -> Result<(), IngestError>,
) -> Result<Bytes, IngestError> {
    let malformed = |error| IngestError::Malformed(format!("the body is not a valid snappy block: {error}"));
    let length = snap::raw::decompress_len(body).map_err(malformed)? as u64;
    check_plain_length(length, limits)?;
    charge(length)?;
    Ok(snap::raw::Decoder::new().decompress_vec(body).map_err(malformed)?.into())
}

fn check_plain_length(length: u64, limits: &IngestLimits) -> Result<(), IngestError> {
    if length > limits.decompressed_bytes_max {
        return Err(IngestError::TooLarge {
            what: "the decompressed body in bytes",
            limit: Limit::DecompressedBytes,
            max: limits.decompressed_bytes_max,
        });
    }
    Ok(())
}

/// The media type in lower case and its parameters as they are: `application/json`, `charset=utf-8`.
pub fn media_type(headers: &HeaderMap) -> (String, String) {
    let text = header_text(headers, &CONTENT_TYPE);
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    (essence.trim().to_ascii_lowercase(), parameters.trim().to_owned())
}

fn header_text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap_or("(not ASCII)")).trim()
}

/// Refuses JSON that nests deeper than a limit, before anything recurses into it. Looks at brackets
/// outside of strings only; whether the text is JSON at all is for the parser to say.
pub fn check_json_depth(body: &[u8], depth_max: usize) -> Result<(), OverLimit> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    let what = format!("the JSON nests deeper than {depth_max} levels");
                    return Err(OverLimit::new(Limit::JsonDepth, what));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The beginning of a text that a stranger sent, short enough for an error message.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 160;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
