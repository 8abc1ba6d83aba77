//! The slices that the lake holds: for objectives that begin, and for those that are measured once more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use futures::StreamExt;
use slo::SliceSeries;
use slo::exclusions::Exclusions;
use telemetry::{SloSlice, Timestamp};

use super::SliConfig;
use super::measure::SliceRun;
use super::tracked::Tracked;
use crate::engine::SqlRows;
use crate::{Engine, QueryError, QueryRole};

/// Sorted, so that one group's slices are in memory at a time.
const SLICES: &str = "
    SELECT slo_id, generation, group_key, slice_start, slice_secs, good_milli, total_milli, coverage, rev, recorded_at
    FROM lake.slo_slices
    WHERE slice_start >= $1 AND slice_start < $2 AND slo_id >= $3 AND slo_id <= $4";

/// Their slices are sorted at once: at most some ten million rows.
const OBJECTIVES_AT_ONCE: usize = 200;

const SORTED: &str = "ORDER BY slo_id, generation, group_key, slice_start, rev";

/// Restores each objective from the slices of its own generation, as far back as its numbers reach.
pub(super) async fn load(
    engine: &Engine,
    objectives: &[&Arc<Tracked>],
    now: Timestamp,
    config: &SliConfig,
) -> Result<(), QueryError> {
    let mut sorted = objectives.to_vec();
    sorted.sort_by(|a, b| a.slo_id.cmp(&b.slo_id));
    for some in sorted.chunks(OBJECTIVES_AT_ONCE) {
        load_some(engine, some, now, config).await?;
    }
    Ok(())
}

/// `objectives` are sorted by id.
async fn load_some(
    engine: &Engine,
    objectives: &[&Arc<Tracked>],
    now: Timestamp,
    config: &SliConfig,
) -> Result<(), QueryError> {
    let Some(reach) = objectives.iter().map(|tracked| tracked.reach()).max() else { return Ok(()) };
    let mut wanted: HashMap<&str, &Arc<Tracked>> = HashMap::new();
    let mut restored: HashMap<&str, BTreeMap<String, SliceSeries>> = HashMap::new();
    for tracked in objectives {
        wanted.insert(&tracked.slo_id, tracked);
        restored.insert(&tracked.slo_id, BTreeMap::new());
    }
    let mut rows = slices_in(engine, objectives, now.minus(reach), Timestamp::MAX, SORTED).await?;
    let mut group: Vec<SloSlice> = Vec::new();
    let mut restore = |group: Vec<SloSlice>| {
        let Some(first) = group.first() else { return };
        let Some((id, tracked)) = wanted.get_key_value(first.slo_id.as_str()) else { return };
        let (key, is_grouped) = (first.group_key.clone(), tracked.slo.grouping.is_some());
        if first.generation != tracked.objective().generation || is_grouped == key.is_empty() {
            return;
        }
        let mut series = tracked.new_series();
        // Before folding, which leaves slices that exclusions touch as they are.
        series.set_exclusions(tracked.exclusions());
        for error in series.extend(group) {
            tracing::warn!(slo_id = tracked.slo_id, %error, "a stored slice was left out");
        }
        tracked.age(&mut series, now, config);
        restored.entry(id).or_default().insert(key, series);
    };
    while let Some(batch) = rows.stream.next().await {
        for slice in slices_of(&batch?)? {
            let is_other = |last: &SloSlice| {
                (last.generation, &last.slo_id, &last.group_key)
                    != (slice.generation, &slice.slo_id, &slice.group_key)
            };
            if group.last().is_some_and(is_other) {
                restore(std::mem::take(&mut group));
            }
            group.push(slice);
        }
    }
    restore(group);
    for tracked in objectives {
        tracked.restore(restored.remove(tracked.slo_id.as_str()).unwrap_or_default());
    }
    Ok(())
}

/// Stored slices by group and start.
pub(super) type Present = BTreeMap<(String, Timestamp), SloSlice>;

