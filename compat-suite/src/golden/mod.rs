//! Golden scripts: statements, and beside them what Cassandra answered.
//!
//! A script is CQL, one statement a line, `;` at its end. `--` begins a comment. What was recorded stands after the
//! statement:
//!
//! ```text
//! --> bind t: k int, c int; key 0   prepared: the markers' table (in which keyspace, if it is not the script's),
//!                                   names and types, and the indexes of the partition key's
//! --> columns t: k int, v text      the columns of the result
//! --> 00000001, null, '', *4        a row: values in hex; '' has no bytes; *4 is any value of 4 bytes
//! --> more 0004...                  a further page follows; its paging state
//! --> metadata changed              the result's metadata is not what the client knows
//! --> keyspace ks                   this keyspace is used now
//! --> schema CREATED TABLE ks t     the schema was changed
//! --> event CREATED TABLE ks t      an event that was pushed
//! --> warning ...
//! --> error 2200 ... [...]          an error: its code, its message, its other fields
//! --> closed                        the server closed the connection
//! ```
//!
//! Lines that begin with `--@` direct the statement after them:
//!
//! ```text
//! --@ bind 00000001 'a' 5i null unset   prepare it, and execute it with values: hex, text, `i` for an int, `L` for a
//!                                       bigint, `empty`, 3*61 for 616161; name=value where they are named
//! --@ values ...                        the same, but not prepared
//! --@ execute ...                       execute what the last `bind` of the same text prepared
//! --@ page 2                            fetch all pages, each of 2 rows
//! --@ state 6761                        go on from this paging state, with pages of 100 rows
//! --@ any 0 2                           only the sizes of the values in these columns are recorded
//! --@ consistency QUORUM, serial SERIAL, timestamp 5, now 5, keyspace ks, skip-metadata, sleep 1500 (milliseconds)
//! --@ newlines                          `\n` in the statement's text is a new line, `\t` a tabulator
//! ```
//!
//! or stand by themselves:
//!
//! ```text
//! --@ connection v3                     go on over this version of the protocol; each version has one connection
//! --@ connection v4 other               ... or one for each name
//! --@ login alice secret                go on as this role, over a connection of its own in the script's keyspace, of the
//!                                       version at hand; an error is recorded. `connection` goes back to the first user
//! --@ events                            record events from here
//! --@ batch logged                      the statements up to `apply` are one BATCH (logged, unlogged, counter), each
//!                                       may have a `bind` (prepared) or `values` of its own
//! --@ apply                             end of a batch; directives before it are the batch's
//! ```
//!
//! Before all statements may stand
//!
//! ```text
//! --@ settings masking                  the server has the keys of cassandra.yaml that `masking.yaml` beside the script
//!                                       says: one in each line, none nested. Scripts of the same settings share a server.
//! ```
//!
//! Where an error names the server that failed, its address reads `NODE`; a threshold that is a time of now reads `TIME`.
//!
//! Overloads of a function are in no order of their own in Cassandra's messages; they are sorted here. Every script runs
//! in a fresh keyspace `golden_<its name>`; other keyspaces it makes must begin with that name.

mod deviations;
mod directive;
mod run;
mod script;
mod settings;

pub use deviations::{Deviation, Deviations};
pub use run::{replay, sort_overloads};
pub use script::{Item, Script};
pub use settings::{Group, Settings};

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where the scripts are kept.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests").join("data/golden")
}

/// All scripts, by name.
pub fn scripts() -> io::Result<Vec<PathBuf>> {
    let mut scripts: Vec<_> = std::fs::read_dir(folder())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "cql"));
    scripts.sort();
    Ok(scripts)
}

/// The script that somebody means: a file, or the name of one in the folder, such as `types_time`.
///
/// # Errors
///
/// If there is neither.
pub fn script_named(name: &Path) -> io::Result<PathBuf> {
    let in_folder = folder().join(name).with_extension("cql");
    match [name, &in_folder].into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.to_owned()),
        None => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is neither a script {} nor {}", name.display(), in_folder.display()),
        )),
    }
}

/// Records what a server answers to a script, in the script itself.
pub fn record(address: SocketAddr, path: &Path) -> io::Result<()> {
    let script = Script::read(path)?;
    let answers = replay(address, &script)?;
    std::fs::write(path, script.with_answers(&answers))
}

/// Compares what a server answers with what was recorded; gives the differences, and what of the `deviations` was met.
pub fn check(address: SocketAddr, path: &Path, deviations: &mut Deviations) -> io::Result<String> {
    let script = Script::read(path)?;
    let answers = replay(address, &script)?;
    let mut differences = String::new();
    for (item, answer) in script.items.iter().zip(&answers) {
        if item.recorded == *answer || deviations.meets(&script.name, &item.statement, answer) {
            continue;
        }
        let _ = writeln!(differences, "{}:{}: {}", path.display(), item.line, item.statement);
        for i in 0..item.recorded.len().max(answer.len()) {
            let (recorded, answered) = (item.recorded.get(i), answer.get(i));
            if recorded != answered {
                let _ = writeln!(differences, "  recorded  {}", recorded.map_or("", String::as_str));
                let _ = writeln!(differences, "  answered  {}", answered.map_or("", String::as_str));
            }
        }
    }
    Ok(differences)
}
