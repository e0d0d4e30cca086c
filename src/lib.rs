//! Helenus: one binary that is interchangeable with Apache Cassandra 5.0.
//!
//! # The layers
//!
//! ```text
//!   cli, server, nodetool      the command, the whole node, what operators ask of it
//!        |
//!   protocol                   frames <-> requests; connections, limits; errors <-> wire codes
//!        |
//!   cql                        sessions: keyspace, prepared statements, traces, roles and permissions
//!        |
//!   plan                       syntax tree + schema -> plan; pure
//!        |
//!   exec                       runs plans: functions, aggregates, paging, batches, changes of the schema
//!        |
//!   cluster                    the coordinator: replicas, consistency levels, what this node knows of itself
//!        |
//!   storage                    commit log, memtables, SSTables, compaction, merge, row filters
//!
//!   leaves, on which all may lean: cql_grammar, schema, types, env, config, error, event, consistency,
//!                                    guardrails, metrics, tls
//! ```
//!
//! Imports go downwards only; a test walks the `use` lines and fails on an arrow the other way. So each layer owns the
//! type that it accepts: [`exec::plan::Plan`] is made by [`plan`] but belongs to [`exec`],
//! [`storage::model::Mutation`] and [`storage::model::ReadCommand`] belong to [`storage`]. News that flows upwards goes
//! over a channel owned below: [`event::Event`] through [`cluster::Coordinator::subscribe`].
//!
//! # The life of a query
//!
//! `SELECT * FROM shop.orders_by_user WHERE user_id = ? LIMIT 10`, prepared before, comes as an EXECUTE:
//!
//! 1. [`protocol`]: the connection's task reads from the socket, takes all complete frames out of what it read and
//!    decodes each to a [`cql::Request`]. Bound values stay slices of the frame: [`exec::options::Values`].
//! 2. [`cql`]: the session ([`cql::Connection::execute`]) looks up the prepared statement by its id. A statement that
//!    is not prepared is parsed by [`cql_grammar`] and planned by [`plan::statement::plan`] against the current
//!    [`schema::Schema`], an immutable snapshot; a prepared one was so once, and is again only after its table changed.
//! 3. [`exec`]: [`exec::plan::Plan::execute`] binds the values ([`exec::term::Term::bind`]), makes partition keys and
//!    slices of them ([`exec::restrictions::Restrictions`]) and a [`storage::model::ReadCommand`].
//! 4. [`cluster`]: [`cluster::Coordinator::read`] sees that enough replicas live for the consistency level, and asks
//!    them: so far that is this node.
//! 5. [`storage`]: [`storage::Storage::read`] merges what memtables and SSTables have of the partition, in clustering
//!    order, last write wins cell by cell ([`storage::merge`]), leaves out what is deleted, expired or filtered, and stops
//!    at the limit. A row ([`storage::model::Row`]) is one buffer, and a clone shares it: what lies in one memtable only
//!    is not copied, and rows that lie beside each other there are shared at once ([`storage::model::RowList`]).
//! 6. [`exec::select`] writes the values straight into wire form ([`exec::result::RowsWriter`]), columns that follow
//!    each other in the row by one copy ([`exec::select::plain`]); [`protocol`] puts the header before them, and all
//!    responses of one read leave in one write.
//!
//! All of this runs on the connection's task as long as it touches memory only. A read that needs the disk, also one that
//! a write does first, ends with [`error::Error::WouldBlock`]; the session runs it again on a thread that may block, and the connection goes on with
//! its other requests.
//!
//! A write goes the same way down to [`cluster::Coordinator::mutate`] and [`storage::Storage::apply`]: its record goes
//! into the commit log's buffer, its rows into the arena of a memtable. After all requests of one socket read have run, and before
//! any of them is answered, [`cql::Connection::finish_batch`] hands the buffer to the kernel in one write, and waits for
//! a sync where `commitlog_sync` asks for that.
//!
//! # Embedding
//!
//! [`Server`] starts a node within a test or a program:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = helenus::Server::start(helenus::config::Config::ephemeral()?).await?;
//! println!("CQL on {}", server.address());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod cli;
pub mod cluster;
pub mod config;
pub mod consistency;
pub mod cql;
pub mod env;
pub mod error;
pub mod event;
pub mod exec;
pub mod guardrails;
pub mod metrics;
pub mod nodetool;
pub mod plan;
pub mod protocol;
pub mod schema;
pub mod server;
pub mod storage;
pub mod tls;
pub mod types;

pub use server::{Server, StopReason};
