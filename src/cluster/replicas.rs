//! How many replicas a keyspace has, how many of them live, and how many must answer
//! (Cassandra: `ConsistencyLevel.blockFor`, `ReplicaPlans.assureSufficientLiveReplicas`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

use crate::consistency::Consistency;
use crate::error::Error;
use crate::schema::{Replication, Schema, TableId};

/// What is known of this node.
#[derive(Clone, Debug)]
pub struct LocalNode {
    /// Its id, kept in `system.local`.
    pub host_id: Uuid,
    /// Its data centre.
    pub datacenter: String,
    /// Its rack.
    pub rack: String,
    /// Its tokens, in order.
    pub tokens: Vec<i64>,
    /// Where clients reach it.
    pub rpc_address: IpAddr,
    /// Where other nodes reach it.
    pub broadcast_address: IpAddr,
    /// The port for other nodes.
    pub storage_port: u16,
}

impl LocalNode {
    /// Where other nodes reach it, as errors name it.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.broadcast_address, self.storage_port)
    }
}

/// The number of replicas in each data centre, as far as they matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaCounts {
    /// In all data centres, by the replication factors.
    pub all: i32,
    /// By data centre; empty where the strategy knows none.
    pub by_datacenter: Vec<(String, i32)>,
    /// Replicas that live: this node, if it is one.
    pub alive: i32,
}

impl ReplicaCounts {
    /// The counts for a keyspace that is replicated like this.
    pub fn of(replication: &Replication, node: &LocalNode) -> Self {
        let simple_name = replication.class.rsplit('.').next().unwrap_or_default();
        let factor = |text: &String| {
            let full = text.split('/').next().unwrap_or_default();
            full.trim().parse::<i32>().unwrap_or(0)
        };
        match simple_name {
            "SimpleStrategy" => {
                let all = replication.options.get("replication_factor").map_or(1, factor);
                Self { all, by_datacenter: Vec::new(), alive: all.min(1) }
            }
            "NetworkTopologyStrategy" => {
                let by_datacenter: Vec<_> =
                    replication.options.iter().map(|(dc, rf)| (dc.clone(), factor(rf))).collect();
                let here =
                    by_datacenter.iter().find(|(dc, _)| *dc == node.datacenter).map_or(0, |(_, rf)| *rf);
                let all = by_datacenter.iter().map(|(_, rf)| rf).sum();
                Self { all, by_datacenter, alive: here.min(1) }
            }
            _ => Self { all: 1, by_datacenter: Vec::new(), alive: 1 },
        }
    }

    fn quorum(replicas: i32) -> i32 {
        replicas / 2 + 1
    }

    fn local_quorum(&self, datacenter: &str) -> i32 {
        match &self.by_datacenter[..] {
            [] => Self::quorum(self.all),
            list => Self::quorum(list.iter().find(|(dc, _)| dc == datacenter).map_or(0, |(_, rf)| *rf)),
        }
    }

    /// How many replicas must answer.
    pub fn block_for(&self, consistency: Consistency, node: &LocalNode) -> i32 {
        use Consistency::*;
        match consistency {
            Any | One | LocalOne | NodeLocal => 1,
            Two => 2,
            Three => 3,
            Quorum | Serial => Self::quorum(self.all),
            All => self.all,
            LocalQuorum | LocalSerial => self.local_quorum(&node.datacenter),
            EachQuorum if self.by_datacenter.is_empty() => Self::quorum(self.all),
            EachQuorum => self.by_datacenter.iter().map(|(dc, _)| self.local_quorum(dc)).sum(),
        }
    }

    /// `Unavailable` where fewer replicas live than must answer.
    pub fn check(&self, consistency: Consistency, node: &LocalNode, is_write: bool) -> Result<(), Error> {
        let unavailable = |required, alive, datacenter: Option<String>| {
            Err(Error::Unavailable { consistency, required, alive, datacenter })
        };
        match consistency {
            // A write at ANY is done once a hint is stored.
            Consistency::Any if is_write => Ok(()),
            Consistency::EachQuorum if !self.by_datacenter.is_empty() => {
                for (datacenter, _) in &self.by_datacenter {
                    let required = self.local_quorum(datacenter);
                    let alive = if *datacenter == node.datacenter { self.alive } else { 0 };
                    if alive < required {
                        // Cassandra tells of none alive, however many there are.
                        return unavailable(required, 0, Some(datacenter.clone()));
                    }
                }
                Ok(())
            }
            _ => {
                let required = self.block_for(consistency, node);
                if self.alive < required { unavailable(required, self.alive, None) } else { Ok(()) }
            }
        }
    }
}

/// The counts of each table, as long as the schema is the same.
#[derive(Debug, Default)]
pub struct TableReplicas {
    schema: Option<Arc<Schema>>,
    by_table: HashMap<TableId, ReplicaCounts>,
}

impl TableReplicas {
    /// The counts of all tables of a schema.
    pub fn of(schema: &Arc<Schema>, node: &LocalNode) -> Self {
        let mut by_table = HashMap::default();
        for keyspace in schema.keyspaces.values() {
            let counts = ReplicaCounts::of(&keyspace.params.replication, node);
            by_table.extend(keyspace.tables.values().map(|table| (table.id, counts.clone())));
        }
        Self { schema: Some(schema.clone()), by_table }
    }

    /// Whether they are those of this schema.
    pub fn are_of(&self, schema: &Arc<Schema>) -> bool {
        self.schema.as_ref().is_some_and(|known| Arc::ptr_eq(known, schema))
    }

    /// Those of a table; none where the schema does not have it.
    pub fn get(&self, table: TableId) -> Option<&ReplicaCounts> {
        self.by_table.get(&table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn node() -> LocalNode {
        LocalNode {
            host_id: Uuid::nil(),
            datacenter: "datacenter1".to_owned(),
            rack: "rack1".to_owned(),
            tokens: Vec::new(),
            rpc_address: IpAddr::from([127, 0, 0, 1]),
            broadcast_address: IpAddr::from([127, 0, 0, 1]),
            storage_port: 7000,
        }
    }

    fn counts(class: &str, options: &[(&str, &str)]) -> ReplicaCounts {
        let options: BTreeMap<_, _> =
            options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let class = format!("org.apache.cassandra.locator.{class}");
        ReplicaCounts::of(&Replication { class, options }, &node())
    }

    #[test]
    fn a_quorum_of_three_needs_two() {
        let three = counts("SimpleStrategy", &[("replication_factor", "3")]);
        assert!(three.check(Consistency::One, &node(), true).is_ok());
        let error = three.check(Consistency::Quorum, &node(), true);
        assert!(matches!(error, Err(Error::Unavailable { required: 2, alive: 1, .. })));
    }

    #[test]
    fn another_data_centre_has_no_live_replica() {
        let other = counts("NetworkTopologyStrategy", &[("elsewhere", "1")]);
        assert!(matches!(
            other.check(Consistency::One, &node(), false),
            Err(Error::Unavailable { required: 1, alive: 0, .. })
        ));
    }
}
