//! Bombs, truncated bodies, wrong encodings.

use std::io::Write;
use std::time::Duration;

use super::*;

fn limits(decompressed_bytes_max: u64) -> IngestLimits {
    IngestLimits { decompressed_bytes_max, ..IngestLimits::default() }
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}

fn deflate(plain: &[u8]) -> Bytes {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}

fn zlib(plain: &[u8]) -> Bytes {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}

fn zstd_frame(plain: &[u8]) -> Bytes {
    zstd::encode_all(plain, 3).unwrap().into()
}

fn snappy(plain: &[u8]) -> Bytes {
    snap::raw::Encoder::new().compress_vec(plain).unwrap().into()
}

fn check(encoding: Encoding, body: Bytes, limits: &IngestLimits) -> Result<(Bytes, u64), IngestError> {
    let mut charged = 0;
    let plain = decompress(encoding, body, limits, &mut |bytes| {
        charged += bytes;
        Ok(())
    })?;
    Ok((plain, charged))
}

#[test]
fn every_encoding_gives_the_plain_body_back_and_charges_for_it() {
    let plain = b"samples ".repeat(40_000);
    for (encoding, body) in [
        (Encoding::Gzip, gzip(&plain)),
        (Encoding::Deflate, deflate(&plain)),
        (Encoding::Deflate, zlib(&plain)),
        (Encoding::Zstd, zstd_frame(&plain)),
        (Encoding::Snappy, snappy(&plain)),
    ] {
        let (unpacked, charged) = check(encoding, body, &limits(1 << 20)).unwrap();
        assert_eq!((&unpacked[..], charged), (&plain[..], plain.len() as u64), "{encoding:?}");
    }
    let two_members = Bytes::from([gzip(b"one "), gzip(b"two")].concat());
    assert_eq!(&check(Encoding::Gzip, two_members, &limits(64)).unwrap().0[..], b"one two");
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 8 << 20];
    for (encoding, body) in [
        (Encoding::Gzip, gzip(&zeros)),
        (Encoding::Deflate, deflate(&zeros)),
        (Encoding::Zstd, zstd_frame(&zeros)),
        (Encoding::Snappy, snappy(&zeros)),
    ] {
        let mut charged = 0;
        let refused = decompress(encoding, body, &limits(1 << 20), &mut |bytes| {
            charged += bytes;
            Ok(())
        });
        assert!(matches!(refused, Err(IngestError::TooLarge { limit: Limit::DecompressedBytes, .. })));
        assert!(charged <= 1 << 20, "{encoding:?} unpacked {charged} bytes");
    }
}

#[test]
fn a_snappy_header_that_promises_gigabytes_allocates_nothing() {
    // 0xffffffff as varint: 4 GiB promised by a body of six bytes.
    let body = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    let mut asked = false;
    let refused = decompress(Encoding::Snappy, body, &limits(64 << 20), &mut |_| {
        asked = true;
        Ok(())
    });
    assert!(matches!(refused, Err(IngestError::TooLarge { .. })) && !asked);
}

#[test]
fn a_zstd_window_over_the_bound_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&vec![7; 1 << 20]).unwrap();
    let refused = check(Encoding::Zstd, encoder.finish().unwrap().into(), &limits(64 << 20)).unwrap_err();
    assert!(refused.to_string().contains("not valid zstd"), "{refused}");
}

#[test]
fn garbage_and_cut_off_bodies_are_errors() {
    let cut = |body: Bytes| body.slice(..body.len() - 3);
    let plain = b"samples ".repeat(100);
    for (encoding, body) in [
        (Encoding::Gzip, Bytes::from_static(b"not gzip")),
        (Encoding::Gzip, cut(gzip(&plain))),
        (Encoding::Zstd, Bytes::from_static(b"not zstd")),
        (Encoding::Zstd, cut(zstd_frame(&plain))),
        (Encoding::Snappy, Bytes::from_static(b"\x10not snappy")),
        (Encoding::Snappy, cut(snappy(&plain))),
        (Encoding::Snappy, Bytes::new()),
    ] {
        let error = check(encoding, body, &limits(1 << 20)).unwrap_err();
        assert!(matches!(error, IngestError::Malformed(_)), "{encoding:?}: {error}");
    }
}

#[test]
fn a_refused_charge_ends_the_work() {
    let full =
        IngestError::Overloaded { what: "full".into(), limit: None, retry_after: Duration::from_secs(1) };
    let refused = decompress(Encoding::Gzip, gzip(&[0; 1000]), &limits(1 << 20), &mut |_| Err(full.clone()));
    assert_eq!(refused, Err(full));
}

#[test]
fn only_allowed_encodings_pass() {
    let mut headers = HeaderMap::new();
    let of =
        |headers: &HeaderMap| Encoding::of(headers, &[Encoding::Identity, Encoding::Gzip], "gzip or nothing");
    assert_eq!(of(&headers), Ok(Encoding::Identity));
    headers.insert(CONTENT_ENCODING, "GZIP".parse().unwrap());
    assert_eq!(of(&headers), Ok(Encoding::Gzip));
    for bad in ["br", "snappy", "gzip, gzip"] {
        headers.insert(CONTENT_ENCODING, bad.parse().unwrap());
        assert!(matches!(of(&headers), Err(IngestError::UnsupportedEncoding { .. })), "{bad}");
    }
}

#[test]
fn depth_counts_brackets_outside_of_strings() {
    assert_eq!(check_json_depth(br#"{"a": "[[[[\"[[[", "b": [1, [2]]}"#, 3), Ok(()));
    let deep = "[".repeat(100_000);
    let error = check_json_depth(deep.as_bytes(), 64).unwrap_err();
    assert!(error.to_string().contains("json_depth_max"), "{error}");
}

#[test]
fn media_types_are_split_from_their_parameters() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "Application/X-Protobuf;proto=prometheus.WriteRequest".parse().unwrap());
    assert_eq!(
        media_type(&headers),
        ("application/x-protobuf".into(), "proto=prometheus.WriteRequest".into())
    );
}
