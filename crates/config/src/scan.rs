//! Reads JSON and remembers where everything stood.
//!
//! It accepts exactly what `serde_json` accepts (a property test holds it to that) and decodes texts and numbers with it.
//! What it adds is the [`Outline`], the keys that were given twice, and errors that name the usual slips.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Value};
use tieline_core::problem::Step;

use crate::outline::{Inside, Member, Outline};

/// How deep values may be nested; `serde_json` has the same limit.
const DEPTH: usize = 127;

/// A JSON text that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scanned {
    /// The value. Of a repeated key the last one counts.
    pub(crate) value: Value,
    /// Where everything stands.
    pub(crate) outline: Outline,
    /// Every key that repeats an earlier one of its object.
    pub(crate) repeats: Vec<Repeat>,
}

/// A key that was given before in the same object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// The path of the key.
    pub(crate) path: Vec<Step>,
    /// Where it was first.
    pub(crate) first: Range<usize>,
    /// Where it is again.
    pub(crate) again: Range<usize>,
}

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// The bytes of the text that are wrong; empty where something is missing.
    pub(crate) span: Range<usize>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
}

/// Reads the JSON that begins at byte `start` of a text and fills the rest of it.
pub(crate) fn scan(text: &str, start: usize) -> Result<Scanned, SyntaxError> {
    let mut scanner = Scanner { text, at: start, path: Vec::new(), repeats: Vec::new() };
    if text[start..].starts_with('\u{feff}') {
        return Err(error(start..start + 3, "the text begins with a byte order mark", "save it as UTF-8 without BOM"));
    }
    scanner.skip_space();
    if scanner.peek().is_none() {
        return Err(error(start..text.len(), "there is nothing here", "the smallest JSON object is `{}`"));
    }
    let (value, outline) = scanner.value(DEPTH)?;
    scanner.skip_space();
    if scanner.peek().is_some() {
        let span = scanner.here();
        return Err(scanner.slip(span, "something follows after the end of the JSON value"));
    }
    Ok(Scanned { value, outline, repeats: scanner.repeats })
}

