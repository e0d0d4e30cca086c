//! Taking values from bytes that may be wrong.

use std::borrow::Cow;

use crate::storage::error::StorageError;
use crate::storage::model::DeletionTime;
use crate::types::vint;

/// Why bytes could not be taken: they end too early, or say something that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They end; at least that many bytes were needed, where it is known.
    Short(usize),
    /// They say something that cannot be.
    Wrong(&'static str),
    /// A value of that length, where so much is allowed.
    LongValue(usize, usize),
}

impl Malformed {
    /// What is wrong, as errors say it.
    pub fn message(self) -> Cow<'static, str> {
        match self {
            Self::Short(_) => "the file ends too early".into(),
            Self::Wrong(message) => message.into(),
            Self::LongValue(length, most) => StorageError::LongValue { length, most }.to_string().into(),
        }
    }
}

/// The result of taking something.
pub type Taken<T> = Result<T, Malformed>;

/// Bytes from whose front values are taken. Big-endian, as Java writes.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Input<'a> {
    /// Takes from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, len: bytes.len() }
    }

    /// How many bytes were taken.
    pub fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    /// What was not taken yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Leaves what was not taken otherwise: `rest` is an end of [`Input::rest`].
    pub fn go_on_at(&mut self, rest: &'a [u8]) {
        debug_assert!(self.rest.ends_with(rest));
        self.rest = rest;
    }

    /// Passes over what `pass` takes from the front, again and again until it takes nothing or `end` bytes were taken.
    #[inline]
    pub fn pass(&mut self, end: usize, pass: impl Fn(&mut &'a [u8]) -> Option<()>) {
        while self.position() < end && pass(&mut self.rest).is_some() {}
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    #[inline]
    pub fn bytes(&mut self, n: usize) -> Taken<&'a [u8]> {
        match self.rest.split_at_checked(n) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(Malformed::Short(self.position().saturating_add(n))),
        }
    }

    /// Skips `n` bytes.
    pub fn skip(&mut self, n: usize) -> Taken<()> {
        self.bytes(n).map(|_| ())
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Taken<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(Malformed::Short(self.position() + N)),
        }
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Taken<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A boolean, as one byte.
    pub fn bool(&mut self) -> Taken<bool> {
        Ok(self.u8()? != 0)
    }

    /// Two bytes.
    #[inline]
    pub fn u16(&mut self) -> Taken<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn i32(&mut self) -> Taken<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Four bytes that are a count or a length: not negative.
    pub fn length(&mut self) -> Taken<usize> {
        usize::try_from(self.i32()?).map_err(|_| Malformed::Wrong("a negative length"))
    }

    /// Eight bytes.
    pub fn i64(&mut self) -> Taken<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// Eight bytes, a floating point number.
    pub fn f64(&mut self) -> Taken<f64> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// A variable-length integer.
    #[inline]
    pub fn vint(&mut self) -> Taken<u64> {
        vint::read_unsigned(&mut self.rest).ok_or(Malformed::Short(self.position() + 1))
    }

    /// A signed variable-length integer.
    pub fn signed_vint(&mut self) -> Taken<i64> {
        vint::read_signed(&mut self.rest).ok_or(Malformed::Short(self.position() + 1))
    }

    /// A variable-length integer that is a length or a count.
    #[inline]
    pub fn vint_length(&mut self) -> Taken<usize> {
        let length = self.vint()?;
        i32::try_from(length)
            .ok()
            .and_then(|n| usize::try_from(n).ok())
            .ok_or(Malformed::Wrong("a length above 2 GiB"))
    }

    /// Bytes after their length as a variable-length integer.
    #[inline]
    pub fn vint_bytes(&mut self) -> Taken<&'a [u8]> {
        let length = self.vint_length()?;
        self.bytes(length)
    }

    /// Bytes after their length in two bytes.
    pub fn short_bytes(&mut self) -> Taken<&'a [u8]> {
        let length = self.u16()?;
        self.bytes(usize::from(length))
    }

    /// Text as `DataOutput.writeUTF` has it. Its deviations from UTF-8 do not occur in what we read.
    pub fn utf(&mut self) -> Taken<String> {
        let bytes = self.short_bytes()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::Wrong("text that is not UTF-8"))
    }

    /// A deletion in the form of versions before `oa`: `i32` seconds, `i64` microseconds.
    pub fn deletion_time(&mut self) -> Taken<DeletionTime> {
        let local_deletion_time = local_deletion_time(self.i32()?);
        let marked_for_delete_at = self.i64()?;
        Ok(DeletionTime { marked_for_delete_at, local_deletion_time })
    }
}

/// Seconds as versions before `oa` have them: `i32::MAX` is "never"; negative ones are overflowed
/// (CASSANDRA-14092) and count as the greatest.
pub fn local_deletion_time(seconds: i32) -> i64 {
    match seconds {
        i32::MAX => i64::MAX,
        0.. => i64::from(seconds),
        _ => i64::from(i32::MAX - 1),
    }
}

/// The reverse of [`local_deletion_time`]: times after January 2038 are held at its end.
pub fn stored_local_deletion_time(seconds: i64) -> i32 {
    if seconds == i64::MAX {
        i32::MAX
    } else {
        i32::try_from(seconds.clamp(0, i64::from(i32::MAX - 1))).expect("clamped to it")
    }
}
