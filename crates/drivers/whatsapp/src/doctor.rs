//! What goes wrong in practice, looked for.

use std::time::Duration;

use serde_json::Value;
use tieline_core::address::Address;
use tieline_core::driver::{Finding, Verdict};
use url::Url;

use crate::address::CHAT;
use crate::api::sessions;
use crate::body;
use crate::driver::WhatsAppDriver;
use crate::fields::{flag, text};
use crate::health::Condition;
use crate::jid::Jid;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(15);

impl WhatsAppDriver {
    pub(crate) async fn examine(&self, rooms: &[Address]) -> Vec<Finding> {
        let mut findings = self.webhook().await;
        findings.push(self.large_files());
        let condition = self.condition().await;
        if condition != Condition::Ready {
            findings.push(bad(condition.to_string(), remedy(&condition)));
            return findings;
        }
        let owner = self.names.owner(&self.api).await.unwrap_or_default();
        let number = owner.jid.map_or_else(|| "an unknown number".to_owned(), |jid| jid.shown());
        findings.push(good(format!("session `{}` is connected as {number} {}", self.instance.session, owner.name)));
        findings.extend(self.membership(rooms).await);
        findings
    }

    /// Whether the addon's webhooks come to us, as far as its page tells.
    async fn webhook(&self) -> Vec<Finding> {
        let at = &self.instance.listen;
        let own = format!("http://<this machine>:{}{}", at.port, at.path);
        let enter = format!(
            "in the addon's settings, switch `webhook_enabled` on, set `webhook_url` to {own} and `webhook_token` to this \
            instance's, and restart the addon"
        );
        // What is wrong with the addon shows below.
        let Ok(dashboard) = self.api.dashboard(PATIENCE).await else {
            let what = format!("webhooks are received at {own}");
            return vec![Finding { verdict: Verdict::Good, what, remedy: Some(enter) }];
        };
        let mut findings = Vec::new();
        if !flag(&dashboard, "webhookEnabled") {
            findings.push(bad("the addon's webhook is switched off: nothing is received".to_owned(), &enter));
        } else if let Some(url) = text(&dashboard, "webhookUrl") {
            let leads_here = Url::parse(&url).is_ok_and(|url| {
                url.path() == at.path && (at.port == 0 || url.port_or_known_default() == Some(at.port))
            });
            findings.push(if leads_here {
                good(format!("the addon's webhook leads to port and path of this instance ({})", at.path))
            } else {
                Finding {
                    verdict: Verdict::Warning,
                    what: format!("the addon's webhook leads to another port or path than {own}"),
                    remedy: Some(format!("unless something in between passes it on: {enter}")),
                }
            });
        }
        if let Some(known) = sessions(&dashboard) {
            findings.push(good(format!("the addon's sessions: {}", known.join(", "))));
        }
        findings
    }

    fn large_files(&self) -> Finding {
        let limit = self.instance.capabilities.max_file_size;
        if self.instance.media_url.is_some() || body::fits(limit) {
            return good("files up to `max_file_size` can be sent".to_owned());
        }
        Finding {
            verdict: Verdict::Warning,
            what: "files over about 37 MiB are sent as a label only".to_owned(),
            remedy: Some(
                "set `media_url` to the address at which the addon can reach this instance's listener".to_owned(),
            ),
        }
    }

    async fn membership(&self, rooms: &[Address]) -> Vec<Finding> {
        let chats: Vec<Jid> = rooms.iter().filter_map(|room| Jid::parse(room.text(CHAT)?)).collect();
        let mut findings = Vec::new();
        if chats.iter().any(Jid::is_group) {
            match self.api.get("/groups", &[], PATIENCE).await {
                Ok(groups) => {
                    findings.extend(chats.iter().filter(|chat| chat.is_group()).map(|chat| in_group(&groups, chat)));
                }
                Err(failure) => {
                    findings.push(bad(format!("the groups cannot be listed: {failure}"), "try again later"));
                }
            }
        }
        for chat in chats.iter().filter(|chat| chat.is_phone()) {
            findings.push(if self.registered.is_absent(&self.api, chat).await {
                bad(format!("{} is not on WhatsApp", chat.shown()), "check the number, with its country code")
            } else {
                good(format!("{} can be written to", chat.shown()))
            });
        }
        findings
    }
}

fn in_group(groups: &Value, chat: &Jid) -> Finding {
    let id = chat.to_string();
    let group = groups.as_array().into_iter().flatten().find(|group| text(group, "id").as_deref() == Some(id.as_str()));
    match group {
        Some(group) => {
            good(format!("the account is in the group `{}` ({id})", text(group, "subject").unwrap_or_default()))
        }
        None => bad(
            format!("the account is not in the group {id}"),
            "add it to the group; `tieline rooms` lists the ids of its groups",
        ),
    }
}

fn remedy(condition: &Condition) -> &'static str {
    match condition {
        Condition::Ready | Condition::Connecting(_) => "wait a little, and try again",
        Condition::Disconnected(_) | Condition::Unpaired(_) => {
            "open the addon's page, and pair the session if it asks for it"
        }
        Condition::WrongToken => "copy the token from the addon's page to `api_token`",
        Condition::NoSession(_) => "correct `session_id`, or add the session on the addon's page",
        Condition::Unreachable(_) | Condition::Strange(_) => "check `addon_url` and `proxy`, and that the addon runs",
    }
}

fn good(what: String) -> Finding {
    Finding { verdict: Verdict::Good, what, remedy: None }
}

fn bad(what: String, remedy: &str) -> Finding {
    Finding { verdict: Verdict::Bad, what, remedy: Some(remedy.to_owned()) }
}
