//! What goes wrong in practice, looked for.

mod channel;

use tieline_core::address::Address;
use tieline_core::driver::{Finding, Verdict};

use crate::address::{CHANNEL, WEBHOOK};
use crate::driver::DiscordDriver;
use crate::fields::{id, name, part, whole};
use crate::refusal::Failure;
use crate::snowflake::Snowflake;
use crate::webhook_url::WebhookUrl;

use self::channel::Look;

/// The flags of an application that may have what messages say: for all servers, and while it is in few of them.
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;
/// Below this many identifies that are left of a day's thousand, something connects again and again.
const FEW_IDENTIFIES: u64 = 100;

impl DiscordDriver {
    pub(crate) async fn examine(&self, rooms: &[Address]) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.instance.bot_token.is_none() {
            findings.push(Finding {
                verdict: Verdict::Good,
                what:
                    "there is no `bot_token`: nothing is received, and messages go through the webhooks of the targets"
                        .to_owned(),
                remedy: None,
            });
            for room in rooms {
                findings.extend(self.webhook_alone(room).await);
            }
            return findings;
        }
        let me = match self.api.get("users/@me").await {
            Ok(me) => me,
            Err(failure) => {
                findings.push(failed("the bot's account cannot be looked at", &failure));
                return findings;
            }
        };
        let Some(me_id) = id(&me, "id") else {
            let remedy = "check `api_url`: is it Discord's, or that of a server which is compatible with it?";
            findings.push(bad("Discord does not say who the bot is".to_owned(), remedy));
            return findings;
        };
        findings.push(good(format!("the token is good: the bot is `{}`", name(&me, "username").unwrap_or_default())));
        let application = self.application(&mut findings).await;
        findings.extend(self.gateway_state().await);
        let mut look = Look::new(self, me_id, application.unwrap_or(me_id));
        for room in rooms {
            match room.text(CHANNEL).and_then(Snowflake::parse) {
                Some(channel) => findings.extend(look.at(channel, room).await),
                None => findings.extend(self.webhook_alone(room).await),
            }
        }
        findings
    }

    /// Whether the application may have what messages say. Returns its id.
    async fn application(&self, findings: &mut Vec<Finding>) -> Option<Snowflake> {
        let application = match self.api.get("applications/@me").await {
            Ok(application) => application,
            Err(failure) => {
                findings.push(failed("whether the message content intent is on cannot be looked at", &failure));
                return None;
            }
        };
        let allowed = whole(&application, "flags").unwrap_or(0) & MESSAGE_CONTENT != 0;
        findings.push(if allowed {
            good("the message content intent is on".to_owned())
        } else {
            bad(
                "the message content intent is off: messages would come without their text and files".to_owned(),
                "open https://discord.com/developers/applications, choose the application → Bot → Privileged Gateway \
                    Intents, and switch `Message Content Intent` on",
            )
        });
        id(&application, "id")
    }

    /// Whether the gateway can be had, and how often yet today.
    async fn gateway_state(&self) -> Option<Finding> {
        if self.instance.gateway.is_some() {
            return None;
        }
        let gateway = match self.api.get("gateway/bot").await {
            Ok(gateway) => gateway,
            Err(failure) => return Some(failed("the gateway cannot be asked for", &failure)),
        };
        let limit = part(&gateway, "session_start_limit");
        let (left, total) = (whole(limit, "remaining")?, whole(limit, "total")?);
        let what = format!("the bot may identify {left} of {total} times more until the day's budget is renewed");
        if left >= FEW_IDENTIFIES.min(total) {
            return Some(good(what));
        }
        let remedy = "see whether another program uses the same token, and what the log says of the gateway; at 0 Discord \
            takes the token away";
        Some(Finding { verdict: Verdict::Warning, what, remedy: Some(remedy.to_owned()) })
    }

    /// The webhook of a target that names nothing else.
    async fn webhook_alone(&self, room: &Address) -> Option<Finding> {
        let url = WebhookUrl::parse(room.text(WEBHOOK)?, &self.instance.api).ok()?;
        Some(match self.webhook_channel(&url).await {
            Ok(Some(channel)) => good(format!("the webhook {} is there, and posts into channel {channel}", url.id)),
            Ok(None) => good(format!("the webhook {} is there", url.id)),
            Err(failure) => failed(&format!("the webhook {}", url.id), &failure),
        })
    }

    /// The channel that a webhook belongs to.
    async fn webhook_channel(&self, url: &WebhookUrl) -> Result<Option<Snowflake>, Failure> {
        self.webhooks.named(&self.api, url).await.map(|webhook| webhook.channel)
    }
}

fn good(what: String) -> Finding {
    Finding { verdict: Verdict::Good, what, remedy: None }
}

fn bad(what: String, remedy: &str) -> Finding {
    Finding { verdict: Verdict::Bad, what, remedy: Some(remedy.to_owned()) }
}

/// What could not be looked at, and why.
fn failed(what: &str, failure: &Failure) -> Finding {
    let remedy = match failure {
        Failure::Lost { .. } | Failure::Unusable(_) => Some("check the network, `api_url` and `proxy`"),
        Failure::Limited { .. } => Some("try again later"),
        // Discord gives a code with each of its refusals, so this may be somebody else's.
        Failure::Refused(refusal) if refusal.code.is_none() && !refusal.refuses_credentials() => {
            Some("check `api_url` and `proxy`, or try again later")
        }
        // The failure says itself what to do.
        _ => None,
    };
    Finding { verdict: Verdict::Bad, what: format!("{what}: {failure}"), remedy: remedy.map(str::to_owned) }
}
