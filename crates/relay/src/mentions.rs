//! Who is called in the target: the accounts there of those whom a message mentions.
//!
//! A person is found by what people told us (`/tie bind`, [`Bindings`](tieline_core::binding::Bindings)); else by the
//! name, where somebody in the target room has exactly that one. So nobody is called whom the writer did not name, and a
//! mention of everybody stays what it is.

mod names;
mod typed;

use std::borrow::Cow;

use tieline_core::address::Address;
use tieline_core::event::{Author, Event};
use tieline_core::frame::Frame;
use tieline_core::id::ChannelKey;
use tieline_core::markup::{Block, Markup, Mention, Person, Span};

use self::typed::Piece;
use crate::exchange::{Exchange, Stopping};
use crate::instances::Running;

pub(crate) use self::names::Names;

/// How many mentioned people of one message are looked for by name, and how many names that were typed as text.
const MENTIONED: usize = 10;
const TYPED: usize = 5;

/// What calls a whole room on one platform or another. Nobody of such a name is called: it could be everybody.
const EVERYBODY: [&str; 4] = ["all", "here", "everyone", "channel"];

/// A message with the accounts of those whom it calls.
#[derive(Debug)]
pub(crate) struct Called<'e> {
    /// The event, with [`Person::account`] filled in.
    pub(crate) event: Cow<'e, Event>,
    /// The accounts, each once; see [`Outgoing::mentions`](tieline_core::send::Outgoing::mentions).
    pub(crate) accounts: Vec<String>,
}

/// Finds the accounts in a target of those whom a message mentions.
pub(crate) async fn called<'e>(
    exchange: &Exchange,
    instance: &Running,
    event: &'e Event,
    frame: &Frame,
) -> Result<Called<'e>, Stopping> {
    let nobody = Called { event: Cow::Borrowed(event), accounts: Vec::new() };
    let Some(message) = event.message().filter(|message| names_somebody(&message.text)) else { return Ok(nobody) };
    let source = exchange.instances.get(&event.instance);
    let mut search = Search {
        exchange,
        instance,
        realm: source.as_ref().map_or("", |source| &source.realm),
        target: (&frame.target.key, &frame.address),
        accounts: Vec::new(),
        mentioned: MENTIONED,
        typed: TYPED,
        slow: false,
    };
    let text = search.markup(&message.text).await?;
    if search.accounts.is_empty() {
        return Ok(nobody);
    }
    let mut event = event.clone();
    if let Some(message) = event.message_mut() {
        message.text = text;
    }
    Ok(Called { event: Cow::Owned(event), accounts: search.accounts })
}

/// Whether anybody may be mentioned in a text.
fn names_somebody(text: &Markup) -> bool {
    fn in_spans(spans: &[Span]) -> bool {
        spans.iter().any(|span| match span {
            Span::Mention(mention) => matches!(mention, Mention::User(_)),
            Span::Text(text) => text.contains('@'),
            // A link is the writer's, not a call.
            Span::Link(..) | Span::Code(_) | Span::Emoji(_) => false,
            _ => span.inner().is_some_and(in_spans),
        })
    }
    text.blocks.iter().any(|block| spans(block).is_some_and(in_spans))
}

/// The spans of a line; `None` of a block of code.
fn spans(block: &Block) -> Option<&[Span]> {
    match block {
        Block::Line(spans) | Block::Quote(spans) | Block::Item(_, spans) | Block::Heading(_, spans) => Some(spans),
        Block::Code(..) => None,
    }
}

/// The search for those whom one message mentions.
struct Search<'s> {
    exchange: &'s Exchange,
    instance: &'s Running,
    /// Where the message was written.
    realm: &'s str,
    target: (&'s ChannelKey, &'s Address),
    /// Who was found.
    accounts: Vec<String>,
    /// How many may still be looked for.
    mentioned: usize,
    typed: usize,
    /// The target did not answer in time, so nobody else is asked for.
    slow: bool,
}

