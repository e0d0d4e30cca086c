//! What is known of roles for a while, and groups of addresses.

use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;

use super::admin::{Admin, AdminError, AdminResult};
use super::command::{Group, Output, Parsed, Spec, spec, taking};
use super::format::Table;

/// What is kept of roles for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleCache {
    /// Hashes of passwords.
    Credentials,
    /// Which roles a role was granted.
    Roles,
    /// Permissions of a role on a resource.
    Permissions,
    /// Data centers of a role.
    NetworkPermissions,
    /// Groups of addresses of a role.
    CidrPermissions,
}

/// For how long, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleCacheSettings {
    /// How long it is good for; zero where nothing is kept.
    pub validity: Duration,
    /// After this it is read again; none: after `validity`.
    pub update_interval: Option<Duration>,
    /// How many entries are kept.
    pub entries_max: usize,
}

/// A group of addresses: its name and its ranges.
pub type CidrGroup = (String, Vec<String>);

/// What was counted and measured of looking at addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct CidrFigures {
    /// Counts by their names.
    pub counts: Vec<(String, u64)>,
    /// Nanoseconds by their names: of half, of 95, 99 and 99.9 percent, at most, and the most.
    pub latencies: Vec<(String, [f64; 5])>,
}

/// A server's roles.
pub trait Roles: Send + Sync + 'static {
    /// Forgets what is known of a role, and a resource by its name, or of all. False if nothing was.
    fn invalidate(&self, cache: RoleCache, role: Option<&str>, resource: Option<&str>) -> bool;

    /// How a cache is set up.
    fn cache_settings(&self, cache: RoleCache) -> RoleCacheSettings;

    /// Sets it up otherwise, until the next start.
    fn set_cache_settings(&self, cache: RoleCache, settings: RoleCacheSettings);

    /// Whether addresses are looked at.
    fn looks_at_addresses(&self) -> bool;

    /// Reads the groups of addresses again.
    fn reload_cidr_groups(&self);

    /// All groups of addresses, each with its ranges, in order of name.
    fn cidr_groups(&self) -> BoxFuture<'_, AdminResult<Vec<CidrGroup>>>;

    /// Makes a group of addresses what is given, or drops it where nothing is.
    fn set_cidr_group<'a>(
        &'a self,
        name: &'a str,
        ranges: Vec<(IpAddr, u8)>,
    ) -> BoxFuture<'a, AdminResult<()>>;

    /// What was counted and measured of looking at addresses.
    fn cidr_figures(&self) -> CidrFigures;

    /// The groups that an address is in.
    fn cidr_groups_of(&self, address: IpAddr) -> BoxFuture<'_, AdminResult<Vec<String>>>;
}

const ROLES: &str = "[<role>...]";
const CACHE_NAME: super::command::Flag = (&["--cache-name"], true);

pub(super) const GROUP: Group = Group {
    specs: &[
        spec("cidrfilteringstats", "Print statistics on CIDR filtering"),
        taking("dropcidrgroup", "Drop an existing cidr group", "<cidrGroup>"),
        Spec {
            name: "getauthcacheconfig",
            description: "Get configuration of Auth cache",
            flags: &[CACHE_NAME],
            arguments: None,
        },
        taking("getcidrgroupsofip", "Print CIDR groups associated with given IP", "<IP address>"),
        taking("invalidatecidrpermissionscache", "Invalidate the cidr permissions cache", ROLES),
        taking("invalidatecredentialscache", "Invalidate the credentials cache", ROLES),
        taking("invalidatenetworkpermissionscache", "Invalidate the network permissions cache", ROLES),
        Spec {
            name: "invalidatepermissionscache",
            description: "Invalidate the permissions cache",
            flags: &[
                (&["--all-keyspaces"], false),
                (&["--keyspace"], true),
                (&["--all-tables"], false),
                (&["--table"], true),
                (&["--all-roles"], false),
                (&["--role"], true),
                (&["--all-functions"], false),
                (&["--functions-in-keyspace"], true),
                (&["--function"], true),
                (&["--all-mbeans"], false),
                (&["--mbean"], true),
            ],
            arguments: Some("[<role>]"),
        },
        taking("invalidaterolescache", "Invalidate the roles cache", ROLES),
        taking("listcidrgroups", "List existing cidr groups", "[<cidrGroup>]"),
        spec(
            "reloadcidrgroupscache",
            "Reload CIDR groups cache with latest entries in cidr_groups table, when CIDR authorizer is enabled",
        ),
        Spec {
            name: "setauthcacheconfig",
            description: "Set configuration for Auth cache",
            flags: &[
                CACHE_NAME,
                (&["--validity-period"], true),
                (&["--update-interval"], true),
                (&["--max-entries"], true),
            ],
            arguments: None,
        },
        taking("updatecidrgroup", "Insert/Update a cidr group", "[<cidrGroup> <cidr> ...]"),
    ],
    run: |admin, name, parsed| Box::pin(run(admin, name, parsed)),
};

