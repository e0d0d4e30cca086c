//! Clusterings, bounds and slices.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

/// The values of a row's clustering columns, or of a prefix of them, in one buffer: for each an `i32` length
/// (-1 for null) and its bytes. The empty buffer is the clustering of a static row and of tables without
/// clustering columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clustering(Bytes);

/// Where the values of a clustering are gathered, on the stack mostly.
pub type ClusteringBuffer = SmallVec<[u8; 128]>;

/// Appends a value, of at most 2 GiB, as a [`Clustering`] has it.
pub fn put_clustering_value(buffer: &mut ClusteringBuffer, value: Option<&[u8]>) {
    let length = value.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("a value has at most 2 GiB"));
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(value.unwrap_or_default());
}

impl Clustering {
    /// No values.
    pub const EMPTY: Clustering = Clustering(Bytes::new());

    /// The clustering of these values.
    pub fn new<'a>(values: impl IntoIterator<Item = Option<&'a [u8]>>) -> Self {
        // Gathered on the stack, so that one allocation of the right size is enough.
        let mut buffer = ClusteringBuffer::new();
        values.into_iter().for_each(|value| put_clustering_value(&mut buffer, value));
        Prefix(&buffer).to_clustering()
    }

    /// The buffer that holds all values.
    pub fn buffer(&self) -> &Bytes {
        &self.0
    }

    /// A view of it.
    pub fn as_prefix(&self) -> Prefix<'_> {
        Prefix(&self.0)
    }

    /// The values in their order; `None` for null.
    pub fn values(&self) -> ClusteringValues<'_> {
        self.as_prefix().values()
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.values().count()
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of clustering column `i`.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        self.as_prefix().get(i)
    }
}

/// A view of a [`Clustering`], which may lie within a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix<'a>(&'a [u8]);

impl<'a> Prefix<'a> {
    /// The values in a buffer as [`Clustering`] describes it.
    pub fn of_buffer(buffer: &'a [u8]) -> Self {
        Self(buffer)
    }

    /// The bytes that hold all values.
    pub fn buffer(self) -> &'a [u8] {
        self.0
    }

    /// The values in their order; `None` for null.
    pub fn values(self) -> ClusteringValues<'a> {
        ClusteringValues(self.0)
    }

    /// The number of values.
    pub fn len(self) -> usize {
        self.values().count()
    }

    /// Whether it has no values.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The value of clustering column `i`.
    pub fn get(self, i: usize) -> Option<&'a [u8]> {
        self.values().nth(i).flatten()
    }

    /// A clustering of its own.
    pub fn to_clustering(self) -> Clustering {
        Clustering(Bytes::copy_from_slice(self.0))
    }
}

impl fmt::Debug for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

impl<'a> From<&'a Clustering> for Prefix<'a> {
    fn from(clustering: &'a Clustering) -> Self {
        clustering.as_prefix()
    }
}

impl PartialEq<Clustering> for Prefix<'_> {
    fn eq(&self, other: &Clustering) -> bool {
        self.0 == other.0
    }
}

impl PartialEq<Prefix<'_>> for Clustering {
    fn eq(&self, other: &Prefix<'_>) -> bool {
        self.0 == other.0
    }
}

/// Iterates over the values of a [`Clustering`].
#[derive(Clone, Debug)]
pub struct ClusteringValues<'a>(&'a [u8]);

impl<'a> Iterator for ClusteringValues<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (len, rest) = self.0.split_first_chunk::<4>()?;
        match usize::try_from(i32::from_be_bytes(*len)) {
            Err(_) => {
                self.0 = rest;
                Some(None)
            }
            Ok(len) => {
                let (value, rest) = rest.split_at(len);
                self.0 = rest;
                Some(Some(value))
            }
        }
    }
}

/// The kind of a bound or boundary, with Cassandra's order and ordinals (`ClusteringPrefix.Kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Cassandra's own terms")]
pub enum BoundKind {
    ExclEnd = 0,
    InclStart = 1,
    ExclEndInclStartBoundary = 2,
    StaticClustering = 3,
    Clustering = 4,
    InclEndExclStartBoundary = 5,
    InclEnd = 6,
    ExclStart = 7,
}

impl BoundKind {
    /// How it compares with a clustering that has the bound as its prefix: `Less` where it stands before it.
    pub fn compared_to_clustering(self) -> Ordering {
        match self {
            Self::ExclEnd | Self::InclStart | Self::ExclEndInclStartBoundary => Ordering::Less,
            Self::StaticClustering | Self::Clustering => Ordering::Equal,
            Self::InclEndExclStartBoundary | Self::InclEnd | Self::ExclStart => Ordering::Greater,
        }
    }
}

/// A place between rows (Cassandra: `ClusteringBound`). A bound with no values is before or after all rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusteringBound {
    /// On which side of the rows with that prefix it stands.
    pub kind: BoundKind,
    /// The values, a prefix of the clustering columns.
    pub prefix: Clustering,
}

impl ClusteringBound {
    /// Before all rows.
    pub const BOTTOM: ClusteringBound =
        ClusteringBound { kind: BoundKind::InclStart, prefix: Clustering::EMPTY };
    /// After all rows.
    pub const TOP: ClusteringBound = ClusteringBound { kind: BoundKind::InclEnd, prefix: Clustering::EMPTY };
}

/// The rows between two bounds (Cassandra: `Slice`), in the table's clustering order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// `InclStart` or `ExclStart`.
    pub start: ClusteringBound,
    /// `InclEnd` or `ExclEnd`.
    pub end: ClusteringBound,
}

impl Slice {
    /// All rows.
    pub const ALL: Slice = Slice { start: ClusteringBound::BOTTOM, end: ClusteringBound::TOP };
}
