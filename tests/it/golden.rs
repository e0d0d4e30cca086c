//! Golden scripts: statements with what Cassandra 5.0.6 answered to them beside them, replayed on a server of this
//! process. `compat_suite::golden` describes their form, and `compat-suite golden record` records them.

use std::path::Path;

use compat_suite::golden::{self, Deviations, Group, Script, Settings};
use compat_suite::wire::{Answer, Connection, Options, Values};
use helenus::Server;
use helenus::config::Config;

/// Runs something beside a server of this process.
fn with_server(settings: &Settings, run: impl FnOnce(std::net::SocketAddr)) {
    let runtime = helenus::server::runtime().build().expect("threads");
    let config = Config::parse(&settings.text(), None, Path::new(".")).expect("the settings are valid");
    let config = config.into_ephemeral().expect("a directory");
    let server = runtime.block_on(Server::start(config)).expect("the server starts");
    run(server.address());
    runtime.block_on(server.stop());
}

#[test]
fn answers_are_those_of_cassandra() {
    let mut deviations =
        Deviations::read(&golden::folder().join("deviations.txt")).expect("the list of deviations");
    let mut differences = String::new();
    let scripts = golden::scripts().expect("the folder is there");
    for group in Group::all(&scripts).expect("the settings are there") {
        with_server(&group.settings, |address| {
            for path in group.paths() {
                differences += &golden::check(address, path, &mut deviations).expect("the server answers");
            }
        });
    }
    for deviation in deviations.unmet() {
        differences += &format!("deviates no longer, in {}: {}\n", deviation.script, deviation.statement);
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Refusals are as much of what clients see as rows are.
#[test]
fn a_third_of_thousands_of_statements_is_refused() {
    let counts = golden::scripts().expect("the folder is there").into_iter();
    let counts = counts.map(|path| Script::read(&path).expect("a script").count());
    let (statements, refused) = counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    println!("{statements} statements, {refused} refused");
    assert!(statements >= 10_000 && refused * 3 >= statements, "{statements} statements, {refused} refused");
}

/// A script would be half a megabyte.
#[test]
fn a_statement_has_65535_markers_at_most() {
    with_server(&Settings { keys: Vec::new() }, |address| {
        let mut connection = Connection::open(address, 5).expect("a connection");
        for text in [
            "CREATE KEYSPACE markers WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
            "CREATE TABLE markers.t (k int PRIMARY KEY)",
        ] {
            connection.query(text, &Values::default(), &Options::default()).expect("made");
        }
        let mut prepare = |markers: usize| {
            let text = format!("SELECT * FROM markers.t WHERE k IN ({})", vec!["?"; markers].join(", "));
            connection.prepare(&text, None).expect("an answer").answer
        };
        let expected = "Too many markers(?). 65536 markers exceed the allowed maximum of 65535";
        assert!(matches!(prepare(65_536), Answer::Error(e) if e.code == 0x2200 && e.message == expected));
        assert!(matches!(prepare(65_535), Answer::Prepared(prepared) if prepared.markers.len() == 65_535));
    });
}

/// The runner of scripts says USE itself, so that no script can be about this.
#[test]
fn use_is_refused_where_the_configuration_says_so() {
    let settings = Settings { keys: vec![("use_statements_enabled".to_owned(), "false".to_owned())] };
    with_server(&settings, |address| {
        let mut connection = Connection::open(address, 5).expect("a connection");
        let answer =
            connection.query("USE system", &Values::default(), &Options::default()).expect("an answer");
        let expected = "USE statements prohibited. (see use_statements_enabled in cassandra.yaml)";
        let is_refused =
            matches!(&answer.answer, Answer::Error(e) if e.code == 0x2200 && e.message == expected);
        assert!(is_refused, "{answer:?}");
    });
}
