//! What is logged, for tests that hold a warning to its words.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// A recorder that nothing is written to.
static SECOND: OnceLock<Dispatch> = OnceLock::new();

/// Records what this thread logs, from its making until it is dropped. A `#[tokio::test]` runs on one thread.
pub struct RecordingLog {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl RecordingLog {
    /// Records from now on.
    pub fn start() -> Self {
        // With a single recorder in the process tracing asks the thread that comes first to a line of code whether anybody
        // listens there, and remembers a no for all threads. With two it asks the recorders.
        SECOND.get_or_init(|| Dispatch::new(Recorder(Arc::default())));
        let lines = Arc::default();
        let guard = tracing::subscriber::set_default(Recorder(Arc::clone(&lines)));
        Self { lines, _guard: guard }
    }

    /// The warnings and errors of tieline's crates until now, each as `LEVEL message field=value …`.
    pub fn warnings(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.starts_with("WARN") || line.starts_with("ERROR")).cloned().collect()
    }

    /// Everything that was logged until now, at every level.
    pub fn everything(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

struct Recorder(Arc<Mutex<Vec<String>>>);

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tieline")
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let line = format!("{} {}{}", event.metadata().level(), line.message, line.fields);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let (into, before) = match field.name() {
            "message" => (&mut self.message, String::new()),
            name => (&mut self.fields, format!(" {name}=")),
        };
        into.extend([before, format!("{value:?}")]);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
