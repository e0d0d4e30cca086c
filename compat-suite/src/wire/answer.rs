//! The bodies of answers (section 4.2 of the specification).

use std::fmt::{self, Display, Formatter};
use std::io;

use super::body::Body;
use super::invalid;
use super::request::consistency_name;

/// An answer and what came before it.
#[derive(Debug, Clone)]
pub struct Response {
    /// The warnings.
    pub warnings: Vec<String>,
    /// The answer proper.
    pub answer: Answer,
}

/// An answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Nothing to tell.
    Void,
    /// Rows.
    Rows(Rows),
    /// The keyspace that is used now.
    SetKeyspace(String),
    /// A prepared statement.
    Prepared(Prepared),
    /// What a statement changed of the schema.
    SchemaChange(Change),
    /// An error.
    Error(Failure),
    /// READY, SUPPORTED and what else is no result.
    Other(u8),
}

/// One page of rows.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Their columns, unless the client did not want to know.
    pub columns: Option<Vec<Column>>,
    /// Each row's values; none where one is null.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    /// Where the next page begins.
    pub paging_state: Option<Vec<u8>>,
    /// The new id of the result's metadata, if that changed since the statement was prepared.
    pub metadata_id: Option<Vec<u8>>,
}

/// A column of a result, or a bind marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its keyspace.
    pub keyspace: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its type, in CQL as far as the protocol tells; `'class'` for a custom one; a user type with its fields.
    pub type_text: String,
}

/// A prepared statement.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its id.
    pub id: Vec<u8>,
    /// Version 5: the id of the result's metadata.
    pub metadata_id: Vec<u8>,
    /// The bind markers.
    pub markers: Vec<Column>,
    /// Indexes of the markers of the partition key.
    pub key: Vec<u16>,
    /// The columns of its result.
    pub columns: Option<Vec<Column>>,
}

/// A change of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// CREATED, UPDATED, DROPPED.
    pub change: String,
    /// KEYSPACE, TABLE, TYPE, FUNCTION, AGGREGATE.
    pub target: String,
    /// Keyspace, then name, then types of arguments.
    pub names: Vec<String>,
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.change, self.target, self.names.join(" "))
    }
}

/// An error with its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its code.
    pub code: i32,
    /// Its message.
    pub message: String,
    /// Its other fields, as text.
    pub fields: Vec<String>,
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x} {}", self.code, self.message)?;
        if !self.fields.is_empty() {
            write!(f, " [{}]", self.fields.join(", "))?;
        }
        Ok(())
    }
}

const OPCODE_ERROR: u8 = 0x00;
const OPCODE_RESULT: u8 = 0x08;
const FLAG_TRACING: u8 = 2;
const FLAG_PAYLOAD: u8 = 4;
const FLAG_WARNINGS: u8 = 8;

impl Response {
    /// Reads an answer; its flags say what stands before it.
    pub fn read(version: u8, flags: u8, opcode: u8, body: &mut Body) -> io::Result<Self> {
        if flags & FLAG_TRACING != 0 {
            body.take(16)?;
        }
        let warnings = if flags & FLAG_WARNINGS != 0 { body.strings()? } else { Vec::new() };
        if flags & FLAG_PAYLOAD != 0 {
            return Err(invalid("a payload that nobody asked for"));
        }
        let answer = match opcode {
            OPCODE_ERROR => Answer::Error(Failure::read(body)?),
            OPCODE_RESULT => result(version, body)?,
            other => return Ok(Self { warnings, answer: Answer::Other(other) }),
        };
        match body.rest() {
            [] => Ok(Self { warnings, answer }),
            rest => Err(invalid(format!("{} bytes follow an answer", rest.len()))),
        }
    }
}

fn result(version: u8, body: &mut Body) -> io::Result<Answer> {
    Ok(match body.int()? {
        1 => Answer::Void,
        2 => Answer::Rows(rows(version, body)?),
        3 => Answer::SetKeyspace(body.string()?),
        4 => Answer::Prepared(prepared(version, body)?),
        5 => Answer::SchemaChange(Change::read(body)?),
        other => return Err(invalid(format!("a result of kind {other}"))),
    })
}

struct Metadata {
    columns: Option<Vec<Column>>,
    count: usize,
    paging_state: Option<Vec<u8>>,
    metadata_id: Option<Vec<u8>>,
}

fn metadata(body: &mut Body) -> io::Result<Metadata> {
    let (flags, count) = (body.int()?, body.count()?);
    let paging_state = if flags & 2 != 0 { body.bytes()? } else { None };
    let metadata_id = if flags & 8 != 0 { Some(body.short_bytes()?) } else { None };
    let columns = if flags & 4 == 0 { Some(columns(body, flags, count)?) } else { None };
    Ok(Metadata { columns, count, paging_state, metadata_id })
}

