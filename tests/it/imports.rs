//! Imports go one way: protocol -> cql -> plan -> exec -> cluster -> storage, each also on the leaves.
//!
//! The compiler accepts cycles between modules; this test does not.

use std::fs;
use std::path::{Path, PathBuf};

/// Lower layers first; a module may use its own layer and those before it.
const LAYERS: &[&[&str]] = &[
    &["config", "consistency", "env", "error", "event", "guardrails", "metrics", "schema", "tls", "types"],
    &["storage"],
    &["cluster"],
    &["exec"],
    &["plan"],
    &["cql"],
    &["protocol"],
    &["cli", "nodetool", "server"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The code of a file without comments and without its tests, which may use anything.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end].lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The modules that follow `crate::` in the code, also inside braces.
fn used(code: &str) -> Vec<String> {
    let word = |text: &str| {
        text.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            modules.extend(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut start = 0;
        for (position, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || depth == 1 && c == ',' {
                modules.extend(word(&group[start..position]));
                start = position + 1;
            }
            if depth == 0 {
                break;
            }
        }
    }
    modules
}

#[test]
fn imports_go_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).expect("below src");
        let own =
            relative.iter().next().and_then(|first| first.to_str()).unwrap_or("").trim_end_matches(".rs");
        if ["lib", "main"].contains(&own) || relative.ends_with("tests.rs") {
            continue;
        }
        let Some(own_layer) = layer(own) else {
            wrong.push(format!("{} belongs to no layer: add it to LAYERS", relative.display()));
            continue;
        };
        let text = fs::read_to_string(&file).expect("source is text");
        for module in used(&code(&text)) {
            if layer(&module).is_some_and(|other| other > own_layer) {
                wrong.push(format!("{} uses crate::{module}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the direction:\n{}", wrong.join("\n"));
}

#[test]
fn the_walk_finds_imports() {
    let code = code(
        "use crate::cql::Client;\n// crate::plan\nuse crate::{exec::{a, b}, storage};\n#[cfg(test)]\nmod tests { use crate::cli; }",
    );
    assert_eq!(used(&code), ["cql", "exec", "storage"]);
    assert!(layer("cql") > layer("storage"));
}