/// The newest revision of each stored slice of an objective that has some of a run.
pub(super) async fn present(
    engine: &Engine,
    tracked: &Arc<Tracked>,
    run: SliceRun,
) -> Result<Present, QueryError> {
    // No slice is wider than what old ones are folded to.
    let first = run.start.minus(slo::series::WIDE_SLICE);
    let mut rows = slices_in(engine, &[tracked], first, run.end, "").await?;
    let mut found = Present::new();
    while let Some(batch) = rows.stream.next().await {
        for slice in slices_of(&batch?)? {
            if slice.slo_id != tracked.slo_id || slice.generation != tracked.objective().generation {
                continue;
            }
            let key = (slice.group_key.clone(), slice.slice_start);
            if found.get(&key).is_none_or(|before| before.rev < slice.rev) {
                found.insert(key, slice);
            }
        }
    }
    Ok(found)
}

/// One group's slices that end in `(from, to]`, as they had been recorded by a time, under these
/// exclusions.
pub(super) async fn as_of(
    engine: &Engine,
    tracked: &Arc<Tracked>,
    group: &str,
    (from, to): (Timestamp, Timestamp),
    recorded_by: Timestamp,
    exclusions: Exclusions,
) -> Result<SliceSeries, QueryError> {
    let first = from.minus(slo::series::WIDE_SLICE);
    let mut rows = slices_in(engine, &[tracked], first, to, SORTED).await?;
    let mut series = tracked.new_series();
    series.set_exclusions(exclusions);
    while let Some(batch) = rows.stream.next().await {
        let is_known = |slice: &SloSlice| {
            slice.slo_id == tracked.slo_id
                && slice.generation == tracked.objective().generation
                && slice.group_key == group
                && slice.recorded_at <= recorded_by
        };
        for error in series.extend(slices_of(&batch?)?.into_iter().filter(is_known).collect()) {
            tracing::warn!(slo_id = tracked.slo_id, %error, "a stored slice was left out");
        }
    }
    Ok(series)
}

async fn slices_in(
    engine: &Engine,
    objectives: &[&Arc<Tracked>],
    from: Timestamp,
    to: Timestamp,
    order: &str,
) -> Result<SqlRows, QueryError> {
    let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
    // Files are found by the statistics of the ids.
    let id = |tracked: Option<&&Arc<Tracked>>| {
        ScalarValue::from(tracked.map(|tracked| tracked.slo_id.as_str()).unwrap_or_default())
    };
    let parameters = vec![time(from), time(to), id(objectives.first()), id(objectives.last())];
    engine.sql_with(&format!("{SLICES} {order}"), parameters, QueryRole::Engine).await
}

fn slices_of(batch: &RecordBatch) -> Result<Vec<SloSlice>, QueryError> {
    let wrong_type = || DataFusionError::Internal("slo_slices has columns of other types".to_owned());
    let longs = |index: usize| batch.column(index).as_primitive_opt::<Int64Type>().ok_or_else(wrong_type);
    let ints = |index: usize| batch.column(index).as_primitive_opt::<Int32Type>().ok_or_else(wrong_type);
    let times = |index: usize| {
        batch.column(index).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong_type)
    };
    // Texts come as views from a sort, and as plain text from a scan.
    let texts = |index: usize| cast(batch.column(index), &DataType::Utf8).map_err(DataFusionError::from);
    let (ids, groups) = (texts(0)?, texts(2)?);
    let (ids, groups) = (ids.as_string::<i32>(), groups.as_string::<i32>());
    let (generations, starts, widths) = (longs(1)?, times(3)?, ints(4)?);
    let (goods, totals) = (longs(5)?, longs(6)?);
    let coverages = batch.column(7).as_primitive_opt::<Float64Type>().ok_or_else(wrong_type)?;
    let (revs, recorded) = (ints(8)?, times(9)?);
    let slice = |row: usize| SloSlice {
        slo_id: ids.value(row).to_owned(),
        generation: generations.value(row),
        group_key: groups.value(row).to_owned(),
        slice_start: Timestamp::from_micros(starts.value(row)),
        slice_secs: widths.value(row),
        good_milli: goods.value(row),
        total_milli: totals.value(row),
        coverage: coverages.value(row),
        rev: revs.value(row),
        recorded_at: Timestamp::from_micros(recorded.value(row)),
    };
    Ok((0..batch.num_rows()).map(slice).collect())
}
