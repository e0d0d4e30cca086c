//! CQL 3.4.7: text to syntax tree and back.
