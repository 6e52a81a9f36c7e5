//! What a driver must do with a change of what was said before.

use tieline_core::send::{Action, Copied, CutError, Outgoing, React, SendError, Sent};

use super::bench::{Bench, within};

/// What was sent, as a later change names it.
fn copies(sent: &[Sent]) -> Vec<Copied> {
    let one = |sent: &Sent| {
        let copied = |id: &tieline_core::id::MessageId| Copied {
            id: id.clone(),
            channel: sent.channel.clone(),
            how: sent.how.clone(),
            wordless: sent.wordless,
            original: false,
        };
        sent.ids.iter().map(copied).collect::<Vec<_>>()
    };
    sent.iter().flat_map(one).collect()
}

/// The copies after a change: without those that are gone, with those that were added.
fn amended(copies: &[Copied], change: &[Sent]) -> Vec<Copied> {
    let gone = |copy: &&Copied| !change.iter().any(|sent| sent.gone.contains(&copy.id));
    copies.iter().filter(gone).cloned().chain(self::copies(change)).collect()
}

fn texts(bench: &Bench) -> Vec<String> {
    bench.harness.said().into_iter().map(|said| said.text).collect()
}

/// Makes a change, every part of it twice: a lost answer makes the relay do so.
async fn twice(bench: &Bench, outgoing: &Outgoing) -> Vec<Sent> {
    let mut before: Vec<Sent> = Vec::new();
    for (index, part) in bench.cut(outgoing).into_iter().enumerate() {
        let sending = crate::running::on_its_way(outgoing, part, index as u16, &before);
        let first = within("to change", bench.driver().send(&sending)).await.expect("the platform does it");
        // What makes a message is looked for after an unknown outcome, like any message.
        if first.ids.is_empty() {
            let again = within("to change again", bench.driver().send(&sending)).await;
            assert!(matches!(again, Ok(_) | Err(SendError::Impossible { .. })), "a repeat ended as {again:?}");
        }
        before.push(first);
    }
    before
}

/// An edit changes the messages that are there, and leaves none that says the old text. Where nothing can be edited, the
/// new text is said as a correction.
pub async fn an_edit_leaves_nothing_of_the_old_text(bench: &Bench) {
    let said = bench.outgoing("good mornign", "Ann Smith");
    let sent = bench.deliver(&said).await.expect("the platform takes the text");
    let edit = Outgoing { action: Action::Edit(copies(&sent)), ..bench.outgoing("good morning", "Ann Smith") };
    if !bench.harness.changes().edits {
        bench.deliver(&edit).await.expect("the correction is said");
        let texts = texts(bench);
        assert!(texts.len() == 2 && texts[1].contains("good morning"), "{texts:?}");
        return;
    }
    twice(bench, &edit).await;
    let said = bench.harness.said();
    assert!(said.len() == 1 && said[0].text == "good morning", "{said:#?}");
    assert!(said[0].name == "Ann Smith" || !bench.harness.shows_identity(), "{said:#?}");
}

/// A text that becomes shorter or longer than its messages leaves some out, or gets further ones.
pub async fn an_edit_of_a_long_text_fits_its_messages(bench: &Bench) {
    if !bench.harness.changes().edits {
        return;
    }
    let limit = bench.harness.instance().capabilities().max_text;
    let words = |name: &str, count: usize| (0..count).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(" ");
    let sent = bench.deliver(&bench.outgoing(&words("old", limit / 3), "Ann Smith")).await.expect("it is taken");
    let first = copies(&sent);
    assert!(first.len() > 1);
    let edit = |text: &str, copies: &[Copied]| Outgoing {
        action: Action::Edit(copies.to_vec()),
        ..bench.outgoing(text, "Ann Smith")
    };
    let change = twice(bench, &edit("short", &first)).await;
    let short = amended(&first, &change);
    assert_eq!((texts(bench), short.len()), (vec!["short".to_owned()], 1));
    let new = words("new", limit / 3);
    let change = twice(bench, &edit(&new, &short)).await;
    let long = amended(&short, &change);
    let said = texts(bench);
    assert!(said.len() > 1 && said.len() == long.len(), "{} messages, {} known", said.len(), long.len());
    let arrived: Vec<&str> = said.iter().flat_map(|text| text.split_whitespace()).collect();
    assert!(new.split(' ').all(|word| arrived.contains(&word)), "words are missing");
}

/// A deletion takes every message of a copy away; what is gone already is no failure.
pub async fn a_deletion_takes_every_message_away(bench: &Bench) {
    let limit = bench.harness.instance().capabilities().max_text;
    let sent = bench.deliver(&bench.outgoing(&"word ".repeat(limit / 3), "Ann Smith")).await.expect("it is taken");
    let delete = Outgoing { action: Action::Delete(copies(&sent)), text: String::new(), ..bench.outgoing("", "") };
    if !bench.harness.changes().deletes {
        let cut = bench.driver().cut(&delete);
        assert!(matches!(cut, Err(CutError::Impossible(_))), "{cut:?}");
        return;
    }
    twice(bench, &delete).await;
    assert!(bench.harness.said().is_empty(), "{:#?}", bench.harness.said());
}

/// A reaction is given once however often it is asked for, and taken back.
pub async fn a_reaction_is_given_and_taken_back(bench: &Bench) {
    let sent = bench.deliver(&bench.outgoing("who comes along?", "Ann Smith")).await.expect("it is taken");
    let Some(to) = copies(&sent).into_iter().next() else { return };
    let react = |added: bool| {
        let standing = if added { vec!["👍".to_owned()] } else { Vec::new() };
        let react = React { to: to.clone(), emoji: "👍".to_owned(), added, standing };
        Outgoing { action: Action::React(react), ..bench.outgoing("", "") }
    };
    if !bench.harness.changes().reacts {
        let cut = bench.driver().cut(&react(true));
        assert!(matches!(cut, Err(CutError::Impossible(_))), "{cut:?}");
        return;
    }
    twice(bench, &react(true)).await;
    assert_eq!(bench.harness.reactions(&to.id), ["👍"]);
    twice(bench, &react(false)).await;
    assert!(bench.harness.reactions(&to.id).is_empty());
    assert_eq!(bench.harness.said().len(), 1, "nothing is said about it");
}
