//! Conditional writes are linearizable: many clients write, compare and read a few partitions at once, and what each of
//! them was told is held against every order that real time allows.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{CqlValue, Row};

use crate::clients::TestServer;

/// What a client asked for, and what it was told: `seen` is the value that was there where nothing was changed.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Read { seen: Option<i32> },
    Insert { new: i32, applied: bool, seen: Option<i32> },
    Compare { expected: Option<i32>, new: i32, applied: bool, seen: Option<i32> },
    Delete { applied: bool },
}

impl Operation {
    /// The value after the operation, where it may have found `value`; none where it cannot have.
    fn after(self, value: Option<i32>) -> Option<Option<i32>> {
        match self {
            Self::Read { seen } => (seen == value).then_some(value),
            Self::Insert { new, applied: true, .. } => value.is_none().then_some(Some(new)),
            Self::Insert { seen, .. } => (value.is_some() && seen == value).then_some(value),
            Self::Compare { expected, new, applied: true, .. } => (expected == value).then_some(Some(new)),
            Self::Compare { expected, seen, .. } => (expected != value && seen == value).then_some(value),
            Self::Delete { applied } => (applied == value.is_some()).then_some(None),
        }
    }
}

/// An operation and when it was under way, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Event {
    operation: Operation,
    begun: u128,
    ended: u128,
}

/// Whether there is an order of the operations that agrees with what everybody was told, and in which no operation
/// stands before one that had ended when it began.
fn is_linearizable(history: &[Event]) -> bool {
    let mut tried: HashSet<(BTreeSet<usize>, Option<i32>)> = HashSet::new();
    // Events in the order of their begin; those below `done` are all placed, `placed` are others that are.
    let mut events = history.to_vec();
    events.sort_by_key(|event| event.begun);
    let mut stack = vec![(0_usize, BTreeSet::<usize>::new(), None::<i32>)];
    while let Some((mut done, mut placed, value)) = stack.pop() {
        while placed.remove(&done) {
            done += 1;
        }
        if done == events.len() {
            return true;
        }
        let mut key = placed.clone();
        key.insert(usize::MAX - done);
        if !tried.insert((key, value)) {
            continue;
        }
        let open = |i: &usize| !placed.contains(i);
        let first_end = (done..events.len()).filter(open).map(|i| events[i].ended).min().unwrap_or(u128::MAX);
        for i in (done..events.len()).filter(open).take_while(|i| events[*i].begun <= first_end) {
            if let Some(after) = events[i].operation.after(value) {
                let mut next = placed.clone();
                next.insert(i);
                stack.push((done, next, after));
            }
        }
    }
    false
}

#[test]
fn the_check_finds_what_is_wrong() {
    let event = |operation, begun, ended| Event { operation, begun, ended };
    let insert = Operation::Insert { new: 1, applied: true, seen: None };
    let read = |seen| Operation::Read { seen };
    assert!(is_linearizable(&[event(insert, 0, 10), event(read(None), 5, 6), event(read(Some(1)), 7, 8)]));
    // A value that was seen is gone for one who reads later.
    assert!(!is_linearizable(&[event(insert, 0, 10), event(read(Some(1)), 5, 6), event(read(None), 7, 8)]));
    // Both were told that there was nothing before them.
    assert!(!is_linearizable(&[event(insert, 0, 10), event(insert, 0, 10)]));
    let compare = |new| Operation::Compare { expected: Some(1), new, applied: true, seen: None };
    assert!(!is_linearizable(&[event(insert, 0, 1), event(compare(2), 2, 9), event(compare(3), 2, 9)]));
}

const PARTITIONS: i32 = 3;
const CLIENTS: u64 = 8;
const OPERATIONS: usize = 120;
/// New values are below it: few enough for comparisons to succeed.
const VALUES: i32 = 4;

/// The statements of a client.
struct Statements {
    read: PreparedStatement,
    insert: PreparedStatement,
    compare: PreparedStatement,
    delete: PreparedStatement,
}

