//! Who may log in, and what roles may do (Cassandra: `auth.AuthConfig`).

use std::time::Duration;

use super::ConfigError;
use super::check::refuse;
use super::spec::DurationSpec;
use super::value::{ParameterizedClass, Values};
use crate::consistency::Consistency;

const PACKAGE: &str = "org.apache.cassandra.auth.";

/// `authenticator`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticator {
    /// Anybody comes in, nameless.
    AllowAll,
    /// Names and passwords.
    Password,
    /// The client's certificate names an identity that belongs to a role.
    MutualTls,
    /// The same, or a password where there is no certificate.
    MutualTlsWithPasswordFallback,
}

impl Authenticator {
    /// The name of Cassandra's class: clients are told.
    pub fn class_name(self) -> String {
        let simple = match self {
            Self::AllowAll => "AllowAllAuthenticator",
            Self::Password => "PasswordAuthenticator",
            Self::MutualTls => "MutualTlsAuthenticator",
            Self::MutualTlsWithPasswordFallback => "MutualTlsWithPasswordFallbackAuthenticator",
        };
        format!("{PACKAGE}{simple}")
    }

    /// Whether roles have passwords.
    pub fn has_passwords(self) -> bool {
        matches!(self, Self::Password | Self::MutualTlsWithPasswordFallback)
    }
}

/// `cidr_authorizer`, where it looks at addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CidrOptions {
    /// Whether what is not permitted is only told in the log.
    pub only_monitors: bool,
    /// Whether superusers are held to it too.
    pub checks_superusers: bool,
    /// How often the groups are read again.
    pub groups_refresh: Duration,
}

/// How long what was read of `system_auth` is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// The longest; zero where everything is read anew each time.
    pub validity: Duration,
    /// After this it is read again when it is asked for; the same as `validity` where it is not told.
    pub update_interval: Option<Duration>,
    /// How many entries are kept.
    pub entries_max: usize,
}

/// Everything about roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthOptions {
    /// `authenticator`
    pub authenticator: Authenticator,
    /// Whether `authorizer` is `CassandraAuthorizer`.
    pub authorizes: bool,
    /// Whether `network_authorizer` is `CassandraNetworkAuthorizer`.
    pub authorizes_datacenters: bool,
    /// `cidr_authorizer`; none where it is `AllowAllCIDRAuthorizer`.
    pub cidr: Option<CidrOptions>,
    /// `traverse_auth_from_root`
    pub from_root: bool,
    /// `auth_read_consistency_level`
    pub read_consistency: Consistency,
    /// `auth_write_consistency_level`
    pub write_consistency: Consistency,
    /// `native_transport_max_auth_threads`: how many clients may log in at once.
    pub login_threads: usize,
    /// `credentials_…`
    pub credentials: CacheOptions,
    /// `roles_…`
    pub roles: CacheOptions,
    /// `permissions_…`
    pub permissions: CacheOptions,
}

impl AuthOptions {
    /// What the values say.
    pub(super) fn new(values: &Values) -> Result<Self, ConfigError> {
        let authenticator = authenticator(values)?;
        let options = Self {
            authenticator,
            authorizes: one_of(values, "authorizer", "AllowAllAuthorizer", "CassandraAuthorizer")?,
            authorizes_datacenters: one_of(
                values,
                "network_authorizer",
                "AllowAllNetworkAuthorizer",
                "CassandraNetworkAuthorizer",
            )?,
            cidr: cidr(values)?,
            from_root: values.bool("traverse_auth_from_root").unwrap_or(false),
            read_consistency: level(values, "auth_read_consistency_level", Consistency::LocalQuorum)?,
            write_consistency: level(values, "auth_write_consistency_level", Consistency::EachQuorum)?,
            login_threads: values
                .int("native_transport_max_auth_threads")
                .and_then(|count| usize::try_from(count).ok())
                .map_or(4, |count| count.max(1)),
            credentials: cache(values, "credentials"),
            roles: cache(values, "roles"),
            permissions: cache(values, "permissions"),
        };
        options.check(values)?;
        Ok(options)
    }

