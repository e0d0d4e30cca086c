//! Names and passwords as clients send them: SASL's PLAIN (Cassandra: `PlainTextSaslAuthenticator`).

use crate::error::Error;

/// The name and the password of a token: `[authorization id] NUL name NUL password`.
pub(super) fn credentials(token: &[u8]) -> Result<(String, String), Error> {
    let refused = |text: &str| Err(Error::BadCredentials(text.to_owned()));
    let (mut name, mut password) = (None, None);
    let mut end = token.len();
    for (at, byte) in token.iter().enumerate().rev() {
        if *byte != 0 {
            continue;
        }
        let part = token.get(at + 1..end).unwrap_or_default();
        match (&password, &name) {
            (None, _) => password = Some(part),
            (Some(_), None) => name = Some(part),
            (Some(_), Some(_)) => {
                return refused(
                    "Credential format error: username or password is empty or contains NUL(\\0) character",
                );
            }
        }
        end = at;
    }
    let Some(password) = password.filter(|password| !password.is_empty()) else {
        return refused("Password must not be null");
    };
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return refused("Authentication ID must not be null");
    };
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(name), text(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_apart() {
        let shown = |token: &[u8]| match credentials(token) {
            Ok((name, password)) => format!("{name} {password}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown(b"\0ann\0geheim"), "ann geheim");
        assert_eq!(shown(b"someone\0ann\0geheim"), "ann geheim");
        assert_eq!(shown(b""), "Password must not be null");
        assert_eq!(shown(b"\0ann\0"), "Password must not be null");
        assert_eq!(shown(b"\0\0geheim"), "Authentication ID must not be null");
        assert_eq!(shown(b"\0geheim"), "Authentication ID must not be null");
        assert!(shown(b"\0a\0b\0c").starts_with("Credential format error"));
    }
}
