//! `chat.syncMessages`: what changed in a room. As `server/publications/messages.ts` does it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Query;
use crate::rocketchat::inside::Inside;
use crate::rocketchat::message::{FakeMessage, iso};
use crate::rocketchat::refusal::Refusal;
use crate::rocketchat::state::{Account, State, Trashed};

/// Which page is asked for, in milliseconds since 1970.
#[derive(Clone, Copy)]
enum Place {
    /// The oldest changes after this time.
    Next(i64),
    /// The newest changes before this time, newest first.
    Previous(i64),
}

impl Inside {
    /// With `lastUpdate`: everything that changed since, however much; with `type` and `next` or `previous`: a page.
    pub(super) fn chat_sync_messages(&self, caller: &Account, query: &Query) -> Result<Value, Refusal> {
        let mut known = vec!["roomId", "lastUpdate"];
        if self.script.sync_pages {
            known.extend(["type", "next", "previous", "count", "fromTs"]);
        }
        query.only(&known)?;
        let room = query.need("roomId")?;
        let state = self.state();
        if !state.room(room).is_some_and(|room| room.readable_by(&caller.id)) {
            return Err(Refusal::meteor("error-not-allowed", "Not allowed"));
        }
        let result = match place(query)? {
            Some((kind, place)) => page(&state, room, kind, place, query.number("count", 20)),
            None => everything(&state, room, since(query)?),
        };
        Ok(json!({ "result": result, "success": true }))
    }
}

fn since(query: &Query) -> Result<Timestamp, Refusal> {
    let since = query.get("lastUpdate").ok_or_else(|| {
        Refusal::meteor("error-param-required", "The \"type\" or \"lastUpdate\" parameters must be provided")
    })?;
    since.parse().map_err(|_| Refusal::plain("The \"lastUpdate\" query parameter must be a valid date."))
}

fn place(query: &Query) -> Result<Option<(&str, Place)>, Refusal> {
    let time = |key: &str| query.get(key).map(|time| time.parse::<i64>().map_err(|_| Refusal::plain("Invalid Date")));
    let place = match (time("next").transpose()?, time("previous").transpose()?) {
        (None, None) => return Ok(None),
        (Some(next), None) => Place::Next(next),
        (None, Some(previous)) => Place::Previous(previous),
        (Some(_), Some(_)) => {
            let reason = "You cannot provide both \"next\" and \"previous\" parameters";
            return Err(Refusal::meteor("error-cursor-conflict", reason));
        }
    };
    if query.get("lastUpdate").is_some() {
        let reason = "The attributes \"next\", \"previous\" and \"lastUpdate\" cannot be used together";
        return Err(Refusal::meteor("error-cursor-and-lastUpdate-conflict", reason));
    }
    match query.get("type") {
        Some(kind @ ("UPDATED" | "DELETED")) => Ok(Some((kind, place))),
        Some(_) => {
            let reason = "The \"type\" parameter must be either \"UPDATED\" or \"DELETED\"";
            Err(Refusal::meteor("error-type-param-not-supported", reason))
        }
        None => {
            let reason = "The \"type\" parameter is required when using the \"next\" or \"previous\" parameters";
            Err(Refusal::meteor("error-type-param-required", reason))
        }
    }
}

fn of_room<'s>(state: &'s State, room: &'s str) -> impl Iterator<Item = &'s FakeMessage> {
    state.messages.iter().filter(move |message| message.room == room)
}

fn trash_of<'s>(state: &'s State, room: &'s str) -> impl Iterator<Item = &'s Trashed> {
    state.trash.iter().filter(move |gone| gone.room == room)
}

fn gone(gone: &Trashed) -> Value {
    json!({ "_id": gone.id, "_deletedAt": iso(gone.deleted) })
}

fn everything(state: &State, room: &str, since: Timestamp) -> Value {
    let mut updated: Vec<_> = of_room(state, room).filter(|message| message.updated > since).collect();
    updated.sort_by_key(|message| std::cmp::Reverse(message.time));
    let updated: Vec<Value> = updated.into_iter().map(FakeMessage::to_json).collect();
    let deleted: Vec<Value> = trash_of(state, room).filter(|gone| gone.deleted > since).map(gone).collect();
    json!({ "updated": updated, "deleted": deleted })
}

fn page(state: &State, room: &str, kind: &str, place: Place, count: usize) -> Value {
    let mut page: Vec<(i64, Value)> = if kind == "DELETED" {
        trash_of(state, room).map(|one| (one.deleted.as_millisecond(), gone(one))).collect()
    } else {
        of_room(state, room).map(|message| (message.updated.as_millisecond(), message.to_json())).collect()
    };
    page.retain(|(at, _)| match place {
        Place::Next(after) => *at > after,
        Place::Previous(before) => *at < before,
    });
    page.sort_by_key(|(at, _)| *at);
    if let Place::Previous(_) = place {
        page.reverse();
    }
    let more = page.len() > count;
    page.truncate(count);
    let first = page.first().map(|(at, _)| at.to_string());
    let last = page.last().map(|(at, _)| at.to_string()).filter(|_| more);
    let cursor = match place {
        Place::Next(_) => json!({ "next": last, "previous": first }),
        Place::Previous(_) => json!({ "next": first, "previous": last }),
    };
    let values: Vec<Value> = page.into_iter().map(|(_, value)| value).collect();
    let (updated, deleted) = if kind == "DELETED" { (Vec::new(), values) } else { (values, Vec::new()) };
    json!({ "updated": updated, "deleted": deleted, "cursor": cursor })
}
