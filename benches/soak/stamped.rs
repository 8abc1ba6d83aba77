//! Bodies that are made once and sent again and again: the time of their samples is written into the
//! compressed bytes, so that a request costs its sender a copy and no compression.
//!
//! Snappy repeats what it has seen by pointing back. So each byte of a body comes from one byte of the
//! compressed one, and a time that stands in 2,000 samples comes from few places.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::latencies::clock;
use crate::rounds::Rounds;
use crate::senders::Bodies;
use crate::series::SAMPLES_PER_REQUEST;

/// Stands for the time: in use nowhere else, and as long as any time of our age.
const PLACEHOLDER_MS: i64 = 1_999_888_777_666;
const VARINT_BYTES: usize = 6;
/// `Sample.timestamp` as protobuf names it.
const TIMESTAMP_TAG: u8 = 0x10;

/// A compressed body, and where in it each byte of the time stands.
struct Stamped {
    body: Vec<u8>,
    places: Vec<(usize, usize)>,
}

impl Stamped {
    fn new(body: Vec<u8>) -> Stamped {
        let plain = snap::raw::Decoder::new().decompress_vec(&body).expect("a body of ours");
        let origins = origins(&body);
        assert_eq!(origins.len(), plain.len(), "every byte has an origin");
        let pattern = varint(PLACEHOLDER_MS);
        let mut role = vec![None; plain.len()];
        let mut at = 0;
        while at + VARINT_BYTES < plain.len() {
            if plain[at] == TIMESTAMP_TAG && plain[at + 1..=at + VARINT_BYTES] == pattern {
                (0..VARINT_BYTES).for_each(|byte| role[at + 1 + byte] = Some(byte));
                at += VARINT_BYTES;
            }
            at += 1;
        }
        let mut places: Vec<Option<usize>> = vec![None; body.len()];
        for (origin, byte) in origins.iter().zip(&role) {
            places[*origin] = places[*origin].or(*byte);
        }
        // A byte of the body that is also something else would be changed with the time.
        let is_shared = |(origin, byte): (&usize, &Option<usize>)| places[*origin] != *byte;
        assert!(!origins.iter().zip(&role).any(is_shared), "the placeholder stands for the time alone");
        let places = places.iter().enumerate().filter_map(|(at, byte)| Some((at, (*byte)?))).collect();
        Stamped { body, places }
    }

    fn at(&self, timestamp_ms: i64) -> Vec<u8> {
        let (mut body, varint) = (self.body.clone(), varint(timestamp_ms));
        for (at, byte) in &self.places {
            body[*at] = varint[*byte];
        }
        body
    }
}

/// For each byte of a body, which byte of its Snappy block it was taken from.
fn origins(block: &[u8]) -> Vec<usize> {
    let length_bytes = block.iter().position(|byte| byte & 0x80 == 0).expect("a block has a length") + 1;
    let little_endian = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let mut origins: Vec<usize> = Vec::new();
    let mut at = length_bytes;
    while at < block.len() {
        let tag = usize::from(block[at]);
        let offset_bytes = [0, 1, 2, 4][tag & 3];
        if offset_bytes == 0 {
            let extra = (tag >> 2).saturating_sub(59);
            let length = if extra == 0 { tag >> 2 } else { little_endian(&block[at + 1..][..extra]) } + 1;
            let first = at + 1 + extra;
            origins.extend(first..first + length);
            at = first + length;
            continue;
        }
        let mut offset = little_endian(&block[at + 1..][..offset_bytes]);
        let mut length = (tag >> 2) + 1;
        if offset_bytes == 1 {
            offset |= tag >> 5 << 8;
            length = (tag >> 2 & 7) + 4;
        }
        for _ in 0..length {
            origins.push(origins[origins.len() - offset]);
        }
        at += 1 + offset_bytes;
    }
    origins
}

fn varint(timestamp_ms: i64) -> [u8; VARINT_BYTES] {
    assert!((1 << 35..1 << 42).contains(&timestamp_ms), "{timestamp_ms} is no time of our age");
    std::array::from_fn(|byte| {
        let more = if byte + 1 < VARINT_BYTES { 0x80 } else { 0 };
        (timestamp_ms >> (7 * byte)) as u8 & 0x7f | more
    })
}

/// The server's clock, which may go faster than ours.
#[derive(Clone, Copy)]
pub struct ServerClock {
    started: Instant,
    started_ms: i64,
    speed: u32,
}

impl ServerClock {
    pub fn at(now_ms: i64, speed: u32) -> ServerClock {
        ServerClock { started: clock(), started_ms: now_ms, speed }
    }

    pub fn now_ms(&self) -> i64 {
        self.started_ms + (self.started.elapsed() * self.speed).as_millis() as i64
    }
}

/// Rounds that repeat after a while: their values, not their times.
const ROUNDS: usize = 24;

/// All requests of some rounds.
pub struct Templates {
    requests: Vec<Stamped>,
    per_round: usize,
}

impl Templates {
    pub fn new(series: usize) -> Templates {
        let mut rounds = Rounds::new(series);
        let bodies = (0..ROUNDS).flat_map(|_| rounds.at(PLACEHOLDER_MS));
        Templates { requests: bodies.map(Stamped::new).collect(), per_round: series / SAMPLES_PER_REQUEST }
    }
}

/// Bodies of now, until the time is over.
pub struct Stream<'a> {
    templates: &'a Templates,
    clock: ServerClock,
    ends: Instant,
    /// The number of the next request, and its round's time.
    next: Mutex<(usize, i64)>,
}

impl Stream<'static> {
    pub fn new(templates: &'static Templates, clock: ServerClock, length: Duration) -> Stream<'static> {
        Stream { templates, clock, ends: self::clock() + length, next: Mutex::new((0, 0)) }
    }
}

impl Bodies for Stream<'static> {
    fn next(&self) -> Option<Vec<u8>> {
        if clock() >= self.ends {
            return None;
        }
        let (number, timestamp_ms) = {
            let mut next = self.next.lock().expect("no panic with the lock");
            if next.0.is_multiple_of(self.templates.per_round) {
                // A series has one sample a millisecond.
                next.1 = self.clock.now_ms().max(next.1 + 1);
            }
            next.0 += 1;
            (next.0 - 1, next.1)
        };
        let templates = &self.templates.requests;
        Some(templates[number % templates.len()].at(timestamp_ms))
    }
}
