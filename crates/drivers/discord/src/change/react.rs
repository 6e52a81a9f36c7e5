//! Reactions, which only the bot can give, each once.

use http::Method;
use tieline_core::emoji::is_unicode;
use tieline_core::send::{SendError, Sending, Sent};
use url::form_urlencoded::byte_serialize;

use super::{impossible, is_missing, place_of};
use crate::api::{Call, Payload};
use crate::code;
use crate::driver::DiscordDriver;
use crate::limits::Caller;
use crate::part::Standing;
use crate::place::scope;
use crate::refusal::Failure;
use crate::send::pause;

impl DiscordDriver {
    /// Reacts to a message, or takes that back.
    pub(super) async fn react(
        &self,
        sending: &Sending,
        to: &Standing,
        emoji: &str,
        added: bool,
    ) -> Result<Sent, SendError> {
        let channel = place_of(sending, to)?;
        let named =
            if is_unicode(emoji) { Some(emoji.to_owned()) } else { self.custom_emoji(sending, channel, emoji).await? };
        let Some(named) = named else {
            return Err(impossible(format!("this server of Discord has no emoji `{emoji}`")));
        };
        let path = format!("channels/{channel}/messages/{}/reactions/{}/@me", to.id, encoded(&named));
        let method = if added { Method::PUT } else { Method::DELETE };
        let (payload, caller) = (Payload::Nothing, Caller::Bot);
        let call = Call { method, path: &path, payload, caller, into: None, waits: false, of_others: false };
        match self.api.call(&call).await {
            Ok(answer) => Ok(Sent { pause: pause(sending, &answer), ..Sent::default() }),
            // There is nothing left to take back.
            Err(failure) if !added && (is_missing(&failure) || failure.code() == Some(code::UNKNOWN_EMOJI)) => {
                Ok(Sent::default())
            }
            Err(failure) => Err(refused(&failure, emoji).unwrap_or_else(|| failure.of_send(&scope(sending)))),
        }
    }
}

/// What a refusal means for a reaction, where that is something else than for a message.
fn refused(failure: &Failure, emoji: &str) -> Option<SendError> {
    Some(match failure.code()? {
        _ if is_missing(failure) => impossible("the message is not there any more"),
        code::UNKNOWN_EMOJI => impossible(format!("Discord does not know the emoji `{emoji}`")),
        code::TOO_MANY_REACTIONS => impossible("Discord takes no further emoji below the message: it has 20 already"),
        code::REACTION_BLOCKED => impossible("who wrote the message has blocked the bot, so it cannot react"),
        code::THREAD_ARCHIVED => impossible("the message is in a thread that was put away, where nobody can react"),
        code::MISSING_PERMISSIONS => SendError::Permanent { reason: failure.to_string() },
        _ => return None,
    })
}

/// An emoji as it stands in a path.
fn encoded(emoji: &str) -> String {
    byte_serialize(emoji.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_one_segment_of_a_path() {
        assert_eq!(encoded("🔥"), "%F0%9F%94%A5");
        assert_eq!(encoded("❤️"), "%E2%9D%A4%EF%B8%8F");
        assert_eq!(encoded("cat:12"), "cat%3A12");
        assert_eq!(encoded("../x"), "..%2Fx");
    }
}
