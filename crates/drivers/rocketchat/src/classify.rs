//! What a failed call means for a send: by status *and* body.

use http::StatusCode;
use tieline_core::send::{Pause, Scope, SendError, Trouble};
use tieline_net::Transport;

use crate::doctor::CHECK;
use crate::refusal::{Failure, Refusal};

/// What a repeat of the call would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing that anybody sees: an upload that nobody confirmed yet, a change that is made already.
    Harmless,
    /// It could post the message twice. `chat.sendMessage` under our id counts here too, although the server would
    /// refuse the second: to look for the message is as cheap as to try again, and tells the id at once.
    Doubles,
}

/// Classes a failure.
pub(crate) fn send_error(failure: &Failure, repeat: Repeat, scope: &Scope, room: &str) -> SendError {
    let unsettled = |reason: String| match repeat {
        Repeat::Harmless => SendError::Retryable { reason, trouble: Trouble::Unreachable, after: None },
        Repeat::Doubles => SendError::Ambiguous { reason },
    };
    let refusal = match failure {
        Failure::Transport { outcome: Transport::NotSent, why } => {
            let reason = format!("Rocket.Chat cannot be reached: {why}");
            return SendError::Retryable { reason, trouble: Trouble::Unreachable, after: None };
        }
        Failure::Transport { outcome: Transport::Unknown, why } => {
            return unsettled(format!("no answer from Rocket.Chat: {why}"));
        }
        Failure::Unusable { why } => return unsettled(why.clone()),
        Failure::Refused(refusal) => refusal,
    };
    if let Some(until) = refusal.until {
        return SendError::RateLimited(Pause { scope: scope.clone(), until });
    }
    if refusal.is_login() {
        let reason = format!("{failure}; {CHECK}");
        return SendError::Retryable { reason, trouble: Trouble::Credentials, after: None };
    }
    if refusal.status.is_server_error() || refusal.status == StatusCode::REQUEST_TIMEOUT {
        return unsettled(failure.to_string());
    }
    SendError::Permanent { reason: format!("{failure}{}", remedy(refusal, room)) }
}

/// Classes what the Incoming Webhook says.
pub(crate) fn hook_error(failure: &Failure, scope: &Scope, room: &str) -> SendError {
    let Failure::Refused(refusal) = failure else { return send_error(failure, Repeat::Doubles, scope, room) };
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        // Both a disabled integration and a proxy without a server behind it say this before anything is posted.
        let reason = format!("{failure}; if this stays, enable the integration under Administration → Integrations");
        return SendError::Retryable { reason, trouble: Trouble::Unreachable, after: None };
    }
    if refusal.is_login() || refusal.says("Invalid integration id or token") {
        let reason = format!("{failure}; the Incoming Webhook does not exist: check `webhook_url`");
        return SendError::Retryable { reason, trouble: Trouble::Credentials, after: None };
    }
    send_error(failure, Repeat::Doubles, scope, room)
}

/// What a person can do, beginning with a separator; empty if we do not know.
fn remedy(refusal: &Refusal, room: &str) -> String {
    let code = refusal.code.as_str();
    let told = |words: &str| format!(" — {words}");
    if refusal.status == StatusCode::NOT_FOUND && refusal.text.is_empty() {
        return told("the server does not know this call: is `server_url` right?");
    }
    match code {
        "error-file-too-large" => return told("raise `FileUpload_MaxFileSize` on the server"),
        "error-invalid-file-type" => return told("the server refuses files of this type"),
        "error-message-size-exceeded" => return told("`Message_MaxAllowedSize` on the server is below 5000; raise it"),
        "error-action-not-allowed" => return told("give the bot the permission that is named here"),
        "error-user-lacks-message-impersonate-permission" => {
            return told("give the account that the integration posts as the role `bot`");
        }
        _ => {}
    }
    if refusal.says("overriding destination channel") {
        return told("allow it in the integration, or leave `channel` out of the target");
    }
    if refusal.says("room_is_archived") || code == "error-room-archived" {
        return told(&format!("room `{room}` is archived: unarchive it, or take it out of the rule"));
    }
    if refusal.says("readonly") {
        return told(&format!("room `{room}` is read-only: make the bot a moderator, or give it `post-readonly`"));
    }
    if refusal.says("You_have_been_muted") || refusal.says("room_is_blocked") {
        return told(&format!("the bot is muted or blocked in room `{room}`: lift that there"));
    }
    if refusal.is_no_access() || refusal.says("invalid-channel") {
        return told(&format!(
            "the bot is not a member of room `{room}`, or there is none with this id: invite it there"
        ));
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        let text = code.to_owned();
        Failure::Refused(Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            code: text.clone(),
            text,
            until: None,
        })
    }

    fn class(failure: &Failure, repeat: Repeat) -> SendError {
        send_error(failure, repeat, &Scope::Instance, "R1")
    }

    #[test]
    fn the_five_ends() {
        let lost = Failure::Transport { outcome: Transport::Unknown, why: "x".into() };
        assert!(matches!(class(&lost, Repeat::Doubles), SendError::Ambiguous { .. }));
        assert!(matches!(class(&lost, Repeat::Harmless), SendError::Retryable { .. }));
        let unsent = Failure::Transport { outcome: Transport::NotSent, why: "x".into() };
        assert!(matches!(class(&unsent, Repeat::Doubles), SendError::Retryable { trouble: Trouble::Unreachable, .. }));
        assert!(matches!(class(&refused(502, ""), Repeat::Doubles), SendError::Ambiguous { .. }));
        assert!(matches!(
            class(&refused(401, ""), Repeat::Doubles),
            SendError::Retryable { trouble: Trouble::Credentials, .. }
        ));
        let SendError::Permanent { reason } = class(&refused(400, "error-invalid-room"), Repeat::Doubles) else {
            panic!("a room that is not there is final");
        };
        assert!(reason.contains("`R1`") && reason.contains("invite"), "{reason}");
    }

    #[test]
    fn a_hook_with_a_wrong_token_waits_for_its_operator() {
        let gone = refused(500, "Invalid integration id or token provided.");
        assert!(matches!(
            hook_error(&gone, &Scope::Instance, "R"),
            SendError::Retryable { trouble: Trouble::Credentials, .. }
        ));
        assert!(matches!(hook_error(&refused(500, ""), &Scope::Instance, "R"), SendError::Ambiguous { .. }));
    }
}
