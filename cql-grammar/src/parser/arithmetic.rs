//! Operators between operands: what terms and selectors have in common.

use super::input::{Input, Res};
use crate::ast::ArithmeticOperator;
use crate::lexer::Kind;

/// The operator between two summands.
pub(super) fn of_sum(kind: Kind) -> Option<ArithmeticOperator> {
    match kind {
        Kind::Plus => Some(ArithmeticOperator::Add),
        Kind::Minus => Some(ArithmeticOperator::Subtract),
        _ => None,
    }
}

/// The operator between two factors.
pub(super) fn of_product(kind: Kind) -> Option<ArithmeticOperator> {
    match kind {
        Kind::Star => Some(ArithmeticOperator::Multiply),
        Kind::Slash => Some(ArithmeticOperator::Divide),
        Kind::Percent => Some(ArithmeticOperator::Modulo),
        _ => None,
    }
}

/// `operand (operator operand)*`, joined from the left.
pub(super) fn chain<'i, T>(
    input: Input<'i>,
    operand: impl Fn(Input<'i>) -> Res<'i, T>,
    operator: impl Fn(Kind) -> Option<ArithmeticOperator>,
    join: impl Fn(ArithmeticOperator, Box<T>, Box<T>) -> T,
) -> Res<'i, T> {
    let (mut input, mut left) = operand(input)?;
    while let Some(op) = operator(input.kind(0)) {
        let (rest, right) = operand(input.skip().one_more_operator()?)?;
        left = join(op, Box::new(left), Box::new(right));
        input = rest;
    }
    Ok((input, left))
}
