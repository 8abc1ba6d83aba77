//! The slices that the lake holds, for objectives that begin.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use datafusion::error::DataFusionError;
use futures::StreamExt;
use telemetry::{SloSlice, Timestamp};

use super::SliConfig;
use super::tracked::Tracked;
use crate::{Engine, QueryError, QueryRole};

/// Restores each objective from the slices of its own generation, as far back as its numbers reach.
pub(super) async fn load(
    engine: &Engine,
    objectives: &[&Arc<Tracked>],
    now: Timestamp,
    config: &SliConfig,
) -> Result<(), QueryError> {
    let Some(reach) = objectives.iter().map(|tracked| reach_of(tracked)).max() else { return Ok(()) };
    let mut by_objective: HashMap<(String, i64), Vec<SloSlice>> = HashMap::new();
    for tracked in objectives {
        by_objective.insert((tracked.slo_id.clone(), tracked.objective().generation), Vec::new());
    }
    // One objective is asked for by name, so that its files are found by their statistics.
    let only = match objectives {
        [one] => format!("AND slo_id = '{}'", one.slo_id.replace('\'', "''")),
        _ => String::new(),
    };
    let since = now.minus(reach).micros();
    let query = format!(
        "SELECT slo_id, generation, slice_start, slice_secs, good_milli, total_milli, coverage, rev, recorded_at
         FROM lake.slo_slices
         WHERE group_key = '' {only}
           AND slice_start >= arrow_cast({since}, 'Timestamp(Microsecond, Some(\"UTC\"))')"
    );
    let mut rows = engine.sql(&query, QueryRole::Engine).await?;
    while let Some(batch) = rows.stream.next().await {
        let batch = batch?;
        for slice in slices(&batch)? {
            let key = (slice.slo_id.clone(), slice.generation);
            if let Some(found) = by_objective.get_mut(&key) {
                found.push(slice);
            }
        }
    }
    for tracked in objectives {
        let found = by_objective.remove(&(tracked.slo_id.clone(), tracked.objective().generation));
        tracked.restore(found.unwrap_or_default(), config);
    }
    Ok(())
}

/// Two windows, as in memory, and a day for calendar periods that are longer than their nominal length.
fn reach_of(tracked: &Tracked) -> Duration {
    tracked.slo.window.nominal().saturating_mul(2).saturating_add(Duration::from_secs(86_400))
}

fn slices(batch: &RecordBatch) -> Result<Vec<SloSlice>, QueryError> {
    let wrong_type = || DataFusionError::Internal("slo_slices has columns of other types".to_owned());
    let longs = |index: usize| batch.column(index).as_primitive_opt::<Int64Type>().ok_or_else(wrong_type);
    let ints = |index: usize| batch.column(index).as_primitive_opt::<Int32Type>().ok_or_else(wrong_type);
    let times = |index: usize| {
        batch.column(index).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong_type)
    };
    let ids = batch.column(0).as_string_opt::<i32>().ok_or_else(wrong_type)?;
    let (generations, starts, widths) = (longs(1)?, times(2)?, ints(3)?);
    let (goods, totals) = (longs(4)?, longs(5)?);
    let coverages = batch.column(6).as_primitive_opt::<Float64Type>().ok_or_else(wrong_type)?;
    let (revs, recorded) = (ints(7)?, times(8)?);
    let slice = |row: usize| SloSlice {
        slo_id: ids.value(row).to_owned(),
        generation: generations.value(row),
        group_key: String::new(),
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
