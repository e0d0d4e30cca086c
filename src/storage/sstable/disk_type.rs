//! What reading needs to know of a column's type as the file's header names it.

/// How values of a type stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskType {
    /// The length of every value; none where it stands before each.
    pub fixed_length: Option<usize>,
    /// Whether a row has several cells of it (a collection or user type that is not frozen).
    pub is_complex: bool,
}

const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

impl DiskType {
    /// The type that a class name as `AbstractType.toString` writes it means.
    pub fn of_class(class: &str) -> Self {
        let (name, arguments) = split(class);
        if name == "ReversedType" {
            return Self::of_class(arguments);
        }
        let is_complex = matches!(name, "ListType" | "SetType" | "MapType" | "UserType");
        Self { fixed_length: if is_complex { None } else { fixed_length(name, arguments) }, is_complex }
    }
}

/// The simple name of a class and what is in its parentheses.
fn split(class: &str) -> (&str, &str) {
    let class = class.trim();
    let (name, arguments) = match class.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
        None => (class, ""),
    };
    (name.strip_prefix(PACKAGE).unwrap_or(name), arguments)
}

fn fixed_length(name: &str, arguments: &str) -> Option<usize> {
    match name {
        "EmptyType" => Some(0),
        "BooleanType" => Some(1),
        "Int32Type" | "FloatType" => Some(4),
        "LongType" | "DoubleType" | "TimestampType" | "DateType" => Some(8),
        "UUIDType" | "TimeUUIDType" | "LexicalUUIDType" => Some(16),
        "VectorType" => {
            let (element, dimension) = arguments.rsplit_once(',')?;
            let (name, arguments) = split(element);
            let dimension: usize = dimension.trim().parse().ok()?;
            fixed_length(name, arguments)?.checked_mul(dimension)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_say_how_values_stand() {
        let check = |class: &str, fixed_length, is_complex| {
            assert_eq!(DiskType::of_class(class), DiskType { fixed_length, is_complex }, "{class}");
        };
        check("org.apache.cassandra.db.marshal.Int32Type", Some(4), false);
        check(
            "org.apache.cassandra.db.marshal.ReversedType(org.apache.cassandra.db.marshal.UUIDType)",
            Some(16),
            false,
        );
        check(
            "org.apache.cassandra.db.marshal.ListType(org.apache.cassandra.db.marshal.Int32Type)",
            None,
            true,
        );
        check(
            "org.apache.cassandra.db.marshal.FrozenType(org.apache.cassandra.db.marshal.ListType(Int32Type))",
            None,
            false,
        );
        check(
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)",
            Some(12),
            false,
        );
        check(
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.UTF8Type , 3)",
            None,
            false,
        );
        check("org.apache.cassandra.db.marshal.ShortType", None, false);
    }
}
