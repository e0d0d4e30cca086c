//! CREATE TABLE and ALTER TABLE, and what views share with them.

use super::input::{
    Input, Res, and_list, comma_list, opt_comma_list, opt_if_exists, opt_if_not_exists, opt_tok, opt_when,
    parens, separated, text_of, tok, toks,
};
use super::property::{no_duplicates, properties, property};
use super::{name, term, types};
use crate::ast::{
    AlterTable, AlterTableAction, ClusteringOrder, ColumnDefinition, ColumnMask, CreateTable, Direction,
    Name, PrimaryKey, Property, Statement,
};
use crate::lexer::Kind;

/// `createTableStatement`
pub(super) fn create_table(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KCreate, Kind::KColumnfamily])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::table(input)?;
    let (input, elements) = parens(table_elements)(input)?;
    let (input, options) = opt_when(Kind::KWith, |input| table_options(input.skip()))(input)?;
    let options = options.unwrap_or_default();
    let mut table = CreateTable {
        if_not_exists,
        name,
        columns: Vec::new(),
        primary_keys: Vec::new(),
        properties: options.properties,
        compact_storage: options.compact_storage,
        clustering_order: options.clustering_order,
    };
    for element in elements {
        match element {
            Element::Column(column, is_key) => {
                if is_key {
                    let key = PrimaryKey { partition_key: vec![column.name.clone()], clustering: Vec::new() };
                    table.primary_keys.push(key);
                }
                table.columns.push(column);
            }
            Element::PrimaryKey(key) => table.primary_keys.push(key),
        }
    }
    Ok((input, Statement::CreateTable(table)))
}

/// What stands between the parentheses of CREATE TABLE
enum Element {
    /// A column, and whether it is marked PRIMARY KEY
    Column(ColumnDefinition, bool),
    PrimaryKey(PrimaryKey),
}

