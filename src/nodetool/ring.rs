//! `status`, `ring`, `info`, `describecluster`, `describering`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::admin::{Admin, AdminError, AdminResult, CacheInfo, KeyspaceInfo, NodeState, RingNode};
use super::command::{Output, Parsed};
use super::format::{Table, double, file_size, fixed};

/// What part of the data each node has, 1 being all of it.
struct Ownership {
    shares: Vec<f64>,
    /// Why it is the share of the ring only, if it is.
    note: Option<&'static str>,
}

impl Ownership {
    /// As `StorageService.effectiveOwnershipWithPort`; the error's text is for the user.
    fn of(admin: &dyn Admin, nodes: &[RingNode], keyspace: Option<&str>) -> Result<Self, String> {
        let keyspaces = admin.keyspaces();
        let by_ring = |note| Ok(Self { shares: ring_shares(nodes), note: Some(note) });
        let replication = match keyspace {
            Some(name) => match keyspaces.iter().find(|keyspace| keyspace.name == name) {
                None => return Err(format!("The keyspace {name}, does not exist")),
                Some(keyspace) if keyspace.replication_class == "LocalStrategy" => {
                    return by_ring("Ownership values for keyspaces with LocalStrategy are meaningless");
                }
                Some(keyspace) => keyspace.clone(),
            },
            None => {
                let mut user = keyspaces.iter().filter(|keyspace| keyspace.user);
                let first = user
                    .next()
                    .or_else(|| keyspaces.iter().find(|keyspace| keyspace.name == "system_traces"));
                let Some(first) = first else { return by_ring("there is no keyspace") };
                let same = |other: &KeyspaceInfo| {
                    other.replication_class == first.replication_class
                        && sorted(&other.replication_options) == sorted(&first.replication_options)
                };
                if !user.all(same) {
                    return by_ring(
                        "Non-system keyspaces don't have the same replication settings, effective ownership \
                         information is meaningless",
                    );
                }
                first.clone()
            }
        };
        Ok(Self { shares: effective_shares(nodes, &replication), note: None })
    }
}

fn sorted(options: &[(String, String)]) -> Vec<(String, String)> {
    let mut options = options.to_vec();
    options.sort();
    options
}

/// Every token with the index of its node, ascending.
fn tokens(nodes: &[RingNode]) -> Vec<(i64, usize)> {
    let all = nodes
        .iter()
        .enumerate()
        .flat_map(|(index, node)| node.tokens.iter().map(move |token| (*token, index)));
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all
}

/// The part of the ring between a token and the one before it.
#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn width(all: &[(i64, usize)], position: usize) -> f64 {
    if all.len() == 1 {
        return 1.0;
    }
    let before = if position == 0 { all.len() - 1 } else { position - 1 };
    all[position].0.wrapping_sub(all[before].0).cast_unsigned() as f64 / u64::MAX as f64
}

fn ring_shares(nodes: &[RingNode]) -> Vec<f64> {
    let all = tokens(nodes);
    let mut shares = vec![0.0; nodes.len()];
    for (position, (_, node)) in all.iter().enumerate() {
        shares[*node] += width(&all, position);
    }
    shares
}

/// The part of the data each node is a replica of. Racks are not looked at.
fn effective_shares(nodes: &[RingNode], keyspace: &KeyspaceInfo) -> Vec<f64> {
    let factor = |name: &str| {
        let option = keyspace.replication_options.iter().find(|(key, _)| key == name);
        option.and_then(|(_, factor)| factor.split('/').next()?.parse::<usize>().ok()).unwrap_or(0)
    };
    let simple = keyspace.replication_class == "SimpleStrategy";
    let all = tokens(nodes);
    let mut shares = vec![0.0; nodes.len()];
    for position in 0..all.len() {
        let width = width(&all, position);
        let mut taken: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (_, node) in all[position..].iter().chain(&all[..position]) {
            let datacenter = if simple { "" } else { nodes[*node].datacenter.as_str() };
            let wanted = factor(if simple { "replication_factor" } else { datacenter });
            let replicas = taken.entry(datacenter).or_default();
            if replicas.len() < wanted && replicas.insert(*node) {
                shares[*node] += width;
            }
        }
    }
    shares
}

/// The names of all nodes; an address that has none stands for itself.
pub(super) async fn names(admin: &dyn Admin) -> HashMap<IpAddr, String> {
    let addresses: Vec<IpAddr> = admin.ring().iter().map(|node| node.address.ip()).collect();
    let look_up = move || {
        let name = |address: IpAddr| Some((address, dns_lookup::lookup_addr(&address).ok()?));
        addresses.into_iter().filter_map(name).collect()
    };
    // The resolver may take its time.
    tokio::task::spawn_blocking(look_up).await.unwrap_or_default()
}