fn invalid<T>(message: impl Into<String>) -> AdminResult<T> {
    Err(AdminError::Invalid(message.into()))
}

async fn run(admin: &dyn Admin, name: &str, parsed: &Parsed) -> AdminResult<Output> {
    let roles = admin.roles();
    let text = match name {
        "invalidatecredentialscache" => invalidate(roles, RoleCache::Credentials, parsed),
        "invalidatenetworkpermissionscache" => invalidate(roles, RoleCache::NetworkPermissions, parsed),
        "invalidaterolescache" => invalidate(roles, RoleCache::Roles, parsed),
        "invalidatecidrpermissionscache" => invalidate_addresses(roles, parsed)?,
        "invalidatepermissionscache" => invalidate_permissions(roles, parsed)?,
        "getauthcacheconfig" => settings(roles, parsed)?,
        "setauthcacheconfig" => set_settings(roles, parsed)?,
        "reloadcidrgroupscache" => {
            looks_at_addresses(roles, "Load CIDR groups cache operation not supported")?;
            roles.reload_cidr_groups();
            "Reloaded CIDR groups cache\n".to_owned()
        }
        "cidrfilteringstats" => filtering(&roles.cidr_figures()),
        "listcidrgroups" => list(roles, parsed.arguments.first()).await?,
        "updatecidrgroup" => {
            let Some((group, ranges @ [_, ..])) = parsed.arguments.split_first() else {
                return invalid("updatecidrgroup command requires a cidr group name and atleast one CIDR");
            };
            let ranges = ranges.iter().map(|range| parse(range)).collect::<AdminResult<_>>()?;
            roles.set_cidr_group(group, ranges).await?;
            String::new()
        }
        "dropcidrgroup" => {
            let [group] = parsed.arguments.as_slice() else {
                return invalid("dropcidrgroup command requires a cidr group name");
            };
            if roles.cidr_groups().await?.iter().all(|(name, ranges)| name != group || ranges.is_empty()) {
                return Err(AdminError::Failed(format!("CIDR group '{group}' doesn't exists")));
            }
            roles.set_cidr_group(group, Vec::new()).await?;
            format!("Deleted CIDR group {group}\n")
        }
        _ => {
            let [address] = parsed.arguments.as_slice() else {
                return invalid("Requires IP address as input");
            };
            let Ok(ip) = address.parse() else { return invalid(format!("Invalid IP {address}")) };
            looks_at_addresses(roles, "'Get CIDR groups for IP' operation not supported")?;
            set("CIDR Groups", roles.cidr_groups_of(ip).await?)
        }
    };
    Ok(text.into())
}

