//! Partition keys and ranges of them (Cassandra: `PartitionKeyRestrictions`).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use smallvec::SmallVec;

use super::{Restriction, RestrictionKind, Restrictions, Side, TermSlice, TupleTerm, invalid};
use crate::error::Error;
use crate::exec::term::{BindContext, Bound, Term};
use crate::storage::model::{DecoratedKey, KeyBound, Token};
use crate::types::{self, CqlType};

/// What is asked of the token of the partition key (Cassandra: `TokenRestriction`).
#[derive(Clone, Debug)]
pub enum TokenRestriction {
    /// One token.
    Eq(Term),
    /// A range of tokens.
    Slice(TermSlice),
}

/// The longest key, and the longest component of one.
const KEY_LENGTH_MAX: usize = 65535;

impl Restrictions {
    /// The partition keys that are asked for, in the order of the key's type, each once
    /// (Cassandra: `getPartitionKeys`).
    pub fn partition_keys<'a>(&'a self, context: &BindContext<'a>) -> Result<Vec<DecoratedKey>, Error> {
        let one = match &self.partition_key[..] {
            [one]
                if self.key_types.len() == 1
                    && let RestrictionKind::Eq(TupleTerm::One(term)) = &one.kind =>
            {
                Some(single_key(one, term, context)?)
            }
            all => equal_values(all, context)?.map(|values| serialize_key(&values)).transpose()?,
        };
        let decorated = match one {
            Some(key) => vec![decorated(key)?],
            None => self.keys(context)?.into_iter().map(decorated).collect::<Result<_, _>>()?,
        };
        match &self.token {
            None => Ok(decorated),
            Some(token) => token.retain(decorated, context),
        }
    }

    fn keys<'a>(&'a self, context: &BindContext<'a>) -> Result<Vec<Bytes>, Error> {
        let mut prefixes: Vec<Vec<Cow<'a, [u8]>>> = vec![Vec::with_capacity(self.key_types.len())];
        let has_in = self.partition_key.iter().any(|restriction| restriction.is_in());
        for restriction in &self.partition_key {
            let values = restriction.values(context)?;
            if values.is_empty() {
                return Ok(Vec::new());
            }
            if has_in {
                check_product(prefixes.len() * values.len(), "partition key", context)?;
            }
            prefixes = product(prefixes, values);
        }
        if prefixes.len() > 1 {
            prefixes.sort_by(|a, b| compare_keys(&self.key_types, a, b));
            prefixes.dedup_by(|a, b| compare_keys(&self.key_types, a, b).is_eq());
        }
        prefixes.iter().map(|values| serialize_key(values)).collect()
    }

    /// The range of partitions that is asked for; none where nothing can be in it
    /// (Cassandra: `getPartitionKeyBounds`).
    pub fn key_range<'a>(&'a self, context: &BindContext<'a>) -> Result<Option<(KeyBound, KeyBound)>, Error> {
        match &self.token {
            Some(token) if self.is_on_token => token.range(context),
            _ => Ok(Some((KeyBound::Unbounded, KeyBound::Unbounded))),
        }
    }
}

/// Whether a key was refused for its length.
pub(crate) fn is_of_length(refused: &Error) -> bool {
    let text = refused.to_string();
    text == "Key may not be empty" || text.starts_with("Key length of ")
}

fn decorated(key: Bytes) -> Result<DecoratedKey, Error> {
    if key.is_empty() {
        return Err(invalid("Key may not be empty"));
    }
    check_length(key.len())?;
    Ok(DecoratedKey { token: Token(types::token::token(&key)), key })
}

/// The values of columns each of which has to be equal to one term; none where some restriction is of another kind.
pub(super) fn equal_values<'a>(
    restrictions: &'a [Arc<Restriction>],
    context: &BindContext<'a>,
) -> Result<Option<EqualValues<'a>>, Error> {
    let is_one = |r: &Arc<Restriction>| matches!(r.kind, RestrictionKind::Eq(TupleTerm::One(_)));
    if !restrictions.iter().all(is_one) {
        return Ok(None);
    }
    let mut values = EqualValues::new();
    for restriction in restrictions {
        if let RestrictionKind::Eq(TupleTerm::One(term)) = &restriction.kind {
            values.push(restriction.required(0, term.bind(context)?)?);
        }
    }
    Ok(Some(values))
}

/// One value for each column.
pub(super) type EqualValues<'a> = SmallVec<[Cow<'a, [u8]>; 4]>;

/// Holds how many keys or clusterings several INs make against the guardrail.
pub(super) fn check_product(size: usize, of: &str, context: &BindContext<'_>) -> Result<(), Error> {
    match context.guard {
        Some(guard) => guard.check(guard.rails.in_select_cartesian_product.check_count(size, of)),
        None => Ok(()),
    }
}

/// Each prefix with each of the values at its end.
pub(super) fn product<'a>(
    prefixes: Vec<Vec<Cow<'a, [u8]>>>,
    values: Vec<Vec<Cow<'a, [u8]>>>,
) -> Vec<Vec<Cow<'a, [u8]>>> {
    match <[_; 1]>::try_from(values) {
        Ok([one]) => {
            let mut prefixes = prefixes;
            for prefix in &mut prefixes {
                prefix.extend(one.iter().cloned());
            }
            prefixes
        }
        Err(values) => prefixes
            .iter()
            .flat_map(|prefix| {
                values.iter().map(|value| prefix.iter().chain(value).cloned().collect::<Vec<_>>())
            })
            .collect(),
    }
}

