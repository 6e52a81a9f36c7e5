//! What came in the body of a call: Express' parsers for JSON and forms.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::port::Hangup;

/// The longest body, in bytes.
pub(crate) const BODY_LIMIT: usize = 50 * 1024 * 1024;

/// A longer string of a body is not kept in the record.
const KEPT_STRING: usize = 256 * 1024;

/// What a call gave.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// `req.body`: `None` where no parser took it.
    pub(crate) body: Option<Value>,
    /// `req.query`.
    pub(crate) query: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A field of the body.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.body.as_ref()?.get(key)
    }

    /// A field that is there and true for JavaScript: not empty, not zero, not null, not false.
    pub(crate) fn truthy(&self, key: &str) -> Option<&Value> {
        self.get(key).filter(|value| is_truthy(value))
    }

    /// The same as the string that JavaScript makes of it.
    pub(crate) fn string(&self, key: &str) -> Option<String> {
        self.truthy(key).map(to_string)
    }

    /// A field of the body, else of the query.
    pub(crate) fn anywhere(&self, key: &str) -> Option<String> {
        self.string(key).or_else(|| self.query(key).filter(|value| !value.is_empty()).map(str::to_owned))
    }
}

/// What JavaScript takes for true.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// What `String(value)` gives.
pub(crate) fn to_string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(to_string).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_string(),
    }
}

/// Reads the body whole. `Err` inside: the parser refuses it.
pub(crate) async fn read(head: &Parts, mut body: Incoming) -> Result<Result<(Form, u64), Refusal>, Hangup> {
    let query = head.uri.query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let said = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut too_large = said.is_some_and(|length| length > BODY_LIMIT as u64);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Hangup)?;
        if let Some(chunk) = frame.data_ref() {
            too_large |= bytes.len() + chunk.len() > BODY_LIMIT;
            // What is too much is read all the same, so that the client reads our answer instead of a reset.
            if !too_large {
                bytes.extend_from_slice(chunk);
            }
        }
    }
    if too_large {
        let said = "PayloadTooLargeError: request entity too large".to_owned();
        return Ok(Err(Refusal::Html(StatusCode::PAYLOAD_TOO_LARGE, said)));
    }
    let length = bytes.len() as u64;
    Ok(parse(&head.headers, &bytes).map(|body| (Form { body, query }, length)))
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<Value>, Refusal> {
    let mime = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if bytes.is_empty() {
        return Ok(None);
    }
    match mime.as_str() {
        "application/json" => {
            if let Ok(body @ (Value::Object(_) | Value::Array(_))) = serde_json::from_slice(bytes) {
                return Ok(Some(body));
            }
            let said = "SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)";
            Err(Refusal::Html(StatusCode::BAD_REQUEST, said.to_owned()))
        }
        "application/x-www-form-urlencoded" => {
            let fields = url::form_urlencoded::parse(bytes);
            let fields: Map<String, Value> = fields.map(|(k, v)| (k.into_owned(), Value::String(v.into()))).collect();
            Ok(Some(Value::Object(fields)))
        }
        _ => Ok(None),
    }
}

/// The body for the record: long strings are cut, so that a large file does not stay in memory.
pub(crate) fn kept(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > KEPT_STRING => {
            let start: String = text.chars().take(64).collect();
            Value::String(format!("{start}… ({} bytes)", text.len()))
        }
        Value::Array(values) => values.iter().map(kept).collect(),
        Value::Object(fields) => Value::Object(fields.iter().map(|(key, value)| (key.clone(), kept(value))).collect()),
        other => other.clone(),
    }
}
