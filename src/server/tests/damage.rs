//! A damaged SSTable under each policy: what clients hear of it, and whether they are served (Cassandra:
//! `DefaultFSErrorHandler`).

use super::timeouts::Slow;
use super::*;
use crate::consistency::{Consistency, RequestFailureReason};
use crate::storage::sstable::Component;

/// What becomes of the node.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Serves,
    ClosesItsPort,
    Ends,
}

/// A node with a row in a memory table and one in an SSTable, of which a component is damaged.
async fn damaged(policy: &str, component: Component, at: usize) -> Slow {
    let node = Slow::start(&format!("disk_failure_policy: {policy}\nfile_cache_size: 0MiB\n")).await;
    node.query("INSERT INTO s.t (k, v) VALUES (1, 0x01)").await.unwrap();
    node.query("CREATE TABLE s.sound (k int PRIMARY KEY)").await.unwrap();
    node.query("INSERT INTO s.sound (k) VALUES (1)").await.unwrap();
    node.flush().await;
    let coordinator = node.server.node.coordinator();
    let table = coordinator.schema().table("s", "t").unwrap().id;
    let files = coordinator.storage().table(table).unwrap().files().sstables();
    let path = files.first().unwrap().descriptor().path(component);
    node.fs.flip(&path, at).unwrap();
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_a_damaged_sstable() {
    for (policy, fate) in [
        ("ignore", Fate::Serves),
        ("best_effort", Fate::Serves),
        ("stop", Fate::Serves),
        ("stop_paranoid", Fate::ClosesItsPort),
        ("die", Fate::Ends),
    ] {
        let node = damaged(policy, Component::Data, 20).await;
        for read in ["SELECT * FROM s.t WHERE k = 1", "SELECT * FROM s.t"] {
            let error = node.query(read).await.unwrap_err();
            let is_of_the_replica = match &error {
                Error::ReadFailure { consistency, received, block_for, failures, .. } => {
                    let reasons: Vec<_> = failures.iter().map(|(_, reason)| *reason).collect();
                    (*consistency, *received, *block_for) == (Consistency::LocalOne, 0, 1)
                        && reasons == [RequestFailureReason::Unknown]
                }
                _ => false,
            };
            assert!(is_of_the_replica, "{policy}: {error:?}");
        }
        node.query("SELECT * FROM s.sound WHERE k = 1").await.unwrap();
        node.query("INSERT INTO s.t (k, v) VALUES (2, 0x01)").await.unwrap();
        match fate {
            Fate::Serves => assert!(node.server.native_transport_running(), "{policy}"),
            Fate::ClosesItsPort => eventually(|| !node.server.native_transport_running()).await,
            Fate::Ends => assert_eq!(node.server.stop_requested().await, StopReason::DiskFailed),
        }
        if fate != Fate::Ends {
            let (info, code) = nodetool(node.home.path(), "info").await;
            let active = format!("Native Transport active: {}", fate == Fate::Serves);
            assert!(code == 0 && info.contains(&active), "{policy}: {info}");
            let gossip = if fate == Fate::Serves { "running\n" } else { "not running\n" };
            assert_eq!(nodetool(node.home.path(), "statusgossip").await, (gossip.to_owned(), 0), "{policy}");
        }
        node.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_with_a_damaged_sstable() {
    for (policy, starts) in
        [("ignore", true), ("best_effort", true), ("stop", false), ("stop_paranoid", false), ("die", false)]
    {
        let node = damaged(policy, Component::Statistics, 60).await;
        let Slow { fs, server, home, .. } = node;
        server.stop().await;
        let yaml = format!("disk_failure_policy: {policy}\n");
        let again = Server::start_on(config(home.path(), &yaml), Arc::new(fs)).await;
        assert_eq!(again.is_ok(), starts, "{policy}");
        if let Ok(server) = again {
            let rows = server.node.internal("SELECT * FROM s.sound", &[]).unwrap();
            assert_eq!(rows.len(), 1, "{policy}");
            server.stop().await;
        }
    }
}
