//! Random SSTables.
