//! Definitions and DESCRIBE.

use super::select::{direction, selector};
use super::term::{constant, cql_type, relation, term};
use super::{any_of, column, name, qualified, some};
use cql_grammar::ast::{
    AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView, ClusteringOrder,
    ColumnDefinition, ColumnMask, Constant, CreateAggregate, CreateFunction, CreateIndex, CreateKeyspace,
    CreateTable, CreateTrigger, CreateType, CreateView, Describe, DescribeTarget, DropAggregate,
    DropFunction, DropIndex, DropKeyspace, DropTable, DropTrigger, DropType, DropView, IndexTarget,
    IndexTargetKind, Name, PrimaryKey, Property, PropertyValue, Statement,
};
use proptest::option;
use proptest::prelude::*;

/// Literals of which no two keys are the same
pub fn literal_map() -> impl Strategy<Value = Vec<(Constant, Constant)>> {
    any_of((constant(), constant())).prop_map(|mut entries| {
        entries.sort_by(|a, b| a.0.text.cmp(&b.0.text));
        entries.dedup_by(|a, b| a.0.text == b.0.text);
        entries
    })
}

fn properties() -> impl Strategy<Value = Vec<Property>> {
    let value = prop_oneof![
        constant().prop_map(PropertyValue::Constant),
        "keys|ASCII|Json".prop_map(PropertyValue::Keyword),
        literal_map().prop_map(PropertyValue::Map),
    ];
    some((name(), value)).prop_map(|mut properties| {
        properties.sort_by(|a, b| a.0.cmp(&b.0));
        properties.dedup_by(|a, b| a.0 == b.0);
        properties.into_iter().map(|(name, value)| Property { name, value }).collect()
    })
}

fn opt_properties() -> impl Strategy<Value = Vec<Property>> {
    prop_oneof![Just(Vec::new()), properties()]
}

fn mask() -> impl Strategy<Value = ColumnMask> {
    prop_oneof![
        Just(ColumnMask::Default),
        (qualified(), any_of(term())).prop_map(|(name, args)| ColumnMask::Function { name, args }),
    ]
}

fn column_definition() -> impl Strategy<Value = ColumnDefinition> {
    (name(), cql_type(), any::<bool>(), option::of(mask()))
        .prop_map(|(name, ty, is_static, mask)| ColumnDefinition { name, ty, is_static, mask })
}

fn primary_key() -> impl Strategy<Value = PrimaryKey> {
    (some(name()), any_of(name()))
        .prop_map(|(partition_key, clustering)| PrimaryKey { partition_key, clustering })
}

fn clustering_order() -> impl Strategy<Value = Vec<ClusteringOrder>> {
    any_of((name(), direction()).prop_map(|(column, direction)| ClusteringOrder { column, direction }))
}

fn create_table() -> impl Strategy<Value = Statement> {
    (
        any::<bool>(),
        qualified(),
        some(column_definition()),
        any_of(primary_key()),
        opt_properties(),
        any::<bool>(),
        clustering_order(),
    )
        .prop_map(
            |(if_not_exists, name, columns, primary_keys, properties, compact_storage, clustering_order)| {
                Statement::CreateTable(CreateTable {
                    if_not_exists,
                    name,
                    columns,
                    primary_keys,
                    properties,
                    compact_storage,
                    clustering_order,
                })
            },
        )
}

fn renames() -> impl Strategy<Value = Vec<(Name, Name)>> {
    some((name(), name()))
}

fn alter_table() -> impl Strategy<Value = Statement> {
    let action = prop_oneof![
        (column(), cql_type()).prop_map(|(column, ty)| AlterTableAction::AlterType { column, ty }),
        (any::<bool>(), column(), option::of(mask()))
            .prop_map(|(if_exists, column, mask)| AlterTableAction::AlterMask { if_exists, column, mask }),
        (any::<bool>(), some(column_definition()))
            .prop_map(|(if_not_exists, columns)| AlterTableAction::Add { if_not_exists, columns }),
        (any::<bool>(), some(name()), option::of(any::<i64>())).prop_map(
            |(if_exists, columns, timestamp)| { AlterTableAction::Drop { if_exists, columns, timestamp } }
        ),
        (any::<bool>(), renames())
            .prop_map(|(if_exists, renames)| AlterTableAction::Rename { if_exists, renames }),
        Just(AlterTableAction::DropCompactStorage),
        properties().prop_map(AlterTableAction::With),
    ];
    (any::<bool>(), qualified(), action)
        .prop_map(|(if_exists, name, action)| Statement::AlterTable(AlterTable { if_exists, name, action }))
}

fn types() -> impl Strategy<Value = Statement> {
    let action = prop_oneof![
        (name(), cql_type()).prop_map(|(field, ty)| AlterTypeAction::Alter { field, ty }),
        (any::<bool>(), name(), cql_type()).prop_map(|(if_not_exists, field, ty)| AlterTypeAction::Add {
            if_not_exists,
            field,
            ty
        }),
        (any::<bool>(), renames())
            .prop_map(|(if_exists, renames)| AlterTypeAction::Rename { if_exists, renames }),
    ];
    prop_oneof![
        (any::<bool>(), qualified(), some((name(), cql_type()))).prop_map(|(if_not_exists, name, fields)| {
            Statement::CreateType(CreateType { if_not_exists, name, fields })
        }),
        (any::<bool>(), qualified(), action).prop_map(|(if_exists, name, action)| Statement::AlterType(
            AlterType { if_exists, name, action }
        )),
    ]
}

