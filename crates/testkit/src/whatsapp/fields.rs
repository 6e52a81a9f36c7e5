//! The fields that the addon knows, call by call. It ignores all others; the fake notes them.

use serde_json::Value;

use super::form::Form;
use super::route::Route;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
    Texts,
    NumberOrText,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Flag => "a boolean",
            Self::Number => "a number",
            Self::Texts => "a list of strings",
            Self::NumberOrText => "a number or a string",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
            Self::NumberOrText => value.is_number() || value.is_string(),
        }
    }
}

const NUMBER: (&str, Kind) = ("number", Kind::Text);
const ID: (&str, Kind) = ("messageId", Kind::Text);
const URL: (&str, Kind) = ("url", Kind::Text);
const CAPTION: (&str, Kind) = ("caption", Kind::Text);

/// The fields of a call's body, beside `session_id`.
fn known(route: Route) -> &'static [(&'static str, Kind)] {
    use Kind::{Flag, Number, NumberOrText, Text, Texts};
    match route {
        Route::SendMessage => &[NUMBER, ("message", Text), ("quotedMessageId", Text)],
        Route::SendImage | Route::SendGif => &[NUMBER, URL, CAPTION],
        Route::SendVideo => &[NUMBER, URL, CAPTION, ("gifPlayback", Flag)],
        Route::SendAudio => &[NUMBER, URL, ("ptt", Flag)],
        Route::SendDocument => {
            &[NUMBER, URL, CAPTION, ("fileName", Text), ("mimetype", Text), ("mimeType", Text), ("mime_type", Text)]
        }
        Route::SendSticker => &[NUMBER, URL],
        Route::SendLocation => {
            &[NUMBER, ("degreesLatitude", Number), ("degreesLongitude", Number), ("name", Text), ("address", Text)]
        }
        Route::SendContact => &[NUMBER, ("contactName", Text), ("contactNumber", Text)],
        Route::SendPoll => {
            &[NUMBER, ("name", Text), ("question", Text), ("options", Texts), ("selectableCount", Number)]
        }
        Route::SendReaction => &[NUMBER, ID, ("reaction", Text)],
        Route::EditMessage => &[
            NUMBER,
            ID,
            ("message_id", Text),
            ("id", Text),
            ("newText", Text),
            ("new_content", Text),
            ("text", Text),
            ("message", Text),
        ],
        Route::RevokeMessage | Route::MarkAsRead => &[NUMBER, ID],
        Route::ForwardMessage => &[NUMBER, ID, ("targetNumber", Text)],
        Route::SetPresence => &[NUMBER, ("presence", Text)],
        Route::ChatMessages => &[NUMBER, ("limit", NumberOrText)],
        Route::ContactsCheck | Route::ProfilePicture | Route::ContactsAbout => &[NUMBER],
        Route::GroupInfo => &[NUMBER, ("jid", Text)],
        Route::SettingsWebhook => &[("enabled", Flag), URL, ("token", Text)],
        _ => &[],
    }
}

/// The parameters of a call's query, beside `session_id` and `token`.
fn known_in_query(route: Route) -> &'static [&'static str] {
    match route {
        Route::ChatMessages => &["number", "limit"],
        Route::GroupInfo => &["number", "jid"],
        Route::Avatar => &["jid"],
        _ => &[],
    }
}

/// What is wrong with a call although the addon takes it.
pub(crate) fn problems(route: Route, form: &Form) -> Vec<String> {
    if matches!(route, Route::Unknown | Route::Media) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let known = known(route);
    match &form.body {
        Some(Value::Object(fields)) => {
            for (key, value) in fields {
                let kind = known.iter().find(|(name, _)| name == key).map(|(_, kind)| *kind);
                match kind.or_else(|| (key == "session_id").then_some(Kind::Text)) {
                    None => problems.push(format!("the body's key {key:?} is not known")),
                    Some(kind) if !kind.fits(value) => {
                        problems.push(format!("the body's {key:?} must be {}", kind.name()));
                    }
                    Some(_) => {}
                }
            }
        }
        Some(_) => problems.push("the body is not an object".to_owned()),
        None => {}
    }
    for (key, _) in &form.query {
        if !matches!(key.as_str(), "session_id" | "token") && !known_in_query(route).contains(&key.as_str()) {
            problems.push(format!("the query's key {key:?} is not known"));
        }
    }
    if route == Route::SetPresence
        && let Some(presence) = form.string("presence")
        && !["composing", "recording", "paused", "available", "unavailable"].contains(&presence.as_str())
    {
        problems.push(format!("{presence:?} is no presence"));
    }
    problems
}
