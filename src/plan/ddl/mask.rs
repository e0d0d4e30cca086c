//! `MASKED WITH` (Cassandra: `ColumnMask.Raw`).

use cql_grammar::ast::{ColumnMask as Written, Term};

use super::written;
use crate::error::{Error, Result};
use crate::exec::functions::{Function, FunctionContext, is_masking};
use crate::exec::options::Values;
use crate::exec::term::{BindContext, Bound};
use crate::plan::assign::{Receiver, TestResult};
use crate::plan::function::{Argument, CallSite, FunctionName, TermArgument, resolve};
use crate::plan::markers::BindMarkers;
use crate::plan::term::{TermPlanner, test_type, text_of};
use crate::schema::{ColumnMask, Schema};
use crate::types::CqlType;

/// Refuses a mask where masking is off.
pub(super) fn check_enabled(is_masked: bool, masking_enabled: bool) -> Result<()> {
    if !is_masked || masking_enabled {
        return Ok(());
    }
    Err(Error::invalid(
        "Cannot mask columns because dynamic data masking is not enabled. You can enable it with the \
         dynamic_data_masking_enabled property on cassandra.yaml",
    ))
}

/// The column, as the first argument of its mask.
struct Column<'a>(&'a CqlType);

impl Argument for Column<'_> {
    fn test(&self, receiver: &Receiver) -> Result<TestResult> {
        Ok(test_type(&receiver.cql_type, self.0))
    }

    fn known_type(&self) -> Option<CqlType> {
        Some(self.0.clone())
    }

    fn text(&self) -> String {
        self.0.class_name().to_string()
    }

    fn is_marker(&self) -> bool {
        false
    }
}

/// Where a mask stands.
#[derive(Clone, Copy)]
pub(super) struct MaskSite<'a> {
    pub schema: &'a Schema,
    pub keyspace: &'a str,
    pub table: &'a str,
}

impl MaskSite<'_> {
    /// The mask of a column of that type.
    pub fn mask(&self, mask: &Written, column: &str, cql_type: &CqlType) -> Result<ColumnMask> {
        let mut markers = BindMarkers::default();
        let mut terms = TermPlanner { schema: self.schema, keyspace: self.keyspace, markers: &mut markers };
        let (keyspace, name, args): (Option<&str>, &str, &[Term]) = match mask {
            Written::Default => (Some("system"), "mask_default", &[]),
            Written::Function { name, args } => {
                (name.keyspace.as_ref().map(|keyspace| keyspace.as_str()), name.name.as_str(), args)
            }
        };
        let text = self.text(mask);
        let function = {
            let further: Vec<TermArgument<'_, '_>> =
                args.iter().map(|term| TermArgument(term, &terms)).collect();
            let first = Column(cql_type);
            let mut arguments: Vec<&dyn Argument> = vec![&first];
            arguments.extend(further.iter().map(|argument| argument as &dyn Argument));
            let (keyspace_name, table) = (self.keyspace, self.table);
            let receiver = Some(cql_type);
            let site = CallSite { keyspace: keyspace_name, table, partition_key: &[], receiver };
            resolve(FunctionName::Named(keyspace, name), &arguments, site)?
        };
        let Some(function) = function else {
            return Err(Error::invalid(format!(
                "Unable to find masking function for {column}, no declared function matches the signature {text}"
            )));
        };
        check(&function, &text, column, cql_type)?;
        let mut arguments = Vec::with_capacity(args.len());
        for (term, arg_type) in args.iter().zip(function.arg_types.iter().skip(1)) {
            let receiver = Receiver::named(self.keyspace, "--dummy--", "(dummy)", arg_type.clone());
            let value = constant(&mut terms, term, &receiver)?;
            arguments.push((arg_type.clone(), value));
        }
        Ok(ColumnMask { function: function.name.clone(), arguments })
    }

    fn text(&self, mask: &Written) -> String {
        match mask {
            Written::Default => "system.mask_default()".to_owned(),
            Written::Function { name, args } => {
                let args: Vec<String> = args.iter().map(text_of).collect();
                format!("{}({})", written(name), args.join(", "))
            }
        }
    }
}

fn check(function: &Function, text: &str, column: &str, cql_type: &CqlType) -> Result<()> {
    if function.is_aggregate() {
        return Err(Error::invalid(format!(
            "Aggregate function {text} cannot be used for masking table columns"
        )));
    }
    if !is_masking(&function.name) {
        return Err(Error::invalid(format!(
            "Not-masking function {text} cannot be used for masking table columns"
        )));
    }
    if function.return_type != *cql_type {
        return Err(Error::invalid(format!(
            "Masking function {text} return type is {}. This is different to the type of the masked column {column} of \
             type {cql_type}. Masking functions can only be attached to table columns if they return the same data type \
             as the masked column.",
            function.return_type
        )));
    }
    Ok(())
}

/// The value of a term that nobody binds anything to.
fn constant(terms: &mut TermPlanner<'_>, term: &Term, receiver: &Receiver) -> Result<Option<Vec<u8>>> {
    if matches!(term, Term::BindMarker(_)) {
        return Err(Error::invalid("Bind variables cannot be used for the arguments of masking functions"));
    }
    let (values, functions) = (Values::empty(), FunctionContext::default());
    let term = terms.prepare(term, receiver)?;
    Ok(match term.bind(&BindContext { values: &values, functions: &functions, guard: None })? {
        Bound::Bytes(bytes) => Some(bytes.into_owned()),
        Bound::Null | Bound::Unset => None,
    })
}
