//! The house rules that a compiler does not know.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The hard limit; the aim is half of it.
const LONGEST_FILE: usize = 800;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"];
/// Who may use the testkit outside of tests: the demo runs on its fakes, the rest measures and tests.
const TESTKIT_USERS: [&str; 3] = ["tieline", "tieline-bench", "tieline-e2e"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of ours.
fn rust_files() -> Vec<PathBuf> {
    let mut folders = vec![root().join("crates"), root().join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the workspace can be read") {
            let path = entry.expect("the workspace can be read").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn no_file_is_longer_than_it_may_be() {
    let too_long: Vec<String> = rust_files()
        .iter()
        .map(|file| (shown(file), read(file).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(file, lines)| format!("{file}: {lines} lines"))
        .collect();
    assert!(too_long.is_empty(), "cut these into files of one concept each: {too_long:#?}");
}

#[test]
fn files_are_named_for_what_they_hold() {
    let empty: Vec<String> = rust_files()
        .iter()
        .filter(|file| {
            let name = file.file_stem().unwrap_or_default();
            let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
            EMPTY_NAMES.iter().any(|empty| name == *empty || folder == *empty)
        })
        .map(|file| shown(file))
        .collect();
    assert!(empty.is_empty(), "name these by a noun that says what is inside: {empty:#?}");
}

#[test]
fn a_lib_file_is_a_table_of_contents() {
    const CODE: [&str; 8] = ["fn ", "struct ", "enum ", "trait ", "impl ", "impl<", "const ", "static "];
    let mut code = Vec::new();
    for file in rust_files().iter().filter(|file| file.file_name().is_some_and(|name| name == "lib.rs")) {
        for (number, line) in read(file).lines().enumerate() {
            let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            if CODE.iter().any(|word| line.starts_with(word)) {
                code.push(format!("{}:{}: {line}", shown(file), number + 1));
            }
        }
    }
    assert!(code.is_empty(), "a lib.rs holds docs and re-exports only: {code:#?}");
}

/// A dependency on a crate of ours.
struct Arrow {
    from: String,
    /// Whether it is a driver's.
    from_driver: bool,
    to: String,
    to_driver: bool,
    /// Whether only tests have it.
    for_tests: bool,
}

fn arrows() -> Vec<Arrow> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let drivers = root().join("crates/drivers");
    let is_driver: HashMap<String, bool> = packages
        .iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
            (name(package), manifest.starts_with(&drivers))
        })
        .collect();
    let mut arrows = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            if let Some(to_driver) = is_driver.get(&name(dependency)) {
                arrows.push(Arrow {
                    from: name(package),
                    from_driver: is_driver[&name(package)],
                    to: name(dependency),
                    to_driver: *to_driver,
                    for_tests: dependency["kind"] == "dev",
                });
            }
        }
    }
    assert!(arrows.len() > 8, "the crates of the workspace were not found");
    arrows
}

/// The crates in the order of the table in the architecture page, which begins with what all others use.
fn order() -> Vec<String> {
    let page = read(&root().join("docs/ARCHITECTURE.md"));
    let table = page.split("## The crates").nth(1).expect("a table of crates");
    let table = table.split("\n## ").next().unwrap_or_default();
    let named = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned));
    named.map(|name| if name == "tests/" { "tieline-e2e".to_owned() } else { name }).collect()
}

#[test]
fn a_crate_uses_only_crates_above_it() {
    let order = order();
    let place = |name: &String| {
        let place = order.iter().position(|known| known == name);
        place.unwrap_or_else(|| panic!("{name} is missing in the table of docs/ARCHITECTURE.md"))
    };
    for Arrow { from, from_driver, to, to_driver, for_tests } in arrows() {
        assert!(from != "tieline-core" || for_tests, "the core uses {to}, but it must know no other crate");
        if to == "tieline-testkit" {
            assert!(for_tests || TESTKIT_USERS.contains(&from.as_str()), "{from} uses the testkit outside of tests");
            continue;
        }
        assert!(!(from_driver && to_driver), "{from} uses {to}, but drivers do not know each other");
        if from_driver && !for_tests {
            let allowed = ["tieline-core", "tieline-net"];
            assert!(allowed.contains(&to.as_str()), "{from} uses {to}, but a driver knows only {allowed:?}");
        }
        assert!(for_tests || place(&to) < place(&from), "{from} uses {to}, which stands below it in the architecture");
    }
}

/// The source folders of a crate by the short name that the architecture page gives it.
fn folders(short: &str) -> Option<Vec<PathBuf>> {
    if short == "e2e" {
        return Some(vec![root().join("tests")]);
    }
    let folder = [root().join("crates").join(short), root().join("crates/drivers").join(short)];
    let folder = folder.into_iter().find(|folder| folder.is_dir())?;
    Some(vec![folder.join("src"), folder.join("tests"), folder.join("tests/it")])
}

/// Whether the pieces of a path name a file of a crate, and what is left of them a thing in that file.
fn exists(folder: &Path, pieces: &[&str]) -> bool {
    (1..=pieces.len()).rev().any(|length| {
        let stem = pieces[..length].iter().fold(folder.to_owned(), |path, piece| path.join(piece));
        let file = [stem.with_extension("rs"), stem.join("mod.rs"), stem.join("main.rs")];
        let Some(file) = file.into_iter().find(|file| file.is_file()) else { return false };
        let text = read(&file);
        let words = ["fn", "mod", "struct", "enum", "trait", "const", "macro_rules!"];
        pieces[length..].iter().all(|piece| {
            words.iter().any(|word| {
                let definition = format!("{word} {piece}");
                text.match_indices(&definition).any(|(at, _)| {
                    !text[at + definition.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
                })
            })
        })
    })
}

#[test]
fn what_the_architecture_names_exists() {
    let page = read(&root().join("docs/ARCHITECTURE.md"));
    let mut named = 0;
    let mut missing = Vec::new();
    for (number, line) in page.lines().enumerate() {
        // Within one line every second piece between backticks is code.
        for code in line.split('`').skip(1).step_by(2).filter(|code| code.contains("::")) {
            let pieces: Vec<&str> = code.split("::").collect();
            let Some(folders) = folders(pieces[0]) else { continue };
            // The page explains its own notation with an `x`.
            if pieces.contains(&"x") {
                continue;
            }
            named += 1;
            if !folders.iter().any(|folder| exists(folder, &pieces[1..])) {
                missing.push(format!("docs/ARCHITECTURE.md:{}: {code}", number + 1));
            }
        }
    }
    assert!(named > 5, "the page names hardly any code; has its notation changed?");
    assert!(missing.is_empty(), "these are named, but they do not exist: {missing:#?}");
}