impl Statements {
    async fn prepare(session: &Session) -> Self {
        let prepare = async |text: &str| {
            let mut prepared = session.prepare(text).await.expect("prepared");
            prepared.set_serial_consistency(Some(SerialConsistency::Serial));
            prepared
        };
        let mut read = prepare("SELECT v FROM lwt.t WHERE p = ?").await;
        read.set_consistency(Consistency::Serial);
        Self {
            read,
            insert: prepare("INSERT INTO lwt.t (p, v) VALUES (?, ?) IF NOT EXISTS").await,
            compare: prepare("UPDATE lwt.t SET v = ? WHERE p = ? IF v = ?").await,
            delete: prepare("DELETE FROM lwt.t WHERE p = ? IF EXISTS").await,
        }
    }
}

/// The first row of a result: whether it was applied, and the value in its last column.
async fn answer(
    session: &Session,
    statement: &PreparedStatement,
    values: impl scylla::serialize::row::SerializeRow,
) -> (bool, Option<i32>) {
    let result = session.execute_unpaged(statement, values).await.expect("an answer");
    let rows = result.into_rows_result().expect("rows");
    let row = rows.maybe_first_row::<Row>().expect("a row of values");
    let columns = row.map(|row| row.columns).unwrap_or_default();
    let value = match columns.last() {
        Some(Some(CqlValue::Int(value))) => Some(*value),
        _ => None,
    };
    (matches!(columns.first(), Some(Some(CqlValue::Boolean(true)))), value)
}

async fn operate(session: &Session, statements: &Statements, p: i32, random: &mut StdRng) -> Operation {
    let new = random.random_range(0..VALUES);
    match random.random_range(0..10) {
        0..3 => Operation::Read { seen: answer(session, &statements.read, (p,)).await.1 },
        3 => {
            let (applied, seen) = answer(session, &statements.insert, (p, new)).await;
            Operation::Insert { new, applied, seen }
        }
        4..9 => {
            let expected = random.random_bool(0.9).then(|| random.random_range(0..VALUES));
            let (applied, seen) = answer(session, &statements.compare, (new, p, expected)).await;
            Operation::Compare { expected, new, applied, seen }
        }
        _ => Operation::Delete { applied: answer(session, &statements.delete, (p,)).await.0 },
    }
}

async fn client(session: Arc<Session>, seed: u64, start: Instant) -> Vec<(i32, Event)> {
    let statements = Statements::prepare(&session).await;
    let mut random = StdRng::seed_from_u64(seed);
    let mut history = Vec::with_capacity(OPERATIONS);
    for _ in 0..OPERATIONS {
        let p = random.random_range(0..PARTITIONS);
        let begun = start.elapsed().as_nanos();
        let operation = operate(&session, &statements, p, &mut random).await;
        history.push((p, Event { operation, begun, ended: start.elapsed().as_nanos() }));
    }
    history
}

#[test]
fn conditional_writes_are_linearizable() {
    let server = TestServer::start();
    let seed: u64 =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let history = runtime.block_on(async {
        let connect = async || SessionBuilder::new().known_node_addr(server.address()).build().await;
        let session = connect().await.expect("a session");
        for ddl in [
            "DROP KEYSPACE IF EXISTS lwt",
            "CREATE KEYSPACE lwt WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
            "CREATE TABLE lwt.t (p int PRIMARY KEY, v int)",
        ] {
            session.query_unpaged(ddl, ()).await.expect(ddl);
        }
        let start = Instant::now();
        let mut clients = Vec::new();
        for i in 0..CLIENTS {
            let session = Arc::new(connect().await.expect("a session"));
            clients.push(tokio::spawn(client(session, seed ^ i, start)));
        }
        let mut history = Vec::new();
        for client in clients {
            history.extend(client.await.expect("a client"));
        }
        history
    });
    let applied = |event: &Event| {
        matches!(
            event.operation,
            Operation::Insert { applied: true, .. }
                | Operation::Compare { applied: true, .. }
                | Operation::Delete { applied: true }
        )
    };
    for p in 0..PARTITIONS {
        let events: Vec<Event> = history.iter().filter(|(of, _)| *of == p).map(|(_, event)| *event).collect();
        assert!(events.iter().filter(|event| applied(event)).count() > 10, "few changes of {p}, seed {seed}");
        assert!(is_linearizable(&events), "partition {p}, seed {seed}: {events:#?}");
    }
}
