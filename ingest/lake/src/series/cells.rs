//! What the write path asks about a series for each sample: its number, its time range, its newest
//! sample, whether the log knows it. Dense by slot, in chunks that never move, so that a request over
//! neighbouring series reads memory in order instead of following a pointer per series.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

/// Series of a chunk.
const CHUNK_CELLS: usize = 1 << 12;

/// One series. Everything that a sample needs stands in one cache line: in another order than that of
/// the slots each line is a wait for memory.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Cell {
    id: AtomicI64,
    first_ts: AtomicI64,
    last_ts: AtomicI64,
    /// Of the newest sample, as far as the write path decided about it.
    newest_ts: AtomicI64,
    newest_value: AtomicU64,
    /// After a start it is not.
    newest_value_known: AtomicBool,
    /// A synced record of the log, or a row of `metric_series`, says who this is.
    durable: AtomicBool,
    /// The day whose `metric_series` row was checked last.
    day: AtomicI32,
}

/// The newest sample of a series: what decides between new, duplicate and late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    /// `i64::MIN` while there is none.
    pub ts: i64,
    /// Its bits, if they are known.
    pub value: Option<u64>,
}

impl Cell {
    fn vacant() -> Cell {
        Cell {
            id: AtomicI64::new(0),
            first_ts: AtomicI64::new(i64::MAX),
            last_ts: AtomicI64::new(i64::MIN),
            newest_ts: AtomicI64::new(i64::MIN),
            newest_value: AtomicU64::new(0),
            newest_value_known: AtomicBool::new(false),
            durable: AtomicBool::new(false),
            day: AtomicI32::new(i32::MIN),
        }
    }

    pub fn id(&self) -> i64 {
        self.id.load(Ordering::Relaxed)
    }

    /// No sample is older; `i64::MAX` while there is none.
    pub fn first_ts(&self) -> i64 {
        self.first_ts.load(Ordering::Relaxed)
    }

    /// No sample is newer; `i64::MIN` while there is none.
    pub fn last_ts(&self) -> i64 {
        self.last_ts.load(Ordering::Relaxed)
    }

    /// Widens the range to hold a time.
    pub fn cover(&self, micros: i64) {
        // One writer at a time (the state's lock); relaxed is enough for readers of a bound.
        if micros < self.first_ts() {
            self.first_ts.store(micros, Ordering::Relaxed);
        }
        if micros > self.last_ts() {
            self.last_ts.store(micros, Ordering::Relaxed);
        }
    }

    // What follows is read and written under the state's lock alone.

    pub fn newest(&self) -> Newest {
        let known = self.newest_value_known.load(Ordering::Relaxed);
        Newest {
            ts: self.newest_ts.load(Ordering::Relaxed),
            value: known.then(|| self.newest_value.load(Ordering::Relaxed)),
        }
    }

    pub fn set_newest(&self, ts: i64, value: u64) {
        self.newest_ts.store(ts, Ordering::Relaxed);
        self.newest_value.store(value, Ordering::Relaxed);
        self.newest_value_known.store(true, Ordering::Relaxed);
    }

    /// There may be samples up to a time; their values are not known.
    pub fn raise_newest(&self, ts: i64) {
        if ts > self.newest().ts {
            self.newest_ts.store(ts, Ordering::Relaxed);
            self.newest_value_known.store(false, Ordering::Relaxed);
        }
    }

    /// Notes the day of a sample; whether it is another one than that of the sample before.
    pub fn enter_day(&self, day: i32) -> bool {
        let entered = self.day.load(Ordering::Relaxed) != day;
        if entered {
            self.day.store(day, Ordering::Relaxed);
        }
        entered
    }

    pub fn is_durable(&self) -> bool {
        self.durable.load(Ordering::Acquire)
    }

    pub fn set_durable(&self) {
        self.durable.store(true, Ordering::Release);
    }
}

type Chunk = Arc<[Cell]>;

/// The cells of all series.
#[derive(Debug, Default)]
pub(crate) struct Cells(Vec<Chunk>);

impl Cells {
    pub fn of(&self, slot: u32) -> &Cell {
        &self.0[slot as usize / CHUNK_CELLS][slot as usize % CHUNK_CELLS]
    }

    /// Takes the next slot into use.
    pub fn add(&mut self, slot: u32, id: i64) -> CellRef {
        let (chunk, at) = (slot as usize / CHUNK_CELLS, slot as usize % CHUNK_CELLS);
        if chunk == self.0.len() {
            self.0.push((0..CHUNK_CELLS).map(|_| Cell::vacant()).collect());
        }
        self.0[chunk][at].id.store(id, Ordering::Relaxed);
        CellRef { chunk: self.0[chunk].clone(), at: at as u32 }
    }
}

/// The cell of one series, for those who hold the series.
#[derive(Clone, Debug)]
pub(crate) struct CellRef {
    chunk: Chunk,
    at: u32,
}

impl std::ops::Deref for CellRef {
    type Target = Cell;

    fn deref(&self) -> &Cell {
        &self.chunk[self.at as usize]
    }
}