fn shown(address: SocketAddr, parsed: &Parsed) -> String {
    match (parsed.names.get(&address.ip()), parsed.print_port) {
        (Some(name), true) => format!("{name}:{}", address.port()),
        (Some(name), false) => name.clone(),
        (None, true) => address.to_string(),
        (None, false) => address.ip().to_string(),
    }
}

fn datacenters(nodes: &[RingNode]) -> BTreeMap<&str, Vec<usize>> {
    let mut datacenters: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        datacenters.entry(&node.datacenter).or_default().push(index);
    }
    datacenters
}

/// `nodetool status [KEYSPACE]`
pub(super) fn status(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let keyspace = optional_keyspace(parsed)?;
    let nodes = admin.ring();
    let ownership = match Ownership::of(admin, &nodes, keyspace) {
        Ok(ownership) => ownership,
        Err(message) => return Ok(Output::printed_error(&message)),
    };
    let datacenters = datacenters(&nodes);
    let one_token = datacenters.len() >= tokens(&nodes).len();
    let owns_title = if ownership.note.is_none() { "Owns (effective)" } else { "Owns" };
    let mut tables = Vec::new();
    for members in datacenters.values() {
        let mut table = Table::default();
        if one_token {
            table.add(["--", "Address", "Load", owns_title, "Host ID", "Token", "Rack"]);
        } else {
            table.add(["--", "Address", "Load", "Tokens", owns_title, "Host ID", "Rack"]);
        }
        for index in members {
            let node = &nodes[*index];
            let state = match node.state {
                NodeState::Normal => 'N',
                NodeState::Leaving => 'L',
                NodeState::Joining => 'J',
                NodeState::Moving => 'M',
            };
            let flags = format!("{}{state}", if node.up { 'U' } else { 'D' });
            let address = shown(node.address, parsed);
            let load = node.load_bytes.map_or_else(|| "?".to_owned(), file_size);
            let owns = match ownership.note {
                None => format!("{:.1}%", ownership.shares[*index] * 100.0),
                Some(_) => "?".to_owned(),
            };
            let (id, rack) = (node.host_id.to_string(), node.rack.clone());
            if one_token {
                let token = node.tokens.first().map_or_else(String::new, ToString::to_string);
                table.add([flags, address, load, owns, id, token, rack]);
            } else {
                table.add([flags, address, load, node.tokens.len().to_string(), owns, id, rack]);
            }
        }
        tables.push(table);
    }
    // All data centres share the widths of their columns.
    let mut widths = vec![0; 7];
    for table in &tables {
        widths.iter_mut().zip(table.widths()).for_each(|(width, own)| *width = own.max(*width));
    }
    let mut text = String::new();
    for (position, (name, table)) in datacenters.keys().zip(&tables).enumerate() {
        if position > 0 {
            text.push('\n');
        }
        let header = format!("Datacenter: {name}");
        let _ = writeln!(text, "{header}\n{}", "=".repeat(header.chars().count()));
        text.push_str("Status=Up/Down\n|/ State=Normal/Leaving/Joining/Moving\n");
        text.push_str(&table.print("  ", &widths));
    }
    text.push('\n');
    if let Some(note) = ownership.note {
        let _ = writeln!(text, "Note: {note}");
    }
    Ok(text.into())
}

fn optional_keyspace(parsed: &Parsed) -> AdminResult<Option<&str>> {
    match parsed.arguments.as_slice() {
        [] => Ok(None),
        [keyspace] => Ok(Some(keyspace)),
        [_, rest @ ..] => {
            Err(AdminError::Invalid(format!("Found unexpected parameters: [{}]", rest.join(", "))))
        }
    }
}

