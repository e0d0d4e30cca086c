//! The first superuser of a node that asks nobody for a password.

use std::sync::Weak;
use std::time::Duration;

use crate::cql::node::Node;

/// How long after the start the role is made (Cassandra: `AuthKeyspace.SUPERUSER_SETUP_DELAY`): hashing its password
/// must not hold up a node that may never need it.
const DELAY: Duration = Duration::from_secs(10);

/// Makes the role, unless there is one already.
pub(super) async fn create_default_superuser(node: Weak<Node>) {
    tokio::time::sleep(DELAY).await;
    let create = move || node.upgrade().map_or(Ok(()), |node| node.create_default_superuser());
    match tokio::task::spawn_blocking(create).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "CassandraRoleManager skipped default role setup"),
        Err(error) => tracing::warn!(%error, "CassandraRoleManager skipped default role setup"),
    }
}
