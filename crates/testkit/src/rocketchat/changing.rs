//! How a message changes after it was posted: edits, deletions, reactions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::inside::Inside;
use super::message::FakeMessage;
use super::outgoing::{self, Happening};
use super::posting::{may_post, no_message};
use super::refusal::Refusal;
use super::state::{Account, Permission, State, Trashed};

impl Inside {
    /// Changes the text of a message that the editor may change; of a file that has a description, that one.
    pub(crate) fn edit(self: &Arc<Self>, editor: &str, id: &str, text: &str) -> Result<FakeMessage, Refusal> {
        let edited = {
            let mut state = self.state();
            let editor =
                state.account(editor).cloned().ok_or_else(|| Refusal::meteor("error-invalid-user", "Invalid user"))?;
            let message = state.message(id).cloned().ok_or_else(|| no_message(id))?;
            let described = message.files.first().filter(|file| !file.description.is_empty());
            // The same text is a silent no-op, whoever says it.
            if described.map_or(&message.text, |file| &file.description) == text {
                return Ok(message);
            }
            let own = message.user_id == editor.id && self.script.allow_editing;
            if !own && !editor.may(Permission::EditOthers) {
                return Err(not_allowed("Message editing not allowed", "Message_editing"));
            }
            if self.is_over(&message, self.script.edit_minutes, &editor) {
                return Err(Refusal::meteor("error-message-editing-blocked", "Message editing is blocked"));
            }
            may_post(&state, &message.room, &editor)?;
            self.check_text(&editor, text, &[])?;
            let quoted = self.quotes(&state, &editor, text);
            let (now, described) = (self.now(), described.is_some());
            let message = state.message_mut(id).ok_or_else(|| no_message(id))?;
            match message.files.first_mut().filter(|_| described) {
                Some(file) => text.clone_into(&mut file.description),
                None => text.clone_into(&mut message.text),
            }
            message.attachments.retain(|attachment| attachment.get("message_link").is_none());
            message.attachments.splice(0..0, quoted);
            message.edited = Some(now);
            message.edited_by = Some((editor.id, editor.username));
            message.updated = now;
            message.clone()
        };
        self.changed();
        self.tell_message(&edited);
        outgoing::fire(self, &edited, Happening::Edited);
        Ok(edited)
    }

    /// Whether the time in which a message may be changed is over for somebody.
    fn is_over(&self, message: &FakeMessage, minutes: u32, account: &Account) -> bool {
        let passed = self.now().duration_since(message.time).as_mins();
        minutes > 0 && passed >= i64::from(minutes) && !account.may(Permission::BypassTimeLimits)
    }

    /// Whether somebody may delete a message: by force, or within the time as the author or a moderator.
    fn may_delete(&self, state: &State, account: &Account, message: &FakeMessage) -> bool {
        let room = state.room(&message.room).filter(|room| room.readable_by(&account.id));
        let Some(room) = room else { return false };
        let own = message.user_id == account.id && account.may(Permission::DeleteOwn);
        account.may(Permission::ForceDelete)
            || (self.script.allow_deleting
                && (own || account.may(Permission::DeleteOthers))
                && !self.is_over(message, self.script.delete_minutes, account)
                && (!room.read_only || account.may(Permission::PostReadOnly)))
    }

    /// Takes a message away. One whose thread has replies stays, empty, and so does every one if the settings say so. No
    /// Outgoing Webhook is called.
    pub(crate) fn delete(&self, deleter: &str, id: &str) -> Result<FakeMessage, Refusal> {
        let (gone, emptied) = {
            let mut state = self.state();
            let at = state.messages.iter().position(|message| message.id == id).ok_or_else(|| no_message(id))?;
            let deleter = state.account(deleter).filter(|who| self.may_delete(&state, who, &state.messages[at]));
            let deleter = deleter.ok_or_else(|| not_allowed("Not allowed", "Delete_message"))?;
            let deleter = (deleter.id.clone(), deleter.username.clone());
            let deleted = self.now();
            if self.script.show_deleted_status || state.messages[at].replies > 0 {
                let gone = state.messages[at].clone();
                let emptied = FakeMessage {
                    text: String::new(),
                    kind: Some("rm".to_owned()),
                    files: Vec::new(),
                    attachments: Vec::new(),
                    reactions: BTreeMap::new(),
                    updated: deleted,
                    edited: Some(deleted),
                    edited_by: Some(deleter),
                    ..gone.clone()
                };
                state.messages[at] = emptied.clone();
                (gone, Some(emptied))
            } else {
                let gone = state.messages.remove(at);
                state.trash.push(Trashed { id: gone.id.clone(), room: gone.room.clone(), deleted });
                (gone, None)
            }
        };
        self.changed();
        match emptied {
            Some(emptied) => self.tell_message(&emptied),
            None => self.tell_deleted(&gone.room, &gone.id),
        }
        Ok(gone)
    }

    /// Puts a reaction to a message, takes it back, or without `wanted` does the other of both.
    pub(crate) fn react(
        &self,
        caller: &Account,
        id: &str,
        name: &str,
        wanted: Option<bool>,
    ) -> Result<FakeMessage, Refusal> {
        let now = self.now();
        let changed = {
            let mut state = self.state();
            let room = state.message(id).and_then(|message| state.room(&message.room));
            let readable = room.filter(|room| room.readable_by(&caller.id));
            let room = readable.ok_or_else(|| Refusal::meteor("error-not-allowed", "Not allowed"))?;
            if room.read_only && !caller.may(Permission::PostReadOnly) {
                return Err(Refusal::plain("You can't send messages because the room is readonly."));
            }
            let message = state.message_mut(id).ok_or_else(|| no_message(id))?;
            let users = message.reactions.entry(format!(":{name}:")).or_default();
            let given = users.contains(&caller.username);
            let wanted = wanted.unwrap_or(!given);
            if wanted == given {
                message.reactions.retain(|_, users| !users.is_empty());
                return Ok(message.clone());
            }
            users.retain(|user| *user != caller.username);
            if wanted {
                users.push(caller.username.clone());
            }
            message.reactions.retain(|_, users| !users.is_empty());
            message.updated = now;
            message.clone()
        };
        self.changed();
        self.tell_message(&changed);
        Ok(changed)
    }
}

fn not_allowed(reason: &str, action: &str) -> Refusal {
    Refusal::meteor_with("error-action-not-allowed", reason, json!({ "action": action }))
}
