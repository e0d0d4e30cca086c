//! The syntax tree of CQL: plain data, one type for each production that carries meaning.
//!
//! Names are resolved only as far as the text goes: an unquoted identifier is held in lower case, a quoted one as it
//! is written. Parentheses that only group are kept where Cassandra keeps them (selectors), dropped in relations.

mod ddl;
mod function;
mod modification;
mod name;
mod relation;
mod role;
mod select;
mod statement;
mod term;
mod types;

pub use ddl::{
    AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView, ClusteringOrder,
    ColumnDefinition, ColumnMask, CreateIndex, CreateKeyspace, CreateTable, CreateTrigger, CreateType,
    CreateView, DropIndex, DropKeyspace, DropTable, DropTrigger, DropType, DropView, IndexTarget,
    IndexTargetKind, PrimaryKey, Property, PropertyValue,
};
pub use function::{CreateAggregate, CreateFunction, DropAggregate, DropFunction};
pub use modification::{
    Assignment, Batch, BatchKind, Condition, ConditionTarget, ConditionTest, Conditions, Delete, Deletion,
    Insert, InsertJson, JsonValue, Operation, Update, Using,
};
pub use name::{Name, QualifiedName, RoleName};
pub use relation::{InValues, Operator, Relation};
pub use role::{
    Access, AddIdentity, AlterRole, AlterUser, CreateRole, CreateUser, DropIdentity, DropRole, DropUser,
    GrantPermissions, GrantRole, ListPermissions, ListRoles, Permission, Permissions, Resource,
    RevokePermissions, RevokeRole, RoleOptions, UserOptions,
};
pub use select::{Direction, Ordering, Select, Selectable, Selector, WritetimeKind};
pub use statement::{Describe, DescribeTarget, Statement};
pub use term::{ArithmeticOperator, BindMarker, Constant, ConstantKind, Term};
pub use types::{CqlType, NativeType};
