//! The chats and groups that an account has.

use std::time::Duration;

use tieline_core::address::Address;
use tieline_core::driver::{DriverError, Room};

use crate::address::CHAT;
use crate::driver::WhatsAppDriver;
use crate::fields::{name, text};
use crate::jid::{Jid, Server};
use crate::refusal::Failure;

/// How long a list may take: the groups are asked of WhatsApp each time.
const PATIENCE: Duration = Duration::from_secs(30);

impl WhatsAppDriver {
    /// Every group, and every chat that the addon has seen.
    pub(crate) async fn list_rooms(&self) -> Result<Vec<Room>, DriverError> {
        let failed = |failure: Failure| DriverError(failure.of_question(self.api.base()));
        let groups = self.api.get("/groups", &[], PATIENCE).await.map_err(failed)?;
        let chats = self.api.get("/chats", &[], PATIENCE).await.map_err(failed)?;
        let groups = groups.as_array().into_iter().flatten().map(|group| (text(group, "id"), name(group, "subject")));
        let chats = chats.as_array().into_iter().flatten().map(|chat| (text(chat, "jid"), name(chat, "name")));
        let mut rooms: Vec<(Jid, String)> = Vec::new();
        for (id, name) in groups.chain(chats) {
            let Some(jid) = id.and_then(|id| Jid::parse(&id)).filter(|jid| *jid.server() != Server::Broadcast) else {
                continue;
            };
            let name = name.filter(|name| name != jid.user());
            let name = name.unwrap_or_else(|| jid.shown());
            if !rooms.iter().any(|(known, _)| *known == jid) {
                rooms.push((jid, name));
            }
        }
        Ok(rooms.into_iter().map(|(jid, name)| room(&jid, name)).collect())
    }
}

fn room(jid: &Jid, name: String) -> Room {
    let kind = match jid.server() {
        Server::Group => "group",
        Server::Newsletter => "channel",
        Server::Phone | Server::Lid | Server::Broadcast | Server::Other(_) => "chat",
    };
    Room { name, kind: kind.to_owned(), address: Address::of([(CHAT, jid.to_string().as_str())]) }
}
