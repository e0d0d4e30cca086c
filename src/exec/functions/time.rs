//! Functions of dates and times, and `uuid` (Cassandra: `TimeFcts`, `UuidFcts`).

use super::{Function, argument, scalar};
use crate::error::Error;
use crate::exec::time_uuid;
use crate::types::{CqlType, Duration, date_of_millis, millis_of_date};

const MILLIS_PER_DAY: i64 = 86_400_000;
/// 100 ns steps in a millisecond.
const TICKS_PER_MILLI: i64 = 10_000;
/// 15 October 1582, where the clock of time uuids begins, in milliseconds since 1970.
const UUID_EPOCH_MILLIS: i64 = -12_219_292_800_000;

pub(super) fn add_to(functions: &mut Vec<Function>) {
    add_now(functions);
    add_bounds(functions);
    add_conversions(functions);
    add_floors(functions);
    let mut uuid =
        scalar("uuid", &[], CqlType::Uuid, |_, _| Ok(Some(uuid::Uuid::new_v4().as_bytes().to_vec())));
    uuid.is_pure = false;
    functions.push(uuid);
}

fn add_now(functions: &mut Vec<Function>) {
    for name in ["now", "current_timeuuid", "currenttimeuuid"] {
        functions.push(scalar(name, &[], CqlType::Timeuuid, |_, _| Ok(Some(time_uuid::next().into()))));
    }
    for name in ["current_timestamp", "currenttimestamp"] {
        functions.push(scalar(name, &[], CqlType::Timestamp, |_, context| {
            Ok(Some(context.now_us.div_euclid(1000).to_be_bytes().into()))
        }));
    }
    for name in ["current_date", "currentdate"] {
        functions.push(scalar(name, &[], CqlType::Date, |_, context| {
            Ok(Some(date_of_millis(context.now_us.div_euclid(1000)).to_be_bytes().into()))
        }));
    }
    for name in ["current_time", "currenttime"] {
        functions.push(scalar(name, &[], CqlType::Time, |_, context| {
            let of_day_us = context.now_us.rem_euclid(MILLIS_PER_DAY * 1000);
            Ok(Some((of_day_us * 1000).to_be_bytes().into()))
        }));
    }
    functions.iter_mut().for_each(|function| function.is_pure = false);
}

/// The lowest and highest time uuids of a millisecond.
fn add_bounds(functions: &mut Vec<Function>) {
    let ticks = |millis: i64| millis.wrapping_sub(UUID_EPOCH_MILLIS).wrapping_mul(TICKS_PER_MILLI);
    let convert = move |millis: i64, last: bool| {
        let ticks = if last { ticks(millis.wrapping_add(1)).wrapping_sub(1) } else { ticks(millis) };
        let ticks = ticks.cast_unsigned();
        let high = ticks << 32 | (ticks >> 16 & 0xffff_0000) | 0x1000 | ticks >> 48;
        let low = if last { [0x7f; 8] } else { [0x80; 8] };
        [high.to_be_bytes(), low].concat()
    };
    for (names, last) in [(["min_timeuuid", "mintimeuuid"], false), (["max_timeuuid", "maxtimeuuid"], true)] {
        for name in names {
            functions.push(scalar(name, &[CqlType::Timestamp], CqlType::Timeuuid, move |arguments, _| {
                Ok(millis(arguments, 0, &CqlType::Timestamp).map(|millis| convert(millis, last)))
            }));
        }
    }
}

/// Milliseconds since 1970 of a date, timestamp or time uuid.
pub(super) fn millis(arguments: &[Option<&[u8]>], index: usize, cql_type: &CqlType) -> Option<i64> {
    let value = argument(arguments, index, cql_type)?;
    match cql_type {
        CqlType::Date => Some(millis_of_date(u32::from_be_bytes(*value.as_array()?))),
        CqlType::Timeuuid => {
            let high = u64::from_be_bytes(*value.first_chunk()?);
            let ticks = high >> 32 | (high >> 16 & 0xffff) << 32 | (high & 0x0fff) << 48;
            Some(ticks.cast_signed() / TICKS_PER_MILLI + UUID_EPOCH_MILLIS)
        }
        _ => Some(i64::from_be_bytes(*value.as_array()?)),
    }
}

/// The date or timestamp of milliseconds since 1970.
pub(super) fn of_millis(cql_type: &CqlType, millis: i64) -> Vec<u8> {
    match cql_type {
        CqlType::Date => date_of_millis(millis).to_be_bytes().into(),
        _ => millis.to_be_bytes().into(),
    }
}

