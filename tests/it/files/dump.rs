//! What sstabledump prints, without what two runs of the same statements never have in common.

use serde_json::Value;

/// The columns that are lists.
const LISTS: &[&str] = &["l", "items"];

/// The partitions of a dump. Local deletion times, expiry instants and positions say when it was written, and so do the
/// timestamps of counters and the keys of a list's elements.
pub fn normalized(text: &str, table: &str) -> Vec<Value> {
    let mut partitions: Vec<Value> = serde_json::from_str(text).expect("sstabledump prints JSON");
    for partition in &mut partitions {
        normalize(partition, table.ends_with("counts"));
        for row in partition.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
            let mut elements = 0;
            for cell in row.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten() {
                if cell.get("name").and_then(Value::as_str).is_some_and(|name| LISTS.contains(&name))
                    && let Some(path) = cell.get_mut("path")
                {
                    *path = elements.into();
                    elements += 1;
                }
            }
        }
    }
    partitions
}

fn normalize(value: &mut Value, is_counter: bool) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| normalize(value, is_counter)),
        Value::Object(fields) => {
            fields.remove("position");
            for (name, value) in fields {
                match name.as_str() {
                    "local_delete_time" | "expires_at" => *value = "then".into(),
                    "tstamp" | "marked_deleted" if is_counter => *value = "then".into(),
                    // The first bytes of a counter's shards, among them those of the node's id.
                    "value" if is_counter => *value = "shards".into(),
                    _ => normalize(value, is_counter),
                }
            }
        }
        _ => {}
    }
}

/// Compares partition by partition, so that what differs can be read.
pub fn assert_same(ours: &[Value], theirs: &[Value], what: &str) {
    for (our_partition, their_partition) in ours.iter().zip(theirs) {
        let rows =
            |partition: &Value| partition.get("rows").and_then(Value::as_array).cloned().unwrap_or_default();
        for (our_row, their_row) in rows(our_partition).iter().zip(rows(their_partition)) {
            assert_eq!(*our_row, their_row, "{what}\nours: {our_row:#}\ntheirs: {their_row:#}");
        }
        assert_eq!(
            our_partition, their_partition,
            "{what}\nours: {our_partition:#}\ntheirs: {their_partition:#}"
        );
    }
    assert_eq!(ours.len(), theirs.len(), "{what}: partitions");
}
