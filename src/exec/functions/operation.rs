//! Arithmetic operators (Cassandra: `OperationFcts`).

use num_bigint::Sign;

use super::number::{NUMERIC, Number};
use super::{Function, argument, decimal, scalar, time};
use crate::error::Error;
use crate::types::{CqlType, Duration, encode_varint};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// The operations with the names of their functions and their symbols.
const OPERATIONS: [(Operation, &str, char); 5] = [
    (Operation::Add, "_add", '+'),
    (Operation::Subtract, "_substract", '-'),
    (Operation::Multiply, "_multiply", '*'),
    (Operation::Divide, "_divide", '/'),
    (Operation::Modulo, "_modulo", '%'),
];

pub(super) fn add_to(functions: &mut Vec<Function>) {
    for left in &NUMERIC {
        for right in &NUMERIC {
            for (operation, name, symbol) in OPERATIONS {
                functions.push(numeric(operation, name, symbol, left, right));
            }
        }
        functions.push(negation(left));
    }
    for (operation, name, symbol) in &OPERATIONS[..2] {
        for cql_type in [CqlType::Timestamp, CqlType::Date] {
            functions.push(temporal(*operation, name, *symbol, &cql_type));
        }
    }
    use CqlType::{Ascii, Text};
    for (left, right, to) in
        [(Text, Text, Text), (Ascii, Ascii, Ascii), (Ascii, Text, Text), (Text, Ascii, Text)]
    {
        functions.push(scalar("_add", &[left, right], to, |arguments, _| {
            let both = arguments.iter().copied().collect::<Option<Vec<_>>>();
            Ok(both.map(|strings| strings.concat()))
        }));
    }
}

/// The type of an operation's result.
fn result_type(left: &CqlType, right: &CqlType) -> CqlType {
    let size = |t: &CqlType| match t {
        CqlType::Tinyint => 1,
        CqlType::Smallint => 2,
        CqlType::Int | CqlType::Float => 4,
        CqlType::Bigint | CqlType::Counter | CqlType::Double => 8,
        _ => usize::MAX,
    };
    let is_float = |t: &CqlType| matches!(t, CqlType::Float | CqlType::Double | CqlType::Decimal);
    match (is_float(left) || is_float(right), size(left).max(size(right))) {
        (true, 4) => CqlType::Float,
        (true, 8) => CqlType::Double,
        (true, _) => CqlType::Decimal,
        (false, 1) => CqlType::Tinyint,
        (false, 2) => CqlType::Smallint,
        (false, 4) => CqlType::Int,
        (false, 8) => CqlType::Bigint,
        (false, _) => CqlType::Varint,
    }
}

/// The error of an operation that went wrong (Cassandra: `OperationExecutionException`).
fn failed(name: &str, symbol: char, types: &[CqlType; 2], why: &str) -> Error {
    let [left, right] = types;
    Error::FunctionFailure {
        keyspace: "system".to_owned(),
        name: name.to_owned(),
        argument_types: types.iter().map(CqlType::to_string).collect(),
        message: format!("the operation '{left} {symbol} {right}' failed: {why}"),
    }
}

fn numeric(
    operation: Operation,
    name: &'static str,
    symbol: char,
    left: &CqlType,
    right: &CqlType,
) -> Function {
    let types = [left.clone(), right.clone()];
    let to = result_type(left, right);
    scalar(name, &types.clone(), to.clone(), move |arguments, _| {
        let number = |i: usize| Number::decode(&types[i], arguments.get(i).copied().flatten()?);
        let (Some(left), Some(right)) = (number(0), number(1)) else {
            return Ok(None);
        };
        compute(operation, &to, &left, &right).map(Some).map_err(|why| failed(name, symbol, &types, &why))
    })
}

