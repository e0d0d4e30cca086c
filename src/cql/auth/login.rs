//! Logging in (Cassandra: `auth.PasswordAuthenticator`, `auth.MutualTlsAuthenticator`, `ClientState.login`).

use std::sync::Arc;

use super::store::Store;
use super::{identity, password, sasl};
use crate::config::Authenticator;
use crate::cql::client::Client;
use crate::error::Error;

impl Store<'_> {
    /// The role that a client logs in as with this token. Takes tens of milliseconds where there is a password.
    pub(in crate::cql) fn login(self, client: &Client, token: &[u8]) -> Result<Arc<str>, Error> {
        let certificates = client.tls.as_ref().map(|tls| &tls.certificates[..]).unwrap_or_default();
        let name = match self.node.auth().options().authenticator {
            Authenticator::AllowAll => return Err(Error::server("nobody has to log in")),
            Authenticator::Password => self.by_password(token)?,
            Authenticator::MutualTls => self.by_identity(&identity::spiffe(certificates)?)?,
            Authenticator::MutualTlsWithPasswordFallback if certificates.is_empty() => {
                self.by_password(token)?
            }
            Authenticator::MutualTlsWithPasswordFallback => {
                self.by_identity(&identity::spiffe(certificates)?)?
            }
        };
        if !self.can_login(&name)? {
            return Err(Error::BadCredentials(format!("{name} is not permitted to log in")));
        }
        Ok(name)
    }

    fn by_password(self, token: &[u8]) -> Result<Arc<str>, Error> {
        let (name, given) = sasl::credentials(token)?;
        let cache = &self.node.auth().credentials;
        let hash = cache.get(&name, || Ok(self.salted_hash(&name)?.map(Arc::from))).map_err(unable)?.value;
        let is_right = match &hash {
            Some(hash) => password::is_right(&given, hash),
            None => {
                // A role that is made now may log in at once.
                cache.invalidate(&name);
                false
            }
        };
        if is_right {
            return Ok(name.into());
        }
        Err(Error::BadCredentials(format!("Provided username {name} and/or password are incorrect")))
    }

    fn by_identity(self, identity: &str) -> Result<Arc<str>, Error> {
        let cache = &self.node.auth().identities;
        let load = || Ok(self.role_of_identity(identity)?.map(Arc::from));
        let role = cache.get(&identity.to_owned(), load).map_err(unable)?.value;
        role.ok_or_else(|| {
            cache.invalidate(&identity.to_owned());
            Error::BadCredentials(format!("Certificate identity '{identity}' not authorized"))
        })
    }

    fn can_login(self, name: &str) -> Result<bool, Error> {
        let roles = self.known_roles(&name.into()).map_err(unable)?.value;
        Ok(roles.iter().any(|role| role.name == name && role.can_login))
    }
}

fn unable(error: Error) -> Error {
    Error::BadCredentials(format!("Unable to perform authentication: {error}"))
}
