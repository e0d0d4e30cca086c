//! Random statements that read.

use super::schema::{Column, Kind, Table, Timestamps};
use super::text::Writer;
use super::types::Type;
use super::write::slice;

/// Shapes of `SELECT` beside those at random.
const WHOLE_ROW: usize = 100;
const WHOLE_ROW_AS_JSON: usize = 101;

/// A `SELECT` of a table: its kind and text.
pub fn read(table: &Table, writer: &mut Writer<'_>) -> (&'static str, String) {
    let shape = match table.has_expiring_rows {
        true => *writer.random.one(&[WHOLE_ROW, WHOLE_ROW_AS_JSON]),
        false => writer.random.below(100),
    };
    let (kind, selection, group) = match shape {
        0..=4 => ("select distinct", distinct(table, writer), String::new()),
        5..=9 => {
            let columns = columns(table, writer);
            // Cassandra fails to write the times of several cells as JSON.
            let is_timed = columns.contains("ttl(") || columns.contains("writetime(");
            let columns = if is_timed { "*".to_owned() } else { columns };
            ("select json", format!("JSON {columns}"), String::new())
        }
        WHOLE_ROW => ("select", "*".to_owned(), String::new()),
        WHOLE_ROW_AS_JSON => ("select json", "JSON *".to_owned(), String::new()),
        10..=19 => ("select aggregates", aggregates(table, writer), String::new()),
        20..=29 => grouped(table, writer),
        _ => ("select", columns(table, writer), String::new()),
    };
    let (r#where, is_filtering) = restrictions(table, writer);
    let r#where = match r#where.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", r#where.join(" AND ")),
    };
    let order = order(table, writer);
    let mut limits = String::new();
    if writer.random.chance(15) {
        limits.push_str(&format!(" PER PARTITION LIMIT {}", number(writer)));
    }
    if writer.random.chance(25) {
        limits.push_str(&format!(" LIMIT {}", number(writer)));
    }
    let filtering = if is_filtering { " ALLOW FILTERING" } else { "" };
    (kind, format!("SELECT {selection} FROM {}{}{group}{order}{limits}{filtering}", table.name, r#where))
}

fn number(writer: &mut Writer<'_>) -> String {
    let number = writer.random.between(1, 5) as i32;
    writer.int(number)
}

fn names(columns: &[&Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

fn columns(table: &Table, writer: &mut Writer<'_>) -> String {
    if writer.random.chance(35) {
        return "*".to_owned();
    }
    let count = writer.random.between(1, 4);
    let chosen: Vec<_> = (0..count)
        .map(|_| {
            let column = writer.random.one(&table.columns).clone();
            selector(table, &column, writer)
        })
        .collect();
    chosen.join(", ")
}

fn selector(table: &Table, column: &Column, writer: &mut Writer<'_>) -> String {
    let name = &column.name;
    let is_value = matches!(column.kind, Kind::Static | Kind::Regular);
    let is_timed = table.timestamps != Timestamps::Server && is_value && !table.is_counter;
    match writer.random.below(18) {
        0 if is_timed => format!("writetime({name})"),
        1 if is_timed => format!("ttl({name})"),
        2 if is_timed => format!("maxwritetime({name})"),
        3 => format!("CAST({name} AS text)"),
        // Cassandra names the column by whichever spelling it met first for the type since it was started.
        4 => format!("to_json({name}) AS json"),
        5 => format!("{name} AS \"An alias\""),
        6 if column.of.is_number() => format!("{name} + {name}"),
        7 => match column.of {
            Type::Native(of) if of != "blob" => format!("{of}asblob({name})"),
            _ => name.clone(),
        },
        8 => function(table, column, writer),
        9 if column.of.is_number() => {
            let operator = *writer.random.one(&["+", "-", "*", "/", "%"]);
            let number = *writer.random.one(&["1", "2", "-3", "0", "0.5", "100000"]);
            format!("{name} {operator} {number}")
        }
        10 if column.of.is_number() => {
            let to =
                *writer.random.one(&["tinyint", "int", "bigint", "double", "decimal", "varint", "float"]);
            format!("CAST({name} AS {to})")
        }
        11 if is_timed => match &column.of {
            // Cassandra cannot bind the element.
            Type::Map(key, ..) => format!("writetime({name}[{}])", key.value(writer.random).literal),
            Type::Set(element, _) => format!("ttl({name}[{}])", element.value(writer.random).literal),
            Type::User(fields, _) => format!("writetime({name}.{})", writer.random.one(fields).0),
            _ => format!("maxwritetime({name})"),
        },
        _ => part(column, writer),
    }
}

/// A function of a column that is made for its type.
fn function(table: &Table, column: &Column, writer: &mut Writer<'_>) -> String {
    let name = &column.name;
    let is_native = |names: &[&str]| matches!(&column.of, Type::Native(of) if names.contains(of));
    let function = match &column.of {
        Type::Map(..) => *writer.random.one(&["map_keys", "map_values", "collection_count"]),
        Type::List(element, _) | Type::Set(element, _) if element.is_number() => {
            *writer.random.one(&["collection_min", "collection_max", "collection_sum", "collection_avg"])
        }
        Type::List(..) | Type::Set(..) => {
            *writer.random.one(&["collection_count", "collection_min", "collection_max"])
        }
        of if of.is_number() => *writer.random.one(&["abs", "round", "exp", "log", "log10"]),
        _ if is_native(&["timestamp"]) => *writer.random.one(&["to_date", "to_unix_timestamp"]),
        _ if is_native(&["date"]) => *writer.random.one(&["to_timestamp", "to_unix_timestamp"]),
        _ if is_native(&["timeuuid"]) => {
            *writer.random.one(&["to_date", "to_timestamp", "to_unix_timestamp", "min_timeuuid"])
        }
        _ => {
            let key = names(&table.partition()).join(", ");
            return format!("token({key})");
        }
    };
    format!("{function}({name})")
}

/// A column, or an element of it.
fn part(column: &Column, writer: &mut Writer<'_>) -> String {
    let name = &column.name;
    match &column.of {
        Type::Map(key, ..) if writer.random.chance(50) => format!("{name}[{}]", writer.value(key)),
        Type::Set(element, _) if writer.random.chance(40) => match writer.random.chance(50) {
            true => format!("{name}[{}]", writer.value(element)),
            false => format!("{name}[{}..{}]", writer.value(element), writer.value(element)),
        },
        Type::User(fields, _) if writer.random.chance(60) => {
            format!("{name}.{}", writer.random.one(fields).0)
        }
        _ => name.clone(),
    }
}

fn distinct(table: &Table, writer: &mut Writer<'_>) -> String {
    let mut columns = table.partition();
    let statics = table.of_kind(|kind| kind == Kind::Static);
    columns.extend(writer.random.some(&statics, 50));
    format!("DISTINCT {}", names(&columns).join(", "))
}

fn aggregate(table: &Table, writer: &mut Writer<'_>) -> String {
    let column = writer.random.one(&table.columns).clone();
    let function = match column.of.is_number() {
        true => *writer.random.one(&["count", "min", "max", "sum", "avg"]),
        false => *writer.random.one(&["count", "min", "max"]),
    };
    format!("{function}({})", column.name)
}

fn aggregates(table: &Table, writer: &mut Writer<'_>) -> String {
    let mut selected = Vec::new();
    if writer.random.chance(50) {
        selected.push("count(*)".to_owned());
    }
    for _ in 0..writer.random.between(1, 3) {
        selected.push(aggregate(table, writer));
    }
    if writer.random.chance(10) {
        let column = writer.random.one(&table.columns).clone();
        selected.push(column.name);
    }
    selected.join(", ")
}

fn grouped(table: &Table, writer: &mut Writer<'_>) -> (&'static str, String, String) {
    let mut key = table.partition();
    let clustering = table.clustering();
    let depth = writer.random.below(clustering.len() + 1);
    key.extend(clustering.iter().take(depth));
    let chosen: Vec<&Column> = writer.random.some(&key, 50).into_iter().copied().collect();
    let mut selected = names(&chosen);
    for _ in 0..writer.random.between(1, 2) {
        selected.push(aggregate(table, writer));
    }
    ("select group by", selected.join(", "), format!(" GROUP BY {}", names(&key).join(", ")))
}

/// Relations, and whether to allow filtering.
fn restrictions(table: &Table, writer: &mut Writer<'_>) -> (Vec<String>, bool) {
    let partition = table.partition();
    let mut relations = Vec::new();
    match writer.random.below(100) {
        0..=54 => {
            for column in partition {
                relations.push(match writer.random.chance(10) {
                    true => {
                        let values = [writer.value(&column.of), writer.value(&column.of)];
                        format!("{} IN ({})", column.name, values.join(", "))
                    }
                    false => format!("{} = {}", column.name, writer.value(&column.of)),
                });
            }
            relations.extend(slice(&table.clustering(), writer));
            let is_filtering = writer.random.chance(25);
            if is_filtering {
                relations.push(filter(table, writer));
            }
            (relations, is_filtering)
        }
        55..=64 => {
            let key = names(&partition).join(", ");
            let operator = *writer.random.one(&[">", ">=", "<", "<="]);
            if writer.random.chance(50) {
                let values: Vec<_> = partition.iter().map(|column| writer.value(&column.of)).collect();
                relations.push(format!("token({key}) {operator} token({})", values.join(", ")));
            } else {
                let token =
                    *writer.random.one(&[i64::MIN, -4_000_000_000_000_000_000, 0, 5_000_000_000_000_000_000]);
                relations.push(format!("token({key}) {operator} {}", writer.bigint(token)));
            }
            (relations, false)
        }
        65..=79 => (relations, false),
        _ => {
            for _ in 0..writer.random.between(1, 2) {
                relations.push(filter(table, writer));
            }
            (relations, writer.random.chance(85))
        }
    }
}

fn filter(table: &Table, writer: &mut Writer<'_>) -> String {
    let column = writer.random.one(&table.columns).clone();
    let name = &column.name;
    match &column.of {
        Type::List(element, _) | Type::Set(element, _) if writer.random.chance(70) => {
            format!("{name} CONTAINS {}", writer.value(element))
        }
        Type::Map(key, value, _) if writer.random.chance(80) => match writer.random.below(3) {
            0 => format!("{name} CONTAINS {}", writer.value(value)),
            1 => format!("{name} CONTAINS KEY {}", writer.value(key)),
            _ => format!("{name}[{}] = {}", writer.value(key), writer.value(value)),
        },
        of if writer.random.chance(10) => {
            format!("{name} IN ({}, {})", writer.value(of), writer.value(of))
        }
        of => {
            let operator = *writer.random.one(&["=", "=", "<", ">", "<=", ">="]);
            format!("{name} {operator} {}", writer.value(of))
        }
    }
}

fn order(table: &Table, writer: &mut Writer<'_>) -> String {
    let clustering = table.clustering();
    if clustering.is_empty() || !writer.random.chance(20) {
        return String::new();
    }
    let is_reversed = writer.random.chance(50);
    let depth = writer.random.between(1, clustering.len());
    let orders = clustering.iter().take(depth).map(|column| {
        let is_descending = (column.kind == Kind::Clustering(true)) != is_reversed;
        format!("{} {}", column.name, if is_descending { "DESC" } else { "ASC" })
    });
    format!(" ORDER BY {}", orders.collect::<Vec<_>>().join(", "))
}
