//! The calls that send a message.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::calls::Sent;
use super::super::event;
use super::super::fetch::get_stream;
use super::super::form::{Form, is_truthy, kept, to_string};
use super::super::inside::Inside;
use super::super::jid::{digits, get_jid};
use super::super::media::{FakeMedia, mime_of};
use super::super::own::with_quote;
use super::super::refusal::Refusal;
use super::super::route::Route;
use super::need_body;

/// What is sent: for Baileys, and as the message that comes of it.
struct Content {
    baileys: Value,
    message: Value,
    file: Option<FakeMedia>,
    quotes: Option<String>,
}

impl Content {
    fn of(baileys: Value, message: Value) -> Self {
        Self { baileys, message, file: None, quotes: None }
    }
}

impl Inside {
    /// A call that sends a message and answers its id.
    pub(super) async fn send(self: &Arc<Self>, route: Route, session: &str, form: &Form) -> Result<Value, Refusal> {
        need_body(form)?;
        check(route, form)?;
        self.connected(session).await?;
        let number = form.truthy("number").cloned().unwrap_or_default();
        let jid = get_jid(&to_string(&number));
        let content = self.content(route, session, form).await?;
        let Content { baileys, message, file, quotes } = content;
        let id = self.send_for_call(session, &jid, &message, file.clone()).await;
        self.note_sent(Sent {
            session: session.to_owned(),
            route,
            jid,
            content: kept(&baileys),
            quoted: quotes,
            id: Some(id.clone()),
            media: file,
        });
        track_sent(&number)?;
        Ok(json!({ "status": "sent", "id": id }))
    }

    async fn content(&self, route: Route, session: &str, form: &Form) -> Result<Content, Refusal> {
        let text = |key: &str| form.string(key).unwrap_or_default();
        match route {
            Route::SendLocation => {
                let mut place = json!({});
                for key in ["degreesLatitude", "degreesLongitude", "name", "address"] {
                    if let Some(value) = form.get(key) {
                        place[key] = value.clone();
                    }
                }
                Ok(Content::of(json!({ "location": place }), json!({ "locationMessage": place })))
            }
            Route::SendContact => {
                let Some(Value::String(telephone)) = form.truthy("contactNumber") else {
                    return Err(Refusal::thrown("contactNumber.replace is not a function"));
                };
                let (name, number) = (text("contactName"), digits(telephone));
                let vcard = format!(
                    "BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL;type=CELL;type=VOICE;waid={number}:+{number}\nEND:VCARD"
                );
                let baileys = json!({ "contacts": { "displayName": name, "contacts": [{ "vcard": vcard }] } });
                Ok(Content::of(baileys, json!({ "contactMessage": { "vcard": vcard } })))
            }
            Route::SendPoll => {
                let (title, options) = (poll_title(form), poll_options(form));
                let count = form.truthy("selectableCount").cloned().unwrap_or(json!(1));
                let named: Vec<Value> = options.iter().map(|option| json!({ "optionName": option })).collect();
                let poll = json!({ "name": title, "options": named, "selectableOptionsCount": count });
                let baileys = json!({ "poll": { "name": title, "values": options, "selectableCount": count } });
                Ok(Content::of(baileys, json!({ "pollCreationMessageV3": poll })))
            }
            Route::SendMessage => Ok(self.text(session, form)),
            _ => self.file(route, form).await,
        }
    }

    /// A text: the only one that can quote. What it would quote and cannot be found is not quoted.
    fn text(&self, session: &str, form: &Form) -> Content {
        let text = form.string("message").unwrap_or_default();
        let mut content = Content::of(json!({ "text": text }), json!({ "extendedTextMessage": { "text": text } }));
        let quoted = form.string("quotedMessageId").and_then(|id| {
            let mut state = self.state();
            let session = state.session(session);
            let own = session.own();
            session.stored(&id).map(|quoted| (id, event::author(quoted, &own), quoted.clone()))
        });
        if let Some((id, author, quoted)) = quoted {
            with_quote(&mut content.message, &quoted, &author);
            content.quotes = Some(id);
        }
        content
    }

