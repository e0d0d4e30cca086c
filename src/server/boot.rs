//! Brings the node up, from the files to a service that may be asked.

use std::sync::Arc;

use tracing::info;

use super::options;
use crate::cluster::{Coordinator, local_node, schema_store};
use crate::config::{Authenticator, Config};
use crate::cql::Clients;
use crate::cql::auth::Auth;
use crate::cql::node::Node;
use crate::env::clock::{Clock, SystemClock};
use crate::env::fs::FileSystem;
use crate::error::Error;
use crate::schema::{Schema, SchemaRef};
use crate::storage::Storage;

/// Opens the store, replays the commit log, loads the schema and the prepared statements. Blocks.
pub(super) fn boot(config: &Config, fs: Arc<dyn FileSystem>) -> Result<Arc<Node>, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let base = Schema::with_system_keyspaces();
    let schema = Arc::new(SchemaRef::new(base.clone()));
    let storage = Storage::open(options::storage(config), fs, clock.clone(), schema.clone())?;
    // The node's own tables are replayed by now, so all of the schema can be read: what the commit log holds of other
    // tables can be replayed with it.
    publish(&storage, &schema, schema_store::load(&storage, &base)?)?;
    storage.recover()?;
    storage.set_memory_wait(config.write_request_timeout);
    let settings = options::settings(config);
    schema_store::write_system_keyspaces(&storage, &base, settings.cdc_enabled)?;
    publish(&storage, &schema, schema_store::load(&storage, &base)?)?;
    let node = local_node::start(&storage, &schema.load(), config)?;
    storage.set_host_id(node.host_id);
    storage.write_out()?;
    let coordinator = Arc::new(Coordinator::new(storage, schema, clock, node, settings));
    let clients = Arc::new(Clients::default());
    let node = Node::new(
        coordinator,
        clients,
        config.prepared_statements_cache_bytes,
        Auth::new(config.auth.clone()),
    );
    let statements = node.load_prepared()?;
    info!(statements, "prepared statements loaded");
    if config.auth.authenticator != Authenticator::AllowAll {
        // Somebody has to be able to log in. Otherwise this takes its time: see `auth`.
        node.create_default_superuser()?;
        node.coordinator().storage().write_out()?;
    }
    Ok(node)
}

fn publish(storage: &Storage, place: &SchemaRef, schema: Schema) -> Result<(), Error> {
    storage.schema_changed(&schema)?;
    place.store(Arc::new(schema));
    Ok(())
}
