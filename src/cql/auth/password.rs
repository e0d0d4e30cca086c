//! Passwords, hashed as Cassandra does (jBCrypt 0.4): `$2a$10$` and 53 characters.

use bcrypt::Version;

use crate::error::Error;

/// Rounds as a power of two (Cassandra: `auth_bcrypt_gensalt_log2_rounds`).
const ROUNDS_LOG2: u32 = 10;
const SALT_CHARACTERS: usize = 22;
/// The least and most rounds that a hash may say it has.
const ROUNDS_LOG2_RANGE: std::ops::RangeInclusive<u32> = 4..=31;

/// Hashes a password with a new salt. Takes tens of milliseconds.
pub(super) fn hash(password: &str) -> Result<String, Error> {
    let parts = bcrypt::hash_with_result(password, ROUNDS_LOG2)
        .map_err(|error| Error::server(format!("the password cannot be hashed: {error}")))?;
    Ok(parts.format_for_version(Version::TwoA))
}

/// Whether the password is the one that was hashed. Takes tens of milliseconds.
pub(super) fn is_right(password: &str, hash: &str) -> bool {
    if !is_hash(hash) {
        tracing::warn!("Error: invalid password hash encountered, rejecting user");
        return false;
    }
    bcrypt::verify(password, hash).unwrap_or(false)
}

/// Whether jBCrypt takes the text for a hash: it reads version, rounds and salt.
pub(super) fn is_hash(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("$2a$").or_else(|| text.strip_prefix("$2$")) else { return false };
    let Some((rounds, rest)) = rest.split_once('$') else { return false };
    let is_rounds = rounds.len() == 2 && rounds.parse().is_ok_and(|n| ROUNDS_LOG2_RANGE.contains(&n));
    let is_letter = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'/';
    is_rounds && rest.as_bytes().get(..SALT_CHARACTERS).is_some_and(|salt| salt.iter().all(|c| is_letter(*c)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;

    /// What Cassandra's library made of `cassandra`.
    const OF_CASSANDRA: &str = "$2a$10$pqzMgMy/tKh5vIN9hoEpw.w2lYw2DbzUqSdXxeAFbOJOZZkicHVsW";

    #[test]
    fn what_cassandra_hashed_is_recognized() {
        assert!(is_hash(OF_CASSANDRA));
        assert!(is_right("cassandra", OF_CASSANDRA));
        assert!(!is_right("Cassandra", OF_CASSANDRA));
    }

    #[test]
    fn a_hash_has_cassandras_form_and_its_own_salt() {
        let (one, other) = (hash("geheim").unwrap(), hash("geheim").unwrap());
        assert!(one.starts_with("$2a$10$") && one.len() == OF_CASSANDRA.len(), "{one}");
        assert_ne!(one, other);
        assert!(is_right("geheim", &one) && is_right("geheim", &other) && !is_right("", &one));
    }

    #[test]
    fn what_jbcrypt_refuses_is_no_hash() {
        for text in [
            "",
            "geheim",
            "$2b$10$abcdefghijklmnopqrstuu",
            "$2a$10$short",
            "$2a$99$abcdefghijklmnopqrstuu",
            "$2a$1$abcdefghijklmnopqrstuu",
        ] {
            assert!(!is_hash(text), "{text}");
        }
        assert!(is_hash("$2a$04$abcdefghijklmnopqrstuu"));
    }
}
