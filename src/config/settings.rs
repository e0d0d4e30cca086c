//! The rows of `system_views.settings`.

use std::collections::BTreeMap;

use super::convert::unconvert;
use super::keys::Keys;
use super::value::{Value, Values};

/// Names of Cassandra 4.0's settings table that do not follow from the key by replacing `.` with `_`.
const RENAMED: [(&str, &str); 5] = [
    ("audit_logging_options_logger", "audit_logging_options.logger.class_name"),
    ("server_encryption_options_client_auth", "server_encryption_options.require_client_auth"),
    (
        "server_encryption_options_endpoint_verification",
        "server_encryption_options.require_endpoint_verification",
    ),
    (
        "server_encryption_options_legacy_ssl_storage_port",
        "server_encryption_options.legacy_ssl_storage_port_enabled",
    ),
    ("server_encryption_options_protocol", "server_encryption_options.accepted_protocols"),
];

/// Keys whose name in that table follows the rule.
const UNDERSCORED: [&str; 17] = [
    "audit_logging_options.audit_logs_dir",
    "audit_logging_options.enabled",
    "audit_logging_options.excluded_categories",
    "audit_logging_options.excluded_keyspaces",
    "audit_logging_options.excluded_users",
    "audit_logging_options.included_categories",
    "audit_logging_options.included_keyspaces",
    "audit_logging_options.included_users",
    "server_encryption_options.algorithm",
    "server_encryption_options.cipher_suites",
    "server_encryption_options.enabled",
    "server_encryption_options.internode_encryption",
    "server_encryption_options.optional",
    "transparent_data_encryption_options.chunk_length_kb",
    "transparent_data_encryption_options.cipher",
    "transparent_data_encryption_options.enabled",
    "transparent_data_encryption_options.iv_length",
];

/// Name and value of every setting, in order of name; older names too.
pub(super) fn settings(values: &Values) -> Vec<(String, Option<String>)> {
    let keys = Keys::get();
    let mut rows = BTreeMap::new();
    for (name, key) in &keys.known {
        if !key.is_object() {
            let value = values.get(name).map(Value::to_string);
            rows.insert(shown_name(name), if key.redacted { Some("<REDACTED>".to_owned()) } else { value });
        }
    }
    for (old, (new, converter)) in &keys.older {
        if !old.contains('.') {
            rows.insert((*old).to_owned(), unconvert(converter, values.get(new)));
        }
    }
    let underscored = UNDERSCORED.iter().map(|name| (name.replace('.', "_"), *name));
    for (old, name) in RENAMED.iter().map(|(old, name)| ((*old).to_owned(), *name)).chain(underscored) {
        let value = rows.get(name).cloned().flatten();
        rows.insert(old, value);
    }
    rows.into_iter().collect()
}

/// The old names of Cassandra 4.0, and what replaces them: reading one gives a warning.
pub(super) fn replacement_of(name: &str) -> Option<&'static str> {
    let renamed = RENAMED.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
    renamed.or_else(|| UNDERSCORED.into_iter().find(|new| new.replace('.', "_") == name))
}

/// Cassandra shows the retry options under the names of its fields.
fn shown_name(name: &str) -> String {
    if !name.starts_with("repair.retries.") {
        return name.to_owned();
    }
    name.replace("base_sleep_time", "baseSleepTime")
        .replace("max_attempts", "maxAttempts")
        .replace("max_sleep_time", "maxSleepTime")
}
