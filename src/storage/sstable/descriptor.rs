//! The names of an SSTable's files: `<version>-<id>-big-<component>` (Cassandra: `Descriptor`, `Component`).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::env::fs::FileSystem;
use crate::storage::error::StorageError;

/// One of the files of an SSTable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the variants are the names of the files")]
pub enum Component {
    Data,
    Index,
    Summary,
    Filter,
    Statistics,
    CompressionInfo,
    Crc,
    Digest,
    Toc,
}

impl Component {
    /// All of them, the data first, as they are removed.
    pub const ALL: [Component; 9] = [
        Self::Data,
        Self::Index,
        Self::Filter,
        Self::Statistics,
        Self::CompressionInfo,
        Self::Crc,
        Self::Digest,
        Self::Toc,
        Self::Summary,
    ];

    /// The last part of the file's name, which is also its line in `TOC.txt`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "Data.db",
            Self::Index => "Index.db",
            Self::Summary => "Summary.db",
            Self::Filter => "Filter.db",
            Self::Statistics => "Statistics.db",
            Self::CompressionInfo => "CompressionInfo.db",
            Self::Crc => "CRC.db",
            Self::Digest => "Digest.crc32",
            Self::Toc => "TOC.txt",
        }
    }
}

/// The version of an SSTable's format, `ma` to `nb`; orders as the versions came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 2]);

impl Version {
    /// The version that is written.
    pub const CURRENT: Version = Version(*b"nb");

    /// The version of that name, where it can be read: those of the big format since 3.0, before 5.0's `oa`.
    pub fn parse(name: &str) -> Option<Version> {
        let bytes: [u8; 2] = name.as_bytes().try_into().ok()?;
        (bytes >= *b"ma" && bytes <= *b"nb").then_some(Version(bytes))
    }

    /// Whether files of it have commit log intervals.
    pub fn has_commit_log_intervals(self) -> bool {
        self.0 >= *b"mc"
    }

    /// Whether files of it have the lower bound of the commit log.
    pub fn has_commit_log_lower_bound(self) -> bool {
        self.0 >= *b"mb"
    }

    /// Whether the clusterings covered are right (Cassandra: `hasAccurateMinMax`).
    pub fn has_accurate_min_max(self) -> bool {
        self.0 >= *b"md"
    }

    /// Whether the host that wrote it is noted.
    pub fn has_originating_host_id(self) -> bool {
        self.0 >= *b"nb" || (self.0[0] == b'm' && self.0[1] >= b'e')
    }

    /// Whether it is one of 4.0's: checksums in `Statistics.db`, maximum compressed length, pending repair,
    /// today's bloom filter.
    pub fn is_na_or_later(self) -> bool {
        self.0 >= *b"na"
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

/// Which SSTable, and where its files are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Descriptor {
    /// The table's directory.
    pub directory: Arc<Path>,
    /// The version of its format.
    pub version: Version,
    /// Its identifier: a number, or a time UUID in Cassandra's short form.
    pub id: Arc<str>,
}

impl Descriptor {
    /// An SSTable of the current version.
    pub fn new(directory: &Path, generation: u64) -> Self {
        Self { directory: directory.into(), version: Version::CURRENT, id: generation.to_string().into() }
    }

    /// The descriptor and the component that a file name means; none where it is not an SSTable's, or one that
    /// cannot be read.
    pub fn parse(path: &Path) -> Option<(Descriptor, Component)> {
        let mut parts = path.file_name()?.to_str()?.splitn(4, '-');
        let (version, id, format, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = Version::parse(version)?;
        let component = Component::ALL.into_iter().find(|c| c.name() == name)?;
        let valid_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (format == "big" && valid_id).then(|| {
            (
                Descriptor { directory: path.parent().unwrap_or(path).into(), version, id: id.into() },
                component,
            )
        })
    }

    /// The number of a numbered SSTable.
    pub fn generation(&self) -> Option<u64> {
        self.id.parse().ok()
    }

    /// The beginning of all its files' names, `nb-1-big`.
    pub fn prefix(&self) -> String {
        format!("{}-{}-big", self.version, self.id)
    }

    /// The path of a component.
    pub fn path(&self, component: Component) -> PathBuf {
        self.directory.join(format!("{}-{}", self.prefix(), component.name()))
    }

    /// All SSTables in a directory whose data is there, in the order of their numbers.
    pub fn list(fs: &dyn FileSystem, directory: &Path) -> Result<Vec<Descriptor>, StorageError> {
        let entries = fs.list(directory).map_err(|e| StorageError::io(directory, e))?;
        let mut found: Vec<Descriptor> = entries
            .iter()
            .filter(|e| !e.is_dir)
            .filter_map(|e| Descriptor::parse(&e.path))
            .filter(|(_, component)| *component == Component::Data)
            .map(|(descriptor, _)| descriptor)
            .collect();
        found.sort_by(|a, b| (a.generation(), &a.id).cmp(&(b.generation(), &b.id)));
        Ok(found)
    }

    /// Removes all files of it, the data first: what is left without data is no SSTable.
    pub fn remove(&self, fs: &dyn FileSystem) -> Result<(), StorageError> {
        for component in Component::ALL {
            let path = self.path(component);
            if fs.exists(&path) {
                fs.remove(&path).map_err(|e| StorageError::io(&path, e))?;
            }
        }
        // Indexes have components of their own.
        let prefix = format!("{}-", self.prefix());
        let others = fs.list(&self.directory).map_err(|e| StorageError::io(&self.directory, e))?;
        for file in others.iter().filter(|e| !e.is_dir && e.name.starts_with(&prefix)) {
            fs.remove(&file.path).map_err(|e| StorageError::io(&file.path, e))?;
        }
        Ok(())
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.directory.display(), self.prefix())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;

    #[test]
    fn a_path_and_its_descriptor_mean_the_same() {
        let path = Path::new("/d/ks/t-00000000000000000000000000000001/nb-12-big-Data.db");
        let (descriptor, component) = Descriptor::parse(path).unwrap();
        assert_eq!((descriptor.generation(), component), (Some(12), Component::Data));
        assert_eq!(descriptor.path(Component::Data), path);
    }

    #[test]
    fn files_of_other_formats_are_not_taken_for_ours() {
        for name in
            ["nb-1-big-Data.db.tmp", "oa-1-big-Data.db", "da-1-bti-Data.db", "nb_txn_flush_1.log", "x"]
        {
            assert_eq!(Descriptor::parse(&Path::new("/d").join(name)), None, "{name}");
        }
    }
}