fn add_conversions(functions: &mut Vec<Function>) {
    use CqlType::{Bigint, Date, Timestamp, Timeuuid};
    for (names, from, to) in [
        (["to_date", "todate"], Timeuuid, Date),
        (["to_date", "todate"], Timestamp, Date),
        (["to_timestamp", "totimestamp"], Timeuuid, Timestamp),
        (["to_timestamp", "totimestamp"], Date, Timestamp),
        (["to_unix_timestamp", "tounixtimestamp"], Timeuuid, Bigint),
        (["to_unix_timestamp", "tounixtimestamp"], Timestamp, Bigint),
        (["to_unix_timestamp", "tounixtimestamp"], Date, Bigint),
    ] {
        for name in names {
            functions.push(convert(name, &from, &to));
        }
    }
}

/// A function from one type of time to another.
pub(super) fn convert(name: &str, from: &CqlType, to: &CqlType) -> Function {
    let (source, target) = (from.clone(), to.clone());
    scalar(name, std::slice::from_ref(from), to.clone(), move |arguments, _| {
        Ok(millis(arguments, 0, &source).map(|millis| of_millis(&target, millis)))
    })
}

fn add_floors(functions: &mut Vec<Function>) {
    use CqlType::{Date, Timestamp, Timeuuid};
    for (of, to) in [(Timestamp, Timestamp), (Timeuuid, Timestamp), (Date, Date)] {
        for with_start in [false, true] {
            let mut types = vec![of.clone(), CqlType::Duration];
            types.extend(with_start.then(|| to.clone()));
            let (of, to) = (of.clone(), to.clone());
            functions.push(scalar("floor", &types, to.clone(), move |arguments, _| {
                let start = if with_start { millis(arguments, 2, &to) } else { Some(0) };
                let duration = argument(arguments, 1, &CqlType::Duration).and_then(Duration::decode);
                let (Some(time), Some(duration), Some(start)) = (millis(arguments, 0, &of), duration, start)
                else {
                    return Ok(None);
                };
                check_precision(&to, &duration)?;
                floor_timestamp(time, &duration, start).map(|floor| Some(of_millis(&to, floor)))
            }));
        }
    }
    functions.push(scalar("floor", &[CqlType::Time, CqlType::Duration], CqlType::Time, |arguments, _| {
        let time = argument(arguments, 0, &CqlType::Time).and_then(|v| v.as_array());
        let duration = argument(arguments, 1, &CqlType::Duration).and_then(Duration::decode);
        let (Some(time), Some(duration)) = (time, duration) else {
            return Ok(None);
        };
        floor_time(i64::from_be_bytes(*time), &duration).map(|floor| Some(floor.to_be_bytes().into()))
    }));
}

fn check_precision(cql_type: &CqlType, duration: &Duration) -> Result<(), Error> {
    if *cql_type == CqlType::Date && duration.nanoseconds != 0 {
        return Err(Error::invalid(format!(
            "The floor on date values cannot be computed for the {duration} duration as precision is below 1 day"
        )));
    }
    if duration.nanoseconds % 1_000_000 != 0 {
        return Err(Error::invalid(format!(
            "The floor cannot be computed for the {duration} duration as precision is below 1 millisecond"
        )));
    }
    Ok(())
}

fn check_sign(duration: &Duration) -> Result<(), Error> {
    if duration.is_negative() {
        return Err(Error::invalid("Negative durations are not supported by the floor function"));
    }
    Ok(())
}

fn floor_timestamp(time: i64, duration: &Duration, start: i64) -> Result<i64, Error> {
    if start > time {
        return Err(Error::invalid("The floor function starting time is greater than the provided time"));
    }
    check_sign(duration)?;
    let millis =
        i64::from(duration.days).wrapping_mul(MILLIS_PER_DAY).wrapping_add(duration.nanoseconds / 1_000_000);
    if duration.months == 0 {
        return Ok(if millis == 0 { time } else { time - time.wrapping_sub(start) % millis });
    }
    let months = i64::from(duration.months);
    let mut multiplier = Duration::months_between(start, time) / months;
    let mut by_months = Duration::add_months(start, multiplier * months);
    if millis == 0 {
        return Ok(by_months);
    }
    let floor = |by_months: i64, multiplier: i64| by_months.wrapping_add(multiplier.wrapping_mul(millis));
    while floor(by_months, multiplier) > time {
        // back from where it is: a day that was cut to a month's last stays so
        multiplier -= 1;
        by_months = Duration::add_months(by_months, -months);
    }
    Ok(floor(by_months, multiplier).max(start))
}

fn floor_time(time: i64, duration: &Duration) -> Result<i64, Error> {
    check_sign(duration)?;
    if duration.months != 0 || duration.days != 0 || duration.nanoseconds > MILLIS_PER_DAY * 1_000_000 {
        return Err(Error::invalid(
            "For time values, the floor can only be computed for durations smaller that a day",
        ));
    }
    Ok(if duration.nanoseconds == 0 { time } else { time - time % duration.nanoseconds })
}
