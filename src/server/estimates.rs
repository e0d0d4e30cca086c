//! Records estimates of the tables' sizes from time to time.

use std::sync::Weak;
use std::time::Duration;

use tracing::warn;

use crate::cluster::size_estimates::SizeEstimates;
use crate::cql::node::Node;

/// After the start.
const FIRST: Duration = Duration::from_secs(30);
/// Between two rounds.
const PERIOD: Duration = Duration::from_secs(300);

/// Records until the node is gone.
pub(super) async fn run(node: Weak<Node>) {
    let mut estimates = SizeEstimates::default();
    let mut wait = FIRST;
    loop {
        tokio::time::sleep(wait).await;
        wait = PERIOD;
        let Some(node) = node.upgrade() else { return };
        let round = tokio::task::spawn_blocking(move || {
            if let Err(error) = estimates.record(node.coordinator()) {
                warn!(%error, "estimates of the tables' sizes were not recorded");
            }
            estimates
        });
        match round.await {
            Ok(back) => estimates = back,
            Err(_) => return,
        }
    }
}
