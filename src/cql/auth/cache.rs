//! What was read of `system_auth`, for as long as it is good for (Cassandra: `auth.AuthCache`).

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Instant;

use parking_lot::RwLock;

use crate::config::CacheOptions;
use crate::error::Error;

/// A value, and until when it may be used without asking again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<V> {
    pub value: V,
    pub until: Instant,
}

struct Entry<V> {
    value: V,
    loaded: Instant,
}

/// Values by key, each of which is read when it is asked for and not known, or known for too long.
pub(super) struct AuthCache<K, V> {
    options: RwLock<CacheOptions>,
    entries: RwLock<HashMap<K, Entry<V>>>,
}

impl<K, V> fmt::Debug for AuthCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthCache").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone, V: Clone> AuthCache<K, V> {
    pub(super) fn new(options: CacheOptions) -> Self {
        Self { options: RwLock::new(options), entries: RwLock::default() }
    }

    /// The value of a key. Between `update_interval` and `validity` it is read anew, and the old value still used if
    /// that is not possible now.
    pub(super) fn get(&self, key: &K, load: impl FnOnce() -> Result<V, Error>) -> Result<Known<V>, Error> {
        let now = Instant::now();
        let options = *self.options.read();
        if options.validity.is_zero() {
            return Ok(Known { value: load()?, until: now });
        }
        let update_interval = options.update_interval.unwrap_or(options.validity).min(options.validity);
        let known = self.entries.read().get(key).map(|entry| (entry.value.clone(), entry.loaded));
        if let Some((value, loaded)) = &known
            && now.duration_since(*loaded) < update_interval
        {
            return Ok(Known { value: value.clone(), until: *loaded + update_interval });
        }
        match (load(), known) {
            (Ok(value), _) => {
                self.keep(key.clone(), value.clone(), now, &options);
                Ok(Known { value, until: now + update_interval })
            }
            (Err(_), Some((value, loaded))) if now.duration_since(loaded) < options.validity => {
                Ok(Known { value, until: now })
            }
            (Err(error), _) => Err(error),
        }
    }

    fn keep(&self, key: K, value: V, now: Instant, options: &CacheOptions) {
        let mut entries = self.entries.write();
        entries.insert(key, Entry { value, loaded: now });
        if entries.len() > options.entries_max {
            entries.retain(|_, entry| now.duration_since(entry.loaded) < options.validity);
        }
        // The oldest go, an eighth at once, so that this is seldom done.
        if entries.len() > options.entries_max {
            let mut ages: Vec<_> = entries.values().map(|entry| entry.loaded).collect();
            ages.sort_unstable();
            let surplus = entries.len() - options.entries_max + options.entries_max / 8;
            if let Some(&oldest) = ages.get(surplus.min(ages.len() - 1)) {
                entries.retain(|_, entry| entry.loaded >= oldest);
            }
        }
    }

    /// How it is set up.
    pub(super) fn options(&self) -> CacheOptions {
        *self.options.read()
    }

    /// Sets it up otherwise.
    pub(super) fn set_options(&self, options: CacheOptions) {
        *self.options.write() = options;
    }

    /// Forgets a key.
    pub(super) fn invalidate(&self, key: &K) -> bool {
        self.entries.write().remove(key).is_some()
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.entries.write().clear();
    }

    /// What is known now.
    pub(super) fn keys(&self) -> Vec<K> {
        let validity = self.options.read().validity;
        let now = Instant::now();
        let entries = self.entries.read();
        let good = entries.iter().filter(|(_, entry)| now.duration_since(entry.loaded) < validity);
        good.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use std::time::Duration;

    use super::*;

    fn cache(validity: u64, update_interval: u64, entries_max: usize) -> AuthCache<u32, u32> {
        let (validity, update_interval) =
            (Duration::from_millis(validity), Some(Duration::from_millis(update_interval)));
        AuthCache::new(CacheOptions { validity, update_interval, entries_max })
    }

    fn failure() -> Result<u32, Error> {
        Err(Error::server("no"))
    }

    #[test]
    fn a_value_is_read_once_and_again_when_it_is_too_old() {
        let cache = cache(60_000, 60_000, 10);
        assert_eq!(cache.get(&1, || Ok(1)).unwrap().value, 1);
        assert_eq!(cache.get(&1, failure).unwrap().value, 1);
        assert!(cache.get(&2, failure).is_err());
        assert!(cache.invalidate(&1) && !cache.invalidate(&1));
        assert_eq!(cache.get(&1, || Ok(3)).unwrap().value, 3);
        cache.clear();
        assert!(cache.get(&1, failure).is_err());
    }

    #[test]
    fn without_a_validity_nothing_is_kept() {
        let cache = cache(0, 0, 10);
        assert_eq!(cache.get(&1, || Ok(1)).unwrap().value, 1);
        assert_eq!(cache.get(&1, || Ok(2)).unwrap().value, 2);
    }

    #[test]
    fn an_old_value_is_used_until_its_validity_ends_where_no_new_one_can_be_read() {
        let cache = cache(60_000, 0, 10);
        assert_eq!(cache.get(&1, || Ok(1)).unwrap().value, 1);
        assert_eq!(cache.get(&1, || Ok(2)).unwrap().value, 2);
        assert_eq!(cache.get(&1, failure).unwrap().value, 2);
    }

    #[test]
    fn there_are_never_more_entries_than_may_be() {
        let cache = cache(60_000, 60_000, 16);
        for key in 0..100 {
            cache.get(&key, || Ok(key)).unwrap();
            assert!(cache.keys().len() <= 17, "{}", cache.keys().len());
        }
        assert!(cache.keys().contains(&99));
    }
}
