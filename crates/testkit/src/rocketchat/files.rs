//! Files: uploads go to disk as they come, downloads stream from there.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use multer::{Field, Multipart};
use serde_json::{Map, Value, json};

use super::inside::Inside;
use super::message::{FakeFile, FakeMessage, THUMBNAIL};
use super::posting::Draft;
use super::refusal::Refusal;
use super::rest::check_impersonation;
use super::shape::text;
use super::state::{Account, State, Upload};
use crate::port::{Answer, bytes_body, file_body};
use crate::written::{Writing, Written};

/// Where a client puts the caption of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caption<'c> {
    /// Into the text of the message.
    Text(&'c str),
    /// Into the `description` of the file's attachment.
    Description(&'c str),
}

/// What an upload brought.
struct Parsed {
    file: FakeFile,
    fields: Map<String, Value>,
}

impl Inside {
    /// `rooms.media/{rid}`: a file that waits for its confirmation. Other fields are ignored.
    pub(crate) async fn media(&self, caller: &Account, head: &Parts, body: Incoming) -> Result<Value, Refusal> {
        let room = segment(head, 0)?;
        let parsed = self.receive(head, body).await?;
        may_upload(&self.state(), room, caller)?;
        let link = parsed.file.link();
        let id = parsed.file.id.clone();
        self.keep(parsed.file, room, caller, false);
        Ok(json!({ "file": { "_id": id, "url": link }, "success": true }))
    }

    /// `rooms.mediaConfirm/{rid}/{fileId}`: the file becomes a message.
    pub(crate) fn media_confirm(
        self: &Arc<Self>,
        caller: &Account,
        head: &Parts,
        body: &Value,
    ) -> Result<Value, Refusal> {
        const KEYS: [&str; 11] = [
            "msg",
            "tmid",
            "alias",
            "avatar",
            "emoji",
            "groupable",
            "description",
            "fileName",
            "customFields",
            "t",
            "content",
        ];
        let (room, id) = (segment(head, 0)?, segment(head, 1)?);
        let Some(fields) = body.as_object() else { return Err(mismatch()) };
        if fields.iter().any(|(key, value)| !(KEYS.contains(&key.as_str()) || key == "fileContent") || value.is_null())
        {
            return Err(mismatch());
        }
        if fields
            .iter()
            .any(|(key, value)| matches!(key.as_str(), "msg" | "tmid" | "customFields") && !value.is_string())
        {
            return Err(mismatch());
        }
        check_impersonation(caller, fields)?;
        let mut file = {
            let state = self.state();
            may_upload(&state, room, caller)?;
            let upload = state
                .uploads
                .get(id)
                .filter(|upload| !upload.confirmed && upload.room == room && upload.user == caller.id);
            upload.ok_or_else(|| Refusal::meteor("invalid-file", "Invalid file"))?.file.clone()
        };
        if let Some(name) = text(fields, "fileName") {
            name.clone_into(&mut file.name);
        }
        text(fields, "description").unwrap_or_default().clone_into(&mut file.description);
        let owned = |key: &str| text(fields, key).filter(|value| !value.is_empty()).map(str::to_owned);
        let message = self.post(Draft {
            room: room.to_owned(),
            author: caller.id.clone(),
            text: owned("msg").unwrap_or_default(),
            alias: owned("alias"),
            avatar: owned("avatar"),
            emoji: owned("emoji"),
            tmid: owned("tmid"),
            files: vec![file],
            quotes: true,
            ..Draft::default()
        })?;
        if let Some(upload) = self.state().uploads.get_mut(id) {
            upload.confirmed = true;
        }
        Ok(json!({ "message": message.to_json(), "success": true }))
    }

    /// `rooms.upload/{rid}`, before 8.0: file and message in one.
    pub(crate) async fn upload(
        self: &Arc<Self>,
        caller: &Account,
        head: &Parts,
        body: Incoming,
    ) -> Result<Value, Refusal> {
        let room = segment(head, 0)?;
        let parsed = self.receive(head, body).await?;
        may_upload(&self.state(), room, caller)?;
        self.keep(parsed.file.clone(), room, caller, true);
        let message = self.post(Draft {
            room: room.to_owned(),
            author: caller.id.clone(),
            text: text(&parsed.fields, "msg").unwrap_or_default().to_owned(),
            tmid: text(&parsed.fields, "tmid").map(str::to_owned),
            files: vec![parsed.file],
            quotes: true,
            ..Draft::default()
        })?;
        Ok(json!({ "message": message.to_json(), "success": true }))
    }

    /// A file that a person puts into a room.
    pub(crate) fn person_file(
        self: &Arc<Self>,
        user: &str,
        room: &str,
        name: &str,
        mime: &str,
        bytes: &[u8],
        caption: Caption<'_>,
    ) -> Result<FakeMessage, Refusal> {
        let id = self.state().new_id("F");
        let path = self.files.path().join(&id);
        let Written { path, size, sha256 } =
            Written::keep(path, bytes).map_err(|error| Refusal::plain(&error.to_string()))?;
        let (text, description) = match caption {
            Caption::Text(text) => (text, ""),
            Caption::Description(description) => ("", description),
        };
        let file = FakeFile {
            id,
            description: description.to_owned(),
            name: name.to_owned(),
            mime: mime.to_owned(),
            size,
            sha256,
            path,
        };
        let author = self.state().account(user).cloned().ok_or_else(Refusal::unauthorized)?;
        self.keep(file.clone(), room, &author, true);
        let draft = Draft {
            room: room.to_owned(),
            author: author.id,
            text: text.to_owned(),
            files: vec![file],
            quotes: true,
            ..Draft::default()
        };
        self.post(draft)
    }

    fn keep(&self, file: FakeFile, room: &str, user: &Account, confirmed: bool) {
        let upload = Upload { room: room.to_owned(), user: user.id.clone(), confirmed, file };
        self.state().uploads.insert(upload.file.id.clone(), upload);
        self.changed();
    }

    /// Reads a multipart body: one file part named `file`, its bytes to disk.
    async fn receive(&self, head: &Parts, body: Incoming) -> Result<Parsed, Refusal> {
        let boundary = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| multer::parse_boundary(value).ok())
            .ok_or_else(|| Refusal::meteor("error-invalid-body", "Missing multipart boundary"))?;
        let mut parts = Multipart::new(BodyDataStream::new(body), boundary);
        let received = self.receive_parts(&mut parts).await;
        if received.is_err() {
            // What is left is read, so that the client reads our answer instead of a reset.
            while let Ok(Some(_)) = parts.next_field().await {}
        }
        received
    }

    async fn receive_parts(&self, parts: &mut Multipart<'_>) -> Result<Parsed, Refusal> {
        let broken = |error: &multer::Error| Refusal::meteor("error-invalid-body", &error.to_string());
        let mut file = None;
        let mut fields = Map::new();
        while let Some(field) = parts.next_field().await.map_err(|error| broken(&error))? {
            if field.file_name().is_none() {
                let name = field.name().unwrap_or_default().to_owned();
                fields.insert(name, Value::String(field.text().await.map_err(|error| broken(&error))?));
            } else if field.name() != Some("file") {
                return Err(Refusal::meteor("invalid-field", "invalid-field"));
            } else if file.is_some() {
                return Err(Refusal::meteor("error-too-many-files", "Just 1 file is allowed"));
            } else {
                file = Some(self.store(field).await?);
            }
        }
        let file = file.ok_or_else(|| Refusal::meteor("error-no-file", "No file was uploaded"))?;
        Ok(Parsed { file, fields })
    }

    async fn store(&self, mut field: Field<'_>) -> Result<FakeFile, Refusal> {
        let disk = |error: io::Error| Refusal::plain(&format!("the fake could not store the file: {error}"));
        let name = field.file_name().unwrap_or_default().to_owned();
        let mime = field.content_type().map_or("application/octet-stream", |mime| mime.as_ref()).to_owned();
        if self.script.refused_media_types.contains(&mime) {
            return Err(Refusal::meteor("error-invalid-file-type", "File type is not accepted"));
        }
        let id = self.state().new_id("F");
        let path = self.files.path().join(&id);
        let mut writing = Writing::at(&path).await.map_err(disk)?;
        loop {
            let chunk: Option<Bytes> =
                field.chunk().await.map_err(|error| Refusal::meteor("error-invalid-body", &error.to_string()))?;
            let Some(chunk) = chunk else { break };
            writing.write(&chunk).await.map_err(disk)?;
            if writing.size > self.script.max_file_size {
                return Err(Refusal::meteor("error-file-too-large", "File size exceeds the allowed limit"));
            }
        }
        let Written { path, size, sha256 } = writing.done().await.map_err(disk)?;
        Ok(FakeFile { description: String::new(), id, name, mime, size, sha256, path })
    }

    /// `/file-upload/{fileId}/{name}`.
    pub(crate) async fn download(&self, head: &Parts) -> Result<Answer, Refusal> {
        let mut segments = head.uri.path().trim_start_matches("/file-upload/").split('/');
        let id = segments.next().unwrap_or_default();
        let (upload, thumbnail) = {
            let state = self.state();
            let upload = state.upload(id).cloned().ok_or_else(|| Refusal::empty(StatusCode::NOT_FOUND))?;
            let reader = reader(&state, head).map(|account| account.id.clone());
            let member = reader.is_some_and(|reader| state.room(&upload.room).is_some_and(|room| room.has(&reader)));
            if !member {
                return Err(Refusal::empty(StatusCode::FORBIDDEN));
            }
            let thumbnail = id != upload.file.id;
            (upload, thumbnail)
        };
        if let Some(storage) = &self.storage {
            let location = format!("{storage}/bucket/{id}?X-Amz-Signature=signed");
            let mut answer = Response::new(bytes_body(Bytes::new()));
            *answer.status_mut() = StatusCode::FOUND;
            if let Ok(location) = HeaderValue::from_str(&location) {
                answer.headers_mut().insert(header::LOCATION, location);
            }
            return Ok(answer);
        }
        file_answer(&upload.file, thumbnail).await
    }
}

