//! Properties: `name = value` after WITH.

use super::input::{Input, Res, and_list, tok};
use super::{name, term};
use crate::ast::{Constant, Property, PropertyValue, Term};
use crate::lexer::Kind;

/// `properties`
pub(super) fn properties(input: Input<'_>) -> Res<'_, Vec<Property>> {
    let (input, properties) = and_list(property)(input)?;
    no_duplicates(input, properties)
}

/// Takes properties of which no two have the same name.
pub(super) fn no_duplicates(input: Input<'_>, properties: Vec<Property>) -> Res<'_, Vec<Property>> {
    for (index, property) in properties.iter().enumerate() {
        if properties[..index].iter().any(|earlier| earlier.name == property.name) {
            return input.meaning(format!("Multiple definitions for property '{}'", property.name.as_str()));
        }
    }
    Ok((input, properties))
}

/// `property`
pub(super) fn property(input: Input<'_>) -> Res<'_, Property> {
    let first = input.kind(0);
    let value = input.kind(2);
    if !first.is_identifier() {
        return input.no_viable(0);
    }
    if input.kind(1) != Kind::Equal {
        return input.no_viable(1);
    }
    if !(value == Kind::LeftBrace || value.is_constant() || value.is_unreserved()) {
        return input.no_viable(2);
    }
    let (input, name) = name::identifier(input)?;
    let (input, _) = tok(Kind::Equal)(input)?;
    let (input, value) = match value {
        Kind::LeftBrace => {
            let (input, entries) = literal_map(input)?;
            (input, PropertyValue::Map(entries))
        }
        kind if kind.is_unreserved() => (input.skip(), PropertyValue::Keyword(input.text().into_owned())),
        _ => {
            let (input, constant) = term::constant(input)?;
            (input, PropertyValue::Constant(constant))
        }
    };
    Ok((input, Property { name, value }))
}

/// A map of literals, no key of which comes twice
pub(super) fn literal_map(input: Input<'_>) -> Res<'_, Vec<(Constant, Constant)>> {
    let (input, entries) = term::full_map(input)?;
    let mut constants: Vec<(Constant, Constant)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key = match key {
            Term::Constant(key) => key,
            other => return input.meaning(format!("Invalid property name: {other}{}", no_markers(&other))),
        };
        let value = match value {
            Term::Constant(value) => value,
            other => {
                let hint = no_markers(&other);
                return input.meaning(format!("Invalid property value: {other} for property: {key}{hint}"));
            }
        };
        if constants.iter().any(|(earlier, _)| earlier.text == key.text) {
            return input.meaning(format!("Multiple definition for property {}", key.text));
        }
        constants.push((key, value));
    }
    Ok((input, constants))
}

fn no_markers(term: &Term) -> &'static str {
    match term {
        Term::BindMarker(_) => " (bind variables are not supported in DDL queries)",
        _ => "",
    }
}
