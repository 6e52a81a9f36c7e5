//! The forms of messages: which fields each call takes, and what may stand in them.

use serde_json::{Map, Value};

use super::super::refusal::Refusal;
use super::super::webhook::refused_name;
use super::form::{Kind, Problems, check, check_ids, given, list, text};

/// The longest text, in characters.
const MAX_CONTENT: usize = 2000;
/// How many embeds a message has at the most.
const MAX_EMBEDS: usize = 10;
/// How many characters its embeds have together at the most.
const MAX_EMBED_TEXT: usize = 6000;
/// How many files a message has at the most.
pub(crate) const MAX_FILES: usize = 10;

const EVERY: [(&str, Kind); 6] = [
    ("content", Kind::Text(MAX_CONTENT)),
    ("embeds", Kind::List),
    ("allowed_mentions", Kind::Object),
    ("components", Kind::List),
    ("attachments", Kind::List),
    ("flags", Kind::Number),
];

/// Which form it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A bot writes.
    Create,
    /// A bot edits.
    Edit,
    /// A webhook writes.
    Execute,
    /// A webhook edits.
    EditByWebhook,
}

impl Form {
    fn fields(self) -> Vec<(&'static str, Kind)> {
        let more: &[(&str, Kind)] = match self {
            Self::Create => &[
                ("nonce", Kind::NumberOrText(25)),
                ("enforce_nonce", Kind::Flag),
                ("tts", Kind::Flag),
                ("message_reference", Kind::Object),
                ("sticker_ids", Kind::List),
                ("poll", Kind::Object),
            ],
            Self::Edit => &[],
            Self::Execute => &[
                ("username", Kind::Text(usize::MAX)),
                ("avatar_url", Kind::Text(2048)),
                ("tts", Kind::Flag),
                ("thread_name", Kind::Text(100)),
                ("applied_tags", Kind::List),
                ("poll", Kind::Object),
            ],
            Self::EditByWebhook => &[("poll", Kind::Object)],
        };
        EVERY.iter().chain(more).copied().collect()
    }
}

/// Checks a form; tells all that is wrong at once.
pub(crate) fn check_message(form: Form, body: &Map<String, Value>) -> Result<(), Refusal> {
    let mut problems = Problems::default();
    check("", body, &form.fields(), &mut problems);
    check_embeds(&list(body, "embeds"), &mut problems);
    check_mentions(body, &mut problems);
    check_attachments(&list(body, "attachments"), &mut problems);
    check_ids("sticker_ids", body.get("sticker_ids").unwrap_or(&Value::Null), 3, &mut problems);
    if let Some(Value::Object(reference)) = body.get("message_reference") {
        let known = [
            ("type", Kind::Number),
            ("message_id", Kind::Id),
            ("channel_id", Kind::Id),
            ("guild_id", Kind::Id),
            ("fail_if_not_exists", Kind::Flag),
        ];
        check("message_reference", reference, &known, &mut problems);
        if given(reference, "message_id").is_none() {
            problems.add("message_reference.message_id", "BASE_TYPE_REQUIRED", "This field is required");
        }
    }
    if let Some(name) = given(body, "username").and_then(Value::as_str)
        && let Some((code, message)) = refused_name(name)
    {
        problems.add("username", code, message);
    }
    if let Some(address) = given(body, "avatar_url").and_then(Value::as_str) {
        let parsed = url::Url::parse(address).ok();
        if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some()) {
            problems.add("avatar_url", "URL_TYPE_INVALID_URL", "Not a well formed URL.");
        }
    }
    problems.refuse()
}