    async fn file(&self, route: Route, form: &Form) -> Result<Content, Refusal> {
        let text = |key: &str| form.string(key).unwrap_or_default();
        let truth = |key: &str| form.truthy(key).is_some();
        let url = text("url");
        let caption = text("caption");
        let name = form.string("fileName").unwrap_or_else(|| "document".to_owned());
        let (mime, kind, baileys, more) = match route {
            Route::SendImage => (
                "image/jpeg".to_owned(),
                "imageMessage",
                json!({ "image": { "url": url }, "caption": caption }),
                json!({ "caption": caption }),
            ),
            Route::SendVideo | Route::SendGif => {
                let gif = route == Route::SendGif || truth("gifPlayback");
                (
                    "video/mp4".to_owned(),
                    "videoMessage",
                    json!({ "video": { "url": url }, "caption": caption, "gifPlayback": gif }),
                    json!({ "caption": caption, "gifPlayback": gif }),
                )
            }
            Route::SendAudio => {
                let ptt = truth("ptt");
                let mime = "audio/mp4".to_owned();
                let baileys = json!({ "audio": { "url": url }, "ptt": ptt, "mimetype": mime });
                (mime, "audioMessage", baileys, json!({ "ptt": ptt }))
            }
            Route::SendDocument => {
                let given = ["mimetype", "mimeType", "mime_type"].into_iter().find_map(|key| form.string(key));
                let guess =
                    || mime_of(&name).or_else(|| mime_of(&url)).unwrap_or("application/octet-stream").to_owned();
                let mime = given.unwrap_or_else(guess);
                let baileys = json!({
                    "document": { "url": url }, "fileName": name, "mimetype": mime, "caption": caption,
                });
                (mime, "documentMessage", baileys, json!({ "fileName": name, "caption": caption }))
            }
            _ => ("image/webp".to_owned(), "stickerMessage", json!({ "sticker": { "url": url } }), json!({})),
        };
        let mut file = get_stream(&url, &self.new_path(), &mime).await.map_err(|why| Refusal::thrown(&why))?;
        if route == Route::SendDocument {
            file.name = Some(name);
        }
        let mut value = file.raw();
        if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
            fields.extend(more.into_iter().filter(|(_, value)| is_truthy(value)));
        }
        Ok(Content { baileys, message: json!({ kind: value }), file: Some(file), quotes: None })
    }
}

/// Counts a send. A number that is no string breaks the addon here, after the message was sent.
pub(super) fn track_sent(number: &Value) -> Result<(), Refusal> {
    if number.is_string() { Ok(()) } else { Err(Refusal::thrown("target.includes is not a function")) }
}

/// What must be there.
fn check(route: Route, form: &Form) -> Result<(), Refusal> {
    let has = |key: &str| form.truthy(key).is_some();
    let present = |key: &str| form.get(key).is_some_and(|value| !value.is_null());
    let number = has("number");
    let (fine, missing) = match route {
        Route::SendMessage => (number && has("message"), "Missing number or message"),
        Route::SendLocation => (
            number && present("degreesLatitude") && present("degreesLongitude"),
            "Missing number, latitude, or longitude",
        ),
        Route::SendContact => (number && has("contactName") && has("contactNumber"), "Missing parameters"),
        Route::SendPoll => {
            let options = form.get("options").is_some_and(Value::is_array);
            let title = has("name") || has("question");
            if number && title && options {
                return check_options(&poll_options(form));
            }
            (false, "Missing number, name, or options array")
        }
        _ => (number && has("url"), "Missing number or url"),
    };
    if fine { Ok(()) } else { Err(Refusal::missing(missing)) }
}

fn poll_title(form: &Form) -> String {
    form.string("name").or_else(|| form.string("question")).unwrap_or_default()
}

fn poll_options(form: &Form) -> Vec<String> {
    let options = form.get("options").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    options.iter().map(|option| to_string(option).trim().to_owned()).filter(|option| !option.is_empty()).collect()
}

fn check_options(options: &[String]) -> Result<(), Refusal> {
    if options.len() < 2 {
        return Err(Refusal::missing(
            "WhatsApp polls require at least 2 voting options (maximum 12). If you need a single confirmation button, \
             provide at least two distinct choices.",
        ));
    }
    if options.len() > 12 {
        return Err(Refusal::missing("WhatsApp polls support a maximum of 12 options."));
    }
    let unique: std::collections::HashSet<&String> = options.iter().collect();
    if unique.len() != options.len() {
        return Err(Refusal::missing(
            "WhatsApp polls require unique voting options. Duplicate options are not supported by WhatsApp.",
        ));
    }
    Ok(())
}
