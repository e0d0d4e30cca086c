//! Aggregates (Cassandra: `AggregateFcts`).

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::BigInt;

use super::decimal::{self, Rounding};
use super::number::{NUMERIC, Number};
use super::{Accumulator, Body, Function};
use crate::error::Error;
use crate::types::{CqlType, Decimal, encode_varint, java_double};

type Value = Option<Vec<u8>>;

pub(super) fn add_to(functions: &mut Vec<Function>) {
    for name in ["count_rows", "countRows"] {
        functions.push(aggregate(name, &[], CqlType::Bigint, || Box::new(Count { rows: true, count: 0 })));
    }
    functions.push(aggregate("count", &[CqlType::Blob], CqlType::Bigint, || {
        Box::new(Count { rows: false, count: 0 })
    }));
    for cql_type in &NUMERIC {
        functions.push(sum(cql_type));
        functions.push(average(cql_type));
    }
}

fn aggregate(
    name: &str,
    arg_types: &[CqlType],
    return_type: CqlType,
    make: impl Fn() -> Box<dyn Accumulator> + Send + Sync + 'static,
) -> Function {
    let body = Body::Aggregate(Arc::new(make));
    Function { name: name.to_owned(), arg_types: arg_types.to_vec(), return_type, is_pure: true, body }
}

/// `sum` of a numeric type.
pub(super) fn sum(cql_type: &CqlType) -> Function {
    let of = cql_type.clone();
    aggregate("sum", std::slice::from_ref(cql_type), of.clone(), move || accumulate_sum(&of))
}

/// `avg` of a numeric type.
pub(super) fn average(cql_type: &CqlType) -> Function {
    let of = cql_type.clone();
    aggregate("avg", std::slice::from_ref(cql_type), of.clone(), move || accumulate_average(&of))
}

/// `min` or `max` of any type.
pub(super) fn extreme(cql_type: &CqlType, is_max: bool) -> Function {
    let of = cql_type.clone();
    let name = if is_max { "max" } else { "min" };
    aggregate(name, std::slice::from_ref(cql_type), of.clone(), move || accumulate_extreme(&of, is_max))
}

/// A fresh state of `min` or `max`.
pub(super) fn accumulate_extreme(cql_type: &CqlType, is_max: bool) -> Box<dyn Accumulator> {
    let keep = if is_max { Ordering::Greater } else { Ordering::Less };
    Box::new(Extreme { cql_type: cql_type.clone(), keep, best: None })
}

/// A fresh state of `sum`.
pub(super) fn accumulate_sum(cql_type: &CqlType) -> Box<dyn Accumulator> {
    match cql_type {
        CqlType::Float | CqlType::Double => Box::new(FloatState::new(cql_type, false)),
        CqlType::Decimal => Box::new(DecimalSum(BigInt::ZERO.into())),
        CqlType::Varint => Box::new(VarintState { average: false, sum: BigInt::ZERO, count: 0 }),
        _ => Box::new(IntegerSum { cql_type: cql_type.clone(), sum: 0 }),
    }
}

/// A fresh state of `avg`.
pub(super) fn accumulate_average(cql_type: &CqlType) -> Box<dyn Accumulator> {
    match cql_type {
        CqlType::Float | CqlType::Double => Box::new(FloatState::new(cql_type, true)),
        CqlType::Decimal => Box::new(DecimalAverage { average: BigInt::ZERO.into(), count: 0 }),
        CqlType::Varint => Box::new(VarintState { average: true, sum: BigInt::ZERO, count: 0 }),
        _ => Box::new(IntegerAverage { cql_type: cql_type.clone(), sum: 0, count: 0 }),
    }
}

fn number(cql_type: &CqlType, arguments: &[Option<&[u8]>]) -> Option<Number> {
    Number::decode(cql_type, arguments.first().copied().flatten()?)
}

fn arithmetic(why: String) -> Error {
    Error::server(format!("java.lang.ArithmeticException: {why}"))
}

struct Count {
    /// Whether rows are counted, or values that are not null.
    rows: bool,
    count: i64,
}

impl Accumulator for Count {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        if self.rows || arguments.first().is_some_and(Option::is_some) {
            self.count += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        Ok(Some(std::mem::take(&mut self.count).to_be_bytes().into()))
    }
}

struct Extreme {
    cql_type: CqlType,
    /// How a value compares to the best one so far to take its place.
    keep: Ordering,
    best: Value,
}

impl Accumulator for Extreme {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        let Some(value) = arguments.first().copied().flatten() else {
            return Ok(());
        };
        if self.cql_type.is_counter() && value.is_empty() {
            return Ok(());
        }
        if self.best.as_deref().is_none_or(|best| self.cql_type.compare(value, best) == self.keep) {
            self.best = Some(value.to_vec());
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        Ok(self.best.take())
    }
}

/// Sums of integers wrap around, in the width of their own type.
struct IntegerSum {
    cql_type: CqlType,
    sum: i64,
}

