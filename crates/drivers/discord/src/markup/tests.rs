//! The markup both ways: what is read, what is written, and that they agree.

use proptest::prelude::*;
use tieline_core::markup::{Block, Dialect, Markup, Mention, Span};

use super::marks::APART;
use super::parse::parse_with;
use super::reader::spans;
use super::{DiscordDialect, NoNames};

const DIALECT: DiscordDialect = DiscordDialect { everyone: false };

fn t(text: &str) -> Span {
    Span::Text(text.into())
}

fn read(text: &str) -> Vec<Span> {
    spans(text, &NoNames)
}

#[test]
fn marks_are_discords() {
    let bold = |text: &str| Span::Bold(vec![t(text)]);
    let italic = |text: &str| Span::Italic(vec![t(text)]);
    assert_eq!(read("**b** *i* _j_"), [bold("b"), t(" "), italic("i"), t(" "), italic("j")]);
    assert_eq!(
        read("__u__ ~~s~~ ||p||"),
        [Span::Underline(vec![t("u")]), t(" "), Span::Strike(vec![t("s")]), t(" "), Span::Spoiler(vec![t("p")])]
    );
    assert_eq!(read("a*b*c"), [t("a"), italic("b"), t("c")]);
    assert_eq!(read("***x***"), [Span::Italic(vec![bold("x")])]);
    assert_eq!(read("*a **b** c*"), [Span::Italic(vec![t("a "), bold("b"), t(" c")])]);
    for plain in ["a_b_c", "snake_case_name", "2 * 3 * 4", "* a *", "*open", "**", "****", "__", "|x|", "~x~", "`"] {
        assert_eq!(read(plain), [t(plain)], "{plain}");
    }
    assert_eq!(read("\\*a\\* \\_ ¯\\\\\\_(ツ)_/¯"), [t("*a* _ ¯\\_(ツ)_/¯")]);
    assert_eq!(read("**a\\*\\*b**"), [bold("a**b")]);
    assert_eq!(
        read("`*a*` ``b`c`` `\\`"),
        [Span::Code("*a*".into()), t(" "), Span::Code("b`c".into()), t(" "), Span::Code("\\".into())]
    );
    assert_eq!(
        read("[t **b**](https://x.org/a_b) [x](javascript:a) [y](<https://y.org>)"),
        [
            Span::Link("https://x.org/a_b".into(), vec![t("t "), bold("b")]),
            t(" [x](javascript:a) "),
            Span::Link("https://y.org".into(), vec![t("y")]),
        ]
    );
    assert_eq!(read("https://x.org/_a_*b*, *c*"), [t("https://x.org/_a_*b*, "), italic("c")]);
    assert_eq!(read("@everyone <@5>"), [Span::Mention(Mention::Everybody("everyone".into())), t(" @unknown")]);
}

#[test]
fn emphasis_goes_over_lines() {
    let markup = parse_with("**a\nb** c\n\n||x\n\ny||", &NoNames);
    assert_eq!(
        markup.blocks,
        [
            Block::Line(vec![Span::Bold(vec![t("a")])]),
            Block::Line(vec![Span::Bold(vec![t("b")]), t(" c")]),
            Block::Line(vec![]),
            Block::Line(vec![Span::Spoiler(vec![t("x")])]),
            Block::Line(vec![]),
            Block::Line(vec![Span::Spoiler(vec![t("y")])]),
        ]
    );
}

#[test]
fn lines_and_blocks_are_told_apart() {
    let text =
        "# h\n#no\n####no\n-# small\n> q\n>no\n- i\n  * j\n12. n\n```rust\nlet a;\n\n```\nx ```y``` z\n```one```";
    let item = |marker: &str, text: &str| Block::Item(marker.into(), vec![t(text)]);
    assert_eq!(
        parse_with(text, &NoNames).blocks,
        [
            Block::Heading(1, vec![t("h")]),
            Block::Line(vec![t("#no")]),
            Block::Line(vec![t("####no")]),
            Block::Line(vec![t("small")]),
            Block::Quote(vec![t("q")]),
            Block::Line(vec![t(">no")]),
            item("-", "i"),
            item("-", "j"),
            item("12.", "n"),
            Block::Code(Some("rust".into()), "let a;".into()),
            Block::Line(vec![t("x "), Span::Code("y".into()), t(" z")]),
            Block::Code(None, "one".into()),
        ]
    );
    let quoted = parse_with("a\n>>> b\n# c\n\nd", &NoNames).blocks;
    assert!(quoted[1..].iter().all(|block| matches!(block, Block::Quote(_))) && quoted.len() == 5, "{quoted:?}");
    assert_eq!(parse_with("```\nnever closed", &NoNames).to_plain(), "```\nnever closed");
    assert_eq!(parse_with("\\`\\`\\`\nx\n\\`\\`\\`", &NoNames).to_plain(), "```\nx\n```");
}

