//! Replacements in formatted text.

use proptest::prelude::*;
use tieline_core::filter::{Pattern, Replacement};
use tieline_core::markup::{Block, Markup, Mention, Span};

fn replaced(expression: &str, by: &str, markup: &Markup) -> Markup {
    Replacement(Pattern::parse(expression).unwrap(), by.into()).apply_to(markup)
}

fn line(spans: Vec<Span>) -> Markup {
    Markup { blocks: vec![Block::Line(spans)] }
}

fn text(text: &str) -> Span {
    Span::Text(text.into())
}

#[test]
fn formatting_around_a_match_stays() {
    let before = line(vec![text("a cat, "), Span::Bold(vec![text("a cat")]), Span::Code("cat".into())]);
    let after = line(vec![text("a dog, "), Span::Bold(vec![text("a dog")]), Span::Code("dog".into())]);
    assert_eq!(replaced("cat", "dog", &before), after);
}

#[test]
fn nothing_hides_behind_formatting() {
    let before = line(vec![text("password: hun"), Span::Bold(vec![Span::Italic(vec![text("ter")]), text("22")])]);
    assert_eq!(replaced("password: .*", "password: ***", &before), line(vec![text("password: ***")]));
    let before = line(vec![text("ab"), Span::Bold(vec![text("cd")]), text("ef")]);
    assert_eq!(replaced("bcde", "-", &before), line(vec![text("a-"), text("f")]));
}

#[test]
fn anchors_are_the_ends_of_the_line() {
    let before = Markup { blocks: vec![Block::Line(vec![text("a"), text("b")]), Block::Quote(vec![text("c")])] };
    let after = replaced("$", "!", &replaced("^", "> ", &before));
    assert_eq!(after.to_plain(), "> ab!\n> > c!");
    assert_eq!(replaced("^$", "-", &line(Vec::new())), line(vec![text("-")]));
}

#[test]
fn what_is_touched_of_a_mention_becomes_text() {
    let ann = Span::Mention(Mention::User("ann".into()));
    let before = line(vec![text("hi "), ann.clone()]);
    assert_eq!(replaced("ann", "bob", &before), line(vec![text("hi "), text("@bob")]));
    assert_eq!(replaced("^", "> ", &line(vec![ann.clone()])), line(vec![text("> "), ann]));
}

#[test]
fn an_address_behind_a_link_is_replaced_too() {
    let link = |address: &str| Span::Link(address.into(), vec![text("wiki")]);
    let before = line(vec![link("https://intra/wiki")]);
    assert_eq!(replaced("intra", "example.org", &before), line(vec![link("https://example.org/wiki")]));
    assert_eq!(replaced("https://intra.*", "internal", &before), line(vec![text("wiki"), text(" (internal)")]));
    assert_eq!(replaced("https://intra.*", "", &before), line(vec![text("wiki")]));
    let mail = line(vec![link("mailto:a@b")]);
    assert_eq!(replaced("x", "y", &mail), mail);
}

#[test]
fn groups_are_put_in_as_text_and_line_breaks_as_lines() {
    let before = line(vec![Span::Bold(vec![text("a|b")])]);
    let bold = |content: &str| Block::Line(vec![Span::Bold(vec![text(content)])]);
    assert_eq!(replaced(r"(\w)\|(\w)", "$2\n$1", &before), Markup { blocks: vec![bold("b"), bold("a")] });
}

#[test]
fn code_is_replaced_line_by_line() {
    let code = |content: &str| Markup { blocks: vec![Block::Code(Some("sh".into()), content.into())] };
    assert_eq!(replaced("^key=.*$", "key=?", &code("key=1\nrun\nkey=2")), code("key=?\nrun\nkey=?"));
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let leaf = prop_oneof![
        "[ab ]{0,4}".prop_map(Span::Text),
        "[ab]{1,3}".prop_map(Span::Code),
        "[ab]{1,2}".prop_map(|name| Span::Mention(Mention::User(name.into()))),
        "[ab]{1,2}".prop_map(Span::Emoji),
    ];
    let span = leaf.prop_recursive(3, 12, 3, |inner| {
        let inner = prop::collection::vec(inner, 0..3);
        prop_oneof![inner.clone().prop_map(Span::Bold), inner.prop_map(Span::Strike)]
    });
    prop::collection::vec(span, 0..5)
}

proptest! {
    #[test]
    fn formatting_makes_no_difference_to_what_is_read(
        spans in spans(),
        expression in prop::sample::select(&["a", "a+b", "^", "$", ".*", "b.", "@a", "^.", "a*", "(a)|b"][..]),
        by in prop::sample::select(&["", "x", "$1$1", "[$0]"][..]),
    ) {
        let replacement = Replacement(Pattern::parse(expression).unwrap(), by.into());
        let markup = line(spans);
        prop_assert_eq!(replacement.apply_to(&markup).to_plain(), replacement.apply(&markup.to_plain()));
    }
}
