//! Reads the `*.tables` files. They are part of the program, so that what is wrong in them is a defect.

use super::system_table_id;
use crate::schema::{
    ClusteringOrder, ColumnId, ColumnKind, ColumnMetadata, DroppedColumn, TableMetadata, TableParams,
    assign_initial_ids, parse_type_name,
};

/// The tables that `text` defines, with `params` where it does not say otherwise.
pub(super) fn tables(keyspace: &str, text: &str, params: &TableParams) -> Vec<TableMetadata> {
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| table(keyspace, block, params.clone())).collect()
}

fn table(keyspace: &str, block: &str, mut params: TableParams) -> TableMetadata {
    let mut name = "";
    let (mut columns, mut dropped) = (Vec::new(), Vec::new());
    for line in block.lines() {
        let (word, rest) = line.trim().split_once(' ').expect("a line has a word and more");
        match word {
            "table" => name = rest,
            "comment" => params.comment = rest.to_owned(),
            "default_time_to_live" => params.default_time_to_live = rest.parse().expect("it is a number"),
            "compaction" => match rest.split_once(' ').expect("a compaction option has a value") {
                ("class", class) => params.compaction.class = class.to_owned(),
                (option, value) => {
                    params.compaction.options.insert(option.to_owned(), value.to_owned());
                }
            },
            // A column of earlier releases; whatever it holds is gone.
            "dropped" => dropped.push(column("regular", rest, &[])),
            kind => columns.push(column(kind, rest, &columns)),
        }
    }
    assign_initial_ids(&mut columns);
    let mut table = TableMetadata::new(keyspace, name, system_table_id(keyspace, name), columns, params);
    for mut column in dropped {
        column.id = table.next_column_id();
        table
            .dropped_columns
            .insert(column.name.clone(), DroppedColumn { column, dropped_time_us: i64::MAX });
    }
    table
}

fn column(kind: &str, definition: &str, before: &[ColumnMetadata]) -> ColumnMetadata {
    let kind = match kind {
        "partition_key" => ColumnKind::PartitionKey,
        "clustering" => ColumnKind::Clustering,
        "static" => ColumnKind::Static,
        "regular" => ColumnKind::Regular,
        other => unreachable!("a system table's definition has a line with {other}"),
    };
    let (name, cql_type) = definition.split_once(' ').expect("a column has a name and a type");
    let is_key = matches!(kind, ColumnKind::PartitionKey | ColumnKind::Clustering);
    ColumnMetadata {
        id: ColumnId(0),
        name: name.to_owned(),
        cql_type: parse_type_name(cql_type, &|_| None).expect("system tables have known types"),
        kind,
        position: if is_key { before.iter().filter(|c| c.kind == kind).count() } else { 0 },
        order: ClusteringOrder::Asc,
        mask: None,
    }
}
