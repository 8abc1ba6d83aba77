//! Which heads are spoken, and what is answered to what became of a request.

use std::time::Duration;

use super::*;
use crate::{Receipt, Stored};

#[test]
fn the_head_tells_what_is_not_spoken() {
    let status = |content_type: &str| match RemoteWrite.check_head(&head(&[("content-type", content_type)])) {
        Ok(()) => 200,
        Err(error) => error.status().as_u16(),
    };
    for good in [
        "application/x-protobuf",
        "application/x-protobuf;proto=prometheus.WriteRequest",
        "Application/X-Protobuf; charset=utf-8; proto=\"prometheus.WriteRequest\"",
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    ] {
        assert_eq!(status(good), 200, "{good}");
    }
    for bad in ["application/json", "text/plain", "application/x-protobuf;proto=my.Message"] {
        assert_eq!(status(bad), 415, "{bad}");
    }
    // As for Prometheus, what is not said is 1.0 in the only encoding there is.
    assert_eq!(RemoteWrite.check_head(&head(&[])), Ok(()));
    assert_eq!(RemoteWrite.encoding(&head(&[])), Ok(Encoding::Snappy));
    assert!(RemoteWrite.encoding(&head(&[("content-encoding", "gzip")])).is_err());
}

fn check_answer(outcome: Outcome, status: u16, retry_after: Option<&str>, written: [&str; 3], body: &str) {
    let answer = RemoteWrite.answer(&head(&[]), &outcome);
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap()), retry_after);
    let counts = ["samples", "histograms", "exemplars"].map(|kind| {
        let name = format!("X-Prometheus-Remote-Write-{kind}-Written");
        answer.headers().get(name).expect("every answer counts").to_str().unwrap()
    });
    assert_eq!(counts, written);
    assert_eq!(std::str::from_utf8(answer.body()).unwrap(), body);
}

#[test]
fn answers_are_retryable_for_overload_only() {
    // One of the samples was stored by an earlier attempt.
    let written = Written { samples: 2, histograms: 1, exemplars: 4 };
    let stored = Stored { samples: 1, histograms: 1, duplicates: 1, written, ..Stored::default() };
    let receipt = Receipt { rows: 3, stored: stored.clone(), ..Receipt::default() };
    check_answer(Ok(receipt), 204, None, ["2", "1", "4"], "");
    let refused = vec![telemetry::Rejection {
        source: "remote_write:x".into(),
        reason: RejectReason::TooFarAhead,
        count: 1,
        sample: "series up{} at 2200-01-01T00:00:00Z".into(),
    }];
    check_answer(
        Ok(Receipt { rows: 4, stored, refused, ..Receipt::default() }),
        400,
        None,
        ["2", "1", "4"],
        "1 of 4 samples were not stored, the others were. too_far_ahead (1): series up{} at 2200-01-01T00:00:00Z\n",
    );
    let refused = vec![telemetry::Rejection {
        source: "remote_write:x".into(),
        reason: RejectReason::InvalidLabels,
        count: 2,
        sample: "series {}".into(),
    }];
    check_answer(
        Ok(Receipt { rows: 2, refused, ..Receipt::default() }),
        400,
        None,
        ["0"; 3],
        "none of 2 samples was stored. invalid_labels (2): series {}\n",
    );
    let wait = Duration::from_millis(1_500);
    check_answer(
        Err(IngestError::Overloaded { what: "the WAL is full".into(), limit: None, retry_after: wait }),
        503,
        Some("2"),
        ["0", "0", "0"],
        "overloaded: the WAL is full; try again in 1s500ms\n",
    );
    check_answer(
        Err(IngestError::Unavailable { what: "the disk is full".into(), limit: None, retry_after: wait }),
        503,
        Some("2"),
        ["0", "0", "0"],
        "not accepting writes: the disk is full; try again in 1s500ms\n",
    );
    check_answer(Err(IngestError::Malformed("not it".into())), 400, None, ["0"; 3], "not it\n");
}
