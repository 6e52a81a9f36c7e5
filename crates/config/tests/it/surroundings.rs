//! A configuration's surroundings in memory.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tieline_config::{Configuration, Diagnostic, LoadError, Loaded, Surroundings, load};
use tieline_core::driver::DriverFactory;
use tieline_rocketchat::RocketChat;

use crate::testchat::TestChat;

/// Files and variables that are not the machine's.
#[derive(Default, Clone)]
pub(crate) struct InMemory {
    pub(crate) files: HashMap<PathBuf, String>,
    pub(crate) variables: HashMap<String, String>,
}

impl Surroundings for InMemory {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

impl InMemory {
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.into(), text.to_owned());
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn load(&self, files: &[&str], sets: &[&str]) -> Result<Loaded, LoadError> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        load(&files, &sets, self, &factories())
    }
}

pub(crate) fn factories() -> Vec<Arc<dyn DriverFactory>> {
    vec![Arc::new(RocketChat), Arc::new(TestChat)]
}

/// Loads one text that must be sound.
pub(crate) fn sound(text: &str) -> Configuration {
    let loaded = InMemory::default().file("t.json", text).load(&["t.json"], &[]).unwrap();
    let told = told(&loaded.diagnostics);
    loaded.configuration.unwrap_or_else(|| panic!("{told}"))
}

/// What is said about one text that must be refused.
pub(crate) fn refused(text: &str) -> String {
    let loaded = InMemory::default().file("t.json", text).load(&["t.json"], &[]).unwrap();
    assert!(loaded.configuration.is_none(), "it was taken");
    told(&loaded.diagnostics)
}

pub(crate) fn told(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().flat_map(|diagnostic| [diagnostic.to_string(), "\n".to_owned()]).collect()
}
