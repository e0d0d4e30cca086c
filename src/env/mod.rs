//! What the process gets from outside: file system, clock, randomness. Real ones, and faulty ones for tests.

pub mod clock;
pub mod faulty_fs;
pub mod fs;
