//! Counter contexts: what a counter cell holds (Cassandra: `CounterContext`).
//!
//! ```text
//! count: i16          how many elements follow; negative: local shards are to be cleared
//! element: i16 *      index of a shard: as it is, a local one; + i16::MIN, a global one
//! shard *             id: 16 bytes | clock: i64 | count: i64       in the order of ids
//! ```
//!
//! A shard that no element names is remote. A node writes global shards only, under its own host id; local ones
//! with the id of an update carry the increment of a mutation that no replica has applied yet.

use std::cmp::Ordering;

use super::MarshalError;

const SHARD_LENGTH: usize = 32;

/// The id under which an update carries its increment (Cassandra: `UPDATE_CLOCK_ID`).
pub const UPDATE_ID: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0];

/// What a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are Cassandra's own terms")]
pub enum ShardKind {
    Global,
    Local,
    Remote,
}

/// The part of a counter that one node counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The node's id.
    pub id: [u8; 16],
    /// How often it was written.
    pub clock: i64,
    /// What it counts.
    pub count: i64,
    /// What it is.
    pub kind: ShardKind,
}

/// The shards of a context, in the order of their ids; none where it is cut short.
#[derive(Clone, Debug)]
pub struct Shards<'a> {
    elements: &'a [[u8; 2]],
    shards: &'a [[u8; SHARD_LENGTH]],
    index: i16,
}

/// Reads a context.
pub fn shards(context: &[u8]) -> Shards<'_> {
    let (elements, body) = split(context).unwrap_or_default();
    Shards { elements: elements.as_chunks().0, shards: body.as_chunks().0, index: 0 }
}

/// The elements and the shards of a context.
fn split(context: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = context.split_first_chunk::<2>()?;
    rest.split_at_checked(2 * usize::from(i16::from_be_bytes(*count).unsigned_abs()))
}

impl Iterator for Shards<'_> {
    type Item = Shard;

    fn next(&mut self) -> Option<Shard> {
        let (shard, rest) = self.shards.split_first()?;
        let element = self.elements.first().map(|e| i16::from_be_bytes(*e));
        let kind = match element {
            Some(e) if e == self.index => ShardKind::Local,
            Some(e) if e == self.index.wrapping_add(i16::MIN) => ShardKind::Global,
            _ => ShardKind::Remote,
        };
        if kind != ShardKind::Remote {
            self.elements = &self.elements[1..];
        }
        self.shards = rest;
        self.index = self.index.wrapping_add(1);
        let (id, numbers) = shard.split_first_chunk::<16>()?;
        let (clock, count) = numbers.split_first_chunk::<8>()?;
        let clock = i64::from_be_bytes(*clock);
        let count = i64::from_be_bytes(*count.first_chunk::<8>()?);
        Some(Shard { id: *id, clock, count, kind })
    }
}

/// The context of these shards, which are in the order of their ids.
pub fn encode(shards: &[Shard]) -> Vec<u8> {
    let named = shards.iter().filter(|s| s.kind != ShardKind::Remote).count();
    let mut out = Vec::with_capacity(2 + 2 * named + SHARD_LENGTH * shards.len());
    out.extend((named as i16).to_be_bytes());
    for (index, shard) in shards.iter().enumerate() {
        let index = index as i16;
        match shard.kind {
            ShardKind::Global => out.extend(index.wrapping_add(i16::MIN).to_be_bytes()),
            ShardKind::Local => out.extend(index.to_be_bytes()),
            ShardKind::Remote => {}
        }
    }
    for shard in shards {
        out.extend(shard.id);
        out.extend(shard.clock.to_be_bytes());
        out.extend(shard.count.to_be_bytes());
    }
    out
}

/// The context of an increment that no replica has applied yet.
pub fn create_update(count: i64) -> Vec<u8> {
    encode(&[Shard { id: UPDATE_ID, clock: 1, count, kind: ShardKind::Local }])
}

/// The context that a node writes for its own shard.
pub fn create_global(id: [u8; 16], clock: i64, count: i64) -> Vec<u8> {
    encode(&[Shard { id, clock, count, kind: ShardKind::Global }])
}

/// Whether it is an increment that no replica has applied yet.
pub fn is_update(context: &[u8]) -> bool {
    shards(context).next().is_some_and(|shard| shard.id == UPDATE_ID)
}

/// The value of the counter: the sum of its shards.
pub fn total(context: &[u8]) -> i64 {
    shards(context).fold(0, |sum, shard| sum.wrapping_add(shard.count))
}

/// Clock and count of the shard of this id; zeros where there is none.
pub fn clock_and_count(context: &[u8], id: &[u8; 16]) -> (i64, i64) {
    shards(context).find(|shard| shard.id == *id).map_or((0, 0), |shard| (shard.clock, shard.count))
}

/// Checks that a context has whole shards.
pub fn validate(context: &[u8]) -> Result<(), MarshalError> {
    match split(context) {
        Some((_, body)) if body.len().is_multiple_of(SHARD_LENGTH) => Ok(()),
        _ => Err(MarshalError::new("Invalid size for a counter context")),
    }
}

