//! Nodes of Cassandra and of ours start, do what they are asked, and end.

use std::net::TcpStream;

use compat_suite::cassandra::shared;
use compat_suite::helenus::{Helenus, Options};
use compat_suite::{Error, available};

#[test]
fn the_shared_node_of_cassandra_runs_tools() {
    let Some(node) = available("the_shared_node_of_cassandra_runs_tools", shared()) else { return };
    TcpStream::connect(node.address()).expect("it listens");
    let output = node.nodetool(&["version"]).expect("nodetool runs");
    assert_eq!((output.status, output.stdout.as_str()), (0, "ReleaseVersion: 5.0.6\n"), "{}", output.stderr);
    let output = node.nodetool(&["flush", "nosuch"]).expect("nodetool runs");
    assert_ne!(output.status, 0);
    let same = shared().expect("it runs already");
    assert_eq!(same.process_id(), node.process_id());
}

#[test]
fn our_server_starts_and_stops() {
    let server = Helenus::start(&Options::default()).expect("it starts");
    TcpStream::connect(server.address()).expect("it listens");
    let output = server.nodetool(&["version"]).expect("nodetool runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ReleaseVersion: 5.0.6\n");
    let address = server.address();
    assert!(server.stop().expect("it ends").success());
    TcpStream::connect(address).expect_err("nobody listens");
}

#[test]
fn what_does_not_start_says_why() {
    let yaml = "nosuch_key: 1\n".to_owned();
    let error = Helenus::start(&Options { yaml: Some(yaml), ..Options::default() }).expect_err("refused");
    let Error::Failed(text) = error else { unreachable!("nothing is missing") };
    assert!(text.contains("nosuch_key"), "{text}");
}
