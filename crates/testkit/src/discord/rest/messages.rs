//! Reading and deleting messages as a bot.

use serde_json::{Map, Value};

use super::super::inside::Inside;
use super::super::message::FakeMessage;
use super::super::permission::Permission;
use super::super::posting::delete;
use super::super::refusal::{Refusal, no_content};
use super::super::snowflake::Snowflake;
use super::super::state::State;
use super::form::{Kind, Problems, check, check_ids};
use super::{Call, need, seen};
use crate::port::Answer;

/// Types of messages that nobody can delete.
const UNDELETABLE: [u64; 6] = [1, 2, 3, 4, 5, 21];

impl Inside {
    /// The messages of a channel, the newest first whatever is asked for.
    pub(crate) fn list_messages(&self, call: &Call) -> Result<Value, Refusal> {
        let (bot, channel) = (call.bot()?, call.id(0, "channel_id")?);
        let limit = match call.query("limit") {
            None => 50,
            Some(said) => said.parse().ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
                Refusal::invalid_field("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
            })?,
        };
        let (after, before) = (call.query_id("after")?, call.query_id("before")?);
        let around = call.query_id("around")?;
        if [after, before, around].iter().flatten().count() > 1 {
            self.note(call.target.route, "only one of after, before and around may be given");
        }
        let state = self.state();
        seen(&state, bot, channel)?;
        if !state.may(bot.user, channel, Permission::ReadMessageHistory) {
            return Ok(Value::Array(Vec::new()));
        }
        let all: Vec<_> = state.messages.iter().filter(|message| message.channel == channel).collect();
        let place = |id: Snowflake| all.partition_point(|message| message.id < id);
        let range = match (around, before, after) {
            (Some(around), _, _) => {
                let from = place(around).saturating_sub(limit / 2);
                from..(from + limit).min(all.len())
            }
            (_, Some(before), _) => place(before).saturating_sub(limit)..place(before),
            // The oldest that follow: who wants all of a gap asks again with the newest of them.
            (_, _, Some(after)) => {
                let from = place(after.next());
                from..(from + limit).min(all.len())
            }
            _ => all.len().saturating_sub(limit)..all.len(),
        };
        let viewing = self.viewing(&state, Some(bot.user));
        Ok(all[range].iter().rev().map(|message| viewing.message(message)).collect())
    }

    pub(crate) fn get_message(&self, call: &Call) -> Result<Value, Refusal> {
        let bot = call.bot()?;
        let state = self.state();
        need(&state, bot, call.id(0, "channel_id")?, Permission::ReadMessageHistory)?;
        Ok(self.viewing(&state, Some(bot.user)).message(known_message(&state, call)?))
    }

    pub(crate) fn delete_message(&self, call: &Call) -> Result<Answer, Refusal> {
        let bot = call.bot()?;
        self.act(|state, events| {
            seen(state, bot, call.id(0, "channel_id")?)?;
            let message = known_message(state, call)?;
            let (id, channel) = (message.id, message.channel);
            if UNDELETABLE.contains(&message.kind) {
                return Err(Refusal::system_message());
            }
            if message.author != bot.user {
                need(state, bot, channel, Permission::ManageMessages)?;
            }
            delete(state, events, channel, &[id]);
            Ok(no_content())
        })
    }

    /// Deletes what is there of the ids; what is not does not matter.
    pub(crate) fn bulk_delete(&self, call: &Call) -> Result<Answer, Refusal> {
        let (bot, channel) = (call.bot()?, call.id(0, "channel_id")?);
        let body: Map<String, Value> = call.json();
        let said = body.get("messages").unwrap_or(&Value::Null);
        let mut problems = Problems::default();
        check("", &body, &[("messages", Kind::List)], &mut problems);
        check_ids("messages", said, 100, &mut problems);
        let ids = said.as_array().into_iter().flatten();
        let ids: Vec<Snowflake> = ids.filter_map(|id| id.as_str()?.parse().ok()).collect();
        if ids.len() < 2 {
            problems.add("messages", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.");
        }
        problems.refuse()?;
        self.act(|state, events| {
            need(state, bot, channel, Permission::ManageMessages)?;
            let oldest = self.now() - jiff::SignedDuration::from_hours(14 * 24);
            if ids.iter().any(|id| id.time() < oldest) {
                return Err(Refusal::too_old_to_delete());
            }
            delete(state, events, channel, &ids);
            Ok(no_content())
        })
    }
}

/// The message of a path that begins with channel and message.
pub(crate) fn known_message<'a>(state: &'a State, call: &Call) -> Result<&'a FakeMessage, Refusal> {
    let (channel, id) = (call.id(0, "channel_id")?, call.id(1, "message_id")?);
    state.channel(channel).ok_or_else(Refusal::unknown_channel)?;
    state.message_in(channel, id).ok_or_else(Refusal::unknown_message)
}