fn error(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> SyntaxError {
    SyntaxError { span, message: message.into(), help: Some(help.into()) }
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    path: Vec<Step>,
    repeats: Vec<Repeat>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The character that comes next.
    fn here(&self) -> Range<usize> {
        self.at..self.at + self.text[self.at..].chars().next().map_or(0, char::len_utf8)
    }

    fn value(&mut self, depth: usize) -> Result<(Value, Outline), SyntaxError> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => {
                let (text, span) = self.string()?;
                Ok((Value::String(text), Outline { span, inside: Inside::Nothing }))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<(Value, Outline), SyntaxError> {
        for (word, value) in [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)] {
            if self.text[self.at..].starts_with(word) {
                let span = self.at..self.at + word.len();
                self.at = span.end;
                return Ok((value, Outline { span, inside: Inside::Nothing }));
            }
        }
        let span = self.here();
        Err(self.slip(span, "a value is expected here"))
    }

    fn number(&mut self) -> Result<(Value, Outline), SyntaxError> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| !matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
        let span = self.at..self.at + length.unwrap_or(rest.len());
        let Ok(value) = serde_json::from_str::<Value>(&self.text[span.clone()]) else {
            return Err(error(span, "this is no number that JSON knows", "write it like `42`, `-1` or `0.5`"));
        };
        self.at = span.end;
        Ok((value, Outline { span, inside: Inside::Nothing }))
    }

    /// A text and where it stands, with the quotes.
    fn string(&mut self) -> Result<(String, Range<usize>), SyntaxError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                None | Some(b'\n' | b'\r') => {
                    let end = end.min(bytes.len());
                    let help = "a text ends on the line it begins; a line break in it is written `\\n`";
                    return Err(error(start..end, "the closing quote is missing", help));
                }
                Some(_) => end += 1,
            }
        }
        let span = start..end + 1;
        match serde_json::from_str(&self.text[span.clone()]) {
            Ok(text) => {
                self.at = span.end;
                Ok((text, span))
            }
            Err(_) => Err(error(
                span,
                "a character or an escape in this text is not allowed in JSON",
                "known escapes: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000; a tab is written \\t, a backslash twice",
            )),
        }
    }

    fn list(&mut self, depth: usize) -> Result<(Value, Outline), SyntaxError> {
        let start = self.open(depth)?;
        let (mut values, mut items) = (Vec::new(), Vec::new());
        while self.more(start, b']', values.is_empty())? {
            self.path.push(Step::Index(values.len()));
            let (value, outline) = self.value(depth - 1)?;
            self.path.pop();
            values.push(value);
            items.push(outline);
        }
        Ok((Value::Array(values), Outline { span: start..self.at, inside: Inside::Items(items) }))
    }

    fn object(&mut self, depth: usize) -> Result<(Value, Outline), SyntaxError> {
        let start = self.open(depth)?;
        let (mut object, mut members) = (Map::new(), Vec::<Member>::new());
        let mut first_at: HashMap<String, Range<usize>> = HashMap::new();
        while self.more(start, b'}', members.is_empty())? {
            if self.peek() != Some(b'"') {
                let span = self.here();
                return Err(self.slip(span, "a key in double quotes is expected here"));
            }
            let (name, key) = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(error(key, "a `:` and a value must follow after a key", "write `\"key\": value`"));
            }
            self.at += 1;
            self.skip_space();
            self.path.push(Step::Key(name.clone()));
            match first_at.get(&name) {
                Some(first) => {
                    let repeat = Repeat { path: self.path.clone(), first: first.clone(), again: key.clone() };
                    self.repeats.push(repeat);
                }
                None => {
                    first_at.insert(name.clone(), key.clone());
                }
            }
            let (value, outline) = self.value(depth - 1)?;
            self.path.pop();
            object.insert(name.clone(), value);
            members.push(Member { name, key, value: outline });
        }
        Ok((Value::Object(object), Outline { span: start..self.at, inside: Inside::Members(members) }))
    }

    /// Passes the opening bracket and returns where it was.
    fn open(&mut self, depth: usize) -> Result<usize, SyntaxError> {
        if depth == 0 {
            return Err(error(self.here(), "this is nested too deeply", "values may be nested 127 deep"));
        }
        self.at += 1;
        Ok(self.at - 1)
    }

    /// Goes to the next item and says whether there is one; if not, passes the closing bracket.
    fn more(&mut self, open: usize, close: u8, first: bool) -> Result<bool, SyntaxError> {
        let after = self.at;
        self.skip_space();
        let comma = self.at;
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            None => return Err(self.unclosed(open, close)),
            Some(_) if first => return Ok(true),
            Some(b',') => self.at += 1,
            Some(b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                return Err(error(after..after, "a comma is missing here", "separate the entries with `,`"));
            }
            Some(_) => {
                let span = self.here();
                let message = format!("`,` or `{}` is expected here", char::from(close));
                return Err(self.slip(span, &message));
            }
        }
        self.skip_space();
        match self.peek() {
            Some(byte) if byte == close => {
                let message = format!("a comma before `{}`", char::from(close));
                Err(error(comma..comma + 1, message, "remove it: JSON has no comma after the last entry"))
            }
            None => Err(self.unclosed(open, close)),
            Some(_) => Ok(true),
        }
    }

    fn unclosed(&self, open: usize, close: u8) -> SyntaxError {
        let bracket = char::from(self.text.as_bytes()[open]);
        let message = format!("the text ends before this `{bracket}` is closed");
        error(open..open + 1, message, format!("a `{}` is missing", char::from(close)))
    }

    /// An error with what people usually mean by what stands there.
    fn slip(&self, span: Range<usize>, message: &str) -> SyntaxError {
        let rest = &self.text[span.start..];
        let help = if rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('#') {
            Some("JSON has no comments; remove it")
        } else if rest.starts_with(['\'', '“', '”', '„']) {
            Some("JSON texts stand in double quotes: \"…\"")
        } else if self.text[..span.start].ends_with('"') {
            Some("is a double quote missing before, or one within a text not written `\\\"`?")
        } else if rest.starts_with(|c: char| c.is_alphabetic()) {
            Some("keys and texts stand in double quotes: \"…\"; the bare words are `true`, `false` and `null`")
        } else {
            None
        };
        SyntaxError { span, message: message.to_owned(), help: help.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slices_back(text: &str, value: &Value, outline: &Outline) {
        assert_eq!(&serde_json::from_str::<Value>(&text[outline.span.clone()]).unwrap(), value);
        match (&outline.inside, value) {
            (Inside::Items(items), Value::Array(values)) => {
                assert_eq!(items.len(), values.len());
                items.iter().zip(values).for_each(|(item, value)| slices_back(text, value, item));
            }
            (Inside::Members(members), Value::Object(object)) => {
                for member in members {
                    let key: String = serde_json::from_str(&text[member.key.clone()]).unwrap();
                    assert_eq!(key, member.name);
                    let found = outline.find(&[Step::Key(key)]).unwrap();
                    slices_back(text, &object[&member.name], found.value);
                }
            }
            (Inside::Nothing, value) => assert!(!value.is_array() && !value.is_object()),
            other => panic!("{other:?}"),
        }
    }

    fn agrees_with_serde_json(text: &str) {
        match (scan(text, 0), serde_json::from_str::<Value>(text)) {
            (Ok(scanned), Ok(value)) => {
                assert_eq!(scanned.value, value, "{text}");
                slices_back(text, &value, &scanned.outline);
            }
            (Err(error), Err(_)) => {
                assert!(text.is_char_boundary(error.span.start) && text.is_char_boundary(error.span.end), "{text}");
            }
            (ours, theirs) => panic!("{text:?}: ours {ours:?}, theirs {theirs:?}"),
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_json_value_is_read_and_its_spans_slice_back(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            agrees_with_serde_json(&text.unwrap());
        }

        #[test]
        fn damaged_json_is_refused_exactly_where_serde_json_refuses(value in json(), at: prop::sample::Index, c: char) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = boundaries[at.index(boundaries.len())];
            agrees_with_serde_json(&text[..at]);
            agrees_with_serde_json(&format!("{}{c}{}", &text[..at], &text[at..]));
            let after = at + text[at..].chars().next().unwrap().len_utf8();
            agrees_with_serde_json(&format!("{}{}", &text[..at], &text[after..]));
        }

        #[test]
        fn any_soup_of_json_signs_is_judged_alike(text in r#"[\[\]{}",:\\ \n0-9.eE+tnul/u-]{0,24}"#) {
            agrees_with_serde_json(&text);
        }
    }

    #[test]
    fn the_corners_of_json_are_judged_alike() {
        for text in [
            "",
            " ",
            "-0",
            "01",
            "1.",
            "1e400",
            "-",
            "1e5",
            "\"\\ud83d\"",
            "\"\\ud83d\\ude00\"",
            "\"\\x\"",
            "\"\\",
            "\"\t\"",
            "\u{feff}{}",
            "truex",
            "nul",
            "[1,]",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{,}",
            "[,]",
            "18446744073709551616",
        ] {
            agrees_with_serde_json(text);
        }
        for depth in 120..135 {
            agrees_with_serde_json(&("[".repeat(depth) + &"]".repeat(depth)));
        }
    }

    #[test]
    fn repeated_keys_are_found_at_every_depth_and_the_last_one_counts() {
        let text = r#"{"a": {"x": 1, "y": 2, "x": 3}, "a": 4}"#;
        let scanned = scan(text, 0).unwrap();
        let again: Vec<_> =
            scanned.repeats.iter().map(|repeat| (&text[repeat.first.clone()], repeat.again.start)).collect();
        assert_eq!(again, [("\"x\"", 23), ("\"a\"", 32)]);
        assert_eq!(scanned.repeats[0].path, [Step::Key("a".into()), Step::Key("x".into())]);
        assert_eq!(scanned.value, serde_json::json!({"a": 4}));
    }

    #[test]
    fn usual_slips_are_named() {
        for (text, message) in [
            ("{\"a\": 1,}", "a comma before `}`"),
            ("{\"a\": 1 \"b\": 2}", "a comma is missing here"),
            ("{\"a\": [1, 2}", "`,` or `]` is expected here"),
            ("{\"a\": \"x\n}", "the closing quote is missing"),
            ("{\"a\": 1", "the text ends before this `{` is closed"),
            ("{a: 1}", "a key in double quotes is expected here"),
            ("{} {}", "something follows after the end of the JSON value"),
        ] {
            assert_eq!(scan(text, 0).unwrap_err().message, message, "{text}");
        }
        assert_eq!(scan("{\n// x\n}", 0).unwrap_err().help.as_deref(), Some("JSON has no comments; remove it"));
    }
}
