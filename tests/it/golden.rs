//! Golden scripts: statements with what Cassandra 5.0.6 answered to them beside them, replayed on a server of this
//! process. `compat-suite/golden/record.py` records them and describes their form.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use helenus::Server;
use helenus::config::Config;

/// A server of this process.
struct TestServer {
    runtime: tokio::runtime::Runtime,
    server: Option<Server>,
}

impl TestServer {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        let config = Config::ephemeral().expect("defaults are valid");
        let server = runtime.block_on(Server::start(config)).expect("the server starts");
        Self { runtime, server: Some(server) }
    }

    fn address(&self) -> SocketAddr {
        self.server.as_ref().expect("it runs until it is dropped").address()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

/// A connection that speaks version 4 of the protocol, with values as bytes.
struct Client(TcpStream);

const STARTUP: u8 = 1;
const QUERY: u8 = 7;
const PREPARE: u8 = 9;
const EXECUTE: u8 = 10;
const ERROR: u8 = 0;

/// What an answer's body is read from.
struct Body {
    opcode: u8,
    bytes: Vec<u8>,
    at: usize,
}

impl Body {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.bytes[self.at..self.at + count].to_vec();
        self.at += count;
        taken
    }

    fn short(&mut self) -> usize {
        usize::from(u16::from_be_bytes(self.take(2).try_into().expect("two bytes")))
    }

    fn int(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn count(&mut self) -> usize {
        usize::try_from(self.int()).expect("a count is not negative")
    }

    fn string(&mut self) -> String {
        let length = self.short();
        String::from_utf8(self.take(length)).expect("UTF-8")
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        usize::try_from(self.int()).ok().map(|length| self.take(length))
    }

    /// A type, as the recorder names it: without `frozen`.
    fn type_text(&mut self) -> String {
        let id = self.short();
        let simple = [
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
            "?",
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
        match id {
            0 => {
                let class = self.string();
                let short = class.replace("org.apache.cassandra.db.marshal.", "");
                let inner = short.trim_start_matches("VectorType(").trim_end_matches(')').to_lowercase();
                let inner: Vec<_> =
                    inner.split(',').map(|part| part.trim().trim_end_matches("type")).collect();
                format!("vector<{}>", inner.join(", "))
            }
            0x20 => format!("list<{}>", self.type_text()),
            0x21 => {
                let key = self.type_text();
                format!("map<{key}, {}>", self.type_text())
            }
            0x22 => format!("set<{}>", self.type_text()),
            0x30 => {
                self.string();
                let name = self.string();
                for _ in 0..self.short() {
                    self.string();
                    self.type_text();
                }
                name
            }
            0x31 => {
                let parts: Vec<_> = (0..self.short()).map(|_| self.type_text()).collect();
                format!("tuple<{}>", parts.join(", "))
            }
            id => simple[id].to_owned(),
        }
    }

    /// Column specifications, after flags and count.
    fn columns(&mut self, flags: i32, count: usize) -> String {
        if flags & 1 != 0 {
            self.string();
            self.string();
        }
        let column = |body: &mut Self| {
            if flags & 1 == 0 {
                body.string();
                body.string();
            }
            let name = body.string();
            format!("{name} {}", body.type_text())
        };
        (0..count).map(|_| column(self)).collect::<Vec<_>>().join(", ")
    }
}

/// One page of rows: its columns, its rows as text, the state of the next page.
struct Page {
    columns: Option<String>,
    rows: Vec<String>,
    state: Option<Vec<u8>>,
}

type Value = Option<Option<Vec<u8>>>;

impl Client {
    fn connect(server: &TestServer) -> Self {
        let mut client = Client(TcpStream::connect(server.address()).expect("the server listens"));
        let mut body = 1u16.to_be_bytes().to_vec();
        put_string(&mut body, "CQL_VERSION");
        put_string(&mut body, "3.0.0");
        client.request(STARTUP, &body);
        client
    }

    fn request(&mut self, opcode: u8, body: &[u8]) -> (Body, Vec<String>) {
        let mut frame = vec![4, 0, 0, 0, opcode];
        frame.extend((body.len() as u32).to_be_bytes());
        frame.extend(body);
        self.0.write_all(&frame).expect("the request is sent");
        let mut header = [0; 9];
        self.0.read_exact(&mut header).expect("an answer");
        let length = u32::from_be_bytes(header[5..].try_into().expect("four bytes"));
        let mut bytes = vec![0; length as usize];
        self.0.read_exact(&mut bytes).expect("the answer's body");
        let mut body = Body { opcode: header[4], bytes, at: 0 };
        let mut warnings = Vec::new();
        if header[1] & 8 != 0 {
            warnings = (0..body.short()).map(|_| body.string()).collect();
        }
        (body, warnings)
    }

    fn run(&mut self, statement: &str, directive: &Directive, lines: &mut Vec<String>) -> Result<(), String> {
        let mut prefix = Vec::new();
        let opcode = if let Directive::Bind(_) = directive {
            put_long_string(&mut prefix, statement);
            let (mut body, _) = self.request(PREPARE, &prefix);
            check(&mut body)?;
            assert_eq!(body.int(), 4, "PREPARE gives a prepared statement");
            let id = body.short();
            prefix = (id as u16).to_be_bytes().to_vec();
            prefix.extend(body.take(id));
            let (flags, count, keys) = (body.int(), body.count(), body.count());
            let keys: Vec<_> = (0..keys).map(|_| body.short().to_string()).collect();
            let specs = body.columns(flags, count);
            lines.push(format!("bind {specs}; key {}", keys.join(" ")).trim_end().to_owned());
            EXECUTE
        } else {
            put_long_string(&mut prefix, statement);
            QUERY
        };
        let (mut state, page_size) = match directive {
            Directive::State(state) => (Some(state.clone()), Some(100)),
            Directive::Page(size) => (None, Some(*size)),
            Directive::Bind(_) | Directive::None => (None, None),
        };
        let mut is_first = true;
        loop {
            let mut body = prefix.clone();
            put_options(&mut body, directive, page_size, state.as_deref());
            let (mut body, warnings) = self.request(opcode, &body);
            check(&mut body)?;
            lines.extend(warnings.into_iter().map(|warning| format!("warning {warning}")));
            let Some(page) = rows(&mut body) else { return Ok(()) };
            if is_first && let Some(columns) = page.columns.filter(|columns| !columns.is_empty()) {
                lines.push(format!("columns {columns}"));
            }
            is_first = false;
            lines.extend(page.rows);
            let Some(next) = page.state else { return Ok(()) };
            lines.push(format!("more {}", hex(&next)));
            state = Some(next);
        }
    }
}

fn check(body: &mut Body) -> Result<(), String> {
    if body.opcode != ERROR {
        return Ok(());
    }
    let code = body.int();
    Err(format!("error {code:04x} {}", body.string()))
}

/// The rows of a result; none where it is of another kind.
fn rows(body: &mut Body) -> Option<Page> {
    if body.int() != 2 {
        return None;
    }
    let (flags, count) = (body.int(), body.count());
    let state = if flags & 2 != 0 { body.value() } else { None };
    let columns = (flags & 4 == 0).then(|| body.columns(flags, count));
    let row = |body: &mut Body| {
        let value = |body: &mut Body| match body.value() {
            None => "null".to_owned(),
            Some(value) if value.is_empty() => "''".to_owned(),
            Some(value) => hex(&value),
        };
        (0..count).map(|_| value(body)).collect::<Vec<_>>().join(", ")
    };
    let rows = (0..body.count()).map(|_| row(body)).collect();
    Some(Page { columns, rows, state })
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
}

fn put_long_string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_be_bytes());
    out.extend(text.as_bytes());
}

