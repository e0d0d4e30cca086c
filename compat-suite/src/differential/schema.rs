//! Random tables.

use super::random::Random;
use super::types::{Type, USER_TYPE};

/// What a column is in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of the partition key.
    Partition,
    /// Of the clustering key, and whether it is in descending order.
    Clustering(bool),
    /// One value for each partition.
    Static,
    /// Of a row.
    Regular,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name, quoted where it must be.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its type.
    pub of: Type,
}

/// Who decides the timestamps of a table's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamps {
    /// Each statement does, at random and out of order.
    Statement,
    /// The request's default timestamp.
    Request,
    /// The server: where there are conditions. Nothing then reads a timestamp.
    Server,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns: partition key, clustering key, static, regular.
    pub columns: Vec<Column>,
    /// Who decides its timestamps.
    pub timestamps: Timestamps,
    /// Whether its regular columns are counters.
    pub is_counter: bool,
    /// Whether it is one WITH COMPACT STORAGE.
    pub is_compact: bool,
    /// Whether its rows have a default time to live.
    pub has_ttl: bool,
    /// Whether rows that are inserted may expire. All columns of such a table are read together: where only some are,
    /// Cassandra leaves out cells of the others that are older than the row, and so the row itself once it expired.
    pub has_expiring_rows: bool,
    /// Whether statements give timestamps at the edges now and then.
    pub has_extremes: bool,
    /// How many columns it ever had, for new names.
    pub named: usize,
}

/// A schema: one user type, several tables.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The user type.
    pub user: Type,
    /// The tables.
    pub tables: Vec<Table>,
}

impl Schema {
    /// A random schema with so many tables.
    pub fn new(random: &mut Random, tables: usize) -> Self {
        let fields = ["x", "y", "\"Z\""];
        let fields = fields.iter().map(|name| ((*name).to_owned(), Type::native(random)));
        let user = Type::User(fields.collect(), true);
        let tables = (0..tables).map(|index| Table::new(random, index, &user)).collect();
        Self { user, tables }
    }

    /// Gives the user type one more field; gives the statement that does so.
    pub fn alter_type(&mut self, random: &mut Random) -> String {
        let of = Type::native(random);
        let Type::User(fields, _) = &mut self.user else { return String::new() };
        let name = format!("f{}", fields.len());
        let statement = format!("ALTER TYPE {USER_TYPE} ADD {name} {}", of.cql());
        fields.push((name, of));
        for column in self.tables.iter_mut().flat_map(|table| &mut table.columns) {
            if let Type::User(known, _) = &mut column.of {
                known.clone_from(fields);
            }
        }
        statement
    }

    /// The statements that make it.
    pub fn statements(&self) -> Vec<String> {
        let mut statements = Vec::new();
        if let Type::User(fields, _) = &self.user {
            let fields: Vec<_> = fields.iter().map(|(name, of)| format!("{name} {}", of.cql())).collect();
            statements.push(format!("CREATE TYPE {USER_TYPE} ({})", fields.join(", ")));
        }
        statements.extend(self.tables.iter().map(Table::statement));
        statements
    }
}

impl Table {
    fn new(random: &mut Random, index: usize, user: &Type) -> Self {
        let is_counter = random.chance(10);
        let is_compact = random.chance(15);
        let mut columns = Vec::new();
        let mut add = |name: String, kind, of| columns.push(Column { name, kind, of });
        for i in 0..1 + usize::from(random.chance(35)) {
            add(format!("p{i}"), Kind::Partition, Type::of_key(random));
        }
        let clusterings = *random.one(&[0, 1, 1, 2, 2, 3]);
        for i in 0..clusterings {
            let name = if i == 1 { "\"C1\"".to_owned() } else { format!("c{i}") };
            let of = loop {
                let of = Type::of_key(random);
                // Cassandra's counter cache takes 1.0 and 1.00 for two rows, and then counts from an old value.
                if !(is_counter && of.cql().contains("decimal")) {
                    break of;
                }
            };
            add(name, Kind::Clustering(random.chance(40)), of);
        }
        let of_value = |random: &mut Random| match is_counter {
            true => Type::Native("counter"),
            false if is_compact => loop {
                let of = Type::of_value(random, user);
                if !of.is_multi_cell() {
                    break of;
                }
            },
            false => Type::of_value(random, user),
        };
        if clusterings > 0 && !is_compact {
            for i in 0..*random.one(&[0, 0, 1, 2]) {
                add(format!("s{i}"), Kind::Static, of_value(random));
            }
        }
        let regulars = *random.one(&[0, 1, 2, 3, 4]);
        let regulars = match is_compact {
            true if clusterings > 0 => regulars.min(1),
            true => regulars.max(1),
            false => regulars,
        };
        for i in 0..regulars.max(usize::from(is_counter)) {
            add(format!("v{i}"), Kind::Regular, of_value(random));
        }
        let timestamps = match is_counter {
            true => Timestamps::Request,
            false => *random.one(&[
                Timestamps::Statement,
                Timestamps::Statement,
                Timestamps::Request,
                Timestamps::Server,
            ]),
        };
        let has_ttl = !is_counter && random.chance(10);
        let has_extremes = timestamps == Timestamps::Statement && random.chance(40);
        Self {
            name: format!("t{index}"),
            columns,
            timestamps,
            is_counter,
            is_compact,
            has_ttl,
            has_expiring_rows: random.chance(20),
            has_extremes,
            named: 4,
        }
    }

