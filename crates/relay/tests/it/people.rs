//! Who is in the rooms of the scripted platform, and how they are called.

use std::collections::HashMap;
use std::future;
use std::sync::Mutex;

use tieline_core::markup::{Block, Markup, Mention, Person, Span};

/// Whom the driver knows by name.
#[derive(Default)]
pub(crate) struct People {
    accounts: Mutex<HashMap<String, String>>,
    /// A name for which it looks without end.
    slow: Mutex<Option<String>>,
    asked_for: Mutex<Vec<String>>,
}

impl People {
    /// Somebody has this account from now on.
    pub(crate) fn know(&self, name: &str, account: &str) {
        self.accounts.lock().unwrap().insert(name.to_owned(), account.to_owned());
    }

    /// Whoever asks for this name gets no answer.
    pub(crate) fn hang_for(&self, name: &str) {
        *self.slow.lock().unwrap() = Some(name.to_owned());
    }

    /// The names that were asked for, in order.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        self.asked_for.lock().unwrap().clone()
    }

    pub(crate) async fn find(&self, name: &str) -> Option<String> {
        self.asked_for.lock().unwrap().push(name.to_owned());
        if self.slow.lock().unwrap().as_deref() == Some(name) {
            future::pending::<()>().await;
        }
        self.accounts.lock().unwrap().get(name).cloned()
    }
}

/// A text with the accounts that it calls, as `<account>`.
pub(crate) fn calling(markup: &Markup) -> Markup {
    fn spans(all: &[Span]) -> Vec<Span> {
        let one = |span: &Span| match span {
            Span::Mention(Mention::User(Person { account: Some(account), .. })) => Span::Text(format!("<{account}>")),
            _ => span.inner().map_or_else(|| span.clone(), |inner| span.around(spans(inner))),
        };
        all.iter().map(one).collect()
    }
    let block = |block: &Block| match block {
        Block::Line(line) => Block::Line(spans(line)),
        other => other.clone(),
    };
    Markup { blocks: markup.blocks.iter().map(block).collect() }
}