fn put_options(out: &mut Vec<u8>, directive: &Directive, page_size: Option<i32>, state: Option<&[u8]>) {
    let values: &[Value] = if let Directive::Bind(values) = directive { values } else { &[] };
    out.extend(1u16.to_be_bytes());
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(flag(!values.is_empty(), 1) | flag(page_size.is_some(), 4) | flag(state.is_some(), 8));
    if !values.is_empty() {
        out.extend((values.len() as u16).to_be_bytes());
    }
    for value in values {
        match value {
            None => out.extend((-2i32).to_be_bytes()),
            Some(None) => out.extend((-1i32).to_be_bytes()),
            Some(Some(bytes)) => {
                out.extend((bytes.len() as u32).to_be_bytes());
                out.extend(bytes);
            }
        }
    }
    if let Some(size) = page_size {
        out.extend(size.to_be_bytes());
    }
    if let Some(state) = state {
        out.extend((state.len() as u32).to_be_bytes());
        out.extend(state);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digits).collect()
}

/// The line of directives before a statement.
enum Directive {
    None,
    Bind(Vec<Value>),
    Page(i32),
    State(Vec<u8>),
}

impl Directive {
    fn parse(line: &str) -> Self {
        let (name, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let value = |text: &str| match text {
            "unset" => None,
            "null" => Some(None),
            text => Some(Some(unhex(text))),
        };
        match name {
            "bind" => Self::Bind(rest.split_whitespace().map(value).collect()),
            "page" => Self::Page(rest.parse().expect("a number of rows")),
            "state" => Self::State(unhex(rest)),
            other => unreachable!("no such directive: {other}"),
        }
    }
}

/// Runs a script, and gives it with the answers of the server in place of those recorded.
fn replay(server: &TestServer, path: &Path, script: &str) -> String {
    let keyspace = format!("golden_{}", path.file_stem().expect("a name").to_string_lossy());
    let mut client = Client::connect(server);
    let plain = |client: &mut Client, statement: &str| {
        let mut lines = Vec::new();
        client.run(statement, &Directive::None, &mut lines).expect(statement);
    };
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    plain(&mut client, &format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"));
    plain(&mut client, &format!("USE {keyspace}"));
    let mut out = String::new();
    let mut directive = Directive::None;
    for line in script.lines().filter(|line| !line.starts_with("-->")) {
        out.push_str(line);
        out.push('\n');
        if let Some(text) = line.strip_prefix("--@") {
            directive = Directive::parse(text);
        } else if !line.trim().is_empty() && !line.starts_with("--") {
            let mut lines = Vec::new();
            if let Err(error) = client.run(line.trim_end().trim_end_matches(';'), &directive, &mut lines) {
                lines.push(error);
            }
            if let Directive::State(_) = directive {
                // A protocol error may have closed the connection.
                client = Client::connect(server);
                plain(&mut client, &format!("USE {keyspace}"));
            }
            for line in lines {
                let _ = writeln!(out, "--> {line}");
            }
            directive = Directive::None;
        }
    }
    out
}

#[test]
fn answers_are_those_of_cassandra() {
    let server = TestServer::start();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    scripts.sort();
    let mut differences = String::new();
    for path in scripts {
        let recorded = std::fs::read_to_string(&path).expect("a script");
        let answered = replay(&server, &path, &recorded);
        for (i, (recorded, answered)) in recorded.lines().zip(answered.lines()).enumerate() {
            if recorded != answered {
                let place = format!("{}:{}", path.display(), i + 1);
                let _ = writeln!(differences, "{place}\n  Cassandra {recorded}\n  Helenus   {answered}");
                break;
            }
        }
        if recorded.lines().count() != answered.lines().count() {
            let _ = writeln!(differences, "{}: another number of lines", path.display());
        }
    }
    assert!(differences.is_empty(), "first differences:\n{differences}");
}
