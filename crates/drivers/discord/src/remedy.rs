//! What a person can do about a refusal, in words that Discord's settings and ours use.

use crate::code;

/// The permission without which a channel is not there.
pub(crate) const VIEW: &str = "`View Channel`";

/// The remedy for an error code, where one is known.
pub(crate) fn of(code: u64) -> Option<&'static str> {
    Some(match code {
        code::NO_HISTORY => "give the bot `Read Message History` in this channel, so that it can answer",
        code::UNKNOWN_CHANNEL => {
            "the channel or thread does not exist (any more), or it does not belong to the channel that the target's \
            `webhook_url` leads to: correct `channel_id`, or the URL"
        }
        code::UNKNOWN_WEBHOOK | code::INVALID_WEBHOOK_TOKEN => {
            "the webhook was deleted, or has another token: put a new one into `webhook_url`, or leave that out and give \
            the bot `Manage Webhooks`"
        }
        code::TOO_MANY_WEBHOOKS => {
            "delete a webhook of the channel that nobody uses (Edit Channel → Integrations → Webhooks), or put the URL of \
            one into the target's `webhook_url`"
        }
        code::EMPTY_MESSAGE => "there is nothing in the message that Discord shows",
        code::NO_DIRECT_MESSAGES => "this person takes no direct messages from the bot",
        code::NO_TEXT_CHANNEL | code::WRONG_CHANNEL_KIND => {
            "nobody can write in a channel of this kind: name a text channel or a thread in `channel_id`"
        }
        code::THREAD_ARCHIVED => {
            "reopen the thread, or let the webhook write (`send_method: \"webhook\"`), which reopens it"
        }
        code::THREAD_LOCKED => "a moderator locked the thread: unlock it, or give the bot `Manage Threads`",
        code::AUTO_MOD | code::AUTO_MOD_TITLE => {
            "AutoMod of the server blocks this text: change the text, or except the bot's role or the channel from the \
            rule (Server Settings → AutoMod)"
        }
        code::FORUM_NEEDS_THREAD => {
            "a forum has posts only: name the id of a post (its thread) in `channel_id`, not that of the forum"
        }
        _ => return None,
    })
}

/// The permissions that a call needs, as Discord's settings name them.
pub(crate) fn needs(pattern: &str) -> &'static str {
    match pattern {
        "POST channels/{}/messages" => {
            "`Send Messages` (in threads `Send Messages in Threads`, for files also `Attach Files`)"
        }
        "GET channels/{}/messages" | "GET channels/{}/messages/{}" => "`Read Message History`",
        "DELETE channels/{}/messages/{}" => "`Manage Messages`, to delete what others wrote,",
        "PUT channels/{}/messages/{}/reactions/{}/@me" => "`Add Reactions` and `Read Message History`",
        "GET webhooks/{}" | "GET channels/{}/webhooks" | "POST channels/{}/webhooks" => "`Manage Webhooks`",
        _ => VIEW,
    }
}
