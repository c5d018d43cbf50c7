//! ARCHITECTURE.md's table of standards: whatever it calls supported names a test, and that test exists.

use crate::gateway::checkout;
use std::collections::BTreeSet;
use std::path::Path;

/// Names of all test functions under a folder.
fn tests_in(dir: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).expect("a folder of ours").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_in(&path, names);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file of ours");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let function = line.trim_start_matches("async ").strip_prefix("fn ");
                match function {
                    Some(rest) => {
                        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                        if is_test {
                            names.insert(name);
                        }
                        is_test = false;
                    }
                    None if line.starts_with("#[") => is_test |= line.contains("test") && !line.contains("cfg"),
                    // A property inside `proptest!` has its attribute, too; other lines end it.
                    None => is_test &= line.starts_with("//") || line.is_empty(),
                }
            }
        }
    }
}

#[test]
fn every_supported_standard_names_a_test_that_exists() {
    let mut known = BTreeSet::new();
    tests_in(&checkout().join("src"), &mut known);
    tests_in(&checkout().join("tests/it"), &mut known);
    let text = std::fs::read_to_string(checkout().join("ARCHITECTURE.md")).expect("it is there");
    let section = text.split("\n## Standards\n").nth(1).expect("a section `## Standards`");
    let section = section.split("\n## ").next().unwrap_or("");
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| RFC") && !line.starts_with("|-"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 30, "only {} standards are in the table", rows.len());
    for row in &rows {
        let [name, _, state, tests] = row[..] else { panic!("a row with {} cells: {row:?}", row.len()) };
        let state = state.split([' ', ':']).next().unwrap_or("");
        assert!(["supported", "partly", "no"].contains(&state), "{name}: the state is {state:?}");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(state == "no" || !named.is_empty(), "{name} is {state} and names no test");
        for test in named {
            let function = test.rsplit("::").next().unwrap_or(test);
            assert!(known.contains(function), "{name}: there is no test {test}");
        }
    }
}

/// The table in `sip-config/sipp/README.md` says of every scenario what the scenario says of itself.
#[test]
fn the_table_of_scenarios_is_true() {
    let folder = checkout().join("sip-config/sipp");
    let table = std::fs::read_to_string(folder.join("README.md")).expect("it is there");
    let mut names: Vec<_> = std::fs::read_dir(&folder).expect("a folder of ours").flatten().map(|e| e.path()).collect();
    names.retain(|path| path.extension().is_some_and(|e| e == "xml"));
    for path in &names {
        let text = std::fs::read_to_string(path).expect("a file of ours");
        let comment = text.split_once("<!--").and_then(|(_, rest)| rest.split_once("-->")).map_or("", |(comment, _)| comment);
        let lines: Vec<&str> = comment.lines().map(str::trim).take_while(|line| !line.starts_with("sipp -sf")).collect();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let row = format!("| `{name}` | {} |\n", lines.join(" ").trim());
        assert!(table.contains(&row), "sip-config/sipp/README.md lacks the row\n{row}");
    }
    assert_eq!(table.lines().filter(|line| line.starts_with("| `")).count(), names.len(), "a row too many");
}
