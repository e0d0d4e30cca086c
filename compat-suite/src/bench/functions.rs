//! What is measured. A further function is an entry in [`FUNCTIONS`] and its code in a script of `compat-suite/bench`.

/// A script for latte: its schema, its data and its functions.
#[derive(Debug, PartialEq, Eq)]
pub struct Workload {
    /// The script's file name.
    pub script: &'static str,
    /// The script.
    pub text: &'static str,
    /// The keyspace it is measured in.
    pub keyspace: &'static str,
    /// The keyspace for warming up, with other data in the same tables.
    pub warm_up_keyspace: &'static str,
    /// How many cycles of `load` fill the tables that are to be read from memtables.
    pub rows_in_memory: u64,
    /// How many fill those that are to be read from files.
    pub rows_on_disk: u64,
    /// A statement that answers with a row once the data are there.
    pub probe: &'static str,
}

/// Which data are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Few enough to stay in memtables, on Cassandra too, which takes several times the memory for a row.
    InMemory,
    /// A million rows.
    OnDisk,
}

impl Workload {
    /// How many cycles of `load` fill the tables.
    pub fn rows(&self, data: Data) -> u64 {
        match data {
            Data::InMemory => self.rows_in_memory,
            Data::OnDisk => self.rows_on_disk,
        }
    }
}

/// Orders, in three tables.
pub static ORDERS: Workload = Workload {
    script: "orders.rn",
    text: include_str!("../../bench/orders.rn"),
    keyspace: "orders_bench",
    warm_up_keyspace: "orders_warm_up",
    rows_in_memory: 120_000,
    rows_on_disk: 250_000,
    probe: "SELECT status FROM orders_bench.orders_by_id LIMIT 1",
};

/// Readings of devices over time.
pub static TIME_SERIES: Workload = Workload {
    script: "timeseries.rn",
    text: include_str!("../../bench/timeseries.rn"),
    keyspace: "timeseries_bench",
    warm_up_keyspace: "timeseries_warm_up",
    rows_in_memory: 150_000,
    rows_on_disk: 300_000,
    probe: "SELECT status FROM timeseries_bench.readings LIMIT 1",
};

/// Writes that read first, or are made as a whole.
pub static WRITES: Workload = Workload {
    script: "writes.rn",
    text: include_str!("../../bench/writes.rn"),
    keyspace: "writes_bench",
    warm_up_keyspace: "writes_warm_up",
    rows_in_memory: 20_000,
    rows_on_disk: 20_000,
    probe: "SELECT status FROM writes_bench.accounts LIMIT 1",
};

/// Every workload.
pub static WORKLOADS: [&Workload; 3] = [&ORDERS, &TIME_SERIES, &WRITES];

/// What a function does to its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Writes, into empty tables that each run makes anew.
    Write,
    /// Reads what `load` wrote.
    Read {
        /// Whether it is measured with cold caches too: one function for each table, as a second would find in the
        /// caches what the first has read.
        cold: bool,
    },
}

/// A function of a workload.
#[derive(Debug)]
pub struct Function {
    /// Its name, in the script and in the tables.
    pub name: &'static str,
    /// What a request does.
    pub what: &'static str,
    /// Where it is.
    pub workload: &'static Workload,
    /// Reads or writes.
    pub access: Access,
    /// How often it is called in a round: some three seconds of Cassandra's time on two cores.
    pub cycles: u64,
}

const WRITE: Access = Access::Write;
const READ: Access = Access::Read { cold: false };
const READ_COLD: Access = Access::Read { cold: true };

/// Everything that is measured, writes first in each workload.
pub static FUNCTIONS: [Function; 12] = [
    function("insert_row", "insert one row", &ORDERS, WRITE, 200_000),
    function("insert_order", "insert an order, in three tables by three requests", &ORDERS, WRITE, 60_000),
    function("read_order", "one row by its key", &ORDERS, READ_COLD, 60_000),
    function("latest_orders", "the ten latest rows of a partition", &ORDERS, READ_COLD, 60_000),
    function("orders_by_product", "fifty rows of a partition", &ORDERS, READ_COLD, 40_000),
    function("insert_reading", "insert one row, partitions grow in time", &TIME_SERIES, WRITE, 200_000),
    function("latest_readings", "the ten latest rows of a partition", &TIME_SERIES, READ, 60_000),
    function("hour_range", "sixty rows from within a partition", &TIME_SERIES, READ_COLD, 40_000),
    function("day_aggregate", "count, min, max, avg of 1440 rows", &TIME_SERIES, READ, 4_000),
    function("insert_if_not_exists", "insert one row, if it is not there", &WRITES, WRITE, 20_000),
    function("update_counter", "add to a counter", &WRITES, WRITE, 60_000),
    function("logged_batch", "insert into two tables by one logged batch", &WRITES, WRITE, 40_000),
];

const fn function(
    name: &'static str,
    what: &'static str,
    workload: &'static Workload,
    access: Access,
    cycles: u64,
) -> Function {
    Function { name, what, workload, access, cycles }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_in_its_script() {
        for function in &FUNCTIONS {
            let definition = format!("pub async fn {}(ctx, i)", function.name);
            assert!(function.workload.text.contains(&definition), "{definition}");
        }
    }

    #[test]
    fn the_data_are_a_million_rows() {
        assert!(ORDERS.rows_on_disk * 3 + TIME_SERIES.rows_on_disk >= 1_000_000);
    }
}
