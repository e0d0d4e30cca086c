//! What the store holds of one table (Cassandra: `ColumnFamilyStore`).

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use super::memtable::Memtable;
use super::observer::WriteObserver;
use super::order::TableOrder;
use crate::schema::TableMetadata;

/// One table's sources and what is to be known to write to them.
pub struct TableStore {
    metadata: ArcSwap<TableMetadata>,
    order: ArcSwap<TableOrder>,
    view: ArcSwap<View>,
    /// Writers hold it shared from the moment they take a place in the commit log until they are in the memtable:
    /// whoever holds it alone knows that everything logged so far is in the current memtable.
    pub(super) gate: RwLock<()>,
    observers: RwLock<Vec<Arc<dyn WriteObserver>>>,
    /// Held by whoever replaces the view.
    view_lock: Mutex<()>,
}

/// The sources of a table at one moment. A read holds one view from start to end.
#[derive(Clone)]
pub struct View {
    /// Where writes go.
    pub memtable: Arc<Memtable>,
    /// Memtables that are being flushed, oldest first.
    pub flushing: Vec<Arc<Memtable>>,
}

impl TableStore {
    /// An empty table.
    pub fn new(table: Arc<TableMetadata>) -> Self {
        let order = TableOrder::new(&table);
        let view = View { memtable: Arc::new(Memtable::new(order.clone())), flushing: Vec::new() };
        Self {
            metadata: ArcSwap::new(table),
            order: ArcSwap::from_pointee(order),
            view: ArcSwap::from_pointee(view),
            gate: RwLock::new(()),
            observers: RwLock::default(),
            view_lock: Mutex::new(()),
        }
    }

    /// The table's current definition.
    pub fn metadata(&self) -> Arc<TableMetadata> {
        self.metadata.load_full()
    }

    /// The table's orders.
    pub fn order(&self) -> TableOrder {
        (**self.order.load()).clone()
    }

    /// The sources at this moment.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Replaces the view.
    pub(super) fn update_view(&self, change: impl FnOnce(&View) -> View) {
        let _lock = self.view_lock.lock();
        let next = change(&self.view.load());
        self.view.store(Arc::new(next));
    }

    /// Takes over a new definition.
    pub(super) fn alter(&self, table: Arc<TableMetadata>) {
        let order = TableOrder::new(&table);
        self.view.load().memtable.set_order(order.clone());
        self.order.store(Arc::new(order));
        self.metadata.store(table);
    }

    /// Registers an observer of everything that is written from now on.
    pub fn observe(&self, observer: Arc<dyn WriteObserver>) {
        self.observers.write().push(observer);
    }

    /// The registered observers.
    pub(super) fn observers(&self) -> Vec<Arc<dyn WriteObserver>> {
        self.observers.read().clone()
    }

    /// Forgets everything in memory.
    pub(super) fn clear_memory(&self) {
        let order = self.order();
        self.update_view(|_| View { memtable: Arc::new(Memtable::new(order)), flushing: Vec::new() });
    }
}
