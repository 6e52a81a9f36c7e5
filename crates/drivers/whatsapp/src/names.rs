//! Names and pictures of people and chats, as the addon knows them.
//!
//! All of it is kept for a while, and bounded in number. Nothing of it may hold a message up, so each lookup has little
//! time, and one that failed is not tried again for a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;
use crate::book::Book;
use crate::fields::{self, text};
use crate::jid::Jid;
use crate::refusal::Failure;

/// How many people and chats are remembered, of each kind.
const REMEMBERED: usize = 5_000;
/// How long a group keeps its name, and a person the picture.
const KEEP: Duration = Duration::from_hours(1);
/// How long a list counts. Most messages tell their writer's name, so it is seldom asked for.
const KEEP_LIST: Duration = Duration::from_mins(5);
/// How many names of a list are remembered.
const LISTED: usize = 50_000;
/// How long one lookup may take.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The names that one account sees.
#[derive(Debug)]
pub(crate) struct Names {
    subjects: Book<Jid, Option<String>>,
    pictures: Book<Jid, Option<String>>,
    lists: Book<Listing, Arc<HashMap<Jid, String>>>,
    owner: Book<(), Owner>,
    /// The account's digits, as soon as the addon has named them.
    account: Mutex<Option<String>>,
}

/// A list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Listing {
    /// `/contacts`.
    Contacts,
    /// `/chats`.
    Chats,
}

/// Whose account it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The account, by phone number.
    pub(crate) jid: Option<Jid>,
    /// The name that its owner chose, or empty.
    pub(crate) name: String,
}

impl Default for Names {
    fn default() -> Self {
        let book = || Book::new(REMEMBERED);
        Self { subjects: book(), pictures: book(), lists: Book::new(2), owner: Book::new(1), account: Mutex::default() }
    }
}

impl Names {
    /// How a chat is called.
    pub(crate) async fn chat(&self, api: &Api, chat: &Jid) -> Option<String> {
        if chat.is_group() {
            return self.subjects.get(chat, subject(api, chat)).await.flatten();
        }
        let list = if chat.is_newsletter() { Listing::Chats } else { Listing::Contacts };
        self.listed(api, chat, list).await
    }

    /// How a person is called.
    pub(crate) async fn person(&self, api: &Api, person: &Jid) -> Option<String> {
        self.listed(api, person, Listing::Contacts).await
    }

    /// Where the picture of a person or a group is.
    pub(crate) async fn picture(&self, api: &Api, whose: &Jid) -> Option<String> {
        self.pictures.get(whose, picture(api, whose)).await.flatten()
    }

    /// Whose account it is.
    pub(crate) async fn owner(&self, api: &Api) -> Option<Owner> {
        let asked = async {
            let status = api.get("/status", &[], PATIENCE).await?;
            Ok::<_, Failure>((Owner::of_status(&status).unwrap_or_default(), KEEP))
        };
        self.owner.get(&(), asked).await
    }

    /// Notes whose account `/status` says it is.
    pub(crate) fn note_owner(&self, status: &Value) {
        if let Some(owner) = Owner::of_status(status) {
            if let Some(jid) = &owner.jid {
                let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
                *account = Some(jid.user().to_owned());
            }
            self.owner.note(&(), owner, KEEP);
        }
    }

    /// The digits of the account, if the addon has named them.
    pub(crate) fn account(&self) -> Option<String> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn listed(&self, api: &Api, whom: &Jid, list: Listing) -> Option<String> {
        self.lists.get(&list, read(api, list)).await?.get(whom).cloned()
    }
}

impl Owner {
    fn of_status(status: &Value) -> Option<Self> {
        let user = status.get("user").filter(|user| user.is_object())?;
        let jids = ["id", "lid"].into_iter().filter_map(|key| Jid::parse(&text(user, key)?));
        let jid = jids.into_iter().find(Jid::is_phone);
        Some(Self { jid, name: fields::name(user, "name").unwrap_or_default() })
    }
}

/// Reads a list.
async fn read(api: &Api, list: Listing) -> Result<(Arc<HashMap<Jid, String>>, Duration), Failure> {
    let (call, id) = match list {
        Listing::Contacts => ("/contacts", "id"),
        Listing::Chats => ("/chats", "jid"),
    };
    let answer = api.get(call, &[], PATIENCE).await?;
    let entries = answer.as_array().into_iter().flatten().take(LISTED);
    let named = entries.filter_map(|entry| {
        // The contacts name a group after whoever spoke last.
        let jid = text(entry, id).and_then(|jid| Jid::parse(&jid)).filter(|jid| !jid.is_group())?;
        let name = name(entry, &jid)?;
        Some((jid, name))
    });
    Ok((Arc::new(named.collect()), KEEP_LIST))
}

async fn subject(api: &Api, group: &Jid) -> Result<(Option<String>, Duration), Failure> {
    let jid = group.to_string();
    let answer = api.get("/groups/info", &[("number", &jid)], PATIENCE).await?;
    Ok((fields::name(&answer, "subject"), KEEP))
}

async fn picture(api: &Api, whose: &Jid) -> Result<(Option<String>, Duration), Failure> {
    let answer = api.post("/contacts/profile_picture", &json!({ "number": whose.to_string() }), PATIENCE).await?;
    // It is shown to others, whose apps then fetch it.
    Ok((text(&answer, "profile_picture_url").filter(|url| url.starts_with("https://")), KEEP))
}

/// The name of an entry: the one in the address book, else the person's own. Who has none is listed by number.
fn name(entry: &Value, jid: &Jid) -> Option<String> {
    let mut names = ["name", "notify", "verifiedName"].into_iter().filter_map(|key| fields::name(entry, key));
    names.find(|name| name != jid.user())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_name() {
        let jid = Jid::parse("491700000001@s.whatsapp.net").expect("a JID");
        let of = |entry: Value| name(&entry, &jid);
        assert_eq!(of(json!({ "name": "491700000001", "notify": "Al\nice" })), Some("Al ice".to_owned()));
        assert_eq!(of(json!({ "name": "Ally", "notify": "Alice" })), Some("Ally".to_owned()));
        assert_eq!(of(json!({ "name": "491700000001" })), None);
        assert_eq!(of(json!({ "name": null, "verifiedName": "Shop" })), Some("Shop".to_owned()));
    }

    #[test]
    fn the_owner_is_named_by_the_phone_number() {
        let status =
            json!({ "user": { "id": "491555000001:7@s.whatsapp.net", "lid": "222:7@lid", "name": "Our phone" } });
        let owner = Owner::of_status(&status).expect("paired");
        assert_eq!(
            (owner.jid.map(|jid| jid.shown()), owner.name.as_str()),
            (Some("+491555000001".to_owned()), "Our phone")
        );
        assert_eq!(Owner::of_status(&json!({ "user": null })), None);
    }
}