fn create_index() -> impl Strategy<Value = Statement> {
    let kinds = vec![
        IndexTargetKind::Simple,
        IndexTargetKind::Values,
        IndexTargetKind::Keys,
        IndexTargetKind::Entries,
        IndexTargetKind::Full,
    ];
    let target =
        (prop::sample::select(kinds), column()).prop_map(|(kind, column)| IndexTarget { kind, column });
    let options = (option::of(any::<String>()), opt_properties());
    (any::<bool>(), any::<bool>(), option::of(name()), qualified(), any_of(target), options).prop_map(
        |(custom, if_not_exists, name, table, targets, (using, properties))| {
            Statement::CreateIndex(CreateIndex {
                custom,
                if_not_exists,
                name,
                table,
                targets,
                using,
                properties,
            })
        },
    )
}

fn create_view() -> impl Strategy<Value = Statement> {
    let options = (opt_properties(), clustering_order());
    (any::<bool>(), qualified(), any_of(selector()), qualified(), any_of(relation()), primary_key(), options)
        .prop_map(
            |(
                if_not_exists,
                name,
                selectors,
                from,
                where_clause,
                primary_key,
                (properties, clustering_order),
            )| {
                Statement::CreateView(CreateView {
                    if_not_exists,
                    name,
                    selectors,
                    from,
                    where_clause,
                    primary_key,
                    properties,
                    clustering_order,
                })
            },
        )
}

fn functions() -> impl Strategy<Value = Statement> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let text = ("java|lua", any::<String>());
    let function = (flags, qualified(), any_of((name(), cql_type())), cql_type(), text).prop_map(
        |((or_replace, if_not_exists, called_on_null_input), name, args, return_type, (language, body))| {
            Statement::CreateFunction(CreateFunction {
                or_replace,
                if_not_exists,
                name,
                args,
                called_on_null_input,
                return_type,
                language,
                body,
            })
        },
    );
    let ends = (name(), cql_type(), option::of(name()), option::of(term()));
    let aggregate = (any::<bool>(), any::<bool>(), qualified(), any_of(cql_type()), ends).prop_map(
        |(
            or_replace,
            if_not_exists,
            name,
            args,
            (state_function, state_type, final_function, initial_condition),
        )| {
            Statement::CreateAggregate(CreateAggregate {
                or_replace,
                if_not_exists,
                name,
                args,
                state_function,
                state_type,
                final_function,
                initial_condition,
            })
        },
    );
    prop_oneof![function, aggregate]
}

fn drops() -> impl Strategy<Value = Statement> {
    (any::<bool>(), qualified(), qualified(), option::of(any_of(cql_type())), 0..8_u8).prop_map(
        |(if_exists, name, table, args, which)| match which {
            0 => Statement::DropKeyspace(DropKeyspace { if_exists, name: name.name }),
            1 => Statement::DropTable(DropTable { if_exists, name }),
            2 => Statement::DropType(DropType { if_exists, name }),
            3 => Statement::DropIndex(DropIndex { if_exists, name }),
            4 => Statement::DropView(DropView { if_exists, name }),
            5 => Statement::DropFunction(DropFunction { if_exists, name, args }),
            6 => Statement::DropAggregate(DropAggregate { if_exists, name, args }),
            _ => Statement::DropTrigger(DropTrigger { if_exists, name: name.name, table }),
        },
    )
}

fn others() -> impl Strategy<Value = Statement> {
    prop_oneof![
        (any::<bool>(), name(), properties()).prop_map(|(if_not_exists, name, properties)| {
            Statement::CreateKeyspace(CreateKeyspace { if_not_exists, name, properties })
        }),
        (any::<bool>(), name(), properties()).prop_map(|(if_exists, name, properties)| {
            Statement::AlterKeyspace(AlterKeyspace { if_exists, name, properties })
        }),
        (any::<bool>(), qualified(), properties()).prop_map(|(if_exists, name, properties)| {
            Statement::AlterView(AlterView { if_exists, name, properties })
        }),
        (any::<bool>(), name(), qualified(), any::<String>()).prop_map(
            |(if_not_exists, name, table, class)| {
                Statement::CreateTrigger(CreateTrigger { if_not_exists, name, table, class })
            }
        ),
        name().prop_map(Statement::Use),
        qualified().prop_map(Statement::Truncate),
    ]
}

fn describe() -> impl Strategy<Value = Statement> {
    let named: Vec<fn(cql_grammar::ast::QualifiedName) -> DescribeTarget> = vec![
        DescribeTarget::Table,
        DescribeTarget::Index,
        DescribeTarget::View,
        DescribeTarget::Type,
        DescribeTarget::Function,
        DescribeTarget::Aggregate,
        DescribeTarget::Generic,
    ];
    let plain = vec![
        DescribeTarget::Cluster,
        DescribeTarget::Schema { full: true },
        DescribeTarget::Schema { full: false },
        DescribeTarget::Keyspaces,
        DescribeTarget::Tables,
        DescribeTarget::Types,
        DescribeTarget::Functions,
        DescribeTarget::Aggregates,
    ];
    let target = prop_oneof![
        (prop::sample::select(named), qualified()).prop_map(|(target, name)| target(name)),
        prop::sample::select(plain),
        (any::<bool>(), option::of(name())).prop_map(|(only, name)| DescribeTarget::Keyspace { only, name }),
    ];
    (target, any::<bool>())
        .prop_map(|(target, internals)| Statement::Describe(Describe { target, internals }))
}

pub fn definition() -> BoxedStrategy<Statement> {
    prop_oneof![
        create_table(),
        alter_table(),
        types(),
        create_index(),
        create_view(),
        functions(),
        drops(),
        others(),
        describe(),
    ]
    .boxed()
}
