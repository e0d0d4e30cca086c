//! Runs a script on a server.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::directive::Directive;
use super::script::{Item, Script};
use crate::wire::{
    Answer, BatchEntry, BatchKind, Column, Connection, Options, Prepared, Response, Rows, Values, hex,
};

/// The version of the protocol that scripts begin with.
const VERSION: u8 = 5;
/// How long the server may take to push the event of a change that it has answered.
const EVENT_WAIT: Duration = Duration::from_secs(2);
/// How long a server may take from its start until it lets the first user in.
const USER_WAIT: Duration = Duration::from_secs(20);
/// How long to wait for further events.
const QUIET: Duration = Duration::from_millis(100);

/// Runs a script in a fresh keyspace; gives the lines of answer to each of its statements.
pub fn replay(address: SocketAddr, script: &Script) -> io::Result<Vec<Vec<String>>> {
    let keyspace = format!("golden_{}", script.name);
    let mut setup = first_connection(address)?;
    drop_keyspaces(&mut setup, &keyspace)?;
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    plain(&mut setup, &format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"))?;
    let mut run = Run::new(address, keyspace.clone());
    let answers = script.items.iter().map(|item| run.item(item)).collect::<io::Result<_>>()?;
    drop_keyspaces(&mut setup, &keyspace)?;
    Ok(answers)
}

/// The first connection to a server, which may have started so recently that its first user is not made yet.
fn first_connection(address: SocketAddr) -> io::Result<Connection> {
    let patience = Instant::now() + USER_WAIT;
    loop {
        match Connection::open(address, 4) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData && Instant::now() < patience => {
                std::thread::sleep(QUIET);
            }
            opened => return opened,
        }
    }
}

/// A statement of the runner itself, which must succeed.
fn plain(connection: &mut Connection, statement: &str) -> io::Result<Answer> {
    match connection.query(statement, &Values::default(), &Options::default())?.answer {
        Answer::Error(failure) => Err(io::Error::other(format!("{statement}: {failure}"))),
        answer => Ok(answer),
    }
}

/// Sorts the overloads of a function that a message lists: Cassandra has them in the order of a hash of addresses.
pub fn sort_overloads(line: &str) -> String {
    for label in ["known type signatures: ", "can be matched by following signatures: "] {
        let found = line.split_once(label).and_then(|(before, list)| {
            let (list, after) = list.rsplit_once(')')?;
            let separator = format!(", {} : ", list.split_once(" : ")?.0);
            let mut overloads: Vec<_> = list.strip_prefix(separator.get(2..)?)?.split(&separator).collect();
            overloads.sort_unstable();
            let overloads: Vec<_> =
                overloads.iter().map(|one| format!("{}{one}", separator.get(2..).unwrap_or(""))).collect();
            Some(format!("{before}{label}{}){after}", overloads.join(", ")))
        });
        if let Some(sorted) = found {
            return sorted;
        }
    }
    line.to_owned()
}

/// A threshold of timestamps is told as microseconds since 1970, which pass: it reads `TIME`.
fn without_time(line: String) -> String {
    let Some((before, rest)) = line.rsplit_once(" threshold ") else { return line };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if digits != 16 { line.clone() } else { format!("{before} threshold TIME{}", &rest[digits..]) }
}

/// Drops a script's keyspaces.
fn drop_keyspaces(connection: &mut Connection, prefix: &str) -> io::Result<()> {
    let Answer::Rows(found) = plain(connection, "SELECT keyspace_name FROM system_schema.keyspaces")? else {
        return Ok(());
    };
    let names = found.rows.into_iter().flatten().flatten().filter_map(|name| String::from_utf8(name).ok());
    for name in names.filter(|name| name == prefix || name.starts_with(&format!("{prefix}__"))) {
        plain(connection, &format!("DROP KEYSPACE \"{name}\""))?;
    }
    Ok(())
}

/// One of a script's connections.
struct Client {
    /// None once the server has closed it.
    connection: Option<Connection>,
    keyspace: Option<String>,
    /// What was prepared over it, by text.
    prepared: HashMap<String, Prepared>,
}

