//! Terms: what may stand where a value is wanted.

use super::{CqlType, Name, NativeType, QualifiedName};

/// A value, or what computes to one without a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A literal of a scalar type
    Constant(Constant),
    /// `NULL`
    Null,
    /// `?` or `:name`
    BindMarker(BindMarker),
    /// `[a, b]`: a list or a vector
    List(Vec<Term>),
    /// `{a, b}`; empty braces may also mean an empty map
    Set(Vec<Term>),
    /// `{k: v, …}`, never empty
    Map(Vec<(Term, Term)>),
    /// `{field: v, …}`, never empty
    UserType(Vec<(Name, Term)>),
    /// `(a, b)`, never empty
    Tuple(Vec<Term>),
    /// `f(a, b)`
    FunctionCall {
        /// The function; not resolved
        name: QualifiedName,
        /// Its arguments
        args: Vec<Term>,
    },
    /// `(type) term`
    TypeCast {
        /// The wanted type
        ty: CqlType,
        /// What is cast
        term: Box<Term>,
    },
    /// `CAST(term AS type)`
    Cast {
        /// What is cast
        term: Box<Term>,
        /// The wanted type
        ty: NativeType,
    },
    /// `a + b`, …
    BinaryOp {
        /// The operator
        op: ArithmeticOperator,
        /// Left operand
        left: Box<Term>,
        /// Right operand
        right: Box<Term>,
    },
    /// `-a`
    Negate(Box<Term>),
}

/// A literal of a scalar type. Which type it may take depends on the receiver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Constant {
    /// How it is written
    pub kind: ConstantKind,
    /// A string's content without quotes; of any other kind the text as written (`NaN`, `Infinity` and `-Infinity`
    /// in that spelling, since Cassandra accepts them in any case)
    pub text: String,
}

/// How a literal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConstantKind {
    /// `'text'` or `$$text$$`
    String,
    /// `-12`
    Integer,
    /// `1.5e3`, `NaN`, `-Infinity`
    Float,
    /// `true`
    Boolean,
    /// `1h30m`, `P1Y`
    Duration,
    /// `123e4567-e89b-12d3-a456-426614174000`
    Uuid,
    /// `0xcafe`
    Hex,
}

/// A place for a value that comes with the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BindMarker {
    /// Which marker of the statement this is, from 0, in the order of the text.
    pub index: usize,
    /// The name of a `:name` marker.
    pub name: Option<Name>,
}

/// `+ - * / %`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ArithmeticOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}
