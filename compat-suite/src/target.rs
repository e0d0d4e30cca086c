//! Where the build puts things, and so do we.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::{Error, Result};

/// The target directory of the build that this executable is from.
///
/// # Errors
///
/// [`Error::Failed`] if the executable does not lie below one.
pub fn directory() -> Result<PathBuf> {
    let executable = std::env::current_exe().map_err(|error| Error::failed("this executable", error))?;
    let found =
        executable.ancestors().find(|path| path.join("CACHEDIR.TAG").exists() || path.ends_with("target"));
    found
        .map(PathBuf::from)
        .ok_or_else(|| Error::failed(executable.display(), "not below a target directory"))
}

/// Holds a lock among processes for as long as it lives: two of them would set up the same thing.
///
/// # Errors
///
/// [`Error::Failed`] if the file that stands for the lock cannot be made.
pub fn lock(name: &str) -> Result<File> {
    let directory = directory()?;
    let path = directory.join(format!("{name}.lock"));
    fs::create_dir_all(&directory).map_err(|error| Error::failed(directory.display(), error))?;
    let file = File::create(&path).map_err(|error| Error::failed(path.display(), error))?;
    file.lock().map_err(|error| Error::failed(path.display(), error))?;
    Ok(file)
}