    /// Whether it has clustering values, elements or keys that may be written in several ways, as 1.0 and 1.00 are: cells
    /// and rows of theirs are one.
    pub fn has_equals(&self) -> bool {
        self.columns.iter().any(|column| match (&column.kind, &column.of) {
            (Kind::Clustering(_), of) => of.cql().contains("decimal"),
            (_, Type::Set(of, false) | Type::Map(of, _, false)) => of.cql().contains("decimal"),
            _ => false,
        })
    }

    /// The static columns that are sets or maps of several cells.
    pub fn static_sets(&self) -> Vec<String> {
        let is_set = |column: &&Column| {
            column.kind == Kind::Static && matches!(column.of, Type::Set(_, false) | Type::Map(_, _, false))
        };
        self.columns.iter().filter(is_set).map(|column| column.name.clone()).collect()
    }

    /// The columns of a kind.
    pub fn of_kind(&self, is: impl Fn(Kind) -> bool) -> Vec<&Column> {
        self.columns.iter().filter(|column| is(column.kind)).collect()
    }

    /// The partition key.
    pub fn partition(&self) -> Vec<&Column> {
        self.of_kind(|kind| kind == Kind::Partition)
    }

    /// The clustering key.
    pub fn clustering(&self) -> Vec<&Column> {
        self.of_kind(|kind| matches!(kind, Kind::Clustering(_)))
    }

    /// The columns that are not of the primary key.
    pub fn values(&self) -> Vec<&Column> {
        self.of_kind(|kind| matches!(kind, Kind::Static | Kind::Regular))
    }

    fn statement(&self) -> String {
        let names = |columns: Vec<&Column>| {
            columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ")
        };
        let columns = self.columns.iter().map(|column| {
            let suffix = if column.kind == Kind::Static { " STATIC" } else { "" };
            format!("{} {}{suffix}, ", column.name, column.of.cql())
        });
        let clustering = self.clustering();
        let key = match clustering.is_empty() {
            true => format!("({})", names(self.partition())),
            false => format!("({}), {}", names(self.partition()), names(clustering.clone())),
        };
        let mut options = Vec::new();
        if !clustering.is_empty() {
            let orders = clustering.iter().map(|column| {
                let order = if column.kind == Kind::Clustering(true) { "DESC" } else { "ASC" };
                format!("{} {order}", column.name)
            });
            options.push(format!("CLUSTERING ORDER BY ({})", orders.collect::<Vec<_>>().join(", ")));
        }
        if self.is_compact {
            options.push("COMPACT STORAGE".to_owned());
        }
        if self.has_ttl {
            options.push("default_time_to_live = 5000".to_owned());
        }
        let with =
            if options.is_empty() { String::new() } else { format!(" WITH {}", options.join(" AND ")) };
        format!("CREATE TABLE {} ({}PRIMARY KEY ({key})){with}", self.name, columns.collect::<String>())
    }

    /// A random change of its columns, and the statement that makes it.
    pub fn alter(&mut self, random: &mut Random, user: &Type) -> String {
        if self.is_compact {
            return format!("ALTER TABLE {} WITH comment = 'compact'", self.name);
        }
        // Cassandra cannot read a row any more with a cell of a dropped column that is younger than the drop.
        let may_drop = !self.is_counter && (!self.has_extremes || random.chance(5));
        let droppable = self.values();
        if random.chance(50) && !droppable.is_empty() && may_drop {
            let name = random.one(&droppable).name.clone();
            self.columns.retain(|column| column.name != name);
            return format!("ALTER TABLE {} DROP {name}", self.name);
        }
        let is_static = random.chance(25) && !self.clustering().is_empty();
        let of = if self.is_counter { Type::Native("counter") } else { Type::of_value(random, user) };
        let name = format!("v{}", self.named);
        self.named += 1;
        let (kind, suffix) = if is_static { (Kind::Static, " static") } else { (Kind::Regular, "") };
        let statement = format!("ALTER TABLE {} ADD {name} {}{suffix}", self.name, of.cql());
        self.columns.push(Column { name, kind, of });
        statement
    }
}