/// The two virtual tables (Cassandra: `CIDRFilteringStats`).
fn filtering(figures: &CidrFigures) -> String {
    let (mut counts, mut latencies) = (Table::default(), Table::default());
    counts.add(["name", "value"]);
    for (name, count) in &figures.counts {
        counts.add([name.clone(), count.to_string()]);
    }
    latencies.add(["name", "p50th", "p95th", "p99th", "p999th", "max"]);
    for (name, values) in &figures.latencies {
        latencies.add_all([name.clone()].into_iter().chain(values.iter().map(|value| format!("{value:?}"))));
    }
    let table = |name: &str, table: &Table| format!("{name}: \n{}\n", table.print(" ", &table.widths()));
    table("cidr_filtering_metrics_counts", &counts) + &table("cidr_filtering_metrics_latencies", &latencies)
}

fn looks_at_addresses(roles: &dyn Roles, refusal: &str) -> AdminResult<()> {
    if roles.looks_at_addresses() {
        return Ok(());
    }
    Err(AdminError::Failed(format!("{refusal} by AllowAllCIDRAuthorizer")))
}

fn invalidate(roles: &dyn Roles, cache: RoleCache, parsed: &Parsed) -> String {
    if parsed.arguments.is_empty() {
        roles.invalidate(cache, None, None);
    }
    for role in &parsed.arguments {
        roles.invalidate(cache, Some(role), None);
    }
    String::new()
}

fn invalidate_addresses(roles: &dyn Roles, parsed: &Parsed) -> AdminResult<String> {
    looks_at_addresses(roles, "Invalidate CIDR permissions cache operation not supported")?;
    if parsed.arguments.is_empty() {
        roles.invalidate(RoleCache::CidrPermissions, None, None);
        return Ok("Invalidated CIDR permissions cache\n".to_owned());
    }
    let line = |role: &String| match roles.invalidate(RoleCache::CidrPermissions, Some(role), None) {
        true => format!("Invalidated the role {role} from CIDR permissions cache\n"),
        false => format!("Not found role {role} in CIDR permissions cache, nothing to invalidate\n"),
    };
    Ok(parsed.arguments.iter().map(line).collect())
}

fn invalidate_permissions(roles: &dyn Roles, parsed: &Parsed) -> AdminResult<String> {
    let resources = resources(parsed)?;
    match parsed.arguments.as_slice() {
        [] if !resources.is_empty() => {
            return invalid("No resource options allowed without a <role> being specified");
        }
        [] => _ = roles.invalidate(RoleCache::Permissions, None, None),
        [_] if resources.is_empty() => return invalid("No resource options specified"),
        [role] => {
            for resource in &resources {
                roles.invalidate(RoleCache::Permissions, Some(role), Some(resource));
            }
        }
        _ => {
            return invalid(
                "A single <role> is only supported / you have a typo in the resource options spelling",
            );
        }
    }
    Ok(String::new())
}

/// The names of the resources that the options speak of.
fn resources(parsed: &Parsed) -> AdminResult<Vec<String>> {
    let mut names = Vec::new();
    let missing = |option: &str, other: &str| {
        invalid(format!("{option} option should be passed along with {other} option"))
    };
    let (keyspace, table) = (parsed.value("--keyspace"), parsed.value("--table"));
    let all_tables = parsed.has("--all-tables");
    if parsed.has("--all-keyspaces") {
        names.push("data".to_owned());
    }
    match (keyspace, table) {
        (None, _) if all_tables => return missing("--all-tables", "--keyspace"),
        (None, Some(_)) => return missing("--table", "--keyspace"),
        (None, None) => {}
        (Some(keyspace), table) => {
            if all_tables {
                names.push(format!("data/{keyspace}/*"));
            }
            if let Some(table) = table {
                names.push(format!("data/{keyspace}/{table}"));
            } else if !all_tables {
                names.push(format!("data/{keyspace}"));
            }
        }
    }
    let (keyspace, function) = (parsed.value("--functions-in-keyspace"), parsed.value("--function"));
    if parsed.has("--all-functions") {
        names.push("functions".to_owned());
    }
    match (keyspace, function) {
        (None, Some(_)) => return missing("--function", "--functions-in-keyspace"),
        (Some(keyspace), Some(function)) => names.push(format!("functions/{keyspace}/{function}")),
        (Some(keyspace), None) => names.push(format!("functions/{keyspace}")),
        (None, None) => {}
    }
    for (all, one, root) in [("--all-roles", "--role", "roles"), ("--all-mbeans", "--mbean", "mbean")] {
        if parsed.has(all) {
            names.push(root.to_owned());
        }
        names.extend(parsed.value(one).map(|name| format!("{root}/{name}")));
    }
    Ok(names)
}

