//! Parts of dates, in UTC and the proleptic Gregorian calendar.

use super::{Body, Function};
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::{Grid, Series};
use crate::plan::{Expr, Kind};

pub(super) const FUNCTIONS: &[Function] = &[
    part("minute", |secs| secs.div_euclid(60).rem_euclid(60) as f64),
    part("hour", |secs| secs.div_euclid(3_600).rem_euclid(24) as f64),
    // 1970-01-01 was a Thursday; Sunday is 0.
    part("day_of_week", |secs| (days(secs) + 4).rem_euclid(7) as f64),
    part("day_of_month", |secs| date(secs).day as f64),
    part("day_of_year", day_of_year),
    part("days_in_month", |secs| days_in_month(date(secs)) as f64),
    part("month", |secs| date(secs).month as f64),
    part("year", |secs| date(secs).year as f64),
];

const fn part(name: &'static str, body: fn(i64) -> f64) -> Function {
    Function::new(name, &[Kind::Vector], Kind::Vector, Body::Calendar(body)).optional(1).reads_time()
}

pub(super) fn evaluate(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    part: fn(i64) -> f64,
) -> Result<Column, PromqlError> {
    let Some(arg) = args.first() else {
        let now =
            evaluator.single(Series::default(), grid, |step| part(grid.time_ms(step).div_euclid(1_000)))?;
        return Ok(Column::Vector(now));
    };
    let mut matrix = evaluator.vector(arg, grid)?;
    matrix.map(|secs| part(secs as i64));
    matrix.mark_names_dropped();
    Ok(Column::Vector(matrix))
}

struct Date {
    year: i64,
    /// From 1.
    month: i64,
    /// From 1.
    day: i64,
}

fn days(secs: i64) -> i64 {
    secs.div_euclid(86_400)
}

/// Counting years from March puts the leap day last; 400 years repeat
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn date(secs: i64) -> Date {
    let days = days(secs) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Date { year, month, day }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(date: Date) -> i64 {
    match date.month {
        2 => 28 + i64::from(is_leap(date.year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn day_of_year(secs: i64) -> f64 {
    const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let date = date(secs);
    let leap_day = i64::from(date.month > 2 && is_leap(date.year));
    (DAYS_BEFORE[(date.month - 1) as usize] + leap_day + date.day) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        let of = |secs| {
            let date = date(secs);
            (date.year, date.month, date.day, day_of_year(secs))
        };
        assert_eq!(of(0), (1970, 1, 1, 1.0));
        assert_eq!(of(-1), (1969, 12, 31, 365.0));
        assert_eq!(of(951_782_400), (2000, 2, 29, 60.0));
        assert_eq!(of(1_709_251_199), (2024, 2, 29, 60.0));
        assert_eq!(of(1_735_603_200), (2024, 12, 31, 366.0));
        assert_eq!(of(4_107_542_400), (2100, 3, 1, 60.0));
    }
}
