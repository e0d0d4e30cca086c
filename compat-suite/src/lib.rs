//! Unmodified clients and golden scripts.
