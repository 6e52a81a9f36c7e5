//! From the tree to Rocket.Chat's markup.

use tieline_core::markup::{Block, Markup, Mention, Person, Span};

use crate::dialect::{APART, in_name};
use crate::escape;
use crate::unquoted::unquoted;

/// The tree in Rocket.Chat's words.
pub(crate) fn render(markup: &Markup) -> String {
    let lines: Vec<String> = markup.blocks.iter().map(block).collect();
    unquoted(lines.join("\n"))
}

fn block(block: &Block) -> String {
    match block {
        Block::Line(spans) => {
            let line = line(spans);
            let mut out = String::new();
            // Emphasis at the beginning is ours, text is somebody's: only that could look like a list.
            if let Some(Span::Text(text)) = spans.first() {
                escape::line_start(&format!("{text}{}", if spans.len() > 1 { "x" } else { "" }), &mut out);
            }
            out + &line
        }
        Block::Quote(spans) => format!("> {}", line(spans)),
        Block::Item(marker, spans) => {
            let number = marker.trim_end_matches(['.', ')']);
            if !number.is_empty() && number.len() < 10 && number.bytes().all(|byte| byte.is_ascii_digit()) {
                format!("{number}. {}", line(spans))
            } else {
                format!("- {}", line(spans))
            }
        }
        Block::Heading(level, spans) => format!("{} {}", "#".repeat(usize::from(*level).clamp(1, 4)), line(spans)),
        Block::Code(language, text) => {
            let language = language.as_deref().unwrap_or_default();
            let word: String = language.chars().filter(char::is_ascii_alphanumeric).collect();
            // Three backticks in it would end it.
            let text = text.replace("```", &format!("``{APART}`"));
            format!("```{word}\n{text}\n```")
        }
    }
}

fn line(spans: &[Span]) -> String {
    let mut out = String::new();
    for span in spans {
        self::span(span, Within::default(), &mut out);
    }
    out
}

/// Which marks are open around a span; each works only once.
#[expect(clippy::struct_excessive_bools, reason = "any set of the four marks can be open")]
#[derive(Debug, Clone, Copy, Default)]
struct Within {
    bold: bool,
    italic: bool,
    strike: bool,
    spoiler: bool,
}

impl Within {
    fn emphasis(self) -> bool {
        self.bold || self.italic || self.strike
    }
}

fn span(span: &Span, within: Within, out: &mut String) {
    match span {
        Span::Bold(inner) => marked("*", inner, within.bold, Within { bold: true, ..within }, within, out),
        Span::Italic(inner) => marked("_", inner, within.italic, Within { italic: true, ..within }, within, out),
        Span::Strike(inner) => marked("~", inner, within.strike, Within { strike: true, ..within }, within, out),
        Span::Spoiler(inner) => {
            // The parser looks for spoilers outside of emphasis only.
            let open = within.spoiler || within.emphasis();
            marked("||", inner, open, Within { spoiler: true, ..within }, within, out);
        }
        Span::Underline(inner) => inner.iter().for_each(|inner| self::span(inner, within, out)),
        Span::Code(text) if !text.is_empty() && !text.contains(['`', '\n']) => {
            if out.ends_with(['`', '\\']) {
                out.push(APART);
            }
            out.push('`');
            out.push_str(text);
            out.push('`');
        }
        Span::Text(text) | Span::Code(text) => plain(text, out),
        Span::Link(url, label) => link(url, label, out),
        Span::Mention(Mention::User(person)) => match account(person) {
            Some(account) => called(account, out),
            None => plain(&format!("@{}", person.name), out),
        },
        Span::Mention(Mention::Everybody(name)) => plain(&format!("@{name}"), out),
        Span::Mention(Mention::Room(name)) => plain(&format!("#{name}"), out),
        Span::Emoji(name) => {
            let sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-+".contains(c));
            if !sound {
                plain(&format!(":{name}:"), out);
                return;
            }
            if out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == ':') || ends_in_mention(out) {
                out.push(APART);
            }
            for piece in [":", name, ":"] {
                out.push_str(piece);
            }
        }
    }
}

