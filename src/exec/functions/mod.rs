//! Native functions (Cassandra: package `cql3.functions`).
//!
//! A [`Function`] is one signature; [`candidates`] lists those of a name. Which of them a call means is decided by
//! the planner (`plan::function`).

mod aggregate;
mod conversion;
mod decimal;
mod generic;
mod masking;
mod math;
mod number;
mod operation;
mod time;
mod transcendental;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::error::Error;
use crate::schema::ColumnMask;
use crate::types::{CqlType, maybe_quoted, token};

/// What a function may know besides its arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct FunctionContext {
    /// The time at which the statement runs, in microseconds since 1970, the same for all of its rows.
    pub now_us: i64,
}

/// The code of a scalar function: serialized arguments, null where none, to a serialized result.
pub type ScalarBody =
    dyn Fn(&[Option<&[u8]>], &FunctionContext) -> Result<Option<Vec<u8>>, Error> + Send + Sync;

/// The state of an aggregate over some rows.
pub trait Accumulator: Send {
    /// Takes the arguments of one row.
    fn add(&mut self, arguments: &[Option<&[u8]>]) -> Result<(), Error>;
    /// Takes the only argument of each of some rows.
    fn add_all(&mut self, values: &[Option<&[u8]>]) -> Result<(), Error> {
        values.iter().try_for_each(|value| self.add(std::slice::from_ref(value)))
    }
    /// The result over all rows so far; the state then starts anew.
    fn finish(&mut self) -> Result<Option<Vec<u8>>, Error>;
}

/// What a function does.
#[derive(Clone)]
pub enum Body {
    /// A value for each row.
    Scalar(Arc<ScalarBody>),
    /// A value for all rows: makes a fresh state.
    Aggregate(Arc<dyn Fn() -> Box<dyn Accumulator> + Send + Sync>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar(_) => "Scalar",
            Self::Aggregate(_) => "Aggregate",
        })
    }
}

/// One signature of a native function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, without keyspace.
    pub name: String,
    /// The types of its arguments.
    pub arg_types: Vec<CqlType>,
    /// The type of its result.
    pub return_type: CqlType,
    /// Whether it gives the same result for the same arguments.
    pub is_pure: bool,
    /// What it does.
    pub body: Body,
}

impl Function {
    /// Its name with keyspace, as messages have it.
    pub fn name(&self) -> String {
        format!("system.{}", self.name)
    }

    /// Whether it is an aggregate.
    pub fn is_aggregate(&self) -> bool {
        matches!(self.body, Body::Aggregate(_))
    }

    /// Runs a scalar function.
    pub fn execute(
        &self,
        arguments: &[Option<&[u8]>],
        context: &FunctionContext,
    ) -> Result<Option<Vec<u8>>, Error> {
        match &self.body {
            Body::Scalar(body) => body(arguments, context),
            Body::Aggregate(_) => Err(Error::server(format!("{} is an aggregate", self.name))),
        }
    }
}

impl fmt::Display for Function {
    /// As Cassandra's `AbstractFunction.toString`: `system.max : (int) -> int`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<String> = self.arg_types.iter().map(CqlType::to_string).collect();
        write!(f, "system.{} : ({}) -> {}", maybe_quoted(&self.name), types.join(", "), self.return_type)
    }
}

/// What is known of a call when its function is looked up.
#[derive(Clone, Copy)]
pub struct CallShape<'a> {
    /// The exact or preferred types of the arguments, where known.
    pub arg_types: &'a [Option<CqlType>],
    /// The text of an argument, as messages have it.
    pub text: &'a dyn Fn(usize) -> String,
    /// How many elements an argument has that is written as `[a, b]`.
    pub array_size: &'a dyn Fn(usize) -> Option<usize>,
    /// Whether an argument is a clustering column in descending order: whatever its type is, Cassandra wraps it in one
    /// that is neither a collection nor a vector (`ReversedType`).
    pub is_descending: &'a dyn Fn(usize) -> bool,
    /// The type of what receives the result, where known.
    pub receiver: Option<&'a CqlType>,
    /// The types of the table's partition key, for `token`.
    pub partition_key: &'a [CqlType],
}

