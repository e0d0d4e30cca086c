//! The list of message literals in Cassandra's source, held against the golden scripts: what it says is reached must
//! be, and nothing may be left open. `compat-suite/messages/list.py` writes the list.

use std::collections::HashMap;
use std::path::Path;

use compat_suite::golden::{self, Script};

/// The messages of errors and warnings that were recorded, by script.
fn recorded() -> HashMap<String, Vec<String>> {
    let message = |line: &String| {
        let after_code = |rest: &str| rest.split_once(' ').map(|(_, message)| message.to_owned());
        let warning = line.strip_prefix("warning ").map(str::to_owned);
        line.strip_prefix("error ").and_then(after_code).or(warning)
    };
    let script = |path: std::path::PathBuf| {
        let script = Script::read(&path).expect("a script");
        let lines = script.items.iter().flat_map(|item| &item.recorded);
        (script.name.clone(), lines.filter_map(message).collect())
    };
    golden::scripts().expect("the folder is there").into_iter().map(script).collect()
}

/// Whether the parts of the literal, apart by `%s`, stand in the message one after the other.
fn matches(literal: &str, message: &str) -> bool {
    let mut rest = Some(message);
    for part in literal.split("%s") {
        rest = rest.and_then(|rest| rest.find(part).and_then(|at| rest.get(at + part.len()..)));
    }
    rest.is_some()
}

#[test]
fn what_the_list_calls_reached_is_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat-suite/messages/messages.txt");
    let list = std::fs::read_to_string(path).expect("the list");
    let recorded = recorded();
    let mut wrong = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let [_, literal, state] = line.split('\t').collect::<Vec<_>>()[..] else {
            wrong.push(format!("not three fields: {line}"));
            continue;
        };
        let is_right = match state.split_once(' ') {
            Some(("reached", script)) => {
                recorded.get(script).is_some_and(|all| all.iter().any(|message| matches(literal, message)))
            }
            Some(("later" | "never", reason)) => !reason.is_empty(),
            _ => false,
        };
        if !is_right {
            wrong.push(line.to_owned());
        }
    }
    assert!(wrong.is_empty(), "{} lines are not right:\n{}", wrong.len(), wrong.join("\n"));
}
