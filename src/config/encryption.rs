//! `client_encryption_options` (Cassandra: `EncryptionOptions`, `DefaultSslContextFactory`, `PEMBasedSslContextFactory`).

use std::path::{Path, PathBuf};

use super::ConfigError;
use super::check::refuse;
use super::value::{ParameterizedClass, Value, Values};
use crate::tls::{EncryptionOptions, Policy, Secret, Source};

/// The key of the options for CQL clients.
const CLIENT: &str = "client_encryption_options";
/// The parameters of `PEMBasedSslContextFactory`. The outbound ones are for connections that this node opens.
const PEM_PARAMETERS: [&str; 5] = [
    "private_key",
    "private_key_password",
    "outbound_private_key",
    "outbound_private_key_password",
    "trusted_certificates",
];
/// Options that a factory must not have as parameters (`EncryptionOptions.ConfigKey`).
const OPTIONS: [&str; 15] = [
    "keystore",
    "keystore_password",
    "outbound_keystore",
    "outbound_keystore_password",
    "truststore",
    "truststore_password",
    "cipher_suites",
    "protocol",
    "accepted_protocols",
    "algorithm",
    "store_type",
    "require_client_auth",
    "require_endpoint_verification",
    "enabled",
    "optional",
];
/// Java's names of ways to choose keys and to trust certificates: all of them come to the same here.
const ALGORITHMS: [&str; 6] = ["SunX509", "NewSunX509", "PKIX", "SunPKIX", "X509", "X.509"];

/// Fills in `optional`: where there are keys, clients may encrypt even if that is not enabled, unless the file says
/// otherwise (`EncryptionOptions.applyConfig`).
pub(super) fn derive(values: &mut Values) {
    let enabled = values.bool("client_encryption_options.enabled").unwrap_or(false);
    values.set("client_encryption_options.enabled", Value::Bool(enabled));
    if values.get("client_encryption_options.optional").is_none() {
        let optional = !enabled && has_keys(values);
        values.set("client_encryption_options.optional", Value::Bool(optional));
    }
}

/// Refuses options that contradict each other, or that mean nothing here.
pub(super) fn check(values: &Values) -> Result<(), ConfigError> {
    let factory = factory(values);
    for (name, _) in &factory.parameters {
        if OPTIONS.iter().any(|option| option.eq_ignore_ascii_case(name)) {
            return refuse(format!(
                "SslContextFactory {} should configure '{name}' as encryption_options instead of parameterized keys",
                factory.class_name
            ));
        }
    }
    match factory.simple_name() {
        "DefaultSslContextFactory" => store_type(values)?,
        "PEMBasedSslContextFactory" => pem(values, &factory)?,
        _ => {
            return refuse(format!(
                "{CLIENT}: ssl_context_factory {} is not supported, only DefaultSslContextFactory and \
                 PEMBasedSslContextFactory",
                factory.class_name
            ));
        }
    }
    if let Some(algorithm) = values.text("client_encryption_options.algorithm")
        && !ALGORITHMS.iter().any(|known| known.eq_ignore_ascii_case(algorithm))
    {
        return refuse(format!("{CLIENT}: {algorithm} KeyManagerFactory not available"));
    }
    if port(values).is_some() && policy(values) == Policy::Unencrypted {
        return refuse(
            "Encryption must be enabled in client_encryption_options for native_transport_port_ssl",
        );
    }
    Ok(())
}

/// The options of CQL clients' connections. Runs after [`derive()`].
pub(super) fn client(values: &Values) -> EncryptionOptions {
    let text = |key: &str| values.text(&format!("{CLIENT}.{key}")).map(str::to_owned);
    let list = |key: &str| values.list(&format!("{CLIENT}.{key}")).map(<[String]>::to_vec);
    let truth = |key: &str| values.bool(&format!("{CLIENT}.{key}")) == Some(true);
    let (keys, trust) = sources(values);
    EncryptionOptions {
        name: CLIENT,
        policy: policy(values),
        keys,
        trust,
        require_client_auth: truth("require_client_auth"),
        require_endpoint_verification: truth("require_endpoint_verification"),
        protocols: protocols(text("protocol"), list("accepted_protocols")),
        cipher_suites: list("cipher_suites").unwrap_or_default(),
    }
}

/// `native_transport_port_ssl`, if it is another port than `native_transport_port`.
pub(super) fn port(values: &Values) -> Option<u16> {
    let port = values.int("native_transport_port_ssl")?;
    u16::try_from(port).ok().filter(|_| values.int("native_transport_port") != Some(port))
}

