//! Which types can take the place of which (Cassandra: `AbstractType.isCompatibleWith` and its kin).

use super::CqlType;

impl CqlType {
    /// Whether values of `previous` can be read as values of this type and sort the same.
    pub fn is_compatible_with(&self, previous: &CqlType) -> bool {
        if self == previous {
            return true;
        }
        match (self, previous) {
            (Self::Blob, Self::Ascii | Self::Text) | (Self::Text, Self::Ascii) => true,
            (Self::List { element: new, frozen: a }, Self::List { element: old, frozen: b }) => {
                a == b
                    && if *a {
                        new.is_compatible_with(old)
                    } else {
                        new.is_serialization_compatible_with(old)
                    }
            }
            // the elements of a multi-cell set are its paths
            (Self::Set { element: new, frozen: a }, Self::Set { element: old, frozen: b }) => {
                a == b && new.is_compatible_with(old)
            }
            (
                Self::Map { key: new_key, value: new, frozen: a },
                Self::Map { key: old_key, value: old, frozen: b },
            ) => {
                a == b
                    && new_key.is_compatible_with(old_key)
                    && if *a {
                        new.is_compatible_with(old)
                    } else {
                        new.is_serialization_compatible_with(old)
                    }
            }
            _ => match (self.field_types(), previous.field_types()) {
                (Some(new), Some(old)) => {
                    new.len() >= old.len() && new.iter().zip(&old).all(|(n, o)| n.is_compatible_with(o))
                }
                _ => false,
            },
        }
    }

    /// Whether values of `previous` can be read as values of this type, however they sort.
    pub fn is_value_compatible_with(&self, previous: &CqlType) -> bool {
        if self == previous {
            return true;
        }
        match (self, previous) {
            (Self::Blob, _) => true,
            (Self::Varint, Self::Int | Self::Bigint | Self::Timestamp) => true,
            (Self::Bigint, Self::Timestamp)
            | (Self::Timestamp, Self::Bigint)
            | (Self::Time, Self::Bigint)
            | (Self::Date, Self::Int)
            | (Self::Uuid, Self::Timeuuid) => true,
            (Self::List { element: new, frozen: true }, Self::List { element: old, frozen: true }) => {
                new.is_value_compatible_with(old)
            }
            (
                Self::Map { key: new_key, value: new, frozen: true },
                Self::Map { key: old_key, value: old, frozen: true },
            ) => new_key.is_compatible_with(old_key) && new.is_value_compatible_with(old),
            (Self::User { user_type: new, frozen: a }, Self::User { user_type: old, frozen: b }) => {
                let mut fields = new.fields.iter().zip(&old.fields);
                a == b
                    && new.keyspace == old.keyspace
                    && new.fields.len() >= old.fields.len()
                    && fields.all(|((_, n), (_, o))| n.is_compatible_with(o))
            }
            (Self::User { .. }, _) => false,
            (Self::Tuple(new), _) => previous.field_types().is_some_and(|old| {
                new.len() >= old.len() && new.iter().zip(old).all(|(n, o)| n.is_value_compatible_with(o))
            }),
            _ => self.is_compatible_with(previous),
        }
    }

    /// Whether values of `previous` can also lie in files where those of this type do.
    pub fn is_serialization_compatible_with(&self, previous: &CqlType) -> bool {
        let cell_values = match (self, previous) {
            (Self::List { element: new, .. }, Self::List { element: old, .. })
            | (Self::Map { value: new, .. }, Self::Map { value: old, .. }) => {
                return self.is_value_compatible_with(previous) && new.is_serialization_compatible_with(old);
            }
            _ => self.is_value_compatible_with(previous),
        };
        cell_values
            && self.fixed_length() == previous.fixed_length()
            && self.is_multi_cell() == previous.is_multi_cell()
    }

    /// Whether a duration is among its values or within them.
    pub fn references_duration(&self) -> bool {
        match self {
            Self::Duration => true,
            Self::List { element, .. } | Self::Set { element, .. } | Self::Vector { element, .. } => {
                element.references_duration()
            }
            Self::Map { value, .. } => value.references_duration(),
            _ => self.field_types().is_some_and(|types| types.iter().any(|t| t.references_duration())),
        }
    }

    /// Whether it is the user type of this name, or has it within (Cassandra: `referencesUserType`).
    pub fn references_user_type(&self, name: &str) -> bool {
        match self {
            Self::User { user_type, .. } if user_type.name == name => true,
            Self::List { element, .. } | Self::Set { element, .. } | Self::Vector { element, .. } => {
                element.references_user_type(name)
            }
            Self::Map { key, value, .. } => {
                key.references_user_type(name) || value.references_user_type(name)
            }
            _ => self.field_types().is_some_and(|types| types.iter().any(|t| t.references_user_type(name))),
        }
    }

    /// The types of the fields of a tuple or user type.
    pub fn field_types(&self) -> Option<Vec<&CqlType>> {
        match self {
            Self::Tuple(types) => Some(types.iter().collect()),
            Self::User { user_type, .. } => Some(user_type.fields.iter().map(|(_, t)| t).collect()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natives() {
        use CqlType as T;
        assert!(T::Blob.is_compatible_with(&T::Text));
        assert!(!T::Blob.is_compatible_with(&T::Int));
        assert!(T::Blob.is_value_compatible_with(&T::Int));
        assert!(T::Text.is_value_compatible_with(&T::Ascii));
        assert!(!T::Ascii.is_value_compatible_with(&T::Text));
        assert!(T::Varint.is_value_compatible_with(&T::Timestamp));
        assert!(!T::Varint.is_serialization_compatible_with(&T::Int));
        assert!(T::Uuid.is_value_compatible_with(&T::Timeuuid));
        assert!(!T::Timeuuid.is_value_compatible_with(&T::Uuid));
        assert!(!T::Bigint.is_value_compatible_with(&T::Int));
    }

    #[test]
    fn structures() {
        let list = |element: CqlType, frozen| CqlType::List { element: element.into(), frozen };
        assert!(list(CqlType::Blob, true).is_value_compatible_with(&list(CqlType::Int, true)));
        assert!(!list(CqlType::Blob, false).is_value_compatible_with(&list(CqlType::Int, false)));
        assert!(list(CqlType::Text, false).is_value_compatible_with(&list(CqlType::Ascii, false)));
        assert!(!list(CqlType::Int, false).is_value_compatible_with(&list(CqlType::Int, true)));
        let tuple = |types: &[CqlType]| CqlType::Tuple(types.into());
        let (one, two) = (tuple(&[CqlType::Int]), tuple(&[CqlType::Int, CqlType::Text]));
        assert!(two.is_value_compatible_with(&one));
        assert!(!one.is_value_compatible_with(&two));
    }
}