/// Which of two shards of one id holds; `None` for two local ones, which add up.
fn relation(left: &Shard, right: &Shard) -> Option<Ordering> {
    use ShardKind::{Global, Local, Remote};
    let by_clock = || left.clock.cmp(&right.clock).then(left.count.cmp(&right.count));
    match (left.kind, right.kind) {
        (Global, Global) => Some(by_clock()),
        (Global, _) => Some(Ordering::Greater),
        (_, Global) => Some(Ordering::Less),
        (Local, Local) => None,
        (Local, Remote) => Some(Ordering::Greater),
        (Remote, Local) => Some(Ordering::Less),
        (Remote, Remote) if left.clock == right.clock => Some(left.count.cmp(&right.count)),
        (Remote, Remote) => {
            let (l, r) = (left.clock, right.clock);
            // clocks below zero count backwards
            let greater = if l < 0 { r > 0 || l < r } else { r > 0 && l >= r };
            Some(if greater { Ordering::Greater } else { Ordering::Less })
        }
    }
}

/// The context that two make together: of each id the shard that holds.
pub fn merge(left: &[u8], right: &[u8]) -> Vec<u8> {
    let (mut l, mut r) = (shards(left).peekable(), shards(right).peekable());
    let mut merged: Vec<Shard> = Vec::new();
    loop {
        let order = match (l.peek(), r.peek()) {
            (Some(left), Some(right)) => left.id.cmp(&right.id),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let shard = match order {
            Ordering::Less => l.next(),
            Ordering::Greater => r.next(),
            Ordering::Equal => l.next().zip(r.next()).map(|(left, right)| match relation(&left, &right) {
                None => Shard {
                    clock: left.clock.wrapping_add(right.clock),
                    count: left.count.wrapping_add(right.count),
                    ..left
                },
                Some(Ordering::Greater) => left,
                Some(_) => right,
            }),
        };
        merged.extend(shard);
    }
    encode(&merged)
}

/// Whether local shards are to be cleared: the context was streamed from another node.
pub fn should_clear_local(context: &[u8]) -> bool {
    context.first_chunk::<2>().is_some_and(|count| i16::from_be_bytes(*count) < 0)
}

/// The same context with its local shards marked to be cleared by who receives it; `None` where it has none.
pub fn mark_local_to_be_cleared(context: &[u8]) -> Option<Vec<u8>> {
    let count = i16::from_be_bytes(*context.first_chunk::<2>()?);
    let has_local = shards(context).any(|shard| shard.kind == ShardKind::Local);
    (count > 0 && has_local).then(|| {
        let mut marked = context.to_vec();
        marked[..2].copy_from_slice(&(-count).to_be_bytes());
        marked
    })
}

/// The same context with its local shards made remote.
pub fn clear_all_local(context: &[u8]) -> Vec<u8> {
    let cleared = shards(context).map(|shard| match shard.kind {
        ShardKind::Local => Shard { kind: ShardKind::Remote, ..shard },
        _ => shard,
    });
    encode(&cleared.collect::<Vec<_>>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shard(id: u8, clock: i64, count: i64, kind: ShardKind) -> Shard {
        Shard { id: [id; 16], clock, count, kind }
    }

    #[test]
    fn layout_of_a_global_shard() {
        let context = create_global([7; 16], 3, 5);
        assert_eq!(context[..4], [0, 1, 0x80, 0]);
        assert_eq!(context.len(), 4 + SHARD_LENGTH);
        assert_eq!((total(&context), clock_and_count(&context, &[7; 16])), (5, (3, 5)));
        assert!(validate(&context).is_ok());
        assert!(validate(&context[..9]).is_err());
        assert!(is_update(&create_update(-2)) && !is_update(&context));
    }

    #[test]
    fn merging_takes_the_later_global_shard_and_adds_updates() {
        use ShardKind::{Global, Local, Remote};
        let left = encode(&[shard(1, 5, 50, Global), shard(2, 1, 1, Remote), shard(3, 1, 9, Global)]);
        let right = encode(&[shard(1, 4, 99, Global), shard(2, 1, 7, Local)]);
        let merged: Vec<_> = shards(&merge(&left, &right)).collect();
        assert_eq!(merged, [shard(1, 5, 50, Global), shard(2, 1, 7, Local), shard(3, 1, 9, Global)]);
        assert_eq!(total(&merge(&create_update(3), &create_update(4))), 7);
    }

    #[test]
    fn local_shards_are_cleared() {
        use ShardKind::{Global, Local, Remote};
        let context = encode(&[shard(1, 5, 50, Local), shard(2, 1, 1, Global)]);
        let marked = mark_local_to_be_cleared(&context).unwrap();
        assert!(should_clear_local(&marked) && !should_clear_local(&context));
        let cleared: Vec<_> = shards(&clear_all_local(&marked)).collect();
        assert_eq!(cleared, [shard(1, 5, 50, Remote), shard(2, 1, 1, Global)]);
    }

    fn contexts() -> impl Strategy<Value = Vec<u8>> {
        let kinds = prop_oneof![Just(ShardKind::Global), Just(ShardKind::Remote)];
        prop::collection::btree_map(0_u8..8, (1_i64..5, 0_i64..5, kinds), 0..8).prop_map(|shards| {
            encode(
                &shards
                    .iter()
                    .map(|(id, (clock, count, k))| shard(*id, *clock, *count, *k))
                    .collect::<Vec<_>>(),
            )
        })
    }

    proptest! {
        #[test]
        fn merge_is_commutative_associative_and_idempotent(a in contexts(), b in contexts(), c in contexts()) {
            prop_assert_eq!(merge(&a, &b), merge(&b, &a));
            prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
            prop_assert_eq!(merge(&a, &a), a);
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = (total(&bytes), validate(&bytes), merge(&bytes, &bytes), clear_all_local(&bytes));
        }
    }
}
