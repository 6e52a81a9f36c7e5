//! What an operator asks: which rooms there are, and what is wrong.

use serde_json::Value;
use tieline_core::address::Address;
use tieline_core::driver::{DriverError, Finding, Room, Verdict};
use tieline_net::websocket::{WebSocketSettings, connect};

use crate::driver::RocketChatDriver;
use crate::realtime;
use crate::refusal::Failure;
use crate::settings::ReceiveMethod;

/// What is wrong where the server answers 401, and what to do about it.
pub(crate) const REFUSED: &str = "Rocket.Chat refuses the bot's credentials";
pub(crate) const CHECK: &str = "check `auth_token` and `user_id`, or `username` and `password`";

impl RocketChatDriver {
    pub(crate) async fn list_rooms(&self) -> Result<Vec<Room>, DriverError> {
        if !self.api.login.is_possible() {
            return Err(DriverError(
                "the rooms can only be listed with the bot's credentials: configure `auth_token` and `user_id`"
                    .to_owned(),
            ));
        }
        let rooms = self.joined_rooms().await.map_err(|failure| match &failure {
            Failure::Refused(refusal) if refusal.is_login() => DriverError(format!("{REFUSED}: {CHECK}")),
            Failure::Refused(_) | Failure::Transport { .. } | Failure::Unusable { .. } => {
                DriverError(failure.to_string())
            }
        })?;
        Ok(rooms.iter().filter_map(room).collect())
    }