/// The account that a mention calls, if the server can know one of this name. Nobody is called `all`: that is everybody.
fn account(person: &Person) -> Option<&str> {
    person.account.as_deref().filter(|name| {
        let sound = !name.is_empty() && name.chars().all(in_name) && !name.ends_with(['.', '-']);
        sound && !["all", "here"].iter().any(|everybody| name.eq_ignore_ascii_case(everybody))
    })
}

/// A mention that calls somebody.
fn called(account: &str, out: &mut String) {
    if out.ends_with(|c: char| c.is_alphanumeric() || c == '@' || in_name(c)) {
        out.push(APART);
    }
    out.push('@');
    out.push_str(account);
}

/// Whether a mention that calls somebody stands at the end. In text of others none stands like that.
fn ends_in_mention(out: &str) -> bool {
    let before = out.trim_end_matches(in_name);
    before.len() < out.len()
        && before.strip_suffix('@').is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric()))
}

fn plain(text: &str, out: &mut String) {
    let text = text.replace(['\n', '\r'], " ");
    // Neither a short code nor `_italic_` may run into a word, nor a name into what follows it, and no `@` into a name.
    let runs_in = |c: char| {
        (out.ends_with([':', '_']) && c.is_ascii_alphanumeric())
            || (out.ends_with('@') && in_name(c))
            || ((in_name(c) || matches!(c, '@' | ':')) && ends_in_mention(out))
    };
    if text.starts_with(runs_in) {
        out.push(APART);
    }
    escape::inline(&text, out);
}

/// Spans between a pair of marks, where the parser would find them again; else the spans alone.
fn marked(mark: &str, inner: &[Span], open: bool, inside: Within, outside: Within, out: &mut String) {
    let bare = |out: &mut String| inner.iter().for_each(|inner| span(inner, outside, out));
    let words = Markup { blocks: vec![Block::Line(inner.to_vec())] }.to_plain();
    let trimmed = words.trim();
    // No escape works within emphasis, so text that needs one goes without.
    if open || trimmed.is_empty() || (mark != "||" && has_escapes(inner)) || (mark == "||" && words.contains('|')) {
        bare(out);
        return;
    }
    let mut content = String::new();
    for inner in inner {
        span(inner, inside, &mut content);
    }
    let body = content.trim();
    let (before, after) = content.split_once(body).unwrap_or(("", ""));
    out.push_str(before);
    // `a_b_` is a word, `**` another mark, and after a backslash no mark is one.
    let glued =
        |c: char| c == '\\' || mark.ends_with(c) || (mark == "_" && (c.is_alphanumeric() || c == '_' || c == '@'));
    if out.ends_with(glued) {
        out.push(APART);
    }
    out.push_str(mark);
    out.push_str(body);
    if mark == "_" && (body.ends_with('@') || ends_in_mention(body)) {
        out.push(APART);
    }
    out.push_str(mark);
    out.push_str(after);
}

fn has_escapes(spans: &[Span]) -> bool {
    spans.iter().any(|span| match span {
        // An underscore or a backslash at the edge of a text would touch a mark.
        Span::Text(text) => escape::needs_backslash(text) || text.contains(['\\', '_']) || text.contains("://"),
        Span::Bold(inner)
        | Span::Italic(inner)
        | Span::Underline(inner)
        | Span::Strike(inner)
        | Span::Spoiler(inner) => has_escapes(inner),
        Span::Code(text) => text.contains(['`', '*', '_', '~']) || text.is_empty(),
        Span::Link(..) | Span::Mention(Mention::Room(_)) => true,
        Span::Mention(Mention::User(person)) => unsound(account(person).unwrap_or(&person.name)),
        Span::Mention(Mention::Everybody(name)) | Span::Emoji(name) => unsound(name),
    })
}

fn unsound(name: &str) -> bool {
    name.contains(['_', '\\', '*', '~', '`', '#'])
}

