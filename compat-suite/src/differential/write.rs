//! Random statements that write.

use super::schema::{Column, Kind, Table, Timestamps};
use super::text::Writer;
use super::types::Type;
use super::value::json_name;

/// A statement that writes to a table: its kind and text.
pub fn write(table: &Table, writer: &mut Writer<'_>) -> (&'static str, String) {
    match writer.random.below(100) {
        0..=9 => ("batch", batch(table, writer)),
        10..=13 if !table.is_counter => ("insert json", insert_json(table, writer)),
        _ => single(table, writer),
    }
}

fn single(table: &Table, writer: &mut Writer<'_>) -> (&'static str, String) {
    let is_conditional = table.timestamps == Timestamps::Server && writer.random.chance(40);
    let kind = writer.random.below(100);
    let (name, text) = match kind {
        0..=39 if !table.is_counter => ("insert", insert(table, writer, is_conditional)),
        // What a counter is after it was deleted depends on Cassandra's counter cache.
        0..=74 => ("update", update(table, writer, is_conditional)),
        _ if table.is_counter => ("update", update(table, writer, is_conditional)),
        _ => ("delete", delete(table, writer, is_conditional)),
    };
    match (is_conditional, name) {
        (true, "insert") => ("insert if", text),
        (true, "update") => ("update if", text),
        (true, _) => ("delete if", text),
        _ => (name, text),
    }
}

fn batch(table: &Table, writer: &mut Writer<'_>) -> String {
    let kind = match table.is_counter {
        true => "COUNTER ",
        false => *writer.random.one(&["", "UNLOGGED "]),
    };
    let count = writer.random.between(1, 4);
    let statements: Vec<_> = (0..count).map(|_| single(table, writer).1).collect();
    format!("BEGIN {kind}BATCH {}; APPLY BATCH", statements.join("; "))
}

/// What a statement may give a time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lives {
    /// Nothing.
    Always,
    /// The cells that it writes.
    Cells,
    /// These, and the row.
    Row,
}

/// `USING`: a time to live where the statement may have one, and the timestamp where the statement decides it.
fn using(table: &Table, writer: &mut Writer<'_>, lives: Lives, is_conditional: bool) -> String {
    let mut parts = Vec::new();
    if table.timestamps == Timestamps::Statement && !is_conditional {
        let timestamp = match table.has_extremes && writer.random.chance(5) {
            true => *writer.random.one(&[0, -1, i64::MIN, i64::MIN + 1, i64::MAX - 1]),
            false => writer.random.between(1, 30) as i64,
        };
        parts.push(format!("TIMESTAMP {}", writer.bigint(timestamp)));
    }
    if lives != Lives::Always && !table.is_counter && writer.random.chance(15) {
        let ttl = match writer.random.chance(4) {
            true => *writer.random.one(&[-1, 630_720_000, 630_720_001, i32::MAX]),
            false if lives == Lives::Row && !table.has_expiring_rows => {
                *writer.random.one(&[1000, 100_000, 0, 2000])
            }
            false => *writer.random.one(&[1000, 100_000, 0, 50]),
        };
        parts.push(format!("TTL {}", writer.int(ttl)));
    }
    if parts.is_empty() { String::new() } else { format!(" USING {}", parts.join(" AND ")) }
}

fn insert(table: &Table, writer: &mut Writer<'_>, is_conditional: bool) -> String {
    let is_static_only = writer.random.chance(10);
    let mut columns: Vec<&Column> = table.partition();
    if !is_static_only {
        columns.extend(clustering(table, writer));
    }
    let values: Vec<&Column> = match is_static_only {
        true => table.of_kind(|kind| kind == Kind::Static),
        false => table.values(),
    };
    columns.extend(writer.random.some(&values, 70));
    let mut values = Vec::new();
    for column in &columns {
        let is_key = matches!(column.kind, Kind::Partition | Kind::Clustering(_));
        values.push(if is_key && !writer.random.chance(1) {
            writer.value(&column.of)
        } else {
            writer.opt_value(&column.of)
        });
    }
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let condition = if is_conditional { " IF NOT EXISTS" } else { "" };
    let using = using(table, writer, Lives::Row, is_conditional);
    format!(
        "INSERT INTO {} ({}) VALUES ({}){condition}{using}",
        table.name,
        names.join(", "),
        values.join(", ")
    )
}

/// `INSERT JSON`.
fn insert_json(table: &Table, writer: &mut Writer<'_>) -> String {
    let mut members = Vec::new();
    for column in &table.columns {
        let is_key = matches!(column.kind, Kind::Partition | Kind::Clustering(_));
        if !is_key && writer.random.chance(40) {
            continue;
        }
        let json = match writer.random.chance(5) {
            true => "null".to_owned(),
            false => column.of.value(writer.random).json,
        };
        let name = json_name(&column.name);
        members.push(format!("{name}: {json}"));
    }
    let default = *writer.random.one(&["", " DEFAULT UNSET", " DEFAULT NULL"]);
    let json = format!("{{{}}}", members.join(", ")).replace('\'', "''");
    let using = using(table, writer, Lives::Row, false);
    format!("INSERT INTO {} JSON '{json}'{default}{using}", table.name)
}