/// Elements with commas between; a comma may also be followed by nothing.
fn table_elements(input: Input<'_>) -> Res<'_, Vec<Element>> {
    let (mut input, first) = table_element(input)?;
    let mut elements = vec![first];
    while input.kind(0) == Kind::Comma {
        input = input.skip();
        if input.kind(0) == Kind::KPrimary || input.kind(0).is_identifier() {
            let (rest, element) = table_element(input)?;
            elements.push(element);
            input = rest;
        }
    }
    Ok((input, elements))
}

/// `tableColumns`
fn table_element(input: Input<'_>) -> Res<'_, Element> {
    match input.kind(0) {
        Kind::KPrimary => {
            let (input, key) = primary_key(input)?;
            Ok((input, Element::PrimaryKey(key)))
        }
        kind if kind.is_identifier() => {
            let (input, column) = column_definition(input)?;
            let (input, key) = opt_when(Kind::KPrimary, toks([Kind::KPrimary, Kind::KKey]))(input)?;
            Ok((input, Element::Column(column, key.is_some())))
        }
        _ => input.no_viable(0),
    }
}

/// A column with its type, STATIC and mask
fn column_definition(input: Input<'_>) -> Res<'_, ColumnDefinition> {
    let (input, name) = name::identifier(input)?;
    let (input, ty) = types::comparator_type(input)?;
    let (input, is_static) = opt_tok(Kind::KStatic)(input)?;
    let (input, mask) = opt_when(Kind::KMasked, column_mask)(input)?;
    Ok((input, ColumnDefinition { name, ty, is_static, mask }))
}

/// `columnMask`
fn column_mask(input: Input<'_>) -> Res<'_, ColumnMask> {
    if input.kind(0) != Kind::KMasked {
        return input.no_viable(0);
    }
    if input.kind(1) != Kind::KWith {
        return input.no_viable(1);
    }
    match (input.kind(2), input.kind(3)) {
        (Kind::KDefault, Kind::Eof | Kind::KPrimary | Kind::RightParen | Kind::Comma | Kind::Semicolon) => {
            return Ok((input.skip().skip().skip(), ColumnMask::Default));
        }
        (Kind::KDefault, Kind::LeftParen | Kind::Dot) => {}
        (Kind::KDefault, _) => return input.no_viable(3),
        (third, _) if third.is_identifier() || matches!(third, Kind::KToken | Kind::QMark) => {}
        _ => return input.no_viable(2),
    }
    let (input, name) = name::function(input.skip().skip())?;
    if input.kind(0) != Kind::LeftParen {
        return input.no_viable(0);
    }
    if input.kind(1) != Kind::RightParen && !input.kind(1).starts_term() {
        return input.no_viable(1);
    }
    let (input, args) = parens(opt_comma_list(Kind::starts_term, term::term))(input)?;
    Ok((input, ColumnMask::Function { name, args }))
}

/// `PRIMARY KEY ((a, b), c)`
pub(super) fn primary_key(input: Input<'_>) -> Res<'_, PrimaryKey> {
    let (input, ()) = toks([Kind::KPrimary, Kind::KKey])(input)?;
    parens(|input| {
        let (mut input, partition_key) = partition_key(input)?;
        let mut clustering = Vec::new();
        while input.kind(0) == Kind::Comma {
            let (rest, column) = name::identifier(input.skip())?;
            clustering.push(column);
            input = rest;
        }
        Ok((input, PrimaryKey { partition_key, clustering }))
    })(input)
}

/// `tablePartitionKey`
fn partition_key(input: Input<'_>) -> Res<'_, Vec<Name>> {
    match input.kind(0) {
        Kind::LeftParen => parens(comma_list(name::identifier))(input),
        _ => {
            let (input, column) = name::identifier(input)?;
            Ok((input, vec![column]))
        }
    }
}

/// What stands after WITH
#[derive(Default)]
pub(super) struct TableOptions {
    pub properties: Vec<Property>,
    pub compact_storage: bool,
    pub clustering_order: Vec<ClusteringOrder>,
}

enum TableOption {
    Property(Property),
    CompactStorage,
    ClusteringOrder(Vec<ClusteringOrder>),
}

/// The properties of a table or a view
pub(super) fn table_options(input: Input<'_>) -> Res<'_, TableOptions> {
    let mut options = TableOptions::default();
    let (input, found) = and_list(table_option)(input)?;
    for option in found {
        match option {
            TableOption::Property(property) => options.properties.push(property),
            TableOption::CompactStorage => options.compact_storage = true,
            TableOption::ClusteringOrder(order) => options.clustering_order.extend(order),
        }
    }
    let (input, properties) = no_duplicates(input, std::mem::take(&mut options.properties))?;
    options.properties = properties;
    Ok((input, options))
}

/// `tableProperty`
fn table_option(input: Input<'_>) -> Res<'_, TableOption> {
    match (input.kind(0), input.kind(1)) {
        (Kind::KCompact, Kind::KStorage) => Ok((input.skip().skip(), TableOption::CompactStorage)),
        (Kind::KClustering, Kind::KOrder) => {
            let (input, ()) = toks([Kind::KClustering, Kind::KOrder, Kind::KBy])(input)?;
            let (input, order) = parens(comma_list(clustering_order))(input)?;
            Ok((input, TableOption::ClusteringOrder(order)))
        }
        _ => {
            let (input, property) = property(input)?;
            Ok((input, TableOption::Property(property)))
        }
    }
}

/// `tableClusteringOrder`
fn clustering_order(input: Input<'_>) -> Res<'_, ClusteringOrder> {
    let (input, column) = name::identifier(input)?;
    let direction = match input.kind(0) {
        Kind::KAsc => Direction::Ascending,
        Kind::KDesc => Direction::Descending,
        _ => return input.no_viable(0),
    };
    Ok((input.skip(), ClusteringOrder { column, direction }))
}

/// `alterTableStatement`
pub(super) fn alter_table(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KAlter, Kind::KColumnfamily])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::table(input)?;
    let (input, action) = match (input.kind(0), input.kind(1)) {
        (Kind::KAlter, _) => alter_column(input)?,
        (Kind::KAdd, _) => add_columns(input.skip())?,
        (Kind::KDrop, Kind::KCompact) => match input.kind(2) {
            Kind::KStorage => (input.skip().skip().skip(), AlterTableAction::DropCompactStorage),
            Kind::Eof | Kind::KUsing | Kind::Semicolon => drop_columns(input.skip())?,
            _ => return input.no_viable(2),
        },
        (Kind::KDrop, Kind::KIf | Kind::LeftParen) => drop_columns(input.skip())?,
        (Kind::KDrop, second) if second.is_identifier() => drop_columns(input.skip())?,
        (Kind::KDrop, _) => return input.no_viable(1),
        (Kind::KRename, _) => {
            let (input, if_exists) = opt_if_exists(input.skip())?;
            let (input, renames) = renames(input)?;
            (input, AlterTableAction::Rename { if_exists, renames })
        }
        (Kind::KWith, _) => {
            let (input, properties) = properties(input.skip())?;
            (input, AlterTableAction::With(properties))
        }
        _ => return input.no_viable(0),
    };
    Ok((input, Statement::AlterTable(AlterTable { if_exists, name, action })))
}

/// `ALTER c TYPE t`, `ALTER c MASKED WITH …`, `ALTER c DROP MASKED`
fn alter_column(start: Input<'_>) -> Res<'_, AlterTableAction> {
    let is_type = match (start.kind(1), start.kind(2)) {
        (Kind::KIf, _) => false,
        (second, Kind::KType) if second.is_column() => true,
        (second, Kind::KDrop | Kind::KMasked) if second.is_column() => false,
        (second, _) if second.is_column() => return start.no_viable(2),
        _ => return start.no_viable(1),
    };
    let input = start.skip();
    if is_type {
        let (input, column) = name::column(input)?;
        let (input, ty) = types::comparator_type(input.skip())?;
        return Ok((input, AlterTableAction::AlterType { column, ty }));
    }
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, column) = name::column(input)?;
    let (input, mask) = match input.kind(0) {
        Kind::KMasked => {
            let (input, mask) = column_mask(input)?;
            (input, Some(mask))
        }
        Kind::KDrop => {
            let (input, ()) = toks([Kind::KDrop, Kind::KMasked])(input)?;
            (input, None)
        }
        _ => return input.no_viable(0),
    };
    Ok((input, AlterTableAction::AlterMask { if_exists, column, mask }))
}

/// After `ADD`
fn add_columns(input: Input<'_>) -> Res<'_, AlterTableAction> {
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, columns) = one_or_parens(input, column_definition)?;
    Ok((input, AlterTableAction::Add { if_not_exists, columns }))
}

/// After `DROP`
fn drop_columns(input: Input<'_>) -> Res<'_, AlterTableAction> {
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, columns) = one_or_parens(input, name::identifier)?;
    let (input, text) = opt_when(Kind::KUsing, |input| {
        let (input, ()) = toks([Kind::KUsing, Kind::KTimestamp])(input)?;
        text_of(Kind::Integer)(input)
    })(input)?;
    let timestamp = match text.as_deref().map(str::parse) {
        None => None,
        Some(Ok(timestamp)) => Some(timestamp),
        Some(Err(_)) => return input.thrown(types::not_a_number(&text.unwrap_or_default())),
    };
    Ok((input, AlterTableAction::Drop { if_exists, columns, timestamp }))
}

/// One, or several in parentheses
fn one_or_parens<'a, T>(input: Input<'a>, production: impl Fn(Input<'a>) -> Res<'a, T>) -> Res<'a, Vec<T>> {
    match input.kind(0) {
        Kind::LeftParen => parens(comma_list(production))(input),
        kind if kind.is_identifier() => {
            let (input, value) = production(input)?;
            Ok((input, vec![value]))
        }
        _ => input.no_viable(0),
    }
}

/// `a TO b AND c TO d`
pub(super) fn renames(input: Input<'_>) -> Res<'_, Vec<(Name, Name)>> {
    separated(Kind::KAnd, |input| {
        let (input, from) = name::identifier(input)?;
        let (input, _) = tok(Kind::KTo)(input)?;
        let (input, to) = name::identifier(input)?;
        Ok((input, (from, to)))
    })(input)
}
