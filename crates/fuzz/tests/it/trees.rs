//! What is written down in a dialect is read back, as far as the dialect can say it.

use fastrand::Rng;
use tieline_core::markup::{Block, Markup, Span};
use tieline_fuzz::{laws, platforms};

use crate::text::text;

/// What a dialect can say.
#[expect(clippy::struct_excessive_bools, reason = "each dialect has its own set of what it lacks")]
struct Can {
    /// The deepest headline; 0: none.
    headings: u8,
    /// Whether a block of code can have a language.
    languages: bool,
    /// Whether anything can stand within emphasis, since there is an escape.
    escapes: bool,
    underline: bool,
    spoiler: bool,
    /// Whether a spoiler can stand within emphasis.
    spoiler_within: bool,
    links: bool,
    short_codes: bool,
}

const ROCKETCHAT: Can = Can {
    headings: 4,
    languages: true,
    escapes: false,
    underline: false,
    spoiler: true,
    spoiler_within: false,
    links: true,
    short_codes: true,
};
const DISCORD: Can = Can {
    headings: 3,
    languages: true,
    escapes: true,
    underline: true,
    spoiler: true,
    spoiler_within: true,
    links: true,
    short_codes: false,
};
const WHATSAPP: Can = Can {
    headings: 0,
    languages: false,
    escapes: false,
    underline: false,
    spoiler: false,
    spoiler_within: false,
    links: false,
    short_codes: false,
};

/// Words that mean nothing on any platform.
const WORDS: [&str; 9] = ["a", "word", "two words", "é", "漢字", "😀", "x, y.", "1", "שלום"];
const LANGUAGES: [&str; 3] = ["rust", "py", "c"];

struct Grower<'c> {
    can: &'c Can,
    random: Rng,
}

impl Grower<'_> {
    fn tree(&mut self) -> Markup {
        // A blank line alone is no text.
        let first = Block::Line(self.line());
        let others: Vec<Block> = (0..self.random.usize(0..5)).map(|_| self.block()).collect();
        Markup { blocks: [vec![first], others].concat() }
    }

    fn block(&mut self) -> Block {
        match self.random.u8(0..9) {
            0 => Block::Quote(self.line()),
            1 => Block::Item("-".to_owned(), self.line()),
            2 => Block::Item(format!("{}.", self.random.u16(0..400)), self.line()),
            3 if self.can.headings > 0 => Block::Heading(self.random.u8(1..=self.can.headings), self.line()),
            4 => {
                let language =
                    (self.can.languages && self.random.bool()).then(|| LANGUAGES[self.random.usize(0..3)].to_owned());
                Block::Code(language, format!("let a = {};\n  > *b* _c_ @all\nend", self.random.u8(..)))
            }
            5 => Block::Line(Vec::new()),
            _ => Block::Line(self.line()),
        }
    }

    /// Formatting with text between, so that it is clear where each piece ends.
    fn line(&mut self) -> Vec<Span> {
        let mut spans = Vec::new();
        for _ in 0..self.random.usize(1..5) {
            spans.extend([self.span(&[]), Span::Text(format!(" {} ", self.word()))]);
        }
        if self.random.bool() {
            let typed: String = text(&mut self.random, 5).replace('\n', " ");
            spans.insert(0, Span::Text(format!("x{typed} ")));
        }
        // Blanks at the end of a line are nobody's.
        spans.push(Span::Text("end".to_owned()));
        spans
    }

    fn word(&mut self) -> String {
        WORDS[self.random.usize(0..WORDS.len())].to_owned()
    }

    fn span(&mut self, open: &[u8]) -> Span {
        let kind = self.random.u8(0..8);
        let within = !open.is_empty();
        let possible = !open.contains(&kind)
            && match kind {
                3 => self.can.underline,
                4 => self.can.spoiler && (self.can.spoiler_within || !within),
                6 => self.can.links && !within,
                7 => self.can.short_codes && !within,
                5 => !within,
                _ => true,
            };
        if !possible {
            return Span::Text(self.word());
        }
        let mut open = open.to_vec();
        open.push(kind);
        let formats = match kind {
            0 => Span::Bold,
            1 => Span::Italic,
            2 => Span::Strike,
            3 => Span::Underline,
            4 => Span::Spoiler,
            5 => return Span::Code(format!("{} *x*", self.word())),
            6 => return Span::Link("https://example.com/a_b?c=d".to_owned(), vec![Span::Text(self.word())]),
            _ => return Span::Emoji("party_cat".to_owned()),
        };
        formats(self.inner(&open))
    }

    fn inner(&mut self, open: &[u8]) -> Vec<Span> {
        let mut inner = vec![Span::Text(self.word())];
        if open.len() < 3 && self.random.bool() {
            inner.extend([Span::Text(" ".to_owned()), self.span(open), Span::Text(" ".to_owned())]);
        }
        if self.can.escapes && self.random.bool() {
            let typed: String = text(&mut self.random, 3).replace(['\n', '\u{a0}'], " ").replace("http", "");
            inner.push(Span::Text(typed));
        }
        inner.push(Span::Text(self.word()));
        inner
    }
}

#[test]
fn what_a_dialect_can_say_reads_back() {
    for (on, can) in
        [(platforms::rocketchat(), ROCKETCHAT), (platforms::discord(), DISCORD), (platforms::whatsapp(), WHATSAPP)]
    {
        let mut grower = Grower { can: &can, random: Rng::with_seed(10) };
        for _ in 0..3_000 {
            laws::a_tree_reads_back(&*on, &grower.tree());
        }
    }
}