fn check_embeds(embeds: &[Value], problems: &mut Problems) {
    if embeds.len() > MAX_EMBEDS {
        problems.add("embeds", "BASE_TYPE_MAX_LENGTH", format!("Must be {MAX_EMBEDS} or fewer in length."));
    }
    let mut total = 0;
    let mut count = |path: String, value: &Value, most: usize, problems: &mut Problems| {
        let length = value.as_str().unwrap_or_default().chars().count();
        total += length;
        if length > most {
            problems.add(&path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
        }
    };
    for (at, embed) in embeds.iter().enumerate() {
        let at = format!("embeds.{at}");
        let Value::Object(fields) = embed else {
            problems.add(&at, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
            continue;
        };
        let known = [
            ("title", Kind::Text(usize::MAX)),
            ("type", Kind::Text(usize::MAX)),
            ("description", Kind::Text(usize::MAX)),
            ("url", Kind::Text(2048)),
            ("timestamp", Kind::Text(usize::MAX)),
            ("color", Kind::Number),
            ("footer", Kind::Object),
            ("image", Kind::Object),
            ("thumbnail", Kind::Object),
            ("author", Kind::Object),
            ("fields", Kind::List),
        ];
        check(&at, fields, &known, problems);
        count(format!("{at}.title"), &embed["title"], 256, problems);
        count(format!("{at}.description"), &embed["description"], 4096, problems);
        count(format!("{at}.footer.text"), &embed["footer"]["text"], 2048, problems);
        count(format!("{at}.author.name"), &embed["author"]["name"], 256, problems);
        let fields = list(fields, "fields");
        if fields.len() > 25 {
            problems.add(&format!("{at}.fields"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
        }
        for (index, field) in fields.iter().enumerate() {
            for (key, most) in [("name", 256), ("value", 1024)] {
                if field[key].as_str().is_none_or(str::is_empty) {
                    problems.add(&format!("{at}.fields.{index}.{key}"), "BASE_TYPE_REQUIRED", "This field is required");
                }
                count(format!("{at}.fields.{index}.{key}"), &field[key], most, problems);
            }
        }
    }
    if total > MAX_EMBED_TEXT {
        problems.add(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            format!("Embed size exceeds maximum size of {MAX_EMBED_TEXT}"),
        );
    }
}

fn check_mentions(body: &Map<String, Value>, problems: &mut Problems) {
    let Some(Value::Object(said)) = body.get("allowed_mentions") else { return };
    let at = "allowed_mentions";
    let known = [("parse", Kind::List), ("users", Kind::List), ("roles", Kind::List), ("replied_user", Kind::Flag)];
    check(at, said, &known, problems);
    let parse = list(said, "parse");
    for (index, one) in parse.iter().enumerate() {
        if !["users", "roles", "everyone"].iter().any(|known| one == known) {
            let message = "Value must be one of {'users', 'roles', 'everyone'}.";
            problems.add(&format!("{at}.parse.{index}"), "BASE_TYPE_CHOICES", message);
        }
    }
    for kind in ["users", "roles"] {
        let ids = list(said, kind);
        check_ids(&format!("{at}.{kind}"), &Value::Array(ids.clone()), 100, problems);
        // An empty list counts as none.
        if parse.iter().any(|one| one == kind) && !ids.is_empty() {
            let message = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
            problems.add(at, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message);
        }
    }
}

fn check_attachments(attachments: &[Value], problems: &mut Problems) {
    for (at, attachment) in attachments.iter().enumerate() {
        let at = format!("attachments.{at}");
        let Value::Object(fields) = attachment else {
            problems.add(&at, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
            continue;
        };
        let known = [
            ("id", Kind::NumberOrText(20)),
            ("filename", Kind::Text(1024)),
            ("title", Kind::Text(1024)),
            ("description", Kind::Text(1024)),
            ("duration_secs", Kind::Decimal),
            ("waveform", Kind::Text(400)),
        ];
        check(&at, fields, &known, problems);
        if given(fields, "id").is_none() {
            problems.add(&format!("{at}.id"), "BASE_TYPE_REQUIRED", "This field is required");
        }
    }
}

/// Whether a form says nothing at all.
pub(crate) fn is_empty(body: &Map<String, Value>, files: usize) -> bool {
    let lists = ["embeds", "components", "sticker_ids"];
    text(body, "content").trim().is_empty()
        && lists.iter().all(|key| list(body, key).is_empty())
        && given(body, "poll").is_none()
        && files == 0
}

/// What is wrong with a form although Discord takes it.
pub(crate) fn doubts(body: &Map<String, Value>, known_flags: u64) -> Vec<String> {
    let mut doubts = Vec::new();
    let units = text(body, "content").encode_utf16().count();
    if units > MAX_CONTENT {
        doubts.push(format!("the content has {units} UTF-16 units: whether Discord counts those is not proven"));
    }
    let flags = given(body, "flags").and_then(Value::as_u64).unwrap_or_default();
    if flags & !known_flags != 0 {
        doubts.push(format!("the flags {flags} hold some that this call does not set"));
    }
    doubts
}