    fn check(&self, values: &Values) -> Result<(), ConfigError> {
        let authenticator = self.authenticator.class_name();
        if self.authenticator == Authenticator::AllowAll {
            if self.authorizes {
                return refuse(format!(
                    "{PACKAGE}CassandraAuthorizer has authorization enabled which requires {authenticator} to enable \
                     authentication"
                ));
            }
            for (key, is_on) in [
                ("network_authorizer", self.authorizes_datacenters),
                ("cidr_authorizer", self.cidr.is_some()),
            ] {
                if is_on {
                    let class = values.class(key).map(|class| class.class_name).unwrap_or_default();
                    return refuse(format!("{class} can't be used with {authenticator}"));
                }
            }
        }
        let manager = values.class("role_manager");
        if let Some(class) = manager.filter(|class| class.simple_name() != "CassandraRoleManager") {
            return refuse(format!(
                "role_manager: {} is not supported, only CassandraRoleManager",
                class.class_name
            ));
        }
        Ok(())
    }
}

fn parameter<'a>(class: &'a ParameterizedClass, name: &str) -> Option<&'a str> {
    class.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn authenticator(values: &Values) -> Result<Authenticator, ConfigError> {
    let Some(class) = values.class("authenticator") else { return Ok(Authenticator::AllowAll) };
    let authenticator = match class.simple_name() {
        "AllowAllAuthenticator" => return Ok(Authenticator::AllowAll),
        "PasswordAuthenticator" => return Ok(Authenticator::Password),
        "MutualTlsAuthenticator" => Authenticator::MutualTls,
        "MutualTlsWithPasswordFallbackAuthenticator" => Authenticator::MutualTlsWithPasswordFallback,
        _ => return refuse(format!("authenticator: {} is not supported", class.class_name)),
    };
    match parameter(&class, "validator_class_name").filter(|name| !name.is_empty()) {
        None => return refuse("authenticator.parameters.validator_class_name is not set"),
        Some(name) if name.rsplit('.').next() == Some("SpiffeCertificateValidator") => {}
        Some(name) => {
            return refuse(format!(
                "authenticator: validator_class_name {name} is not supported, only SpiffeCertificateValidator"
            ));
        }
    }
    let is_on = |key: &str| values.bool(&format!("client_encryption_options.{key}")) == Some(true);
    if !is_on("enabled") || !is_on("require_client_auth") {
        return refuse(
            "MutualTlsAuthenticator requires client_encryption_options.enabled to be true & \
             client_encryption_options.require_client_auth to be true",
        );
    }
    Ok(authenticator)
}

/// Whether a key names the second class, not the first.
fn one_of(values: &Values, key: &str, no: &str, yes: &str) -> Result<bool, ConfigError> {
    let Some(class) = values.class(key) else { return Ok(false) };
    match class.simple_name() {
        simple if simple == no => Ok(false),
        simple if simple == yes => Ok(true),
        _ => refuse(format!("{key}: {} is not supported, only {no} and {yes}", class.class_name)),
    }
}

fn cidr(values: &Values) -> Result<Option<CidrOptions>, ConfigError> {
    if !one_of(values, "cidr_authorizer", "AllowAllCIDRAuthorizer", "CassandraCIDRAuthorizer")? {
        return Ok(None);
    }
    let class = values
        .class("cidr_authorizer")
        .unwrap_or_else(|| ParameterizedClass { class_name: String::new(), parameters: Vec::new() });
    let only_monitors = match parameter(&class, "cidr_authorizer_mode") {
        None => true,
        Some(mode) if mode.eq_ignore_ascii_case("MONITOR") => true,
        Some(mode) if mode.eq_ignore_ascii_case("ENFORCE") => false,
        Some(mode) => return refuse(format!("cidr_authorizer_mode cannot be {mode}: MONITOR or ENFORCE")),
    };
    // Cassandra takes these two from the class's parameters, and each has a default.
    let refresh = parameter(&class, "cidr_groups_cache_refresh_interval").unwrap_or("5");
    let Ok(minutes) = refresh.parse::<u32>() else {
        return refuse(format!("cidr_groups_cache_refresh_interval cannot be {refresh}: it is in minutes"));
    };
    Ok(Some(CidrOptions {
        only_monitors,
        checks_superusers: parameter(&class, "cidr_checks_for_superusers") == Some("true"),
        groups_refresh: Duration::from_secs(u64::from(minutes.max(1)) * 60),
    }))
}

