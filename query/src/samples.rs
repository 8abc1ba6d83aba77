//! The PromQL engine's view of the lake: matchers → series by the index → samples straight from files
//! and the write buffer, in chunks of whole series.
//!
//! No SQL is planned here. A scan is cut into parts by series ([`plan`]); each part reads all sources at
//! once in the order in which they are sorted ([`part`]), so that every page is unpacked once and no
//! more is held than a batch per source and the chunks that are under way. Large parts are read on other
//! threads, small ones where their query waits, or beside it where it has several. Files are pruned by
//! the statistics of row groups and pages ([`prune`]), and only what is wanted of a page is decoded
//! ([`file`](mod@file), [`values`]); which series are where in compacted files is kept ([`directory`]).
//! Values keep their bits, stale markers included. Buffered rows and late corrections are merged like in
//! SQL: of two samples with one time that from the later source is right.

mod block;
mod buffered;
mod columns;
mod directory;
mod file;
mod input;
mod known;
mod learn;
mod memory;
mod part;
mod plan;
mod prune;
mod runs;
mod stop;
mod times;
mod values;
mod wanted;

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use futures::future::join_all;
use futures::stream::{self, Stream, StreamExt};
use futures::{TryFutureExt, TryStreamExt};
use lake::Lake;
use promql::{ScanOptions, Selector, SeriesChunks, SeriesData, SeriesSource, SourceError};
use tokio::sync::mpsc;

use crate::QueryError;
use crate::pool::Pool;
pub(crate) use directory::Directories;
use memory::ScanMemory;
use part::{Cursor, Part};
use plan::ScanPlan;
use runs::Window;
use stop::{Stop, StopOnDrop};
use wanted::in_parts;

/// A part is worth a thread of its own from this many series on: pages at its ends are unpacked twice.
const PART_SERIES_MIN: usize = 32;
/// A query with more scans has them planned, and read where they are small, beside each other. With so few it
/// takes longer to wake another thread.
const SCANS_IN_TURN: usize = 2;
/// Chunks that a part is ahead of the evaluator.
const CHUNKS_AHEAD: usize = 1;

#[derive(Clone)]
pub(crate) struct LakeSeriesSource {
    lake: Lake,
    runtime: Arc<RuntimeEnv>,
    pool: Arc<Pool>,
    memory: ScanMemory,
    directories: Arc<Directories>,
}

impl LakeSeriesSource {
    /// `memory_bytes_max` is the size of the runtime's memory pool.
    pub(crate) fn new(
        lake: Lake,
        runtime: Arc<RuntimeEnv>,
        pool: Arc<Pool>,
        memory_bytes_max: u64,
        directories: Arc<Directories>,
    ) -> LakeSeriesSource {
        let memory = ScanMemory::new(runtime.memory_pool.clone(), memory_bytes_max);
        LakeSeriesSource { lake, runtime, pool, memory, directories }
    }

    async fn plan(
        &self,
        selector: &Selector,
        options: ScanOptions,
        stop: Stop,
    ) -> Result<Vec<Part>, QueryError> {
        self.lake.check_replayed()?;
        let entries = self.lake.series().find(&selector.matchers, selector.start..selector.end);
        if entries.is_empty() || selector.start >= selector.end {
            return Ok(Vec::new());
        }
        let snapshot = self.lake.snapshot_of_series(&entries).await?;
        let window = Window { after: selector.start.micros(), until: selector.end.micros() };
        let footers = self.runtime.cache_manager.get_file_metadata_cache();
        let (memory, directories) = (self.memory.clone(), self.directories.clone());
        let plan = ScanPlan { snapshot: &snapshot, window, options, memory, footers, directories, stop };
        let parts = (entries.len() / PART_SERIES_MIN).clamp(1, self.pool.threads());
        plan.parts(in_parts(entries, parts)).await
    }
}

