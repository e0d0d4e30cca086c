//! `clientstats`, which versions of the protocol clients may use, and the levels of the log.

use std::collections::BTreeMap;

use super::admin::{Admin, AdminResult};
use super::command::{Group, Output, Parsed, Spec, spec, taking};
use super::format::Table;
use super::maintenance::ClientInfo;

pub(super) const GROUP: Group = Group {
    specs: &[
        Spec {
            name: "clientstats",
            description: "Print information about connected clients",
            flags: &[(&["--all"], false), (&["--client-options"], false)],
            arguments: None,
        },
        spec("disableoldprotocolversions", "Disable old protocol versions"),
        spec("enableoldprotocolversions", "Enable old protocol versions"),
        spec("getlogginglevels", "Get the runtime logging levels"),
        taking(
            "setlogginglevel",
            "Set the log level threshold for a given component or class. Will reset to the initial configuration if called \
             with no parameters.",
            "<component|class> <level>",
        ),
    ],
    run: |admin, name, parsed| Box::pin(std::future::ready(run(admin, name, parsed))),
};

const COLUMNS: [&str; 11] = [
    "Address",
    "SSL",
    "Cipher",
    "Protocol",
    "Version",
    "User",
    "Keyspace",
    "Requests",
    "Driver-Name",
    "Driver-Version",
    "Client-Options",
];

fn run(admin: &dyn Admin, name: &str, parsed: &Parsed) -> AdminResult<Output> {
    let maintenance = admin.maintenance();
    match name {
        "clientstats" => return Ok(statistics(admin, parsed)),
        "getlogginglevels" => {
            let levels = maintenance.logging_levels()?;
            let line = |name: &str, level: &str| format!("{name:<50}{level:>10}\n");
            let lines: String = levels.iter().map(|(name, level)| line(name, level)).collect();
            return Ok(format!("\n{}{lines}", line("Logger Name", "Log Level")).into());
        }
        "setlogginglevel" => {
            let word = |at: usize| parsed.arguments.get(at).map_or("", String::as_str);
            maintenance.set_logging_level(word(0), word(1))?;
        }
        _ => maintenance.set_older_protocols(name == "enableoldprotocolversions"),
    }
    Ok(Output::default())
}

fn statistics(admin: &dyn Admin, parsed: &Parsed) -> Output {
    let clients = admin.maintenance().clients();
    let mut text = String::new();
    for (flag, columns) in [("--all", 10), ("--client-options", 11)] {
        if parsed.has(flag) && !clients.is_empty() {
            text.push_str(&connections(&clients, columns));
            text.push('\n');
        }
    }
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for client in &clients {
        *users.entry(&client.user).or_default() += 1;
    }
    text.push_str(&format!("Total connected clients: {}\n\n", clients.len()));
    let mut table = Table::default();
    table.add(["User", "Connections"]);
    for (user, count) in users {
        table.add([user.to_owned(), count.to_string()]);
    }
    text.push_str(&table.print(" ", &table.widths()));
    text.into()
}

fn connections(clients: &[ClientInfo], columns: usize) -> String {
    let mut table = Table::default();
    table.add_all(COLUMNS.into_iter().take(columns).map(str::to_owned));
    let undefined = || "undefined".to_owned();
    for client in clients {
        let (protocol, cipher) = client.tls.clone().unwrap_or_else(|| (undefined(), undefined()));
        let options: Vec<_> = client.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let cells = [
            format!("/{}", client.address),
            client.tls.is_some().to_string(),
            cipher,
            protocol,
            client.version.to_string(),
            client.user.clone(),
            client.keyspace.clone().unwrap_or_default(),
            client.requests.to_string(),
            client.driver_name.clone().unwrap_or_else(undefined),
            client.driver_version.clone().unwrap_or_else(undefined),
            options.join(", "),
        ];
        table.add_all(cells.into_iter().take(columns));
    }
    table.print(" ", &table.widths())
}