fn named(parsed: &Parsed) -> AdminResult<RoleCache> {
    Ok(match parsed.value("--cache-name") {
        None => return invalid("Required option '--cache-name' is missing"),
        Some("CredentialsCache") => RoleCache::Credentials,
        Some("NetworkPermissionsCache") => RoleCache::NetworkPermissions,
        Some("PermissionsCache") => RoleCache::Permissions,
        Some("RolesCache") => RoleCache::Roles,
        Some(other) => return invalid(format!("Unknown cache name: {other}")),
    })
}

fn settings(roles: &dyn Roles, parsed: &Parsed) -> AdminResult<String> {
    let settings = roles.cache_settings(named(parsed)?);
    Ok(format!(
        "Validity Period: {}\nUpdate Interval: {}\nMax Entries: {}\nActive Update: false\n",
        settings.validity.as_millis(),
        settings.update_interval.unwrap_or(settings.validity).as_millis(),
        settings.entries_max
    ))
}

fn set_settings(roles: &dyn Roles, parsed: &Parsed) -> AdminResult<String> {
    let number = |flag: &str| -> AdminResult<Option<u64>> {
        let Some(text) = parsed.value(flag) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => invalid(format!("{flag}: can not convert \"{text}\" to a Integer")),
        }
    };
    let (validity, update) = (number("--validity-period")?, number("--update-interval")?);
    let entries = number("--max-entries")?;
    if validity.is_none() && update.is_none() && entries.is_none() {
        return invalid("At least one optional parameter need to be passed");
    }
    let cache = named(parsed)?;
    let mut settings = roles.cache_settings(cache);
    let mut text = String::new();
    if let Some(millis) = validity {
        settings.validity = Duration::from_millis(millis);
        text.push_str(&format!("Changed Validity Period to {millis}\n"));
    }
    if let Some(millis) = update {
        settings.update_interval = Some(Duration::from_millis(millis));
        text.push_str(&format!("Changed Update Interval to {millis}\n"));
    }
    if let Some(entries) = entries {
        settings.entries_max = usize::try_from(entries).unwrap_or(usize::MAX);
        text.push_str(&format!("Changed Max Entries to {entries}\n"));
    }
    roles.set_cache_settings(cache, settings);
    Ok(text)
}

async fn list(roles: &dyn Roles, group: Option<&String>) -> AdminResult<String> {
    let groups = roles.cidr_groups().await?;
    Ok(match group {
        None => set("CIDR Groups", groups.into_iter().map(|(name, _)| name).collect()),
        Some(group) => {
            let found = groups.into_iter().find(|(name, _)| name == group);
            set("CIDRs", found.map(|(_, ranges)| ranges).unwrap_or_default())
        }
    })
}

/// Names below a title; nothing where there are none.
fn set(title: &str, names: Vec<String>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    table.add([format!("{title}: ")]);
    names.into_iter().for_each(|name| table.add([name]));
    table.print(" ", &table.widths())
}

/// `10.0.0.0/8`
fn parse(range: &str) -> AdminResult<(IpAddr, u8)> {
    let parts = range.split_once('/').and_then(|(address, bits)| {
        let address: IpAddr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, bits))
    });
    parts.ok_or_else(|| AdminError::Failed(format!("{range} is not a valid CIDR String")))
}