/// `nodetool ring [KEYSPACE]`
pub(super) fn ring(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<Output> {
    let keyspace = optional_keyspace(parsed)?;
    let nodes = admin.ring();
    let ownership = match Ownership::of(admin, &nodes, keyspace) {
        Ok(ownership) => ownership,
        Err(message) => return Ok(Output::printed_error(&message)),
    };
    let address = |node: &RingNode| match parsed.names.get(&node.address.ip()) {
        Some(name) => format!("{name}:{}", node.address.port()),
        None => node.address.to_string(),
    };
    let widest = nodes.iter().map(|node| address(node).len()).max().unwrap_or(0);
    let mut text = String::from("\n");
    let mut line = |cells: [&str; 7]| {
        let [address, rack, status, state, load, owns, token] = cells;
        let _ = writeln!(
            text,
            "{address:<widest$}  {rack:<12}{status:<7}{state:<8}{load:<16}{owns:<20}{token:<44}"
        );
    };
    for (name, members) in datacenters(&nodes) {
        line([&format!("\u{0}{name}"), "", "", "", "", "", ""]);
        let mut rows: Vec<(i64, usize)> = members
            .iter()
            .flat_map(|index| nodes[*index].tokens.iter().map(|token| (*token, *index)))
            .collect();
        rows.sort_unstable();
        line(["Address", "Rack", "Status", "State", "Load", "Owns", "Token"]);
        match rows.as_slice() {
            [.., last] if rows.len() > 1 => line(["", "", "", "", "", "", &last.0.to_string()]),
            _ => line(["\u{1}", "", "", "", "", "", ""]),
        }
        for (token, index) in &rows {
            let node = &nodes[*index];
            let state = match node.state {
                NodeState::Normal => "Normal",
                NodeState::Leaving => "Leaving",
                NodeState::Joining => "Joining",
                NodeState::Moving => "Moving",
            };
            let owns = match ownership.note {
                None => format!("{:.2}%", ownership.shares[*index] * 100.0),
                Some(_) => "?".to_owned(),
            };
            line([
                &shown(node.address, parsed),
                &node.rack,
                if node.up { "Up" } else { "Down" },
                state,
                &node.load_bytes.map_or_else(|| "?".to_owned(), file_size),
                &owns,
                &token.to_string(),
            ]);
        }
        line(["\u{1}", "", "", "", "", "", ""]);
    }
    let mut text = unpad(&text);
    if nodes.iter().any(|node| node.tokens.len() > 1) {
        text.push_str("  Warning: \"nodetool ring\" is used to output all the tokens of a node.\n");
        text.push_str("  To view status related info of a node use \"nodetool status\" instead.\n\n");
    }
    text.push_str("\n  ");
    if let Some(note) = ownership.note {
        let _ = writeln!(text, "Note: {note}");
    }
    Ok(text.into())
}

/// Turns the marked lines of [`ring`] into headers and empty lines, which are not padded.
fn unpad(text: &str) -> String {
    let mut plain = String::new();
    for line in text.lines() {
        match line.chars().next() {
            Some('\u{0}') => {
                let _ = writeln!(plain, "Datacenter: {}\n==========", line[1..].trim_end());
            }
            Some('\u{1}') => plain.push('\n'),
            _ => {
                plain.push_str(line);
                plain.push('\n');
            }
        }
    }
    plain
}

/// `nodetool info`
pub(super) fn info(admin: &dyn Admin, parsed: &Parsed) -> String {
    let node = admin.node();
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<23}: {value}");
    };
    #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
    let mebibytes = |bytes: u64| fixed(bytes as f64 / f64::from(1 << 20), 2);
    row("ID", &node.host_id.to_string());
    row("Gossip active", &node.gossip_active.to_string());
    row("Native Transport active", &node.native_transport_active.to_string());
    row("Load", &file_size(node.load_bytes));
    row("Uncompressed load", &file_size(node.uncompressed_load_bytes));
    row("Generation No", &if node.gossip_active { node.generation } else { 0 }.to_string());
    row("Uptime (seconds)", &node.uptime.as_secs().to_string());
    row(
        "Heap Memory (MB)",
        &format!("{} / {}", mebibytes(node.memory_used_bytes), mebibytes(node.memory_limit_bytes)),
    );
    row("Off Heap Memory (MB)", &mebibytes(node.table_memory_bytes));
    row("Data Center", &node.datacenter);
    row("Rack", &node.rack);
    row("Exceptions", &node.exceptions.to_string());
    for (name, cache, period) in [
        ("Key Cache", &node.key_cache, 14400),
        ("Row Cache", &node.row_cache, 0),
        ("Counter Cache", &node.counter_cache, 7200),
    ] {
        row(name, &cache_line(cache, period));
    }
    if let Some(cache) = &node.chunk_cache {
        row(
            "Chunk Cache",
            &format!(
                "entries {}, size {}, capacity {}, {} misses, {} requests, {} recent hit rate, NaN microseconds miss \
                 latency",
                cache.entries,
                file_size(cache.size_bytes),
                file_size(cache.capacity_bytes),
                cache.requests.saturating_sub(cache.hits),
                cache.requests,
                fixed(hit_rate(cache), 3),
            ),
        );
    }
    row("Percent Repaired", &format!("{}%", double(node.percent_repaired)));
    let tokens: Vec<_> = admin
        .ring()
        .into_iter()
        .filter(|other| other.host_id == node.host_id)
        .flat_map(|own| own.tokens)
        .collect();
    if tokens.len() == 1 || parsed.has("-T") {
        tokens.iter().for_each(|token| row("Token", &token.to_string()));
    } else {
        row("Token", &format!("(invoke with -T/--tokens to see all {} tokens)", tokens.len()));
    }
    row("Bootstrap state", "COMPLETED");
    row("Bootstrap failed", "false");
    row("Decommissioning", "false");
    row("Decommission failed", "false");
    if parsed.has("-O") {
        let _ = writeln!(
            text,
            "{:<23}: {:<48} {:>10} {:>10} {:>10}",
            "Invalid Token Ops", "Keyspace", "Read", "Write", "Paxos"
        );
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "three decimals are shown")]
fn hit_rate(cache: &CacheInfo) -> f64 {
    cache.hits as f64 / cache.requests as f64
}

