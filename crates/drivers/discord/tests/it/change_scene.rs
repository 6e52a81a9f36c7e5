//! Changes as the relay hands them to the driver.

use serde_json::{Value, json};
use tieline_core::id::MessageId;
use tieline_core::send::{Action, Copied, Outgoing, React, SendError, Sending, Sent};
use tieline_testkit::discord::{FakeMessage, Fault, Snowflake};

use crate::scene::Scene;

/// What was sent, as a later change names it.
pub(crate) fn copies(sent: &[Sent]) -> Vec<Copied> {
    let of = |sent: &Sent| {
        let (channel, how, wordless) = (sent.channel.clone(), sent.how.clone(), sent.wordless);
        let copied = move |id: &MessageId| Copied {
            id: id.clone(),
            channel: channel.clone(),
            how: how.clone(),
            wordless,
            original: false,
        };
        sent.ids.iter().map(copied).collect::<Vec<_>>()
    };
    sent.iter().flat_map(of).collect()
}

/// What somebody else wrote.
pub(crate) fn original(message: Snowflake) -> Copied {
    let id = MessageId::new(&message.to_string()).expect("an id");
    Copied { id, channel: None, how: None, wordless: false, original: true }
}

pub(crate) fn edit(scene: &Scene, text: &str, copies: Vec<Copied>) -> Outgoing {
    Outgoing { action: Action::Edit(copies), ..scene.outgoing(text) }
}

pub(crate) fn delete(scene: &Scene, copies: Vec<Copied>) -> Outgoing {
    Outgoing { action: Action::Delete(copies), ..scene.outgoing("") }
}

pub(crate) fn react(scene: &Scene, to: Copied, emoji: &str, added: bool) -> Outgoing {
    let react = React { to, emoji: emoji.to_owned(), added, standing: Vec::new() };
    Outgoing { action: Action::React(react), ..scene.outgoing("") }
}

pub(crate) fn by_bot() -> Value {
    json!({ "send_method": "bot" })
}

pub(crate) async fn sent(scene: &Scene, text: &str) -> Vec<Copied> {
    copies(&scene.deliver(&scene.outgoing(text)).await.expect("it is sent"))
}

pub(crate) fn texts(messages: &[FakeMessage]) -> Vec<String> {
    messages.iter().map(|message| message.content.clone()).collect()
}

pub(crate) fn impossible(ended: Result<Vec<Sent>, SendError>) -> String {
    match ended {
        Err(SendError::Impossible { reason }) => reason,
        other => panic!("nothing can be done, and it ended as {other:?}"),
    }
}

pub(crate) fn permanent(ended: Result<Vec<Sent>, SendError>) -> String {
    match ended {
        Err(SendError::Permanent { reason }) => reason,
        other => panic!("somebody has to do something, and it ended as {other:?}"),
    }
}

pub(crate) fn refused(status: u16, code: u64) -> Fault {
    Fault::Answer { status, body: json!({ "code": code, "message": "No" }).to_string() }
}

/// As the next process does it, which knows nothing but what the outbox kept.
pub(crate) async fn by_the_next_process(scene: &mut Scene, outgoing: &Outgoing) -> Result<Vec<Sent>, SendError> {
    scene.driver = scene.another_driver();
    scene.deliver(outgoing).await
}

/// Sends, and the answer is lost.
pub(crate) async fn lose(scene: &Scene, sending: &Sending) {
    let ended = scene.driver.send(sending).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "{ended:?}");
}
