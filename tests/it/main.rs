//! Integration tests.

mod imports;
