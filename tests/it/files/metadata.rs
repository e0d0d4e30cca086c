//! What sstablemetadata prints, without what two runs of the same statements never have in common.

/// The beginnings of lines that say who wrote it, when, and where.
const CIRCUMSTANCES: &[&str] = &[
    "SSTable: ",
    "SSTable min local deletion time",
    "SSTable max local deletion time: 1",
    "SSTable max local deletion time: 0",
    "Compression ratio",
    "Originating host id",
    "Replay positions covered",
    "Estimated droppable tombstones",
    "EncodingStats minLocalDeletionTime",
];
/// Those that depend on the clock where timestamps are not given.
const TIMESTAMPS: &[&str] =
    &["Minimum timestamp", "Maximum timestamp", "Duration", "EncodingStats minTimestamp"];
/// The tables whose partitions hold deletion times, or instants of expiry, whose lengths depend on the clock.
const HOLD_TIMES: &[&str] = &[
    "every_type",
    "simple",
    "statics",
    "only_keys",
    "mixed_order",
    "counts",
    "compact_static",
    "compact_counts",
    "dense",
    "dense_keys",
    "dense_short",
];

const ESTIMATE: &str = "Estimated cardinality: ";

/// The lines that say something of the content.
pub fn normalized(text: &str, table: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut heading = "";
    for line in text.lines() {
        if !line.starts_with(' ') {
            heading = line;
        }
        let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| line.starts_with(beginning));
        let of_the_clock = heading.starts_with("Estimated tombstone drop times")
            || heading.starts_with("Partition Size") && HOLD_TIMES.contains(&table)
            || table.ends_with("counts") && starts(TIMESTAMPS);
        if !of_the_clock && !starts(CIRCUMSTANCES) {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// Compares line by line, so that what differs can be read.
pub fn assert_same(ours: &[String], theirs: &[String], what: &str) {
    for (our_line, their_line) in ours.iter().zip(theirs) {
        match (our_line.strip_prefix(ESTIMATE), their_line.strip_prefix(ESTIMATE)) {
            // Ours always has the form of the sketch that Cassandra uses for many keys.
            (Some(ours), Some(theirs)) => {
                let [ours, theirs] = [ours, theirs].map(|text| text.parse::<f64>().expect("a number"));
                assert!((ours - theirs).abs() <= theirs * 0.04, "{what}: about {ours} keys, not {theirs}");
            }
            _ => assert_eq!(our_line, their_line, "{what}"),
        }
    }
    assert_eq!(ours.len(), theirs.len(), "{what}: {ours:#?}");
}