fn policy(values: &Values) -> Policy {
    let truth = |key: &str| values.bool(&format!("{CLIENT}.{key}")) == Some(true);
    match (truth("optional"), truth("enabled")) {
        (true, _) => Policy::Optional,
        (false, true) => Policy::Encrypted,
        (false, false) => Policy::Unencrypted,
    }
}

/// The list, with the older key's protocol added; `TLS` stands for whatever is offered
/// (`AbstractSslContextFactory.getAcceptedProtocols`).
fn protocols(protocol: Option<String>, accepted: Option<Vec<String>>) -> Option<Vec<String>> {
    let one = protocol.filter(|name| !name.eq_ignore_ascii_case("TLS"));
    match (accepted, one) {
        (None, one) => one.map(|name| vec![name]),
        (Some(mut names), one) => {
            names.extend(one.filter(|one| names.iter().all(|name| !name.eq_ignore_ascii_case(one))));
            Some(names)
        }
    }
}

fn factory(values: &Values) -> ParameterizedClass {
    values.class("client_encryption_options.ssl_context_factory").unwrap_or_else(|| ParameterizedClass {
        class_name: "org.apache.cassandra.security.DefaultSslContextFactory".to_owned(),
        parameters: Vec::new(),
    })
}

/// Where keys and trusted certificates come from.
fn sources(values: &Values) -> (Source, Source) {
    let text = |key: &str| values.text(&format!("{CLIENT}.{key}")).map(str::to_owned);
    let path = |key: &str| PathBuf::from(text(key).unwrap_or_default());
    let password = |key: &str| text(key).map(Secret);
    let factory = factory(values);
    if factory.simple_name() != "PEMBasedSslContextFactory" {
        let keys = Source::Store { file: path("keystore"), password: password("keystore_password") };
        let trust = Source::Store { file: path("truststore"), password: password("truststore_password") };
        return (keys, trust);
    }
    let key_password =
        parameter(&factory, "private_key_password").map(Secret).or_else(|| password("keystore_password"));
    let keys = match parameter(&factory, "private_key") {
        Some(text) => Source::Pem { text: Secret(text), password: key_password },
        None => Source::PemFile { file: path("keystore"), password: key_password },
    };
    let trust = match parameter(&factory, "trusted_certificates") {
        Some(text) => Source::Pem { text: Secret(text), password: None },
        None => Source::PemFile { file: path("truststore"), password: None },
    };
    (keys, trust)
}

fn has_keys(values: &Values) -> bool {
    match sources(values).0 {
        Source::Pem { text, .. } => !text.0.is_empty(),
        Source::Store { file, .. } | Source::PemFile { file, .. } => file.exists(),
    }
}

fn parameter(factory: &ParameterizedClass, name: &str) -> Option<String> {
    let found = factory.parameters.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
}

fn store_type(values: &Values) -> Result<(), ConfigError> {
    let kind = values.text("client_encryption_options.store_type").unwrap_or("JKS");
    if ["JKS", "PKCS12"].iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        return Ok(());
    }
    refuse(format!(
        "{CLIENT}: store_type {kind} is not supported, only PKCS12 and JKS. This converts a store: keytool \
         -importkeystore -srckeystore OLD -srcstoretype {kind} -destkeystore NEW -deststoretype PKCS12"
    ))
}