impl SeriesSource for LakeSeriesSource {
    fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks {
        let (source, selector) = (self.clone(), selector.clone());
        let begin = async move {
            let (pool, stop) = (source.pool.clone(), Stop::default());
            let ends_with_the_stream = stop.on_drop();
            let plan = async move { read_small(source.plan(&selector, options, stop).await?) };
            let begun = match options.at_once {
                ..=SCANS_IN_TURN => pool.run(plan).await,
                _ => pool.run_beside(plan).await,
            };
            let (read, parts) = begun.flatten()?;
            let read = stream::iter(read.map(Ok));
            Ok::<_, QueryError>(read.chain(in_turn(&pool, parts, ends_with_the_stream)))
        };
        begin.try_flatten_stream().map_err(|error| Box::new(error) as SourceError).boxed()
    }
}

type Chunk = Result<Vec<SeriesData>, QueryError>;

/// The first chunk of a scan that is small, and the parts that are left to read.
fn read_small(mut parts: Vec<Part>) -> Result<(Option<Vec<SeriesData>>, Vec<Part>), QueryError> {
    let [part] = parts.as_mut_slice() else { return Ok((None, parts)) };
    if !part.is_small() {
        return Ok((None, parts));
    }
    let chunk = part.next_chunk()?;
    if part.is_done() {
        parts.clear();
    }
    Ok((chunk, parts))
}

/// Reads parts beside each other and hands out a chunk of each in turn.
fn in_turn(pool: &Arc<Pool>, parts: Vec<Part>, stop: StopOnDrop) -> impl Stream<Item = Chunk> + Send + use<> {
    let are_few = parts.len() < pool.threads();
    let readers: Vec<mpsc::Receiver<Chunk>> = parts
        .into_iter()
        .map(|part| {
            let (chunks, reader) = mpsc::channel(CHUNKS_AHEAD);
            let own_pool = pool.clone();
            pool.spawn(async move {
                if let Err(error) = read(&own_pool, part, are_few, &chunks).await {
                    // Nobody is there to hear it when the scan was dropped.
                    let _ = chunks.send(Err(error)).await;
                }
            });
            reader
        })
        .collect();
    stream::unfold((readers, 0, stop), |(mut readers, mut turn, stop)| async move {
        while !readers.is_empty() {
            turn %= readers.len();
            match readers[turn].recv().await {
                Some(chunk) => return Some((chunk, (readers, turn + 1, stop))),
                None => drop(readers.remove(turn)),
            }
        }
        None
    })
}

/// Each chunk is made when one of the threads' worth of places is free, and waits for its taker without.
async fn read(
    pool: &Pool,
    mut part: Part,
    beside_each_other: bool,
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), QueryError> {
    if beside_each_other && part.cursors.len() > 1 {
        part = load_all(pool, part).await?;
    }
    loop {
        let next = pool.compute(move || {
            let chunk = part.next_chunk();
            (part, chunk)
        });
        let (read, chunk) = next.await?;
        part = read;
        let Some(chunk) = chunk? else { return Ok(()) };
        // Nothing is handed over just to learn that there is nothing more.
        if chunks.send(Ok(chunk)).await.is_err() || part.is_done() {
            return Ok(());
        }
    }
}

/// Reads to the first run of each source, several sources beside each other: that is all there is to
/// read where few series are wanted.
async fn load_all(pool: &Pool, mut part: Part) -> Result<Part, QueryError> {
    let per_thread = part.cursors.len().div_ceil(pool.threads());
    let mut cursors = std::mem::take(&mut part.cursors).into_iter();
    let mut loads = Vec::new();
    loop {
        let mut some: Vec<Cursor> = cursors.by_ref().take(per_thread).collect();
        if some.is_empty() {
            break;
        }
        let (wanted, stop) = (part.wanted.clone(), part.stop.clone());
        loads.push(pool.compute(move || {
            some.iter_mut().try_for_each(|cursor| cursor.load(&wanted, &stop))?;
            Ok::<_, QueryError>(some)
        }));
    }
    for some in join_all(loads).await {
        part.cursors.extend(some.flatten()?);
    }
    Ok(part)
}

#[cfg(test)]
mod tests;
