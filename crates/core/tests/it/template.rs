//! Templates by example and by law.

use std::borrow::Cow;

use proptest::prelude::*;
use tieline_core::template::{Field, Template};

fn filled(source: &str) -> String {
    Template::parse(source).unwrap().fill(|field| match field {
        Field::User => Cow::Borrowed("{msg}"),
        Field::Msg => Cow::Borrowed("hi"),
        _ => Cow::Borrowed(""),
    })
}

#[track_caller]
fn wrong(source: &str, part: &str, message: &str, help: &str) {
    let error = Template::parse(source).unwrap_err();
    assert_eq!((&source[error.span.clone()], error.message.as_str()), (part, message));
    assert!(error.help.contains(help), "{}", error.help);
}

#[test]
fn values_are_put_in_once() {
    assert_eq!(filled("[{user}] {msg}"), "[{msg}] hi");
    assert_eq!(filled("{{user}} {{{msg}}}"), "{user} {hi}");
    assert_eq!(filled("{room|nowhere} {msg|silence} {time}"), "nowhere hi ");
    assert_eq!(filled(""), "");
}

#[test]
fn an_error_points_at_what_is_wrong() {
    wrong("ä {usr}: {msg}", "usr", "unknown name `{usr}` in a template", "`{user}`");
    wrong("{msg} {colour}", "colour", "unknown name `{colour}` in a template", "known names: user, nickname");
    wrong("a } b", "}", "a `}` without its `{`", "`}}`");
    wrong("a {user", "{", "a `{` without its `}`", "`{{`");
    wrong("a {user {msg}", "{", "a `{` without its `}`", "`{{`");
    wrong("{}", "", "unknown name `{}` in a template", "known names");
    wrong("{ user }", " user ", "unknown name `{ user }` in a template", "`{user}`");
}

#[test]
fn a_template_knows_whether_it_names_the_author() {
    let names_author = |source| Template::parse(source).unwrap().names_author();
    assert!(names_author("{nickname}: {msg}") && names_author("{user_id}"));
    assert!(!names_author("{msg} {user_avatar} {{user}}"));
}

#[test]
fn a_template_is_stored_as_it_was_written() {
    let template = Template::parse("{{{user|x}: {msg}").unwrap();
    let json = serde_json::to_string(&template).unwrap();
    assert_eq!(json, r#""{{{user|x}: {msg}""#);
    assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), template);
    assert!(serde_json::from_str::<Template>(r#""{nobody}""#).is_err());
}

#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    Field(&'static str),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let names = Field::ALL.map(|(name, _)| name).to_vec();
    let piece =
        prop_oneof!["[ -~äß€\n]{0,6}".prop_map(Piece::Literal), prop::sample::select(names).prop_map(Piece::Field)];
    prop::collection::vec(piece, 0..8)
}

proptest! {
    #[test]
    fn the_output_is_literals_and_values(pieces in pieces(), value in "[{}a-z]{0,9}") {
        let source: String = pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.replace('{', "{{").replace('}', "}}"),
            Piece::Field(name) => format!("{{{name}}}"),
        }).collect();
        let expected: String = pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Field(_) => &value,
        }).collect();
        let template = Template::parse(&source).unwrap();
        prop_assert_eq!(template.fill(|_| Cow::Borrowed(&value)), expected);
        prop_assert_eq!(template.source(), source);
    }

    #[test]
    fn any_text_is_a_template_or_an_error_with_a_place(source in "[{}|a-z ä]{0,20}|\\PC*") {
        match Template::parse(&source) {
            Ok(template) => prop_assert_eq!(template.source(), source),
            Err(error) => prop_assert!(source.get(error.span.clone()).is_some(), "{error:?}"),
        }
    }
}