impl Accumulator for IntegerSum {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        if let Some(number) = number(&self.cql_type, arguments) {
            self.sum = self.sum.wrapping_add(number.to_i64());
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        Ok(Number::Integer(std::mem::take(&mut self.sum)).encode(&self.cql_type))
    }
}

/// Averages of integers are exact, and cut to a whole number.
struct IntegerAverage {
    cql_type: CqlType,
    sum: i128,
    count: i128,
}

impl Accumulator for IntegerAverage {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        if let Some(number) = number(&self.cql_type, arguments) {
            self.sum += i128::from(number.to_i64());
            self.count += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        let average = std::mem::take(&mut self.sum).checked_div(std::mem::take(&mut self.count));
        Ok(Number::Integer(average.unwrap_or(0) as i64).encode(&self.cql_type))
    }
}

struct VarintState {
    average: bool,
    sum: BigInt,
    count: u64,
}

impl Accumulator for VarintState {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        if let Some(number) = number(&CqlType::Varint, arguments) {
            self.sum += number.to_varint();
            self.count += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        let (sum, count) = (std::mem::take(&mut self.sum), std::mem::take(&mut self.count));
        Ok(Some(encode_varint(&if self.average && count > 0 { sum / count } else { sum })))
    }
}

struct DecimalSum(Decimal);

impl Accumulator for DecimalSum {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        if let Some(Number::Decimal(value)) = number(&CqlType::Decimal, arguments) {
            self.0 = decimal::add_exactly(&self.0, &value).map_err(arithmetic)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        Ok(Some(std::mem::replace(&mut self.0, BigInt::ZERO.into()).encode()))
    }
}

/// The average so far, moved by each value: its scale is the greatest of the values'.
struct DecimalAverage {
    average: Decimal,
    count: u64,
}

impl Accumulator for DecimalAverage {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        if let Some(Number::Decimal(value)) = number(&CqlType::Decimal, arguments) {
            self.count += 1;
            let count = BigInt::from(self.count).into();
            let difference =
                decimal::add_exactly(&value, &decimal::negate(&self.average)).map_err(arithmetic)?;
            let step = decimal::divide_to_scale(&difference, &count, difference.scale, Rounding::HalfEven)
                .map_err(arithmetic)?;
            self.average = decimal::add_exactly(&self.average, &step).map_err(arithmetic)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        self.count = 0;
        Ok(Some(std::mem::replace(&mut self.average, BigInt::ZERO.into()).encode()))
    }
}

/// Kahan's sum, and a decimal one from where an average's sum gets too large for a double.
struct FloatState {
    cql_type: CqlType,
    average: bool,
    sum: f64,
    compensation: f64,
    simple_sum: f64,
    count: u64,
    large_sum: Option<Decimal>,
}

impl FloatState {
    fn new(cql_type: &CqlType, average: bool) -> Self {
        Self {
            cql_type: cql_type.clone(),
            average,
            sum: 0.0,
            compensation: 0.0,
            simple_sum: 0.0,
            count: 0,
            large_sum: None,
        }
    }

    #[inline]
    fn decode(&self, arguments: &[Option<&[u8]>]) -> Option<f64> {
        let value = arguments.first().copied().flatten()?;
        match &self.cql_type {
            CqlType::Float => Some(f32::from_be_bytes(*value.as_array()?).into()),
            _ => Some(f64::from_be_bytes(*value.as_array()?)),
        }
    }

    fn compute(&self) -> Result<f64, Error> {
        if let Some(sum) = &self.large_sum {
            let count = BigInt::from(self.count).into();
            let average = decimal::divide_to_scale(sum, &count, sum.scale, Rounding::HalfEven);
            return average.map(|a| a.to_f64()).map_err(arithmetic);
        }
        let sum = self.sum + self.compensation;
        // infinities of one sign make the compensation not a number
        let sum = if sum.is_nan() && self.simple_sum.is_infinite() { self.simple_sum } else { sum };
        Ok(match (self.average, self.count) {
            (false, _) => sum,
            (true, 0) => 0.0,
            (true, count) => sum / count as f64,
        })
    }
}

fn exact(value: f64) -> Result<Decimal, Error> {
    Decimal::parse(&java_double(value)).ok_or_else(|| Error::server("java.lang.NumberFormatException"))
}

impl Accumulator for FloatState {
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error> {
        let Some(value) = self.decode(arguments) else { return Ok(()) };
        self.count += 1;
        if let Some(sum) = &self.large_sum {
            self.large_sum = Some(decimal::add_exactly(sum, &exact(value)?).map_err(arithmetic)?);
            return Ok(());
        }
        let before = self.sum;
        self.simple_sum += value;
        let corrected = value - self.compensation;
        let rounded = self.sum + corrected;
        self.compensation = (rounded - self.sum) - corrected;
        self.sum = rounded;
        if self.average && self.sum.is_infinite() && !value.is_infinite() && before.is_finite() {
            self.large_sum = Some(decimal::add_exactly(&exact(before)?, &exact(value)?).map_err(arithmetic)?);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Error> {
        let result = self.compute()?;
        *self = Self::new(&self.cql_type, self.average);
        Ok(Number::Double(result).encode(&self.cql_type))
    }
}