/// The result in its own type; the error is the text of Java's exception.
fn compute(operation: Operation, to: &CqlType, left: &Number, right: &Number) -> Result<Vec<u8>, String> {
    Ok(match to {
        CqlType::Tinyint => {
            let of = |n: &Number| i64::from(n.to_i32() as i8);
            (integers(operation, of(left), of(right))? as i8).to_be_bytes().into()
        }
        CqlType::Smallint => {
            let of = |n: &Number| i64::from(n.to_i32() as i16);
            (integers(operation, of(left), of(right))? as i16).to_be_bytes().into()
        }
        CqlType::Int => {
            let of = |n: &Number| i64::from(n.to_i32());
            (integers(operation, of(left), of(right))? as i32).to_be_bytes().into()
        }
        CqlType::Float => floats(operation, left.to_f32(), right.to_f32()).to_be_bytes().into(),
        CqlType::Double => floats(operation, left.to_f64(), right.to_f64()).to_be_bytes().into(),
        CqlType::Varint => {
            let (left, right) = (left.to_varint(), right.to_varint());
            if matches!(operation, Operation::Divide | Operation::Modulo) && right.sign() == Sign::NoSign {
                return Err("BigInteger divide by zero".to_owned());
            }
            encode_varint(&match operation {
                Operation::Add => left + right,
                Operation::Subtract => left - right,
                Operation::Multiply => left * right,
                Operation::Divide => left / right,
                Operation::Modulo => left % right,
            })
        }
        CqlType::Decimal => {
            let (left, right) = (left.to_decimal_operand()?, right.to_decimal_operand()?);
            let compute = match operation {
                Operation::Add => decimal::add,
                Operation::Subtract => decimal::subtract,
                Operation::Multiply => decimal::multiply,
                Operation::Divide => decimal::divide,
                Operation::Modulo => decimal::remainder,
            };
            compute(&left, &right)?.encode()
        }
        _ => integers(operation, left.to_i64(), right.to_i64())?.to_be_bytes().into(),
    })
}

fn integers(operation: Operation, left: i64, right: i64) -> Result<i64, String> {
    Ok(match operation {
        Operation::Add => left.wrapping_add(right),
        Operation::Subtract => left.wrapping_sub(right),
        Operation::Multiply => left.wrapping_mul(right),
        Operation::Divide | Operation::Modulo if right == 0 => return Err("/ by zero".to_owned()),
        Operation::Divide => left.wrapping_div(right),
        Operation::Modulo => left.wrapping_rem(right),
    })
}

fn floats<F>(operation: Operation, left: F, right: F) -> F
where
    F: std::ops::Add<Output = F>
        + std::ops::Sub<Output = F>
        + std::ops::Mul<Output = F>
        + std::ops::Div<Output = F>
        + std::ops::Rem<Output = F>,
{
    match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        Operation::Multiply => left * right,
        Operation::Divide => left / right,
        Operation::Modulo => left % right,
    }
}

fn negation(cql_type: &CqlType) -> Function {
    let of = cql_type.clone();
    scalar("_negate", std::slice::from_ref(cql_type), cql_type.clone(), move |arguments, _| {
        let Some(number) = argument(arguments, 0, &of).and_then(|v| Number::decode(&of, v)) else {
            return Ok(None);
        };
        let negated = match number {
            Number::Integer(v) => Number::Integer(v.wrapping_neg()),
            Number::Float(v) => Number::Float(-v),
            Number::Double(v) => Number::Double(-v),
            Number::Varint(v) => Number::Varint(-v),
            Number::Decimal(v) => Number::Decimal(decimal::negate(&v)),
        };
        Ok(negated.encode(&of))
    })
}

/// A date or timestamp and a duration.
fn temporal(operation: Operation, name: &'static str, symbol: char, cql_type: &CqlType) -> Function {
    let types = [cql_type.clone(), CqlType::Duration];
    let of = cql_type.clone();
    scalar(name, &types.clone(), cql_type.clone(), move |arguments, _| {
        let duration = argument(arguments, 1, &CqlType::Duration).and_then(Duration::decode);
        let (Some(millis), Some(duration)) = (time::millis(arguments, 0, &of), duration) else {
            return Ok(None);
        };
        let why = if of == CqlType::Date && duration.nanoseconds != 0 {
            Some(format!("The duration must have a day precision. Was: {duration}"))
        } else if duration.nanoseconds % 1_000_000 != 0 {
            Some(format!("The duration must have a millisecond precision. Was: {duration}"))
        } else {
            None
        };
        if let Some(why) = why {
            return Err(failed(name, symbol, &types, &why));
        }
        let duration = if operation == Operation::Add { duration } else { duration.negated() };
        Ok(Some(time::of_millis(&of, duration.add_to(millis))))
    })
}
