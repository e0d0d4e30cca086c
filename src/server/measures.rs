//! Once a minute, what was measured before is marked as past, so that percentiles are those of the last minutes.

use std::sync::Weak;
use std::time::{Duration, Instant};

use crate::cql::node::Node;

const PERIOD: Duration = Duration::from_secs(60);

/// Runs until the node is gone.
pub(super) async fn run(node: Weak<Node>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let Some(node) = node.upgrade() else { return };
        let now = Instant::now();
        node.coordinator().batches().tick(now);
        node.coordinator().storage().tables().iter().for_each(|store| store.metrics.tick(now));
        node.coordinator().storage().chunk_cache().tick(now);
        node.auth().cidr_metrics().tick(now);
    }
}
