//! What nodetool says of a ring and of other nodes where this node stands alone.

use super::admin::{Admin, AdminError, AdminResult};
use super::command::{Group, Output, Parsed, keyspace_and_tables, spec, taking};

pub(super) const GROUP: Group = Group {
    specs: &[
        spec("decommission", "Decommission the *node I am connecting to*"),
        spec("failuredetector", "Shows the failure detector information for the cluster"),
        spec("gossipinfo", "Shows the gossip information for the cluster"),
        spec("join", "Join the ring"),
        spec("listpendinghints", "Print all pending hints that this node has"),
        taking("move", "Move node on the token ring to a new token", "<new token>"),
        spec("netstats", "Print network information on provided host (connecting node by default)"),
        taking(
            "removenode",
            "Show status of current node removal, force completion of pending removal or remove provided ID",
            "<status>|<force>|<ID>",
        ),
        taking("repair", "Repair one or more tables", "[<keyspace> <tables>...]"),
        taking("repair_admin", "list and fail incremental repair sessions", "[list]"),
        spec("resetlocalschema", "Reset node's local schema and resync"),
        spec("statushandoff", "Status of storing future hints on the current node"),
    ],
    run: |admin, name, parsed| Box::pin(std::future::ready(run(admin, name, parsed))),
};

fn run(admin: &dyn Admin, name: &str, parsed: &Parsed) -> AdminResult<Output> {
    let invalid = |message: &str| Err(AdminError::Invalid(message.to_owned()));
    let failed = |message: &str| Err(AdminError::Failed(message.to_owned()));
    let text = match name {
        "decommission" => {
            return invalid(
                "Unsupported operation: no other normal nodes in the ring; decommission would be pointless",
            );
        }
        "failuredetector" => "  Endpoint,             Phi\n".to_owned(),
        "gossipinfo" => gossip(admin),
        "join" => return invalid("This node has already joined the ring."),
        "listpendinghints" => "This node does not have any pending hints\n".to_owned(),
        "move" => return failed("This node has more than one token and cannot be moved thusly."),
        "netstats" => network(admin),
        "removenode" => match parsed.arguments.as_slice() {
            [word] if word == "status" || word == "force" => {
                "RemovalStatus: No token removals in process.\n".to_owned()
            }
            [_] => return failed("Host ID not found."),
            _ => return invalid("Required parameters are missing: remove_operation"),
        },
        "repair" => return repair(admin, parsed),
        "repair_admin" => match parsed.arguments.as_slice() {
            [] => "no sessions\n".to_owned(),
            [word] if word == "list" => "no sessions\n".to_owned(),
            _ => return failed("there are no sessions of repair: this node stands alone"),
        },
        "resetlocalschema" => return failed("Cannot reset local schema when there are no other live nodes"),
        // There is nobody to keep hints for.
        _ => "Hinted handoff is not running\n".to_owned(),
    };
    Ok(text.into())
}

fn gossip(admin: &dyn Admin) -> String {
    let node = admin.node();
    let mut text = String::new();
    for other in admin.ring() {
        let address = other.address.ip();
        let status = format!("NORMAL,{}", other.tokens.first().copied().unwrap_or_default());
        #[expect(clippy::cast_precision_loss, reason = "shown as Cassandra does")]
        let load = super::format::double(other.load_bytes.unwrap_or(0) as f64);
        let native = node.native_address;
        let states = [
            ("STATUS", status.clone()),
            ("LOAD", load),
            ("SCHEMA", other.schema_version.to_string()),
            ("DC", other.datacenter),
            ("RACK", other.rack),
            ("RELEASE_VERSION", other.release_version),
            ("RPC_ADDRESS", native.map_or_else(String::new, |address| address.ip().to_string())),
            ("NET_VERSION", "12".to_owned()),
            ("HOST_ID", other.host_id.to_string()),
            ("RPC_READY", node.native_transport_active.to_string()),
            ("NATIVE_ADDRESS_AND_PORT", native.map_or_else(String::new, |address| address.to_string())),
            ("STATUS_WITH_PORT", status),
            ("SSTABLE_VERSIONS", "big-nb".to_owned()),
            ("TOKENS", "<hidden>".to_owned()),
        ];
        text.push_str(&format!("/{address}\n  generation:{}\n  heartbeat:0\n", node.generation));
        for (version, (name, value)) in states.into_iter().enumerate() {
            text.push_str(&format!("  {name}:{}:{value}\n", version + 1));
        }
    }
    text + "\n"
}

fn network(admin: &dyn Admin) -> String {
    let mut text = format!(
        "Mode: {}\nNot sending any streams.\nRead Repair Statistics:\nAttempted: 0\nMismatch (Blocking): 0\nMismatch \
         (Background): 0\n{:<25}{:>10}{:>10}{:>15}{:>10}\n",
        admin.node().mode,
        "Pool Name",
        "Active",
        "Pending",
        "Completed",
        "Dropped"
    );
    for pool in ["Large messages", "Small messages", "Gossip messages"] {
        text.push_str(&format!("{pool:<25}{:>10}{:>10}{:>15}{:>10}\n", "n/a", 0, 0, 0));
    }
    text
}

/// With one copy of everything there is nothing to repair; more copies there cannot be.
fn repair(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let mut text = String::new();
    let known = admin.keyspaces();
    for (keyspace, _) in keyspace_and_tables(admin, &parsed.arguments)? {
        let found = known.iter().find(|known| known.name == keyspace);
        let copies = |options: &[(String, String)]| -> u32 {
            options.iter().filter_map(|(_, factor)| factor.parse::<u32>().ok()).sum()
        };
        let factor = found.map_or(1, |keyspace| match keyspace.replication_class.as_str() {
            "LocalStrategy" => 1,
            _ => copies(&keyspace.replication_options),
        });
        if found.is_some_and(|found| found.replication_class == "LocalStrategy")
            && parsed.arguments.is_empty()
        {
            continue;
        }
        if factor > 1 {
            let error = AdminError::Failed(format!(
                "Repair job has failed with the error message: Nothing to repair in {keyspace}: this node stands alone, \
                 and has the only copy"
            ));
            return Ok(Output::after(&text, &error));
        }
        let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S,%3f");
        text.push_str(&format!(
            "[{now}] Replication factor is 1. No repair is needed for keyspace '{keyspace}'\n"
        ));
    }
    Ok(text.into())
}
