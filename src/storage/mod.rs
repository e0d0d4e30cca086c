//! The store: what a replica keeps and how it answers. Knows no CQL text.

pub mod model;
