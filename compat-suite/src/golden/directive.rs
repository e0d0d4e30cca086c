//! What stands in lines that begin with `--@`.

use crate::wire::{BatchKind, Values, consistency_of};

/// A directive; the golden scripts' documentation says what each does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    Bind(Values),
    Values(Values),
    Execute(Values),
    Page(i32),
    State(Vec<u8>),
    Any(Vec<usize>),
    Consistency(u16),
    Serial(u16),
    Timestamp(i64),
    Now(i32),
    Keyspace(String),
    SkipMetadata,
    Sleep(u64),
    Newlines,
    Connection { version: u8, name: String },
    Login { role: String, password: String },
    Events,
    Batch(BatchKind),
    Apply,
}

impl Directive {
    /// Whether it needs no statement after it.
    pub fn stands_alone(&self) -> bool {
        matches!(
            self,
            Self::Connection { .. } | Self::Login { .. } | Self::Events | Self::Batch(_) | Self::Apply
        )
    }
}

/// Reads a directive, without the `--@`.
pub fn parse(text: &str) -> Result<Directive, String> {
    let (name, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let rest = rest.trim();
    let bad = || format!("'{name}' cannot be '{rest}'");
    let consistency = || consistency_of(rest).ok_or_else(bad);
    Ok(match name {
        "bind" => Directive::Bind(values(rest)?),
        "values" => Directive::Values(values(rest)?),
        "execute" => Directive::Execute(values(rest)?),
        "page" => Directive::Page(rest.parse().map_err(|_| bad())?),
        "state" => Directive::State(unhex(rest).ok_or_else(bad)?),
        "any" => {
            let columns = rest.split_whitespace().map(str::parse).collect::<Result<_, _>>();
            Directive::Any(columns.map_err(|_| bad())?)
        }
        "consistency" => Directive::Consistency(consistency()?),
        "serial" => Directive::Serial(consistency()?),
        "timestamp" => Directive::Timestamp(rest.parse().map_err(|_| bad())?),
        "now" => Directive::Now(rest.parse().map_err(|_| bad())?),
        "keyspace" => Directive::Keyspace(rest.to_owned()),
        "skip-metadata" => Directive::SkipMetadata,
        "sleep" => Directive::Sleep(rest.parse().map_err(|_| bad())?),
        "newlines" => Directive::Newlines,
        "connection" => connection(rest).ok_or_else(bad)?,
        "login" => {
            let (role, password) = rest.split_once(' ').ok_or_else(bad)?;
            Directive::Login { role: role.to_owned(), password: password.trim().to_owned() }
        }
        "events" => Directive::Events,
        "batch" => Directive::Batch(match rest {
            "logged" => BatchKind::Logged,
            "unlogged" => BatchKind::Unlogged,
            "counter" => BatchKind::Counter,
            _ => return Err(bad()),
        }),
        "apply" => Directive::Apply,
        _ => return Err(format!("there is no directive '{name}'")),
    })
}

fn connection(text: &str) -> Option<Directive> {
    let (version, name) = text.split_once(' ').unwrap_or((text, ""));
    let version = version.strip_prefix('v')?.parse().ok().filter(|version| (3..=5).contains(version))?;
    Some(Directive::Connection { version, name: name.trim().to_owned() })
}

fn values(text: &str) -> Result<Values, String> {
    let value = |word: &str| {
        let named = word.split_once('=').filter(|(name, _)| !name.starts_with('\''));
        let (name, text) = named.map_or((None, word), |(name, text)| (Some(name.to_owned()), text));
        let bytes = bytes_of(text).ok_or_else(|| format!("'{word}' is no value"))?;
        Ok((name, bytes))
    };
    Ok(Values { values: text.split_whitespace().map(value).collect::<Result<_, String>>()? })
}

fn bytes_of(text: &str) -> Option<Option<Option<Vec<u8>>>> {
    if let Some(text) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return Some(Some(Some(text.as_bytes().to_vec())));
    }
    if let Some(number) = text.strip_suffix('i') {
        return Some(Some(Some(number.parse::<i32>().ok()?.to_be_bytes().to_vec())));
    }
    if let Some(number) = text.strip_suffix('L') {
        return Some(Some(Some(number.parse::<i64>().ok()?.to_be_bytes().to_vec())));
    }
    if let Some((count, digits)) = text.split_once('*') {
        return Some(Some(Some(unhex(digits)?.repeat(count.parse().ok()?))));
    }
    match text {
        "unset" => Some(None),
        "null" => Some(Some(None)),
        "empty" => Some(Some(Some(Vec::new()))),
        digits => Some(Some(Some(unhex(digits)?))),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}
