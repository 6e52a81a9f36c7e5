//! The CDN: files of messages by signed links; pictures of accounts, emoji and stickers by open ones.

use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};

use super::file::hash_of;
use super::inside::Inside;
use super::refusal::Refusal;
use super::route::decoded;
use super::snowflake::Snowflake;
use super::state::State;
use crate::port::{Answer, bytes_body, file_body};

/// One pixel each.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\
                     \x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82";
const GIF: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\
                     \x00\x01\x00\x00\x02\x02D\x01\x00;";
const WEBP: &[u8] = b"RIFF\x1a\x00\x00\x00WEBPVP8L\r\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00";
/// A Lottie animation in which nothing happens.
const LOTTIE: &[u8] = br#"{"v":"5.5.2","fr":60,"ip":0,"op":1,"w":1,"h":1,"layers":[]}"#;

/// What the CDN says of everything that it does not have, or not any more.
fn gone() -> Refusal {
    Refusal::Html(StatusCode::NOT_FOUND, "This content is no longer available.".to_owned())
}

impl Inside {
    pub(crate) async fn cdn(&self, head: &Parts) -> Result<Answer, Refusal> {
        let path = head.uri.path();
        let segments: Vec<_> = path.trim_start_matches('/').split('/').map(decoded).collect();
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["attachments", channel, id, name] => {
                if !self.links.is_good(path, head.uri.query().unwrap_or_default(), self.now()) {
                    return Err(gone());
                }
                let file = {
                    let state = self.state();
                    let found = state.files().find(|file| {
                        file.id.to_string() == id && file.channel.to_string() == channel && file.shown_name() == name
                    });
                    found.cloned().ok_or_else(gone)?
                };
                let body = file_body(&file.path).await.map_err(|_| gone())?;
                let mut answer = Response::new(body);
                answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(file.size));
                if let Ok(mime) = HeaderValue::from_str(&file.mime) {
                    answer.headers_mut().insert(header::CONTENT_TYPE, mime);
                }
                Ok(answer)
            }
            ["embed", "avatars", name] => {
                let known = ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png"].contains(&name);
                if known { Ok(bytes("image/png", PNG)) } else { Err(gone()) }
            }
            ["avatars", owner, name] => picture(name, |hash| has_avatar(&self.state(), owner, hash)),
            ["guilds", guild, "users", user, "avatars", name] => picture(name, |hash| {
                let (Ok(guild), Ok(user)) = (guild.parse(), user.parse()) else { return false };
                self.state().member(guild, user).is_some_and(|member| member.avatar.as_deref() == Some(hash))
            }),
            ["emojis", name] => {
                let moves = |id: &str| {
                    let state = self.state();
                    let mut all = state.guilds.iter().flat_map(|guild| &guild.emoji);
                    all.find(|emoji| emoji.id.to_string() == id).map(|emoji| emoji.animated)
                };
                let (id, extension) = name.split_once('.').ok_or_else(gone)?;
                image(extension, moves(id).ok_or_else(gone)?)
            }
            ["stickers", name] => {
                let (id, extension) = name.split_once('.').ok_or_else(gone)?;
                let format = {
                    let state = self.state();
                    let mut all = state.messages.iter().flat_map(|message| &message.stickers);
                    all.find(|sticker| sticker["id"] == id).and_then(|sticker| sticker["format_type"].as_u64())
                };
                match (format, extension) {
                    (Some(1 | 2), "png") => Ok(bytes("image/png", PNG)),
                    (Some(3), "json") => Ok(bytes("application/json", LOTTIE)),
                    (Some(4), "gif") => Ok(bytes("image/gif", GIF)),
                    _ => Err(gone()),
                }
            }
            _ => Err(gone()),
        }
    }
}

/// Whether an account or a webhook has, or had in a message, this picture.
fn has_avatar(state: &State, owner: &str, hash: &str) -> bool {
    let Ok(owner) = owner.parse::<Snowflake>() else { return false };
    let of_user = state.user(owner).and_then(|user| user.avatar.as_deref());
    let of_webhook = state.webhooks.iter().find(|webhook| webhook.id == owner);
    let mut of_messages = state.messages.iter().filter(|message| message.webhook_id == Some(owner));
    [of_user, of_webhook.and_then(|webhook| webhook.avatar.as_deref())].contains(&Some(hash))
        || of_messages.any(|message| message.avatar.as_deref().map(hash_of).as_deref() == Some(hash))
}

/// A picture that somebody chose; one that moves has a hash with `a_` in front.
fn picture(name: &str, is_known: impl Fn(&str) -> bool) -> Result<Answer, Refusal> {
    let (hash, extension) = name.split_once('.').ok_or_else(gone)?;
    if is_known(hash) { image(extension, hash.starts_with("a_")) } else { Err(gone()) }
}

/// An image in the format that is asked for; as GIF only what moves.
fn image(extension: &str, moves: bool) -> Result<Answer, Refusal> {
    match extension {
        "png" => Ok(bytes("image/png", PNG)),
        "webp" => Ok(bytes("image/webp", WEBP)),
        "gif" if moves => Ok(bytes("image/gif", GIF)),
        _ => Err(Refusal::Html(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type".to_owned())),
    }
}

fn bytes(mime: &'static str, bytes: &'static [u8]) -> Answer {
    let mut answer = Response::new(bytes_body(bytes));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    answer
}