/// The bytes of a file, or of its thumbnail.
pub(crate) async fn file_answer(file: &FakeFile, thumbnail: bool) -> Result<Answer, Refusal> {
    let gone = |_: io::Error| Refusal::empty(StatusCode::NOT_FOUND);
    let (body, length) = if thumbnail {
        (bytes_body(THUMBNAIL), THUMBNAIL.len() as u64)
    } else {
        (file_body(&file.path).await.map_err(gone)?, file.size)
    };
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(mime) = HeaderValue::from_str(&file.mime) {
        answer.headers_mut().insert(header::CONTENT_TYPE, mime);
    }
    Ok(answer)
}

/// Who asks for a file: by query or cookie, which win over the headers.
fn reader<'a>(state: &'a State, head: &Parts) -> Option<&'a Account> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = |name: &str| {
        let query = head.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let cookies = header("cookie").unwrap_or_default();
    let cookie = |name: &str| {
        cookies.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    };
    let user = query("rc_uid").or_else(|| cookie("rc_uid")).or_else(|| header("x-user-id"))?;
    let token = query("rc_token").or_else(|| cookie("rc_token")).or_else(|| header("x-auth-token"))?;
    state.caller(&user, &token)
}

fn may_upload(state: &State, room: &str, caller: &Account) -> Result<(), Refusal> {
    match state.room(room) {
        Some(room) if room.readable_by(&caller.id) => Ok(()),
        _ => Err(Refusal::json(StatusCode::FORBIDDEN, json!({ "success": false, "error": "unauthorized" }))),
    }
}

/// A segment of the path after the call's name.
fn segment(head: &Parts, index: usize) -> Result<&str, Refusal> {
    let call = head.uri.path().trim_start_matches("/api/v1/");
    call.split('/').nth(index + 1).filter(|segment| !segment.is_empty()).ok_or_else(Refusal::unknown_route)
}

fn mismatch() -> Refusal {
    Refusal::plain("Match failed [400]")
}
