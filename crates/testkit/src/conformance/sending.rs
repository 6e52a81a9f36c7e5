//! What a driver must do with what it sends.

use tieline_core::event::{Attachment, AttachmentKind, Content};

use super::bench::Bench;

/// What a person might type to harm a room: mentions of everybody, markup of every dialect, links that fetch or quote.
const HOSTILE: [&str; 9] = [
    "@all @here @everyone <!channel> <@123> <@&456>",
    "*bold* _it_ ~no~ `code` **b** __u__ ||s||",
    "```\nfence\n``` > quote\n# head",
    "[click](javascript:alert(1)) <https://evil.example|trust.example>",
    "{user} {{msg}} ${token} %s",
    "/kick ann",
    "\u{202e}right to left\u{200b}@all",
    "a\\*b \\@all",
    "https://chat.example.com/channel/board?msg=aB3dE6gH9jK2mN5pQ",
];

/// A text arrives once, under the name that the rule gives it where that can be shown, and the driver says under which
/// id.
pub async fn a_text_arrives_under_its_sender(bench: &Bench) {
    let sent = bench.deliver(&bench.outgoing("good evening", "Ann Smith")).await.expect("the platform takes the text");
    let said = bench.harness.said();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(said[0].text, "good evening");
    assert!(said[0].name == "Ann Smith" || !bench.harness.shows_identity(), "{said:#?}");
    let last = sent.last().expect("a message has at least one part");
    assert!(
        last.ids.contains(&said[0].id) || last.unnamed_text.as_deref() == Some("good evening"),
        "either the id of the message or its text is known afterwards: {last:?}"
    );
}

/// A file arrives with the bytes that lie in the spool; by a way that carries no files its name arrives.
pub async fn a_file_arrives_byte_for_byte(bench: &Bench) {
    // Not a multiple of any buffer, and no two blocks alike.
    let bytes: Vec<u8> = (0..300_007_u32).flat_map(u32::to_le_bytes).collect();
    let file = bench.spool.put(bytes).await.expect("the spool takes the file");
    let mut outgoing = bench.outgoing("", "Ann Smith");
    outgoing.attachments.push(Attachment {
        name: "report über alles.bin".to_owned(),
        kind: AttachmentKind::Document,
        mime: "application/octet-stream".to_owned(),
        size: Some(file.size),
        link: None,
        content: Content::Spooled(file.id.clone()),
    });
    if !bench.harness.carries_files() {
        assert!(bench.cut(&outgoing).iter().all(|part| part.files.is_empty()), "no part may name a file");
        bench.deliver(&outgoing).await.expect("the platform takes the message");
        let said = bench.harness.said();
        assert!(said.len() == 1 && said[0].text.contains("report über alles.bin"), "{said:#?}");
        return;
    }
    assert!(bench.cut(&outgoing).iter().any(|part| part.files.contains(&file.id)), "a part names the file");
    bench.deliver(&outgoing).await.expect("the platform takes the file");
    let files: Vec<String> = bench.harness.said().into_iter().flat_map(|said| said.files).collect();
    assert_eq!(files, [file.id.as_str()]);
}

/// A text over the platform's limit becomes several messages, each within it, and nothing of it is lost.
pub async fn a_long_text_is_cut_and_nothing_is_lost(bench: &Bench) {
    let capabilities = bench.harness.instance().capabilities().clone();
    let words: Vec<String> = (0..).map(|n| format!("word{n}")).take(capabilities.max_text / 3).collect();
    bench.deliver(&bench.outgoing(&words.join(" "), "Ann Smith")).await.expect("the platform takes the parts");
    let said = bench.harness.said();
    assert!(said.len() > 1);
    assert!(said.iter().all(|said| capabilities.text_unit.count(&said.text) <= capabilities.max_text));
    let arrived: Vec<&str> = said.iter().flat_map(|said| said.text.split_whitespace()).collect();
    assert!(words.iter().all(|word| arrived.contains(&word.as_str())), "words are missing or cut in two");
}

/// What a person typed pings nobody, is no command, and is not refused because of what it looks like.
pub async fn hostile_text_does_nothing(bench: &Bench) {
    for text in HOSTILE {
        bench.deliver(&bench.outgoing(text, text)).await.expect("hostile text is only text");
        assert!(bench.harness.set_off().is_empty(), "{text:?} set off {:?}", bench.harness.set_off());
    }
    assert_eq!(bench.harness.said().len(), HOSTILE.len());
}

/// The same message is cut into the same parts, so that a crash between two attempts changes nothing.
pub async fn cutting_twice_gives_the_same_parts(bench: &Bench) {
    let long = "sentence. ".repeat(bench.harness.instance().capabilities().max_text / 5);
    for text in ["short", &*long] {
        let outgoing = bench.outgoing(text, "Ann Smith");
        assert_eq!(bench.cut(&outgoing), bench.cut(&outgoing));
    }
}

/// Parts are stored and shown, so no secret is in them.
pub async fn parts_hold_no_secret(bench: &Bench) {
    for part in bench.cut(&bench.outgoing("text", "Ann Smith")) {
        bench.assert_no_secret(&part.body.to_string());
    }
}
