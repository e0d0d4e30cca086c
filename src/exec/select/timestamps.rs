//! `WRITETIME`, `MAXWRITETIME` and `TTL` (Cassandra: `ColumnTimestamps`).

use super::source::{Form, RowView, Source, field_index};
use crate::storage::model::Cell;
use crate::types::{CqlType, collection};

/// Which property of cells is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `WRITETIME`
    Writetime,
    /// `MAXWRITETIME`
    MaxWritetime,
    /// `TTL`
    Ttl,
}

impl Kind {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Writetime => "writetime",
            Self::MaxWritetime => "maxwritetime",
            Self::Ttl => "ttl",
        }
    }

    /// The type of its result over what is, or is not, several cells.
    pub fn return_type(self, is_multi_cell: bool) -> CqlType {
        let one = match self {
            Self::Ttl => CqlType::Int,
            Self::Writetime | Self::MaxWritetime => CqlType::Bigint,
        };
        if is_multi_cell && self != Self::MaxWritetime {
            CqlType::List { element: one.into(), frozen: true }
        } else {
            one
        }
    }

    fn of(self, cell: &Cell<'_>, now_in_seconds: i64) -> Option<i64> {
        match self {
            Self::Writetime | Self::MaxWritetime => Some(cell.timestamp),
            Self::Ttl => {
                let remaining = cell.local_deletion_time.saturating_sub(now_in_seconds);
                (cell.is_expiring() && remaining >= 0).then_some(remaining)
            }
        }
    }
}

/// The timestamps or TTLs of what is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timestamps {
    /// Nothing is there.
    None,
    /// That of one cell.
    One(Option<i64>),
    /// Those of several cells.
    Many(Vec<Option<i64>>),
}

impl Timestamps {
    /// That of one element.
    pub(super) fn get(self, index: usize) -> Self {
        match self {
            Self::Many(all) => all.get(index).map_or(Self::None, |one| Self::One(*one)),
            other => other,
        }
    }

    /// Those of the elements that are marked.
    pub(super) fn retain(self, flags: &[bool]) -> Self {
        if !flags.contains(&true) {
            return Self::None;
        }
        match self {
            Self::Many(all) => Self::Many(
                all.into_iter().zip(flags).filter(|(_, keep)| **keep).map(|(one, _)| one).collect(),
            ),
            other => other,
        }
    }

    /// As a value: of the type that [`Kind::return_type`] says.
    pub(super) fn encode(self, kind: Kind) -> Option<Vec<u8>> {
        let bytes = |value: i64| match kind {
            Kind::Ttl => i32::try_from(value).unwrap_or(i32::MAX).to_be_bytes().to_vec(),
            Kind::Writetime | Kind::MaxWritetime => value.to_be_bytes().to_vec(),
        };
        match self {
            Self::None => None,
            Self::One(one) => one.map(bytes),
            Self::Many(all) if kind == Kind::MaxWritetime => all.into_iter().flatten().max().map(bytes),
            Self::Many(all) if all.is_empty() => None,
            Self::Many(all) => {
                let mut out = i32::try_from(all.len()).unwrap_or(i32::MAX).to_be_bytes().to_vec();
                for one in all {
                    collection::write_value(&mut out, one.map(bytes).as_deref());
                }
                Some(out)
            }
        }
    }
}

/// Those of a column.
pub(super) fn of_column(source: &Source, kind: Kind, view: &RowView<'_>) -> Timestamps {
    let Some((row, id)) = source.cells_in(view) else { return Timestamps::None };
    let now = view.now_in_seconds;
    let cells = row.cells_of(id);
    match &source.form {
        Form::Plain | Form::Counter => {
            row.cell(id).map_or(Timestamps::None, |cell| Timestamps::One(kind.of(&cell, now)))
        }
        Form::Complex(_) if cells.len() == 0 => Timestamps::None,
        Form::Complex(CqlType::User { user_type, .. }) => {
            let field = |i| cells.clone().find(|cell| field_index(cell) == i).and_then(|c| kind.of(&c, now));
            Timestamps::Many((0..user_type.fields.len()).map(field).collect())
        }
        Form::Complex(_) => Timestamps::Many(cells.map(|cell| kind.of(&cell, now)).collect()),
    }
}