/// The rules of `PEMBasedSslContextFactory`.
fn pem(values: &Values, factory: &ParameterizedClass) -> Result<(), ConfigError> {
    if let Some((unknown, _)) =
        factory.parameters.iter().find(|(name, _)| !PEM_PARAMETERS.contains(&name.as_str()))
    {
        return refuse(format!(
            "{CLIENT}: PEMBasedSslContextFactory has no parameter {unknown}, only {}",
            PEM_PARAMETERS.join(", ")
        ));
    }
    let text = |key: &str| values.text(&format!("{CLIENT}.{key}")).filter(|text| !text.is_empty());
    if let (Some(one), Some(other)) = (text("keystore_password"), parameter(factory, "private_key_password"))
        && one != other
    {
        return refuse(
            "'keystore_password' and 'key_password' both configurations are given and the values do not match",
        );
    }
    for (file, inline) in [("keystore", "private_key"), ("truststore", "trusted_certificates")] {
        if text(file).is_some_and(|path| Path::new(path).exists()) && parameter(factory, inline).is_some() {
            return refuse(format!(
                "Configuration must specify value for either {file} or {inline}, not both for \
                 PEMBasedSSlContextFactory"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::super::Config;
    use super::*;

    fn parse(options: &str) -> Result<EncryptionOptions, String> {
        let text = format!("client_encryption_options: {{{options}}}\n");
        Config::parse(&text, None, Path::new("/var/lib/cassandra"))
            .map(|config| config.client_encryption.clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_encrypted_follows_from_enabled_optional_and_the_keystore() {
        let directory = tempfile::tempdir().unwrap();
        let there = directory.path().join("keystore");
        std::fs::write(&there, "").unwrap();
        let there = there.display();
        for (options, policy) in [
            ("".to_owned(), Policy::Unencrypted),
            ("enabled: true".to_owned(), Policy::Encrypted),
            ("enabled: true, optional: true".to_owned(), Policy::Optional),
            ("enabled: false, optional: true".to_owned(), Policy::Optional),
            ("keystore: /nowhere".to_owned(), Policy::Unencrypted),
            (format!("keystore: {there}"), Policy::Optional),
            (format!("enabled: false, keystore: {there}"), Policy::Optional),
            (format!("enabled: false, optional: false, keystore: {there}"), Policy::Unencrypted),
            (format!("enabled: true, keystore: {there}"), Policy::Encrypted),
            (
                "ssl_context_factory: {class_name: PEMBasedSslContextFactory, parameters: {private_key: x}}"
                    .to_owned(),
                Policy::Optional,
            ),
        ] {
            assert_eq!(parse(&options).unwrap().policy, policy, "{options}");
        }
    }

    #[test]
    fn the_older_protocol_key_adds_to_the_list() {
        let protocols = |options: &str| parse(options).unwrap().protocols;
        let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(protocols("protocol: TLS"), None);
        assert_eq!(protocols("protocol: TLSv1.2"), names(&["TLSv1.2"]));
        assert_eq!(protocols("accepted_protocols: [TLSv1.3]"), names(&["TLSv1.3"]));
        assert_eq!(protocols("protocol: tls, accepted_protocols: [TLSv1.3]"), names(&["TLSv1.3"]));
        assert_eq!(
            protocols("protocol: TLSv1.2, accepted_protocols: [TLSv1.3]"),
            names(&["TLSv1.3", "TLSv1.2"])
        );
    }

    #[test]
    fn pem_comes_from_the_configuration_or_from_files() {
        let pem = |rest: &str| {
            parse(&format!(
                "ssl_context_factory: {{class_name: org.apache.cassandra.security.PEMBasedSslContextFactory{rest}"
            ))
            .unwrap()
        };
        let inline = pem(", parameters: {private_key: K, private_key_password: P, trusted_certificates: T}}");
        let secret = |text: &str| Secret(text.to_owned());
        assert_eq!(inline.keys, Source::Pem { text: secret("K"), password: Some(secret("P")) });
        assert_eq!(inline.trust, Source::Pem { text: secret("T"), password: None });
        let files = pem("}, keystore: k.pem, keystore_password: P, truststore: t.pem");
        assert_eq!(files.keys, Source::PemFile { file: "k.pem".into(), password: Some(secret("P")) });
        assert_eq!(files.trust, Source::PemFile { file: "t.pem".into(), password: None });
        assert!(!format!("{inline:?}").contains('K'));
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |options: &str, why: &str| {
            let error = parse(options).map(|_| ()).unwrap_err();
            assert!(error.contains(why), "{options}: {error}");
        };
        let pem = |parameters: &str| {
            format!(
                "ssl_context_factory: {{class_name: PEMBasedSslContextFactory, parameters: {{{parameters}}}}}"
            )
        };
        refused("store_type: JCEKS", "-deststoretype PKCS12");
        refused("algorithm: Magic", "Magic KeyManagerFactory not available");
        refused("ssl_context_factory: {class_name: org.example.Own}", "org.example.Own is not supported");
        refused(&pem("keystore: x"), "should configure 'keystore' as encryption_options");
        refused(&pem("privat_key: x"), "has no parameter privat_key");
        refused(
            &format!("keystore_password: one, {}", pem("private_key: x, private_key_password: two")),
            "the values do not match",
        );
        refused(
            &format!("keystore: /proc/self/exe, {}", pem("private_key: x")),
            "either keystore or private_key, not both",
        );
        let port = |text: &str| {
            Config::parse(text, None, Path::new("/var/lib/cassandra"))
                .map(|config| config.tls_port)
                .map_err(|e| e.to_string())
        };
        let error = port("native_transport_port_ssl: 9142\n").unwrap_err();
        assert!(error.contains("for native_transport_port_ssl"), "{error}");
        let enabled = "client_encryption_options: {enabled: true}\n";
        assert_eq!(port(&format!("native_transport_port_ssl: 9142\n{enabled}")).unwrap(), Some(9142));
        assert_eq!(port(&format!("native_transport_port_ssl: 9042\n{enabled}")).unwrap(), None);
    }
}