    async fn joined_rooms(&self) -> Result<Vec<Value>, Failure> {
        let answer = self.api.get("rooms.get", &[]).await?;
        Ok(answer.body.get("update").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    pub(crate) async fn examine(&self, rooms: &[Address]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let listen = &self.instance.listen;
        findings.push(if self.instance.receive == ReceiveMethod::Realtime { self.realtime().await } else { Finding {
            verdict: if self.instance.webhook_token.is_empty() { Verdict::Warning } else { Verdict::Good },
            what: format!(
                "messages are received at http://<this machine>:{}{}{}",
                listen.port,
                listen.path,
                if self.instance.webhook_token.is_empty() { ", from anybody, since `webhook_token` is empty" } else { "" },
            ),
            remedy: Some(
                "enter that URL in Rocket.Chat: Administration → Integrations → Outgoing, event `Message Sent`, channel \
                `all_public_channels,all_private_groups,all_direct_messages`"
                    .to_owned(),
            ),
        } });
        if self.instance.hook().is_some() {
            findings.push(match self.api.hook(b"{}".to_vec()).await {
                // An empty post says nothing in the room; newer servers refuse it, but only behind the token.
                Ok(_) => good("the Incoming Webhook answers".to_owned()),
                Err(Failure::Refused(refusal)) if refusal.status == 400 || refusal.until.is_some() => {
                    good("the Incoming Webhook answers".to_owned())
                }
                Err(failure) => bad(
                    format!("the Incoming Webhook cannot be used: {failure}"),
                    "check `webhook_url`, and that the integration is enabled",
                ),
            });
        }
        if !self.api.login.is_possible() {
            findings.push(Finding {
                verdict: Verdict::Warning,
                what:
                    "without the bot's credentials neither files nor display names can be fetched, and nothing can be \
                       edited, deleted or reacted to"
                        .to_owned(),
                remedy: Some("configure `auth_token` and `user_id`".to_owned()),
            });
            return findings;
        }
        match self.api.get("me", &[]).await {
            Ok(answer) => findings.extend(account(&answer.body)),
            Err(Failure::Refused(refusal)) if refusal.is_login() => {
                findings.push(bad(REFUSED.to_owned(), CHECK));
                return findings;
            }
            Err(failure) => {
                findings.push(bad(
                    format!("Rocket.Chat at {} cannot be used: {failure}", self.instance.server),
                    "check `server_url` and `proxy`, and that the server runs",
                ));
                return findings;
            }
        }
        findings.extend(self.membership(rooms).await);
        findings
    }

    /// Whether the realtime API can be dialled.
    async fn realtime(&self) -> Finding {
        let settings = WebSocketSettings { proxy: self.instance.proxy.clone(), ..WebSocketSettings::default() };
        let opened = match realtime::address(&self.instance) {
            Some(url) => connect(&url, &settings).await.map(|_| ()).map_err(|error| error.to_string()),
            None => Err("`server_url` has no address of it".to_owned()),
        };
        match opened {
            Ok(()) => good("messages are received over the realtime API; no Outgoing Webhook is needed".to_owned()),
            Err(why) => bad(
                format!("Rocket.Chat's realtime API cannot be reached: {why}"),
                "check `server_url` and `proxy`, and that what is in front of the server lets WebSockets through at \
                `/websocket`",
            ),
        }
    }

    async fn membership(&self, rooms: &[Address]) -> Vec<Finding> {
        let named: Vec<&str> =
            rooms.iter().filter_map(|room| room.text("room_id")).filter(|room| *room != "*").collect();
        if named.is_empty() {
            return Vec::new();
        }
        let joined = match self.joined_rooms().await {
            Ok(joined) => joined,
            Err(failure) => {
                return vec![bad(format!("the bot's rooms cannot be listed: {failure}"), "try again later")];
            }
        };
        let mut findings = Vec::new();
        for id in named {
            let known = joined.iter().find(|room| room.get("_id").and_then(Value::as_str) == Some(id));
            if let Some(room) = known.and_then(room) {
                findings.push(good(format!("the bot is a member of {} `{}` ({id})", room.kind, room.name)));
                continue;
            }
            let info = self.api.get("rooms.info", &[("roomId", id)]).await;
            let public =
                info.as_ref().ok().and_then(|answer| answer.body.pointer("/room/t")?.as_str().map(|t| t == "c"));
            findings.push(match public {
                Some(true) => good(format!("room {id} is public; the bot joins it with its first message")),
                _ => bad(
                    format!("the bot is not a member of room {id}, or there is none with this id"),
                    "invite the bot there; `tieline rooms` lists the ids of its rooms",
                ),
            });
        }
        findings
    }
}

/// Who the bot is, and what its roles mean for us.
fn account(me: &Value) -> Vec<Finding> {
    let name = me.get("username").and_then(Value::as_str).unwrap_or_default();
    let roles: Vec<&str> =
        me.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut findings = vec![good(format!("logged in as `{name}` with the roles {}", roles.join(", ")))];
    if !roles.iter().any(|role| matches!(*role, "bot" | "app")) {
        findings.push(Finding {
            verdict: Verdict::Warning,
            what: format!("`{name}` lacks the role `bot`: it cannot show other names, and sends ten messages a minute"),
            remedy: Some("give it the roles `bot` and `user` (Administration → Users)".to_owned()),
        });
    }
    if !roles.iter().any(|role| matches!(*role, "user" | "admin")) {
        findings.push(Finding {
            verdict: Verdict::Warning,
            what: format!(
                "`{name}` lacks the role `user`, which holds `delete-own-message`: what is deleted elsewhere stays here"
            ),
            remedy: Some("give it the roles `bot` and `user` (Administration → Users)".to_owned()),
        });
    }
    findings
}

fn room(room: &Value) -> Option<Room> {
    let text = |key: &str| room.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let id = text("_id")?;
    let people = || {
        let names = room.get("usernames")?.as_array()?.iter().filter_map(Value::as_str);
        Some(names.collect::<Vec<_>>().join(", "))
    };
    let name = text("fname").or_else(|| text("name")).map(str::to_owned).or_else(people);
    let kind = match text("t") {
        Some("c") => "channel",
        Some("p") => "private group",
        Some("d") => "direct message",
        Some("l") => "livechat",
        other => other.unwrap_or_default(),
    };
    Some(Room {
        name: name.unwrap_or_else(|| id.to_owned()),
        kind: kind.to_owned(),
        address: Address::of([("room_id", id)]),
    })
}

fn good(what: String) -> Finding {
    Finding { verdict: Verdict::Good, what, remedy: None }
}

fn bad(what: String, remedy: &str) -> Finding {
    Finding { verdict: Verdict::Bad, what, remedy: Some(remedy.to_owned()) }
}
