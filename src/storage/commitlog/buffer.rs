//! Records that are not with the operating system yet.

use std::collections::VecDeque;

use super::super::sstable::CommitLogPosition;
use super::compressed::SegmentCompression;
use super::descriptor::Descriptor;
use super::{MARKER_BYTES, sync_marker};
use crate::schema::TableId;
use foldhash::HashMap;

/// A place in the commit log. Positions grow in the order of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitPosition {
    /// The segment's id.
    pub segment: i64,
    /// The offset in the segment, in bytes.
    pub offset: u32,
}

impl CommitPosition {
    /// Before everything (Cassandra: `CommitLogPosition.NONE`).
    pub const NONE: CommitPosition = CommitPosition { segment: -1, offset: 0 };
}

impl From<CommitLogPosition> for CommitPosition {
    fn from(position: CommitLogPosition) -> Self {
        Self { segment: position.segment_id, offset: u32::try_from(position.position).unwrap_or(0) }
    }
}

impl From<CommitPosition> for CommitLogPosition {
    fn from(position: CommitPosition) -> Self {
        Self { segment_id: position.segment, position: i32::try_from(position.offset).unwrap_or(i32::MAX) }
    }
}

/// A piece of a segment: a whole section, with the descriptor before it where it is the first one.
#[derive(Debug)]
pub struct Piece {
    /// The segment.
    pub segment: i64,
    /// Where it stands in the segment.
    pub start: u32,
    /// The bytes, with a gap for the sync marker.
    pub bytes: Vec<u8>,
    /// The bytes of the descriptor before the sync marker.
    header_bytes: usize,
}

impl Piece {
    /// Where it ends in the segment.
    pub fn end(&self) -> u32 {
        self.start + self.bytes.len() as u32
    }

    /// The bytes for the file, at an offset of it, where sections are compressed.
    pub fn compressed(&self, compression: &SegmentCompression, offset: u32) -> std::io::Result<Vec<u8>> {
        let (header, section) = self.bytes.split_at(self.header_bytes);
        let records = section.get(MARKER_BYTES..).unwrap_or_default();
        let marker_at = offset.saturating_add(u32::try_from(header.len()).unwrap_or(u32::MAX));
        let section = compression.section(self.segment, marker_at, records)?;
        Ok([header, &section].concat())
    }

    /// Sets the sync marker, now that the end is known.
    pub fn seal(&mut self) {
        let offset = self.start + self.header_bytes as u32;
        let marker = sync_marker(self.segment, offset, self.end());
        self.bytes[self.header_bytes..self.header_bytes + MARKER_BYTES].copy_from_slice(&marker);
    }
}

/// Which tables a segment has records of, and where the last record of each ends.
pub type DirtyTables = HashMap<TableId, u32>;

/// The buffer that records are appended to.
#[derive(Debug)]
pub struct Buffer {
    segment_bytes: u32,
    /// How sections will be written; here they are not compressed.
    compression: Option<SegmentCompression>,
    /// The first segment.
    run: i64,
    next_id: i64,
    segment: i64,
    /// Where the next piece starts in the segment, while there is none.
    offset: u32,
    pieces: VecDeque<Piece>,
    /// Where the last record ends.
    pub appended: CommitPosition,
    /// Of each segment that was appended to, by id.
    pub dirty: HashMap<i64, DirtyTables>,
}

impl Buffer {
    /// An empty buffer, whose first segment gets the id `next_id`.
    pub fn new(segment_bytes: u32, compression: Option<SegmentCompression>, next_id: i64) -> Self {
        let dirty = [(next_id, DirtyTables::default())].into_iter().collect();
        Self {
            segment_bytes,
            compression,
            run: next_id,
            next_id: next_id + 1,
            segment: next_id,
            offset: 0,
            pieces: VecDeque::new(),
            appended: CommitPosition::NONE,
            dirty,
        }
    }

    /// The end of what was appended.
    pub fn position(&self) -> CommitPosition {
        let offset = self.pieces.back().map_or(self.offset, Piece::end);
        CommitPosition { segment: self.segment, offset }
    }

    /// Appends a record; returns where it ends.
    pub fn append(&mut self, record: &[u8], tables: &[TableId]) -> CommitPosition {
        let room = self.segment_bytes.saturating_sub(self.position().offset) as usize;
        if self.position().offset > 0 && record.len() + MARKER_BYTES > room {
            self.next_segment();
        }
        let piece = self.piece();
        piece.bytes.extend_from_slice(record);
        let position = self.position();
        self.appended = position;
        let dirty = self.dirty.entry(position.segment).or_default();
        for table in tables {
            dirty.insert(*table, position.offset);
        }
        position
    }

    /// Goes on in a new segment.
    pub fn next_segment(&mut self) {
        if self.position().offset == 0 {
            return;
        }
        self.segment = self.next_id;
        self.next_id += 1;
        self.offset = 0;
        self.dirty.insert(self.segment, DirtyTables::default());
    }

    /// Sees to it that the next record goes to a segment with a greater id.
    pub fn go_beyond(&mut self, id: i64) {
        if self.segment > id {
            return;
        }
        self.next_id = self.next_id.max(id.saturating_add(1));
        if self.position().offset == 0 {
            // Nothing was appended yet: the first segment gets another name.
            self.dirty.remove(&self.segment);
            self.segment = self.next_id;
            self.run = self.segment;
            self.next_id = self.next_id.saturating_add(1);
            self.dirty.insert(self.segment, DirtyTables::default());
        } else {
            self.next_segment();
        }
    }

    /// Goes on in a new segment whose durability marks say nothing of older ones.
    pub fn next_run(&mut self) {
        self.next_segment();
        self.run = self.segment;
    }

    /// The piece that records go to: the last one, or a new one.
    fn piece(&mut self) -> &mut Piece {
        let is_current = self.pieces.back().is_some_and(|p| p.segment == self.segment);
        if !is_current {
            self.pieces.push_back(self.new_piece());
        }
        let last = self.pieces.len() - 1;
        &mut self.pieces[last]
    }

    fn new_piece(&self) -> Piece {
        let mut bytes = Vec::new();
        if self.offset == 0 {
            let descriptor = Descriptor::new(self.segment, self.run);
            bytes = descriptor.compressed(self.compression.as_ref()).to_bytes();
        }
        let header_bytes = bytes.len();
        bytes.extend_from_slice(&[0; MARKER_BYTES]);
        Piece { segment: self.segment, start: self.offset, bytes, header_bytes }
    }

    /// Takes all pieces, sealed; behind them, an empty section where `mark` is set.
    pub fn take(&mut self, mark: bool) -> VecDeque<Piece> {
        let mut pieces = std::mem::take(&mut self.pieces);
        if let Some(last) = pieces.back().filter(|p| p.segment == self.segment) {
            self.offset = last.end();
        }
        if mark {
            let piece = self.new_piece();
            self.offset = piece.end();
            pieces.push_back(piece);
        }
        pieces.iter_mut().for_each(Piece::seal);
        pieces
    }
}