/// All signatures of the native function `name` (without keyspace) that may be meant; those that are generic in
/// their arguments are made for this call (Cassandra: `NativeFunctions.getFunctions` and `getFactories`). Fails
/// where a generic function cannot take such arguments.
pub fn candidates(name: &str, call: &CallShape<'_>) -> Result<Vec<Arc<Function>>, Error> {
    if let Some(functions) = registry().get(name) {
        return Ok(functions.clone());
    }
    if name == "token" {
        let made = (!call.partition_key.is_empty()).then(|| token(call.partition_key));
        return Ok(made.into_iter().map(Arc::new).collect());
    }
    let made = generic::make(name, call)?;
    Ok(made.into_iter().map(Arc::new).collect())
}

/// The function of a mask, for a column of that type; none where there is none of that name.
pub fn of_mask(mask: &ColumnMask, cql_type: &CqlType) -> Result<Option<Arc<Function>>, Error> {
    let further = mask.arguments.iter().map(|(cql_type, _)| Some(cql_type.clone()));
    let arg_types: Vec<Option<CqlType>> = std::iter::once(Some(cql_type.clone())).chain(further).collect();
    let shape = CallShape {
        arg_types: &arg_types,
        text: &|_| mask.to_string(),
        array_size: &|_| None,
        is_descending: &|_| false,
        receiver: Some(cql_type),
        partition_key: &[],
    };
    Ok(candidates(&mask.function, &shape)?.into_iter().next())
}

/// Whether a native function is one that masks (Cassandra: `MaskingFunction`).
pub fn is_masking(name: &str) -> bool {
    ["mask_default", "mask_hash", "mask_inner", "mask_null", "mask_outer", "mask_replace"].contains(&name)
}

/// The functions whose signatures do not depend on the call, by name.
pub fn registry() -> &'static HashMap<String, Vec<Arc<Function>>> {
    static REGISTRY: OnceLock<HashMap<String, Vec<Arc<Function>>>> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let mut functions = Vec::new();
        time::add_to(&mut functions);
        conversion::add_to(&mut functions);
        operation::add_to(&mut functions);
        math::add_to(&mut functions);
        aggregate::add_to(&mut functions);
        let mut by_name: HashMap<String, Vec<Arc<Function>>> = HashMap::new();
        for function in functions {
            by_name.entry(function.name.clone()).or_default().push(Arc::new(function));
        }
        by_name
    })
}

/// Makes a pure scalar function.
fn scalar(
    name: &str,
    arg_types: &[CqlType],
    return_type: CqlType,
    body: impl Fn(&[Option<&[u8]>], &FunctionContext) -> Result<Option<Vec<u8>>, Error> + Send + Sync + 'static,
) -> Function {
    let body = Body::Scalar(Arc::new(body));
    Function { name: name.to_owned(), arg_types: arg_types.to_vec(), return_type, is_pure: true, body }
}

/// The argument at `index`; none where it is null, or empty and that says nothing.
fn argument<'a>(arguments: &[Option<&'a [u8]>], index: usize, cql_type: &CqlType) -> Option<&'a [u8]> {
    let meaningless = |v: &&[u8]| v.is_empty() && cql_type.is_empty_value_meaningless();
    arguments.get(index).copied().flatten().filter(|v| !meaningless(v))
}

/// `token(..)` over the columns of the partition key.
fn token(partition_key: &[CqlType]) -> Function {
    scalar("token", partition_key, CqlType::Bigint, |arguments, _| {
        let Some(values) = arguments.iter().copied().collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let key = token::encode_partition_key(&values).map_err(|e| Error::invalid(e.to_string()))?;
        Ok(Some(token::token(&key).to_be_bytes().into()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
mod tests;