fn update(table: &Table, writer: &mut Writer<'_>, is_conditional: bool) -> String {
    let using = using(table, writer, Lives::Cells, is_conditional);
    let values = table.values();
    let mut chosen = writer.random.some(&values, 45);
    if chosen.is_empty()
        && let Some(first) = values.first()
    {
        chosen.push(first);
    }
    let assignments: Vec<_> = chosen.iter().map(|column| assignment(column, writer)).collect();
    let is_static_only = !chosen.is_empty() && chosen.iter().all(|column| column.kind == Kind::Static);
    let r#where = row(table, writer, is_static_only);
    let condition = condition(table, writer, is_conditional);
    format!("UPDATE {}{using} SET {} WHERE {}{condition}", table.name, assignments.join(", "), r#where)
}

fn assignment(column: &Column, writer: &mut Writer<'_>) -> String {
    let name = &column.name;
    if column.of == Type::Native("counter") {
        let sign = *writer.random.one(&["+", "-"]);
        let by = writer.value(&Type::Native("bigint"));
        return format!("{name} = {name} {sign} {by}");
    }
    if !column.of.is_multi_cell() || writer.random.chance(40) {
        return format!("{name} = {}", writer.opt_value(&column.of));
    }
    match &column.of {
        Type::List(element, _) => match writer.random.below(4) {
            0 => format!("{name} = {name} + {}", writer.opt_value(&column.of)),
            1 => format!("{name} = {} + {name}", writer.value(&column.of)),
            2 => format!("{name} = {name} - {}", writer.value(&column.of)),
            _ => {
                let index = writer.random.below(3) as i32;
                format!("{name}[{}] = {}", writer.int(index), writer.opt_value(element))
            }
        },
        Type::Set(..) => {
            let operator = *writer.random.one(&["+", "-"]);
            format!("{name} = {name} {operator} {}", writer.opt_value(&column.of))
        }
        Type::Map(key, value, _) => match writer.random.below(3) {
            0 => format!("{name} = {name} + {}", writer.opt_value(&column.of)),
            1 => {
                let keys = Type::Set(key.clone(), true);
                format!("{name} = {name} - {}", writer.value(&keys))
            }
            _ => format!("{name}[{}] = {}", writer.value(key), writer.opt_value(value)),
        },
        Type::User(fields, _) => {
            let (field, of) = writer.random.one(fields).clone();
            format!("{name}.{field} = {}", writer.opt_value(&of))
        }
        _ => format!("{name} = {}", writer.opt_value(&column.of)),
    }
}

/// The clustering key: rows of compact tables may give the first columns only.
fn clustering<'t>(table: &'t Table, writer: &mut Writer<'_>) -> Vec<&'t Column> {
    let mut columns = table.clustering();
    // Cassandra fails to count in short rows.
    if table.is_compact && !table.is_counter && columns.len() > 1 && writer.random.chance(40) {
        columns.truncate(writer.random.between(1, columns.len()));
    }
    columns
}

/// A relation to several columns at once.
fn several(columns: &[&Column], writer: &mut Writer<'_>) -> Option<String> {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let names = names.join(", ");
    let is_list = writer.random.chance(50);
    let mut tuple = || {
        let values: Vec<_> = columns.iter().map(|column| writer.value(&column.of)).collect();
        format!("({})", values.join(", "))
    };
    if columns.is_empty() {
        return None;
    }
    let first = tuple();
    Some(match is_list {
        true => format!("({names}) IN ({first}, {})", tuple()),
        false => format!("({names}) = {first}"),
    })
}

/// A whole primary key, or the partition's.
fn row(table: &Table, writer: &mut Writer<'_>, is_partition: bool) -> String {
    let mut columns = table.partition();
    if !is_partition || writer.random.chance(3) {
        columns.extend(clustering(table, writer));
    }
    let mut relations = Vec::new();
    if writer.random.chance(8) {
        relations.extend(several(&columns.split_off(table.partition().len().min(columns.len())), writer));
    }
    for column in columns {
        relations.push(if writer.random.chance(4) {
            format!("{} IN ({}, {})", column.name, writer.value(&column.of), writer.value(&column.of))
        } else {
            format!("{} = {}", column.name, writer.value(&column.of))
        });
    }
    relations.join(" AND ")
}

fn condition(table: &Table, writer: &mut Writer<'_>, is_conditional: bool) -> String {
    if !is_conditional {
        return String::new();
    }
    let values = table.values();
    if values.is_empty() || writer.random.chance(25) {
        return " IF EXISTS".to_owned();
    }
    let count = writer.random.between(1, 2);
    let mut columns: Vec<&Column> = (0..count).map(|_| *writer.random.one(&values)).collect();
    // Which of several conditions on one column is looked at first is a matter of chance in Cassandra.
    columns.dedup_by(|a, b| a.name == b.name);
    let is_only = columns.len() == 1;
    let conditions: Vec<_> =
        columns.into_iter().map(|column| one_condition(column, is_only, writer)).collect();
    format!(" IF {}", conditions.join(" AND "))
}

fn one_condition(column: &Column, is_only: bool, writer: &mut Writer<'_>) -> String {
    // Which of several conditions fails first is a matter of chance in Cassandra.
    let value = |writer: &mut Writer<'_>, of: &Type| match is_only {
        true => writer.opt_value(of),
        false => writer.value(of),
    };
    let operator = *writer.random.one(&["=", "=", "!=", "<", ">", "<=", ">="]);
    let name = &column.name;
    match &column.of {
        Type::List(element, _) if writer.random.chance(50) => {
            let index = writer.random.below(3) as i32;
            format!("{name}[{}] {operator} {}", writer.int(index), value(writer, element))
        }
        Type::Map(key, of, _) if writer.random.chance(50) => {
            format!("{name}[{}] {operator} {}", writer.value(key), value(writer, of))
        }
        Type::User(fields, _) if writer.random.chance(50) => {
            let (field, of) = writer.random.one(fields).clone();
            format!("{name}.{field} {operator} {}", value(writer, &of))
        }
        of if writer.random.chance(15) => {
            format!("{name} IN ({}, {})", value(writer, of), writer.value(of))
        }
        of => format!("{name} {operator} {}", value(writer, of)),
    }
}