fn level(values: &Values, key: &str, default: Consistency) -> Result<Consistency, ConfigError> {
    let Some(text) = values.text(key) else { return Ok(default) };
    match text.parse() {
        Ok(level) => Ok(level),
        Err(()) => refuse(format!("{key}: there is no consistency level {text}")),
    }
}

fn cache(values: &Values, name: &str) -> CacheOptions {
    let duration = |key: &str| values.duration(&format!("{name}_{key}")).map(DurationSpec::duration);
    let validity = duration("validity").unwrap_or(Duration::from_secs(2));
    let entries = values.int(&format!("{name}_cache_max_entries"));
    CacheOptions {
        validity,
        update_interval: duration("update_interval"),
        entries_max: entries.and_then(|count| usize::try_from(count).ok()).unwrap_or(1000),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use std::path::Path;

    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<AuthOptions, String> {
        let config = Config::parse(text, None, Path::new("/var/lib/cassandra"));
        config.map(|config| config.auth).map_err(|error| error.to_string())
    }

    #[test]
    fn everybody_comes_in_unless_the_file_says_otherwise() {
        let options = parse("").unwrap();
        assert_eq!(options.authenticator, Authenticator::AllowAll);
        assert!(!options.authorizes && !options.authorizes_datacenters && options.cidr.is_none());
        assert_eq!(options.roles.validity, Duration::from_secs(2));
        assert_eq!(options.read_consistency, Consistency::LocalQuorum);
        assert_eq!(options.write_consistency, Consistency::EachQuorum);
    }

    #[test]
    fn classes_may_have_their_package_or_not() {
        for package in ["", PACKAGE] {
            let options = parse(&format!(
                "authenticator: {package}PasswordAuthenticator\nauthorizer: {package}CassandraAuthorizer\n\
                 network_authorizer: {package}CassandraNetworkAuthorizer\nrole_manager: \
                 {package}CassandraRoleManager\ncidr_authorizer: {{class_name: {package}CassandraCIDRAuthorizer, \
                 parameters: {{cidr_authorizer_mode: ENFORCE, cidr_checks_for_superusers: true}}}}\n\
                 permissions_validity: 0ms\nroles_update_interval: 1s\n"
            ))
            .unwrap();
            assert_eq!(options.authenticator, Authenticator::Password);
            assert!(options.authorizes && options.authorizes_datacenters);
            let cidr = options.cidr.unwrap();
            assert!(!cidr.only_monitors && cidr.checks_superusers);
            assert_eq!(options.permissions.validity, Duration::ZERO);
            assert_eq!(options.roles.update_interval, Some(Duration::from_secs(1)));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mutual = "authenticator: {class_name: MutualTlsAuthenticator, parameters: {validator_class_name: \
                      SpiffeCertificateValidator}}\n";
        for (text, why) in [
            ("authenticator: org.example.Own\n", "org.example.Own is not supported"),
            ("authorizer: org.example.Own\n", "org.example.Own is not supported"),
            ("role_manager: org.example.Own\n", "only CassandraRoleManager"),
            ("authorizer: CassandraAuthorizer\n", "has authorization enabled which requires"),
            ("network_authorizer: CassandraNetworkAuthorizer\n", "can't be used with"),
            ("cidr_authorizer: {class_name: CassandraCIDRAuthorizer}\n", "can't be used with"),
            ("authenticator: MutualTlsAuthenticator\n", "validator_class_name is not set"),
            (mutual, "requires client_encryption_options.enabled to be true"),
            (
                "authenticator: {class_name: MutualTlsAuthenticator, parameters: {validator_class_name: Own}}\n",
                "only SpiffeCertificateValidator",
            ),
            (
                "authenticator: PasswordAuthenticator\ncidr_authorizer: {class_name: CassandraCIDRAuthorizer, \
                 parameters: {cidr_authorizer_mode: SOMETIMES}}\n",
                "MONITOR or ENFORCE",
            ),
            ("auth_read_consistency_level: MOST\n", "there is no consistency level MOST"),
        ] {
            let error = parse(text).map(|_| ()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
