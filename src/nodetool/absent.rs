//! Commands of Cassandra's that cannot do anything on this server: each says why, and exits with 2.

use super::admin::AdminError;
use super::command::{Group, Spec, taking};

const RING: &str = "it needs a ring of several nodes, and this node stands alone";
const JVM: &str = "it looks into a Java virtual machine, and there is none";
const LATER: &str = "this server does not have that yet";
const HINTS: &str = "there are no hints: a node that stands alone has nobody to keep them for";

const fn absent(name: &'static str, description: &'static str) -> Spec {
    taking(name, description, "[<args>]")
}

/// Why a command cannot do anything.
fn reason(name: &str) -> &'static str {
    match name {
        "sjk" | "invalidatejmxpermissionscache" => JVM,
        "disablehandoff"
        | "disablehintsfordc"
        | "enablehandoff"
        | "enablehintsfordc"
        | "pausehandoff"
        | "resumehandoff"
        | "sethintedhandoffthrottlekb"
        | "setmaxhintwindow"
        | "truncatehints" => HINTS,
        "assassinate"
        | "bootstrap"
        | "checktokenmetadata"
        | "disablegossip"
        | "enablegossip"
        | "join"
        | "move"
        | "rebuild"
        | "reloadseeds"
        | "removenode"
        | "repair_admin"
        | "resetlocalschema"
        | "setinterdcstreamthroughput"
        | "setstreamthroughput" => RING,
        _ => LATER,
    }
}

pub(super) const GROUP: Group = Group {
    specs: &[
        absent("assassinate", "Forcefully remove a dead node without re-replicating any data"),
        absent("bootstrap", "Monitor/manage node's bootstrap process"),
        absent("checktokenmetadata", "compares the Gossip endpointState and TokenMetadata cache"),
        absent("disablegossip", "Disable gossip (effectively marking the node down)"),
        absent("disablehandoff", "Disable storing hinted handoffs"),
        absent("disablehintsfordc", "Disable hints for a data center"),
        absent("enablegossip", "Reenable gossip"),
        absent("enablehandoff", "Reenable future hints storing on the current node"),
        absent("enablehintsfordc", "Enable hints for a data center that was previsouly disabled"),
        absent("forcecompact", "Force a (major) compaction on a table"),
        absent("garbagecollect", "Remove deleted data from one or more tables"),
        absent("import", "Import new SSTables to the system"),
        absent("invalidatejmxpermissionscache", "Invalidate the JMX permissions cache"),
        absent("pausehandoff", "Pause hints delivery process"),
        absent("rebuild", "Rebuild data by streaming from other nodes (similarly to bootstrap)"),
        absent("rebuild_index", "A full rebuild of native secondary indexes for a given table"),
        absent(
            "recompress_sstables",
            "Rewrite sstables that have compression configuration different from the current",
        ),
        absent("reloadseeds", "Reload the seed node list from the seed node provider"),
        absent("resumehandoff", "Resume hints delivery process"),
        absent(
            "sethintedhandoffthrottlekb",
            "Set hinted handoff throttle in KiB per second, per delivery thread.",
        ),
        absent("setinterdcstreamthroughput", "Set the throughput cap for inter-datacenter streaming"),
        absent("setmaxhintwindow", "Set the specified max hint window in ms"),
        absent("setstreamthroughput", "Set throughput cap for streaming"),
        absent("sjk", "Run commands of 'Swiss Java Knife'. Run 'nodetool sjk --help' for more information."),
        absent("truncatehints", "Truncate all hints on the local node"),
        absent("viewbuildstatus", "Show progress of a materialized view build"),
    ],
    run: |_, name, _| {
        let error = AdminError::Failed(format!("{name} is not supported: {}", reason(name)));
        Box::pin(std::future::ready(Err(error)))
    },
};
