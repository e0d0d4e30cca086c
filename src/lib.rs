//! Helenus: one binary that is interchangeable with Apache Cassandra 5.0.
