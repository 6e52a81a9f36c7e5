//! Edits: the new text over the old one, by the account that sent it.

use http::Method;
use serde_json::json;
use tieline_core::send::{SendError, Sending, Sent};

use super::{impossible, is_missing};
use crate::code;
use crate::cut::CORRECTION;
use crate::driver::DiscordDriver;
use crate::part::{Said, Standing};
use crate::place::{channel, scope};
use crate::refusal::Failure;
use crate::send::pause;

impl DiscordDriver {
    /// Lets a copy say something else.
    pub(super) async fn rewrite(&self, sending: &Sending, copy: &Standing, said: &Said) -> Result<Sent, SendError> {
        let Some(how) = copy.how() else {
            return Err(impossible("it is not known which account posted the copy, and only that one can edit it"));
        };
        let Some(way) = self.way_to(sending, copy, how.by).await? else { return self.correct(sending, said).await };
        if let (Some(_), Some(channel)) = (how.answers, channel(sending)) {
            // The link needs it, and a process that begins does not know it yet.
            self.guild_of(channel, &sending.target).await;
        }
        let (text, _) = self.behind_link(sending, how.answers, said.text_of(how.named));
        // The files stay: what is not named in an edit is left as it is.
        let body = json!({ "content": text, "allowed_mentions": self.allowed_mentions(said) });
        match self.call_by(&way, Method::PATCH, Some(&body)).await {
            Ok(Some(answer)) => Ok(Sent { pause: pause(sending, &answer), ..Sent::default() }),
            Ok(None) => self.correct(sending, said).await,
            Err(failure) => Err(refused(&failure).unwrap_or_else(|| failure.of_send(&scope(sending)))),
        }
    }

    /// Says as a new message what cannot be edited any more.
    async fn correct(&self, sending: &Sending, said: &Said) -> Result<Sent, SendError> {
        match correction(said) {
            Some(correction) => self.say(sending, &correction).await,
            None => Err(impossible("the webhook that posted the copy was deleted, and nobody else can edit it")),
        }
    }
}

/// The new message that stands for an edit; `None` if it would say nothing.
pub(super) fn correction(said: &Said) -> Option<Said> {
    let marked = |text: &str| format!("{CORRECTION}{text}");
    let correction = || Said { text: marked(&said.text), named: said.named.as_deref().map(marked), ..said.clone() };
    (!said.text.is_empty()).then(correction)
}

/// What a refusal means that is nobody's to put right.
fn refused(failure: &Failure) -> Option<SendError> {
    let why = match failure.code()? {
        _ if is_missing(failure) => "the copy is not there any more",
        code::NOT_THE_AUTHOR => "another bot posted the copy, and only that one can edit it",
        code::THREAD_ARCHIVED => "the copy is in a thread that was put away, where nothing can be edited",
        _ => return None,
    };
    Some(impossible(why))
}