fn delete(table: &Table, writer: &mut Writer<'_>, is_conditional: bool) -> String {
    let clustering = table.clustering();
    let values = table.values();
    let mut targets = Vec::new();
    let mut is_static_only = false;
    if writer.random.chance(35) && !values.is_empty() {
        for _ in 0..*writer.random.one(&[1, 1, 1, 2]) {
            let chosen = *writer.random.one(&values);
            is_static_only = chosen.kind == Kind::Static && (targets.is_empty() || is_static_only);
            targets.push(target(chosen, writer));
        }
    }
    let using = match table.is_counter {
        true => String::new(),
        false => using(table, writer, Lives::Always, is_conditional),
    };
    let is_range = targets.is_empty() && !clustering.is_empty() && writer.random.chance(50);
    let r#where = match is_range {
        true => range(table, writer),
        false => row(table, writer, is_static_only),
    };
    let condition = condition(table, writer, is_conditional);
    let targets = if targets.is_empty() { String::new() } else { format!(" {}", targets.join(", ")) };
    format!("DELETE{targets} FROM {}{using} WHERE {}{condition}", table.name, r#where)
}

fn target(column: &Column, writer: &mut Writer<'_>) -> String {
    match &column.of {
        Type::List(_, false) if writer.random.chance(60) => {
            let index = writer.random.below(3) as i32;
            format!("{}[{}]", column.name, writer.int(index))
        }
        Type::Map(key, _, false) if writer.random.chance(60) => {
            format!("{}[{}]", column.name, writer.value(key))
        }
        Type::Set(element, false) if writer.random.chance(60) => {
            format!("{}[{}]", column.name, writer.value(element))
        }
        Type::User(fields, false) if writer.random.chance(60) => {
            format!("{}.{}", column.name, writer.random.one(fields).0)
        }
        _ => column.name.clone(),
    }
}

/// A partition, and a range of its clusterings.
fn range(table: &Table, writer: &mut Writer<'_>) -> String {
    let mut relations = vec![row(table, writer, true)];
    relations.extend(slice(&table.clustering(), writer));
    relations.join(" AND ")
}

/// Relations to a prefix of a clustering key, the last of them perhaps a range.
pub fn slice(clustering: &[&Column], writer: &mut Writer<'_>) -> Vec<String> {
    let mut relations = Vec::new();
    let depth = writer.random.below(clustering.len() + 1);
    if depth > 0 && writer.random.chance(8) {
        return several(clustering.get(..depth).unwrap_or_default(), writer).into_iter().collect();
    }
    for column in clustering.iter().take(depth) {
        relations.push(match writer.random.chance(12) {
            true => {
                format!("{} IN ({}, {})", column.name, writer.value(&column.of), writer.value(&column.of))
            }
            false => format!("{} = {}", column.name, writer.value(&column.of)),
        });
    }
    let rest = clustering.get(depth..).unwrap_or_default();
    if let Some(column) = rest.first().filter(|_| writer.random.chance(60)) {
        let (from, to) = (*writer.random.one(&[">", ">="]), *writer.random.one(&["<", "<="]));
        let is_multi = writer.random.chance(25);
        let columns = if is_multi { rest } else { std::slice::from_ref(column) };
        match writer.random.below(3) {
            0 => relations.push(bound(columns, is_multi, from, writer)),
            1 => relations.push(bound(columns, is_multi, to, writer)),
            _ => {
                relations.push(bound(columns, is_multi, from, writer));
                relations.push(bound(columns, is_multi, to, writer));
            }
        }
    }
    relations
}

fn bound(columns: &[&Column], is_multi: bool, operator: &str, writer: &mut Writer<'_>) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let values: Vec<_> = columns.iter().map(|column| writer.value(&column.of)).collect();
    match is_multi {
        true => format!("({}) {operator} ({})", names.join(", "), values.join(", ")),
        false => format!("{} {operator} {}", names.join(", "), values.join(", ")),
    }
}
