//! What came in the body of a call: JSON, or a form with files, which go to disk.

use std::io;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::{BodyDataStream, BodyExt};
use hyper::body::Incoming;
use multer::{Field, Multipart};
use serde_json::{Map, Value};

use super::super::file::Upload;
use super::super::inside::Inside;
use super::super::refusal::Refusal;
use super::super::route::Route;
use crate::port::Hangup;
use crate::written::Writing;

/// What a call gave.
#[derive(Default)]
pub(crate) struct Given {
    /// `None`: there was no body.
    pub(crate) json: Option<Map<String, Value>>,
    pub(crate) files: Vec<Upload>,
    /// In bytes: what the head says, else what came.
    pub(crate) length: u64,
}

impl Inside {
    /// Reads the body whole. `Err` inside: Discord refuses it.
    pub(crate) async fn read(
        &self,
        route: Route,
        head: &Parts,
        mut body: Incoming,
    ) -> Result<Result<Given, Refusal>, Hangup> {
        let mime = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let said = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let length = said.unwrap_or_default();
        let mut given = if let Ok(boundary) = multer::parse_boundary(mime) {
            let mut form = Multipart::new(BodyDataStream::new(body), boundary);
            let given = self.read_form(&mut form, route, length).await;
            if given.is_err() {
                // What is left is read, so that the client reads our answer instead of a reset.
                while let Ok(Some(_)) = form.next_field().await {}
            }
            given
        } else {
            let mut bytes = Vec::new();
            while let Some(frame) = body.frame().await {
                if let Some(chunk) = frame.map_err(|_| Hangup)?.data_ref() {
                    bytes.extend_from_slice(chunk);
                }
            }
            parse(mime, &bytes)
        };
        if let Ok(given) = &mut given {
            given.length = given.length.max(length);
        }
        Ok(given)
    }

    async fn read_form(&self, form: &mut Multipart<'_>, route: Route, length: u64) -> Result<Given, Refusal> {
        if length > self.script.max_request_size {
            return Err(Refusal::too_large());
        }
        let mut given = Given::default();
        let mut received = 0;
        while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            let number = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']')?.parse::<u64>().ok());
            match number {
                _ if name == "payload_json" => {
                    let text = field.text().await.map_err(|error| broken(&error))?;
                    let Ok(Value::Object(json)) = serde_json::from_str(&text) else {
                        return Err(Refusal::invalid_json());
                    };
                    given.json = Some(json);
                }
                Some(number) if route.takes_files() => {
                    if given.files.iter().any(|file| file.number == number) {
                        return Err(Refusal::invalid_field(&name, "DUPLICATE_PART", "This part was given twice."));
                    }
                    let file = self.store(field, number).await?;
                    received += file.bytes.size;
                    given.files.push(file);
                }
                _ => return Err(Refusal::invalid_field(&name, "UNKNOWN_PART", "This part is not known.")),
            }
            if received > self.script.max_request_size {
                return Err(Refusal::too_large());
            }
        }
        given.length = received;
        Ok(given)
    }

    async fn store(&self, mut field: Field<'_>, number: u64) -> Result<Upload, Refusal> {
        let disk = |error: io::Error| {
            Refusal::Html(
                http::StatusCode::INTERNAL_SERVER_ERROR,
                format!("the fake could not store the file: {error}"),
            )
        };
        let Some(name) = field.file_name().map(str::to_owned) else {
            let part = format!("files[{number}]");
            return Err(Refusal::invalid_field(&part, "BASE_TYPE_REQUIRED", "This part needs a filename."));
        };
        let mime = field.content_type().map_or("application/octet-stream", |mime| mime.as_ref()).to_owned();
        let mut writing = Writing::at(&self.new_path()).await.map_err(disk)?;
        while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
            writing.write(&chunk).await.map_err(disk)?;
            if writing.size > self.script.max_file_size {
                return Err(Refusal::too_large());
            }
        }
        Ok(Upload { number, name, mime, bytes: writing.done().await.map_err(disk)? })
    }
}

fn broken(error: &multer::Error) -> Refusal {
    Refusal::invalid_field("multipart", "INVALID_MULTIPART", &error.to_string())
}

fn parse(mime: &str, bytes: &[u8]) -> Result<Given, Refusal> {
    if bytes.is_empty() {
        return Ok(Given::default());
    }
    if mime.split(';').next().unwrap_or_default().trim() != "application/json" {
        let said = "Expected \"Content-Type\" header to be one of {'application/json'}.";
        return Err(Refusal::invalid_field("_misc", "CONTENT_TYPE_INVALID", said));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(json)) => Ok(Given { json: Some(json), length: bytes.len() as u64, files: Vec::new() }),
        Ok(_) => {
            Err(Refusal::invalid_field("_misc", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"))
        }
        Err(_) => Err(Refusal::invalid_json()),
    }
}