struct Batch {
    kind: BatchKind,
    entries: Vec<BatchEntry>,
}

/// The state of a script that runs.
struct Run {
    address: SocketAddr,
    keyspace: String,
    clients: HashMap<(u8, String), Client>,
    current: (u8, String),
    /// The connection that events come over.
    events: Option<Connection>,
    batch: Option<Batch>,
}

/// What the directives say of one statement.
#[derive(Default)]
struct Request {
    options: Options,
    values: Values,
    mode: Mode,
    any: Vec<usize>,
}

#[derive(Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Plain,
    Prepare,
    Execute,
}

impl Run {
    fn new(address: SocketAddr, keyspace: String) -> Self {
        let current = (VERSION, String::new());
        Self { address, keyspace, clients: HashMap::new(), current, events: None, batch: None }
    }

    fn item(&mut self, item: &Item) -> io::Result<Vec<String>> {
        let mut request = Request::default();
        let mut text = item.statement.clone();
        let mut is_end = false;
        for directive in &item.directives {
            match directive {
                Directive::Bind(values) => (request.mode, request.values) = (Mode::Prepare, values.clone()),
                Directive::Execute(values) => {
                    (request.mode, request.values) = (Mode::Execute, values.clone());
                }
                Directive::Values(values) => request.values = values.clone(),
                Directive::Page(size) => request.options.page_size = Some(*size),
                Directive::State(state) => {
                    request.options.page_size = Some(100);
                    request.options.paging_state = Some(state.clone());
                }
                Directive::Any(columns) => request.any.clone_from(columns),
                Directive::Consistency(level) => request.options.consistency = *level,
                Directive::Serial(level) => request.options.serial = Some(*level),
                Directive::Timestamp(timestamp) => request.options.timestamp = Some(*timestamp),
                Directive::Now(now) => request.options.now_seconds = Some(*now),
                Directive::Keyspace(keyspace) => request.options.keyspace = Some(keyspace.clone()),
                Directive::SkipMetadata => request.options.skip_metadata = true,
                Directive::Sleep(milliseconds) => std::thread::sleep(Duration::from_millis(*milliseconds)),
                Directive::Newlines => text = text.replace("\\n", "\n").replace("\\t", "\t"),
                Directive::Connection { version, name } => self.current = (*version, name.clone()),
                Directive::Login { role, password } => return self.log_in(role, password),
                Directive::Events => self.events = Some(self.listen()?),
                Directive::Batch(kind) => self.batch = Some(Batch { kind: *kind, entries: Vec::new() }),
                Directive::Apply => is_end = true,
            }
        }
        let mut lines = Vec::new();
        let outcome = match (is_end, self.batch.take()) {
            (true, Some(batch)) => self.apply(&batch, &request, &mut lines),
            (false, Some(batch)) if !text.is_empty() => self.collect(batch, &text, request, &mut lines),
            (_, batch) => {
                self.batch = batch;
                if text.is_empty() { Ok(()) } else { self.statement(&text, request, &mut lines) }
            }
        };
        match outcome {
            Ok(()) => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
            {
                self.client()?.connection = None;
                lines.push("closed".to_owned());
            }
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("line {}: {error}", item.line)));
            }
        }
        let line =
            |line: &String| without_time(self.without_address(sort_overloads(line))).replace('\n', "\\n");
        Ok(lines.iter().map(line).collect())
    }

    /// An error that names the server, as text and among its fields, names it `NODE`.
    fn without_address(&self, line: String) -> String {
        let ip = self.address.ip();
        let (text, octets) = (
            format!("from /{ip}:"),
            match ip {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            },
        );
        match line.rsplit_once(" [") {
            Some((message, fields)) if message.contains(&text) => {
                format!(
                    "{} [{}",
                    message.replace(&text, "from /NODE:"),
                    fields.replace(&hex(&octets), "NODE")
                )
            }
            _ => line,
        }
    }

    /// Goes on as a role. Each login is a new connection.
    fn log_in(&mut self, role: &str, password: &str) -> io::Result<Vec<String>> {
        let version = self.current.0;
        match Connection::log_in(self.address, version, (role, password))? {
            Err(failure) => Ok(vec![format!("error {failure}")]),
            Ok(mut connection) => {
                let used = plain(&mut connection, &format!("USE \"{}\"", self.keyspace));
                self.current = (version, format!("as {role}"));
                // Not every role that may log in may do so much.
                let keyspace = used.is_ok().then(|| self.keyspace.clone());
                let client = Client { connection: Some(connection), keyspace, prepared: HashMap::new() };
                self.clients.insert(self.current.clone(), client);
                Ok(Vec::new())
            }
        }
    }

    fn listen(&self) -> io::Result<Connection> {
        let mut connection = Connection::open(self.address, VERSION)?;
        connection.register()?;
        Ok(connection)
    }

    /// The current client; it is made where there is none, in the script's keyspace.
    fn client(&mut self) -> io::Result<&mut Client> {
        let keyspace = self.keyspace.clone();
        let client = self.clients.entry(self.current.clone()).or_insert_with(|| Client {
            connection: None,
            keyspace: Some(keyspace),
            prepared: HashMap::new(),
        });
        if client.connection.is_none() {
            let mut connection = Connection::open(self.address, self.current.0)?;
            if let Some(keyspace) = &client.keyspace {
                plain(&mut connection, &format!("USE \"{keyspace}\""))?;
            }
            client.connection = Some(connection);
        }
        Ok(client)
    }

    fn connection(&mut self) -> io::Result<&mut Connection> {
        let client = self.client()?;
        client.connection.as_mut().ok_or_else(|| io::Error::other("it was connected above"))
    }

    /// Prepares a statement; none where it cannot be, which the lines tell.
    fn prepare(
        &mut self,
        text: &str,
        request: &Request,
        lines: &mut Vec<String>,
    ) -> io::Result<Option<Prepared>> {
        let response = self.connection()?.prepare(text, request.options.keyspace.as_deref())?;
        lines.extend(response.warnings.into_iter().map(|warning| format!("warning {warning}")));
        match response.answer {
            Answer::Prepared(prepared) => {
                let specs = self.columns(&prepared.markers);
                let key: Vec<_> = prepared.key.iter().map(u16::to_string).collect();
                lines.push(format!("bind {specs}; key {}", key.join(" ")).trim_end().to_owned());
                self.client()?.prepared.insert(text.to_owned(), prepared.clone());
                Ok(Some(prepared))
            }
            Answer::Error(failure) => {
                lines.push(format!("error {failure}"));
                Ok(None)
            }
            other => Err(io::Error::other(format!("PREPARE was answered with {other:?}"))),
        }
    }

    fn known(&mut self, text: &str) -> io::Result<Prepared> {
        let prepared = self.client()?.prepared.get(text).cloned();
        prepared.ok_or_else(|| io::Error::other("nothing of this text was prepared"))
    }

    fn collect(
        &mut self,
        mut batch: Batch,
        text: &str,
        request: Request,
        lines: &mut Vec<String>,
    ) -> io::Result<()> {
        let entry = match request.mode {
            Mode::Plain => Some(BatchEntry::Text(text.to_owned(), request.values)),
            Mode::Prepare => {
                let prepared = self.prepare(text, &request, lines)?;
                prepared.map(|prepared| BatchEntry::Prepared(prepared.id, request.values))
            }
            Mode::Execute => Some(BatchEntry::Prepared(self.known(text)?.id, request.values)),
        };
        batch.entries.extend(entry);
        self.batch = Some(batch);
        Ok(())
    }

    fn apply(&mut self, batch: &Batch, request: &Request, lines: &mut Vec<String>) -> io::Result<()> {
        let response = self.connection()?.batch(batch.kind, &batch.entries, &request.options)?;
        self.page(response, request, None, true, lines)?;
        Ok(())
    }

    fn statement(&mut self, text: &str, mut request: Request, lines: &mut Vec<String>) -> io::Result<()> {
        let prepared = match request.mode {
            Mode::Plain => None,
            Mode::Execute => Some(self.known(text)?),
            Mode::Prepare => match self.prepare(text, &request, lines)? {
                Some(prepared) => Some(prepared),
                None => return Ok(()),
            },
        };
        let mut is_first = true;
        loop {
            let connection = self.connection()?;
            let response = match &prepared {
                Some(prepared) => connection.execute(prepared, &request.values, &request.options)?,
                None => connection.query(text, &request.values, &request.options)?,
            };
            let expected = prepared.as_ref().and_then(|prepared| prepared.columns.as_deref());
            let state = self.page(response, &request, expected, is_first, lines)?;
            match state {
                Some(state) => request.options.paging_state = Some(state),
                None => return Ok(()),
            }
            is_first = false;
        }
    }

    /// The lines of one answer; gives the state of the next page.
    fn page(
        &mut self,
        response: Response,
        request: &Request,
        expected: Option<&[Column]>,
        is_first: bool,
        lines: &mut Vec<String>,
    ) -> io::Result<Option<Vec<u8>>> {
        lines.extend(response.warnings.into_iter().map(|warning| format!("warning {warning}")));
        match response.answer {
            Answer::Void => {}
            Answer::Rows(rows) => return Ok(self.rows(rows, request, expected, is_first, lines)),
            Answer::SetKeyspace(keyspace) => {
                lines.push(format!("keyspace {keyspace}"));
                self.client()?.keyspace = Some(keyspace);
            }
            Answer::SchemaChange(change) => {
                lines.push(format!("schema {change}"));
                self.events(lines)?;
            }
            Answer::Error(failure) => lines.push(format!("error {failure}")),
            Answer::Prepared(_) => lines.push("prepared".to_owned()),
            Answer::Other(opcode) => lines.push(format!("opcode {opcode:#04x}")),
        }
        Ok(None)
    }

    fn rows(
        &mut self,
        rows: Rows,
        request: &Request,
        expected: Option<&[Column]>,
        is_first: bool,
        lines: &mut Vec<String>,
    ) -> Option<Vec<u8>> {
        if rows.metadata_id.is_some() {
            lines.push("metadata changed".to_owned());
        }
        if is_first && let Some(columns) = &rows.columns {
            if expected.is_some_and(|expected| expected != columns) {
                lines.push(format!("prepared {}", self.columns(expected.unwrap_or_default())));
            }
            lines.push(format!("columns {}", self.columns(columns)).trim_end().to_owned());
        }
        let value = |(column, value): (usize, Option<Vec<u8>>)| match value {
            None => "null".to_owned(),
            Some(value) if request.any.contains(&column) => format!("*{}", value.len()),
            Some(value) if value.is_empty() => "''".to_owned(),
            Some(value) => hex(&value),
        };
        for row in rows.rows {
            lines.push(row.into_iter().enumerate().map(value).collect::<Vec<_>>().join(", "));
        }
        let state = rows.paging_state?;
        lines.push(format!("more {}", hex(&state)));
        // A state that does not change would never end.
        (request.options.paging_state.as_ref() != Some(&state)).then_some(state)
    }

    /// Columns as text: the table is told where it is another than the column's before, the keyspace where it is not
    /// the script's.
    fn columns(&self, columns: &[Column]) -> String {
        let mut table = None;
        let mut out = String::new();
        for column in columns {
            let of = (&column.keyspace, &column.table);
            out.push_str(if out.is_empty() { "" } else { ", " });
            if table != Some(of) {
                if column.keyspace != self.keyspace {
                    out.push_str(&format!("{}.", column.keyspace));
                }
                out.push_str(&format!("{}: ", column.table));
            }
            table = Some(of);
            let type_text = column.type_text.replace(&format!("{}.", self.keyspace), "");
            out.push_str(&format!("{} {type_text}", column.name));
        }
        out
    }

    /// The events of a change; only those of the script's keyspaces.
    fn events(&mut self, lines: &mut Vec<String>) -> io::Result<()> {
        let Some(connection) = &mut self.events else { return Ok(()) };
        let mut wait = EVENT_WAIT;
        while let Some(event) = connection.event(wait)? {
            if event.names.first().is_some_and(|name| name.starts_with(&self.keyspace)) {
                lines.push(format!("event {event}"));
                wait = QUIET;
            }
        }
        Ok(())
    }
}
