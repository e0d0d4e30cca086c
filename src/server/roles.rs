//! What nodetool asks of this node's roles.

use std::net::IpAddr;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::admin::NodeAdmin;
use crate::config::CacheOptions;
use crate::cql::auth::Cache;
use crate::error::Error;
use crate::exec::access::Resource;
use crate::metrics::Recent;
use crate::nodetool::{AdminError, AdminResult, CidrFigures, CidrGroup, RoleCache, RoleCacheSettings, Roles};

fn cache_of(cache: RoleCache) -> Cache {
    match cache {
        RoleCache::Credentials => Cache::Credentials,
        RoleCache::Roles => Cache::Roles,
        RoleCache::Permissions => Cache::Permissions,
        RoleCache::NetworkPermissions => Cache::NetworkPermissions,
        RoleCache::CidrPermissions => Cache::CidrPermissions,
    }
}

async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> AdminResult<T> {
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result.map_err(|error| AdminError::Failed(error.to_string())),
        Err(error) => Err(AdminError::Failed(error.to_string())),
    }
}

impl Roles for NodeAdmin {
    fn invalidate(&self, cache: RoleCache, role: Option<&str>, resource: Option<&str>) -> bool {
        let resource = resource.and_then(Resource::from_name);
        self.node().auth().invalidate(cache_of(cache), role, resource.as_ref())
    }

    fn cache_settings(&self, cache: RoleCache) -> RoleCacheSettings {
        let CacheOptions { validity, update_interval, entries_max } =
            self.node().auth().cache_options(cache_of(cache));
        RoleCacheSettings { validity, update_interval, entries_max }
    }

    fn set_cache_settings(&self, cache: RoleCache, settings: RoleCacheSettings) {
        let RoleCacheSettings { validity, update_interval, entries_max } = settings;
        let options = CacheOptions { validity, update_interval, entries_max };
        self.node().auth().set_cache_options(cache_of(cache), options);
    }

    fn looks_at_addresses(&self) -> bool {
        self.node().auth().options().cidr.is_some()
    }

    fn cidr_figures(&self) -> CidrFigures {
        let node = self.node();
        let metrics = node.auth().cidr_metrics();
        let shares = |recent: &Recent| {
            let [p50, p95, p99, p999] = [0.5, 0.95, 0.99, 0.999].map(|share| recent.percentile(share));
            [p50, p95, p99, p999, recent.max() as f64]
        };
        CidrFigures {
            counts: metrics.counts(),
            latencies: metrics
                .latencies()
                .iter()
                .map(|(name, recent)| ((*name).to_owned(), shares(recent)))
                .collect(),
        }
    }

    fn reload_cidr_groups(&self) {
        self.node().auth().reload_cidr_groups();
    }

    fn cidr_groups(&self) -> BoxFuture<'_, AdminResult<Vec<CidrGroup>>> {
        let node = self.node().clone();
        blocking(move || node.cidr_groups()).boxed()
    }

    fn set_cidr_group<'a>(
        &'a self,
        name: &'a str,
        ranges: Vec<(IpAddr, u8)>,
    ) -> BoxFuture<'a, AdminResult<()>> {
        let (node, name) = (self.node().clone(), name.to_owned());
        blocking(move || node.set_cidr_group(&name, &ranges)).boxed()
    }

    fn cidr_groups_of(&self, address: IpAddr) -> BoxFuture<'_, AdminResult<Vec<String>>> {
        let node = self.node().clone();
        blocking(move || node.cidr_groups_of(address)).boxed()
    }
}