fn rows(_version: u8, body: &mut Body) -> io::Result<Rows> {
    let Metadata { columns, count, paging_state, metadata_id } = metadata(body)?;
    let row = |body: &mut Body| (0..count).map(|_| body.bytes()).collect::<io::Result<Vec<_>>>();
    let rows = (0..body.count()?).map(|_| row(body)).collect::<io::Result<Vec<_>>>()?;
    Ok(Rows { columns, rows, paging_state, metadata_id })
}

fn prepared(version: u8, body: &mut Body) -> io::Result<Prepared> {
    let id = body.short_bytes()?;
    let metadata_id = if version >= 5 { body.short_bytes()? } else { Vec::new() };
    let (flags, count) = (body.int()?, body.count()?);
    let key = if version >= 4 {
        let count = body.count()?;
        (0..count).map(|_| body.short()).collect::<io::Result<Vec<_>>>()?
    } else {
        Vec::new()
    };
    let markers = columns(body, flags, count)?;
    let columns = metadata(body)?.columns;
    Ok(Prepared { id, metadata_id, markers, key, columns })
}

fn columns(body: &mut Body, flags: i32, count: usize) -> io::Result<Vec<Column>> {
    let global = if flags & 1 != 0 { Some((body.string()?, body.string()?)) } else { None };
    let column = |body: &mut Body| {
        let (keyspace, table) = match &global {
            Some(global) => global.clone(),
            None => (body.string()?, body.string()?),
        };
        Ok(Column { keyspace, table, name: body.string()?, type_text: type_text(body)? })
    };
    (0..count).map(|_| column(body)).collect()
}

const SIMPLE_TYPES: [&str; 22] = [
    "custom",
    "ascii",
    "bigint",
    "blob",
    "boolean",
    "counter",
    "decimal",
    "double",
    "float",
    "int",
    "10",
    "timestamp",
    "uuid",
    "text",
    "varint",
    "timeuuid",
    "inet",
    "date",
    "time",
    "smallint",
    "tinyint",
    "duration",
];

/// `[option]` of a type, as text.
fn type_text(body: &mut Body) -> io::Result<String> {
    Ok(match body.short()? {
        0 => format!("'{}'", body.string()?.replace("org.apache.cassandra.db.marshal.", "")),
        0x20 => format!("list<{}>", type_text(body)?),
        0x21 => {
            let key = type_text(body)?;
            format!("map<{key}, {}>", type_text(body)?)
        }
        0x22 => format!("set<{}>", type_text(body)?),
        0x30 => {
            let name = format!("{}.{}", body.string()?, body.string()?);
            let field = |body: &mut Body| Ok(format!("{} {}", body.string()?, type_text(body)?));
            let fields = (0..body.short()?).map(|_| field(body)).collect::<io::Result<Vec<_>>>()?;
            format!("{name}{{{}}}", fields.join(", "))
        }
        0x31 => {
            let parts = (0..body.short()?).map(|_| type_text(body)).collect::<io::Result<Vec<_>>>()?;
            format!("tuple<{}>", parts.join(", "))
        }
        id => match SIMPLE_TYPES.get(usize::from(id)) {
            Some(name) => (*name).to_owned(),
            None => return Err(invalid(format!("a type of id {id:#x}"))),
        },
    })
}

impl Change {
    /// Reads what RESULT and EVENT say of a change.
    pub fn read(body: &mut Body) -> io::Result<Self> {
        let (change, target) = (body.string()?, body.string()?);
        let mut names = vec![body.string()?];
        if target != "KEYSPACE" {
            names.push(body.string()?);
        }
        if target == "FUNCTION" || target == "AGGREGATE" {
            names.extend(body.strings()?);
        }
        Ok(Self { change, target, names })
    }
}

impl Failure {
    fn read(body: &mut Body) -> io::Result<Self> {
        let (code, message) = (body.int()?, body.string()?);
        let mut fields = Vec::new();
        match code {
            0x1000 => {
                fields.push(consistency_name(body.short()?));
                fields.push(format!("{} required", body.int()?));
                fields.push(format!("{} alive", body.int()?));
            }
            0x1400 => {
                fields.extend([body.string()?, body.string()?]);
                fields.push(body.strings()?.join(" "));
            }
            0x2400 => fields.extend([body.string()?, body.string()?]),
            0x2500 => fields.push(hex(&body.short_bytes()?)),
            _ => {}
        }
        if !body.rest().is_empty() {
            let rest = body.rest().len();
            fields.push(hex(body.take(rest)?));
        }
        Ok(Self { code, message, fields })
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