/// A link, if its label can be written and its address is one that a click may open.
fn link(url: &str, label: &[Span], out: &mut String) {
    let words = Markup { blocks: vec![Block::Line(label.to_vec())] }.to_plain().replace(['\n', '\r'], " ");
    let safe = ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
    let target = escape::address(url);
    let simple = !escape::needs_backslash(&words) && !words.contains(['[', ']', '\\', '|', '@', '_', ':', '<', '>']);
    if safe && simple && !words.trim().is_empty() {
        out.push('[');
        out.push_str(words.trim());
        out.push_str("](");
        out.push_str(&target);
        out.push(')');
    } else if words.trim().is_empty() || words.trim() == url {
        plain(url, out);
    } else {
        plain(&format!("{} ({url})", words.trim()), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Span {
        Span::Text(text.into())
    }

    fn shown(spans: Vec<Span>) -> String {
        render(&Markup { blocks: vec![Block::Line(spans)] })
    }

    #[test]
    fn marks_are_rocket_chats() {
        assert_eq!(shown(vec![Span::Bold(vec![t("a")]), t(" "), Span::Strike(vec![t("b")])]), "*a* ~b~");
        assert_eq!(shown(vec![Span::Underline(vec![t("u")])]), "u");
        assert_eq!(shown(vec![t("\\"), Span::Code("c".into())]), "\\\u{200b}`c`");
        assert_eq!(shown(vec![t("@"), Span::Italic(vec![t("i@")])]), "@\u{200b}_i@\u{200b}_");
        assert_eq!(
            shown(vec![Span::Link("https://example.com/a_b".into(), vec![t("here")])]),
            "[here](https://example.com/a_b)"
        );
        assert_eq!(shown(vec![Span::Link("javascript:alert(1)".into(), vec![t("x")])]), "x (javascript:alert(1))");
        assert_eq!(shown(vec![Span::Mention(Mention::Everybody("all".into()))]), "@\u{200b}all");
    }

    #[test]
    fn who_is_known_is_called_and_nobody_else() {
        let known = |account: &str| {
            let person = Person { account: Some(account.into()), ..Person::from("Ann B") };
            Span::Mention(Mention::User(person))
        };
        for (spans, written) in [
            (vec![t("hi "), known("ann.b"), t(", you")], "hi @ann.b, you"),
            (
                vec![t("hi"), known("ann"), t(". x"), known("bob"), t("@c:d")],
                "hi\u{200b}@ann\u{200b}. x\u{200b}@bob\u{200b}@\u{200b}c:d",
            ),
            (vec![known("ann"), known("bob"), Span::Emoji("smile".into())], "@ann\u{200b}@bob\u{200b}:smile:"),
            (vec![known("ann_"), Span::Emoji("smile".into())], "@ann_\u{200b}:smile:"),
            (vec![Span::Italic(vec![known("ann")]), Span::Bold(vec![known("ann")])], "_@ann\u{200b}_*@ann*"),
            (vec![t("mail ann@example"), t(".com")], "mail ann@example.com"),
        ] {
            assert_eq!(shown(spans), written);
        }
        for odd in ["", "all", "HERE", "a b", "a@b", "ann.", "ännchen", "a*b", "x\n@all"] {
            assert_eq!(shown(vec![known(odd)]), "@\u{200b}Ann B", "{odd}");
        }
    }

    #[test]
    fn emphasis_that_could_not_be_escaped_is_dropped() {
        assert_eq!(shown(vec![Span::Bold(vec![t("2*3")])]), "2\\*3");
    }

    #[test]
    fn blocks_are_lines() {
        let markup = Markup {
            blocks: vec![
                Block::Heading(2, vec![t("h")]),
                Block::Quote(vec![t("q")]),
                Block::Item("-".into(), vec![t("i")]),
                Block::Item("3.".into(), vec![t("n")]),
                Block::Code(Some("rust".into()), "let a = 1;\n```".into()),
                Block::Line(vec![t("- no list")]),
            ],
        };
        assert_eq!(render(&markup), "## h\n> q\n- i\n3. n\n```rust\nlet a = 1;\n``\u{200b}`\n```\n\u{200b}- no list");
    }
}