impl Search<'_> {
    async fn markup(&mut self, text: &Markup) -> Result<Markup, Stopping> {
        let mut blocks = Vec::with_capacity(text.blocks.len());
        for block in &text.blocks {
            blocks.push(match block {
                Block::Line(spans) => Block::Line(self.spans(spans).await?),
                Block::Quote(spans) => Block::Quote(self.spans(spans).await?),
                Block::Item(marker, spans) => Block::Item(marker.clone(), self.spans(spans).await?),
                Block::Heading(level, spans) => Block::Heading(*level, self.spans(spans).await?),
                Block::Code(..) => block.clone(),
            });
        }
        Ok(Markup { blocks })
    }

    async fn spans(&mut self, spans: &[Span]) -> Result<Vec<Span>, Stopping> {
        let mut found = Vec::with_capacity(spans.len());
        for span in spans {
            match span {
                Span::Mention(Mention::User(person)) => {
                    let account = self.mentioned(person).await?;
                    found.push(Span::Mention(Mention::User(Person { account, ..person.clone() })));
                }
                Span::Text(text) if text.contains('@') => found.extend(self.text(text).await),
                Span::Link(..) => found.push(span.clone()),
                _ => match span.inner() {
                    Some(inner) => found.push(span.around(Box::pin(self.spans(inner)).await?)),
                    None => found.push(span.clone()),
                },
            }
        }
        Ok(found)
    }

    /// The account of somebody who is mentioned.
    async fn mentioned(&mut self, person: &Person) -> Result<Option<String>, Stopping> {
        let realm = &self.instance.realm;
        let account = if person.id.is_empty() {
            None
        } else if **realm == *self.realm {
            // It is the very account, seen from another room.
            let author = Author { id: person.id.clone(), username: person.id.clone(), ..Author::default() };
            Some(self.instance.config.mention_of(&author))
        } else {
            let find = || self.exchange.outbox.bound_accounts(self.realm, &person.id);
            let accounts = self.exchange.insist("looking for a person's accounts", find).await?;
            accounts.into_iter().find(|account| account.realm == *realm).map(|account| account.mention)
        };
        let account = match account {
            Some(account) => Some(account),
            None if self.mentioned == 0 => None,
            None => {
                self.mentioned -= 1;
                self.named(&person.name).await
            }
        };
        Ok(account.and_then(|account| self.call(account)))
    }

    /// A text with those whom it names as mentions.
    async fn text(&mut self, text: &str) -> Vec<Span> {
        let mut found: Vec<Span> = Vec::new();
        let mut plain = String::new();
        for piece in typed::pieces(text) {
            let name = match piece {
                Piece::Plain(text) => {
                    plain.push_str(text);
                    continue;
                }
                Piece::Name(name) => name,
            };
            let account = if self.typed == 0 {
                None
            } else {
                self.typed -= 1;
                self.named(name).await.and_then(|account| self.call(account))
            };
            if account.is_none() {
                plain.extend(["@", name]);
                continue;
            }
            if !plain.is_empty() {
                found.push(Span::Text(std::mem::take(&mut plain)));
            }
            found.push(Span::Mention(Mention::User(Person { name: name.to_owned(), id: String::new(), account })));
        }
        if !plain.is_empty() {
            found.push(Span::Text(plain));
        }
        found
    }

    /// The account of whoever is called exactly so in the target.
    async fn named(&mut self, name: &str) -> Option<String> {
        if self.slow || is_everybody(name) {
            return None;
        }
        let found = self.exchange.names.find(self.instance, self.target, name).await;
        self.slow = found.is_err();
        found.ok().flatten()
    }

    /// Notes that an account is called.
    fn call(&mut self, account: String) -> Option<String> {
        if account.is_empty() || is_everybody(&account) {
            return None;
        }
        if !self.accounts.contains(&account) {
            self.accounts.push(account.clone());
        }
        Some(account)
    }
}

fn is_everybody(name: &str) -> bool {
    EVERYBODY.iter().any(|all| name.trim_start_matches('@').eq_ignore_ascii_case(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(span: Span) -> Markup {
        Markup { blocks: vec![Block::Line(vec![Span::Text("hi ".into()), span])] }
    }

    #[test]
    fn only_who_may_be_named_is_looked_for() {
        let ann = || Span::Mention(Mention::User("ann".into()));
        for (somebody, text) in [
            (true, line(ann())),
            (true, line(Span::Bold(vec![Span::Italic(vec![ann()])]))),
            (true, line(Span::Text("@ann".into()))),
            (true, Markup { blocks: vec![Block::Quote(vec![ann()])] }),
            (false, line(Span::Text("ann".into()))),
            (false, line(Span::Mention(Mention::Everybody("all".into())))),
            (false, line(Span::Mention(Mention::Room("ann".into())))),
            (false, line(Span::Code("@ann".into()))),
            (false, line(Span::Link("https://x/@ann".into(), vec![Span::Text("@ann".into())]))),
            (false, Markup { blocks: vec![Block::Code(None, "@ann".into())] }),
        ] {
            assert_eq!(names_somebody(&text), somebody, "{text:?}");
        }
    }

    #[test]
    fn everybody_is_nobody() {
        for name in ["all", "HERE", "@everyone", "channel"] {
            assert!(is_everybody(name), "{name}");
        }
        assert!(!is_everybody("allan"));
    }
}