fn cache_line(cache: &CacheInfo, save_period_seconds: u32) -> String {
    format!(
        "entries {}, size {}, capacity {}, {} hits, {} requests, {} recent hit rate, {save_period_seconds} save period \
         in seconds",
        cache.entries,
        file_size(cache.size_bytes),
        file_size(cache.capacity_bytes),
        cache.hits,
        cache.requests,
        fixed(hit_rate(cache), 3),
    )
}

/// `nodetool describecluster`
pub(super) fn describe_cluster(admin: &dyn Admin, parsed: &Parsed) -> String {
    let node = admin.node();
    let nodes = admin.ring();
    let mut text = format!(
        "Cluster Information:\n\tName: {}\n\tSnitch: {}\n\tDynamicEndPointSnitch: enabled\n\tPartitioner: {}\n\tSchema \
         versions:\n",
        node.cluster_name, node.snitch, node.partitioner
    );
    let mut schemas: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut releases: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for member in &nodes {
        let version = if member.up { member.schema_version.to_string() } else { "UNREACHABLE".to_owned() };
        schemas.entry(version).or_default().push(shown(member.address, parsed));
        releases.entry(member.release_version.clone()).or_default().push(member.address.to_string());
    }
    for (version, members) in schemas {
        let _ = writeln!(text, "\t\t{version}: [{}]\n", members.join(", "));
    }
    let count = |state: NodeState| nodes.iter().filter(|member| member.state == state).count();
    let live = nodes.iter().filter(|member| member.up).count();
    let _ = writeln!(
        text,
        "Stats for all nodes:\n\tLive: {live}\n\tJoining: {}\n\tMoving: {}\n\tLeaving: {}\n\tUnreachable: {}\n",
        count(NodeState::Joining),
        count(NodeState::Moving),
        count(NodeState::Leaving),
        nodes.len() - live
    );
    text.push_str("Data Centers: \n");
    for (name, members) in datacenters(&nodes) {
        let down = members.iter().filter(|index| !nodes[**index].up).count();
        let _ = writeln!(text, "\t{name} #Nodes: {} #Down: {down}", members.len());
    }
    text.push_str("\nDatabase versions:\n");
    for (release, members) in releases {
        let _ = writeln!(text, "\t{release}: [{}]\n", members.join(", "));
    }
    text.push_str("Keyspaces:\n");
    for keyspace in admin.keyspaces() {
        let options: Vec<_> =
            keyspace.replication_options.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let _ = writeln!(
            text,
            "\t{} -> Replication class: {} {{{}}}",
            keyspace.name,
            keyspace.replication_class,
            options.join(", ")
        );
    }
    text
}

/// `nodetool describering KEYSPACE`
pub(super) fn describe_ring(admin: &dyn Admin, parsed: &Parsed) -> AdminResult<String> {
    let Some(keyspace) = optional_keyspace(parsed)? else {
        return Err(AdminError::Invalid("Required parameters are missing: keyspace".to_owned()));
    };
    let keyspaces = admin.keyspaces();
    let Some(replication) = keyspaces.iter().find(|known| known.name == keyspace) else {
        return Err(AdminError::Invalid(format!("The keyspace {keyspace}, does not exist")));
    };
    if replication.replication_class == "LocalStrategy" {
        return Err(AdminError::Failed(format!("There is no ring for the keyspace: {keyspace}")));
    }
    let nodes = admin.ring();
    let all = tokens(&nodes);
    let mut text = format!("Schema Version:{}\nTokenRange: \n", admin.node().schema_version);
    for (position, (end, owner)) in all.iter().enumerate() {
        let start = all[if position == 0 { all.len() - 1 } else { position - 1 }].0;
        let node = &nodes[*owner];
        let address = shown(node.address, parsed);
        let _ = writeln!(
            text,
            "\tTokenRange(start_token:{start}, end_token:{end}, endpoints:[{address}], rpc_endpoints:[{address}], \
             endpoint_details:[EndpointDetails(host:{address}, datacenter:{}, rack:{})])",
            node.datacenter, node.rack
        );
    }
    Ok(text)
}
