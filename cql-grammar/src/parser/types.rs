//! Types.

use super::input::{Input, Res, comma_list, nested, text_of, tok};
use super::name;
use crate::ast::{CqlType, NativeType};
use crate::lexer::Kind;

/// The native type that a keyword names.
fn native_of(kind: Kind) -> Option<NativeType> {
    Some(match kind {
        Kind::KAscii => NativeType::Ascii,
        Kind::KBigint => NativeType::Bigint,
        Kind::KBlob => NativeType::Blob,
        Kind::KBoolean => NativeType::Boolean,
        Kind::KCounter => NativeType::Counter,
        Kind::KDate => NativeType::Date,
        Kind::KDecimal => NativeType::Decimal,
        Kind::KDouble => NativeType::Double,
        Kind::KDuration => NativeType::Duration,
        Kind::KFloat => NativeType::Float,
        Kind::KInet => NativeType::Inet,
        Kind::KInt => NativeType::Int,
        Kind::KSmallint => NativeType::Smallint,
        Kind::KText => NativeType::Text,
        Kind::KTime => NativeType::Time,
        Kind::KTimestamp => NativeType::Timestamp,
        Kind::KTimeuuid => NativeType::Timeuuid,
        Kind::KTinyint => NativeType::Tinyint,
        Kind::KUuid => NativeType::Uuid,
        Kind::KVarchar => NativeType::Varchar,
        Kind::KVarint => NativeType::Varint,
        _ => return None,
    })
}

/// `native_type`
pub(super) fn native_type(input: Input<'_>) -> Res<'_, NativeType> {
    match native_of(input.kind(0)) {
        Some(native) => Ok((input.skip(), native)),
        None => input.no_viable(0),
    }
}

/// What may come after a type.
fn follows(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Eof
            | Kind::KFinalfunc
            | Kind::KInitcond
            | Kind::KLanguage
            | Kind::KMasked
            | Kind::KPrimary
            | Kind::KStatic
            | Kind::RightParen
            | Kind::Comma
            | Kind::Semicolon
            | Kind::Greater
    )
}

/// `comparatorType`
pub(super) fn comparator_type(input: Input<'_>) -> Res<'_, CqlType> {
    nested(any_type)(input)
}

fn any_type(input: Input<'_>) -> Res<'_, CqlType> {
    let kind = input.kind(0);
    if let Some(native) = native_of(kind) {
        return match input.kind(1) {
            Kind::Dot => user_type(input),
            next if follows(next) => {
                input.look(2);
                Ok((input.skip(), CqlType::Native(native)))
            }
            _ => input.no_viable(1),
        };
    }
    match kind {
        Kind::KSet => parametrized(input),
        Kind::KMap | Kind::KList | Kind::KTuple | Kind::KVector | Kind::KFrozen => match input.kind(1) {
            Kind::Less => parametrized(input),
            Kind::Dot => user_type(input),
            next if follows(next) => {
                input.look(2);
                user_type(input)
            }
            _ => input.no_viable(1),
        },
        Kind::String => {
            let (input, class) = text_of(Kind::String)(input)?;
            Ok((input, CqlType::Custom(class)))
        }
        kind if kind.is_identifier() => user_type(input),
        _ => input.no_viable(0),
    }
}

fn user_type(input: Input<'_>) -> Res<'_, CqlType> {
    let (input, name) = name::user_type(input)?;
    Ok((input, CqlType::UserType(name)))
}

/// `collection_type`, `tuple_type`, `vector_type` and `frozen<…>`
fn parametrized(input: Input<'_>) -> Res<'_, CqlType> {
    let kind = input.kind(0);
    let (input, _) = tok(Kind::Less)(input.skip())?;
    let (input, ty) = match kind {
        Kind::KTuple => {
            let (input, types) = comma_list(comparator_type)(input)?;
            (input, CqlType::Tuple(types))
        }
        Kind::KMap => {
            let (input, key) = comparator_type(input)?;
            let (input, _) = tok(Kind::Comma)(input)?;
            let (input, value) = comparator_type(input)?;
            (input, CqlType::Map(Box::new(key), Box::new(value)))
        }
        Kind::KVector => {
            let (input, element) = comparator_type(input)?;
            let (input, _) = tok(Kind::Comma)(input)?;
            let (input, text) = text_of(Kind::Integer)(input)?;
            let (after, _) = tok(Kind::Greater)(input)?;
            return match text.parse() {
                Ok(dimension) => Ok((after, CqlType::Vector(Box::new(element), dimension))),
                Err(_) => input.thrown(not_a_number(&text)),
            };
        }
        _ => {
            let (input, element) = comparator_type(input)?;
            let element = Box::new(element);
            match kind {
                Kind::KList => (input, CqlType::List(element)),
                Kind::KSet => (input, CqlType::Set(element)),
                _ => {
                    let (after, _) = tok(Kind::Greater)(input)?;
                    return frozen(after, element);
                }
            }
        }
    };
    let (input, _) = tok(Kind::Greater)(input)?;
    Ok((input, ty))
}

fn frozen(input: Input<'_>, element: Box<CqlType>) -> Res<'_, CqlType> {
    if let CqlType::Native(_) | CqlType::Custom(_) = *element {
        return input.meaning(format!(
            "frozen<> is only allowed on collections, tuples, and user-defined types (got {element})"
        ));
    }
    Ok((input, CqlType::Frozen(element)))
}

/// What Java says of a number that does not fit.
pub(super) fn not_a_number(text: &str) -> String {
    format!("NumberFormatException For input string: \"{text}\"")
}