fn single_key<'a>(
    restriction: &'a Restriction,
    term: &'a Term,
    context: &BindContext<'a>,
) -> Result<Bytes, Error> {
    let value = restriction.required(0, term.bind(context)?)?;
    Ok(match (term, value) {
        (Term::Value(Some(bytes)), _) => bytes.clone(),
        // The value as it came; one that had to be put in order is not borrowed.
        (Term::Marker(marker), Cow::Borrowed(value)) => {
            context.values.slice(marker.index).unwrap_or_else(|| Bytes::copy_from_slice(value))
        }
        (_, value) => Bytes::from(value.into_owned()),
    })
}

fn compare_keys(types: &[CqlType], a: &[Cow<'_, [u8]>], b: &[Cow<'_, [u8]>]) -> Ordering {
    types
        .iter()
        .zip(a.iter().zip(b))
        .map(|(cql_type, (a, b))| cql_type.compare(a, b))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn check_length(length: usize) -> Result<(), Error> {
    if length > KEY_LENGTH_MAX {
        return Err(invalid(format!("Key length of {length} is longer than maximum of {KEY_LENGTH_MAX}")));
    }
    Ok(())
}

/// The serialized key: the value, or a composite of several (Cassandra: `serializeAsPartitionKey`).
fn serialize_key(values: &[Cow<'_, [u8]>]) -> Result<Bytes, Error> {
    check_length(values.iter().map(|value| value.len()).sum())?;
    if let [one] = values {
        return Ok(Bytes::copy_from_slice(one));
    }
    let mut out = BytesMut::with_capacity(values.iter().map(|value| value.len() + 3).sum());
    for value in values {
        out.put_u16(u16::try_from(value.len()).map_err(|_| invalid("Key is too long"))?);
        out.put_slice(value);
        out.put_u8(0);
    }
    Ok(out.freeze())
}

impl TokenRestriction {
    fn bound<'a>(&'a self, side: Side, context: &BindContext<'a>) -> Result<Option<Token>, Error> {
        let term = match self {
            Self::Eq(term) => Some(term),
            Self::Slice(slice) => slice.bound(side).and_then(TupleTerm::single),
        };
        term.map(|term| token(term, context)).transpose()
    }

    fn is_inclusive(&self, side: Side) -> bool {
        match self {
            Self::Eq(_) => true,
            Self::Slice(slice) => slice.is_inclusive(side),
        }
    }

    /// The range of partitions, as `getPartitionKeyBoundsForTokenRestrictions`: the minimum token stands for no
    /// bound on either side.
    fn range<'a>(&'a self, context: &BindContext<'a>) -> Result<Option<(KeyBound, KeyBound)>, Error> {
        let start = self.bound(Side::Start, context)?.filter(|t| *t != Token::MIN);
        let end = self.bound(Side::End, context)?.filter(|t| *t != Token::MIN);
        let (includes_start, includes_end) = (self.is_inclusive(Side::Start), self.is_inclusive(Side::End));
        if let (Some(start), Some(end)) = (start, end)
            && (start > end || (start == end && !(includes_start && includes_end)))
        {
            return Ok(None);
        }
        let bound = |token: Option<Token>, inclusive| {
            token.map_or(KeyBound::Unbounded, |t| KeyBound::Token(t, inclusive))
        };
        Ok(Some((bound(start, includes_start), bound(end, includes_end))))
    }

    /// Those of the keys whose token is within the restriction (Cassandra: `TokenFilter`): here a start after the
    /// end means what lies outside of both.
    fn retain<'a>(
        &'a self,
        keys: Vec<DecoratedKey>,
        context: &BindContext<'a>,
    ) -> Result<Vec<DecoratedKey>, Error> {
        let (start, end) = (self.bound(Side::Start, context)?, self.bound(Side::End, context)?);
        let after = |t: Token, start: Token| t > start || (t == start && self.is_inclusive(Side::Start));
        let before = |t: Token, end: Token| t < end || (t == end && self.is_inclusive(Side::End));
        let within = |t: Token| match (start, end) {
            (Some(start), Some(end)) if start > end => after(t, start) || before(t, end),
            (start, end) => start.is_none_or(|s| after(t, s)) && end.is_none_or(|e| before(t, e)),
        };
        Ok(keys.into_iter().filter(|key| within(key.token)).collect())
    }
}

fn token<'a>(term: &'a Term, context: &BindContext<'a>) -> Result<Token, Error> {
    match term.bind(context)? {
        Bound::Bytes(bytes) => match <[u8; 8]>::try_from(&*bytes) {
            Ok(token) => Ok(Token(i64::from_be_bytes(token))),
            Err(_) => Err(invalid("Invalid null token value")),
        },
        Bound::Null => Err(invalid("Invalid null token value")),
        Bound::Unset => Err(invalid("Invalid unset token value")),
    }
}
