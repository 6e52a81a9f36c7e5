//! What the fuzzer runs, over its corpus and over random bytes: for compilers that have no fuzzer.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use tieline_fuzz::targets;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}

#[test]
fn every_target_holds_over_its_corpus_and_what_is_near_it() {
    let mut random = Rng::with_seed(11);
    for (name, target) in targets::ALL {
        let folder = folder("corpus").join(name);
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("the corpus can be read").path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let whole = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            target(&whole);
            for _ in 0..40 {
                target(&changed(&whole, &mut random));
            }
        }
    }
}

#[test]
fn every_target_holds_over_random_bytes() {
    let mut random = Rng::with_seed(12);
    for (_, target) in targets::ALL {
        for _ in 0..300 {
            let bytes: Vec<u8> = (0..random.usize(0..120)).map(|_| random.u8(..)).collect();
            target(&bytes);
        }
    }
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let expected: BTreeSet<String> = targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("corpus")), expected);
    assert_eq!(names(&folder("targets/fuzz_targets")), expected);
}

/// The same with a few bytes changed, left out or said twice.
fn changed(bytes: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.usize(0..bytes.len());
        match random.u8(0..4) {
            0 => bytes[at] = random.u8(..),
            1 => bytes.truncate(at),
            2 => drop(bytes.remove(at)),
            _ => bytes.splice(at..at, bytes[at..(at + 8).min(bytes.len())].to_vec()).for_each(drop),
        }
    }
    bytes
}