#[test]
fn hostile_marks_cost_no_time() {
    for mark in [
        "*_~||[<`@:\\",
        "[a](",
        "[a](http://x",
        "[",
        "<",
        "<@",
        "<http://a",
        "*",
        "** ",
        "***",
        "_a",
        "__",
        "`",
        "`` ` ",
        "||a",
        "~~a",
        "**a",
        "```",
        "```x\n",
        "> ",
        "@here",
        "\\",
        "*a _b ~~c ",
    ] {
        let hostile = mark.repeat(60_000 / mark.len());
        assert!(!parse_with(&hostile, &NoNames).blocks.is_empty(), "{mark}");
        assert!(!DIALECT.escape(&hostile).is_empty(), "{mark}");
    }
}

fn seen(text: &str) -> String {
    text.replace(APART, "").replace("%40", "@").replace("%60", "`")
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 éß.,!?*_~|`-]{1,8}".prop_filter("not blank", |s| !s.trim().is_empty())
}

fn strip(spans: &mut Vec<Span>) {
    for span in spans.iter_mut() {
        match span {
            Span::Text(text) => *text = seen(text),
            Span::Bold(inner)
            | Span::Italic(inner)
            | Span::Underline(inner)
            | Span::Strike(inner)
            | Span::Spoiler(inner)
            | Span::Link(_, inner) => strip(inner),
            Span::Code(_) | Span::Mention(_) | Span::Emoji(_) => {}
        }
    }
    spans.retain(|span| *span != Span::Text(String::new()));
}

proptest! {
    #[test]
    fn plain_text_is_shown_as_it_is(
        text in "[-a-c1. >#*_~`|\\\\\\[\\]()<@:/\n]{0,40}|(https://[a-c_*~/]{1,8}| |_|\\*|```|\n|@here|<@1>){0,8}"
    ) {
        let written = DIALECT.escape(&text);
        let markup = DIALECT.parse(&written);
        prop_assert_eq!(seen(&markup.to_plain()), seen(&text));
        let plain = markup.blocks.iter().all(|block| match block {
            Block::Line(spans) => spans.iter().all(|span| matches!(span, Span::Text(_))),
            _ => false,
        });
        prop_assert!(plain, "{:?} {:?}", written, markup);
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}|[*_~`|\n ->a\\\\\\[\\]()<@]{0,200}") {
        prop_assert_eq!(DIALECT.parse(&text).blocks.is_empty(), text.is_empty());
    }

    #[test]
    fn what_is_rendered_reads_back(words in proptest::collection::vec((0u8..11, word()), 1..6)) {
        let spans: Vec<Span> = words.iter().flat_map(|(kind, word)| {
            let text = word.trim().to_owned();
            let inner = vec![Span::Text(text.clone())];
            let span = match kind {
                0 => Span::Bold(inner),
                1 => Span::Italic(inner),
                2 => Span::Strike(inner),
                3 => Span::Underline(inner),
                4 => Span::Spoiler(inner),
                5 => Span::Code(text),
                6 => Span::Link("https://example.com/a_b".to_owned(), inner),
                7 => Span::Bold(vec![Span::Italic(inner)]),
                8 => Span::Italic(vec![Span::Bold(inner.clone()), Span::Text("x".into()), Span::Strike(inner)]),
                9 => Span::Spoiler(vec![Span::Bold(vec![Span::Underline(inner)])]),
                _ => Span::Strike(vec![Span::Italic(inner)]),
            };
            [span, Span::Text("x".to_owned())]
        }).collect();
        let markup = Markup { blocks: vec![Block::Line(spans.clone())] };
        let written = DIALECT.render(&markup);
        let mut again = DIALECT.parse(&written).blocks;
        for block in &mut again {
            if let Block::Line(spans) = block {
                strip(spans);
            }
        }
        prop_assert_eq!(again, vec![Block::Line(spans)], "{}", written);
    }
}
