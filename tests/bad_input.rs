//! What strangers may send to a webhook's port: it is refused in time, in words, and the relay goes on as before.

use std::time::Duration;

use serde_json::{Value, json};
use tieline_e2e::{Relay, note};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::outgoing_call::{call, payload};
use crate::workspace::{Workspace, configuration, forward};

/// Longer than any limit of the listener.
const PATIENCE: Duration = Duration::from_mins(1);
/// Far more than the relay needs; what grows without end passes it.
const MUCH_MEMORY_MIB: f64 = 100.0;

/// Two workspaces with a room each, and the relay between them.
struct Stage {
    source: Workspace,
    target: Workspace,
    relay: Relay,
}

impl Stage {
    async fn set() -> Self {
        let source = Workspace::start("source", &["ROOM"]).await;
        let target = Workspace::start("target", &["ROOM"]).await;
        let rules = forward(&source, &[&target], "ROOM");
        let relay = Relay::start(configuration(&[&source, &target], &rules)).await;
        Self { source, target, relay }
    }

    /// What the platform would send for a message that Ann has written; the test sends it itself, changed.
    fn payload(&self, text: &str) -> Value {
        self.source.server.set_enabled(&self.source.outgoing, false);
        let id = self.source.server.post(&self.source.ann, "ROOM", text);
        payload(&self.source.webhook_token(), "ROOM", &self.source.ann, &id, text)
    }

    /// The head of a request up to what a test adds to it.
    fn head(&self, method: &str, path: &str) -> String {
        format!("{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n", self.address())
    }

    fn path(&self) -> String {
        format!("/{}", self.source.id())
    }

    /// Host and port of the listener.
    fn address(&self) -> String {
        let listener = self.source.listener();
        let address = listener.trim_start_matches("http://");
        address.split('/').next().unwrap_or_default().to_owned()
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.expect("the relay listens")
    }

    /// Sends some bytes and reads the answer.
    async fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("the relay reads");
        Answer::read(&mut stream).await
    }

    /// Sends a body with a sound head.
    async fn post(&self, body: &[u8]) -> Answer {
        let head = format!("{}content-length: {}\r\n\r\n", self.head("POST", &self.path()), body.len());
        self.send(&[head.as_bytes(), body].concat()).await
    }

    /// Asserts that a message of Ann's still gets through.
    async fn still_relays(&mut self, text: &str) {
        self.source.server.set_enabled(&self.source.outgoing, true);
        self.source.say("ROOM", text).await;
        self.target.server.wait_for("ROOM", |message| message.text == text).await;
        self.relay.settled().await;
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// Reads an answer whose length is declared.
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let whole = async {
            loop {
                if let Some(answer) = Self::parse(&bytes) {
                    return answer;
                }
                let read = stream.read_buf(&mut bytes).await.expect("the answer is not cut off by a reset");
                assert!(read > 0, "closed before a whole answer: {:?}", String::from_utf8_lossy(&bytes));
            }
        };
        timeout(PATIENCE, whole).await.expect("an answer within a minute")
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let head = head.to_lowercase();
        let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        (body.len() >= length).then(|| Self { status, head, body: body.to_owned() })
    }

    /// Asserts the status, and that the reason is said in JSON.
    fn refuses(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let error = body["error"].as_str().unwrap_or_default();
        assert!(!error.is_empty(), "no reason is given: {self:?}");
        error.to_owned()
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused_with_a_reason() {
    let mut stage = Stage::set().await;
    for broken in [&b"{"[..], b"", b"hello", b"\xff\xfe", b"{\"token\":\"a\"", b"[]", b"null", b"\"text\""] {
        stage.post(broken).await.refuses(400);
    }
    let deep = "[".repeat(200_000);
    stage.post(deep.as_bytes()).await.refuses(400);

    let good = stage.payload("never sent");
    let with = |changes: Value| {
        let mut changed = good.clone();
        for (key, value) in changes.as_object().expect("an object") {
            changed[key] = value.clone();
        }
        changed.to_string()
    };
    for token in [json!("wrong"), json!(""), json!(null), json!(5), json!({ "$ne": "" }), json!([good["token"]])] {
        let said = stage.post(with(json!({ "token": token })).as_bytes()).await.refuses(401);
        assert!(!said.contains(&stage.source.webhook_token()), "{said}");
    }
    for wrong in [
        json!({ "channel_id": 5 }),
        json!({ "channel_id": {} }),
        json!({ "channel_id": null }),
        json!({ "message_id": ["m"] }),
        json!({ "message_id": "" }),
        json!({ "text": { "a": 1 } }),
        json!({ "text": ["hi"] }),
        json!({ "user_id": {} }),
    ] {
        let said = stage.post(with(wrong.clone()).as_bytes()).await.refuses(400);
        assert!(wrong.as_object().into_iter().flatten().any(|(key, _)| said.contains(key)), "{wrong}: {said}");
    }

    for path in ["/", "/nothing", "/source/", "/SOURCE", "/source/more", "/../source"] {
        stage.send(format!("{}content-length: 0\r\n\r\n", stage.head("POST", path)).as_bytes()).await.refuses(404);
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = stage.send(format!("{}\r\n", stage.head(method, &stage.path())).as_bytes()).await;
        answer.refuses(405);
        assert!(answer.head.contains("allow: post"), "{answer:?}");
    }
    assert_eq!(stage.relay.messages("planned").await, 0, "nothing of this was a message");

    let odd = json!({
        "text": "with more fields", "new": { "deep": [1, 2] }, "trigger_word": null, "user_name": 7, "isEdited": "no",
        "alias": null, "timestamp": "no time", "tmid": {},
    });
    assert_eq!(call(&stage.source.listener(), with(odd)).await.map(|(status, _)| status), Some(200));
    stage.target.server.wait_for("ROOM", |message| message.text == "with more fields").await;
    stage.still_relays("after bad bodies").await;
    assert_eq!(stage.target.heard("ROOM"), ["with more fields", "after bad bodies"]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_cut_off() {
    const HUGE: usize = 100 * 1024 * 1024;
    const PIECE: usize = 64 * 1024;
    let mut stage = Stage::set().await;
    stage.still_relays("before").await;
    let before = stage.relay.resident_mib();
    let piece = vec![b' '; PIECE];
    for chunked in [false, true] {
        let length = if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {HUGE}") };
        let mut stream = stage.connect().await;
        let head = format!("{}{length}\r\n\r\n", stage.head("POST", &stage.path()));
        stream.write_all(head.as_bytes()).await.expect("the relay reads");
        let (mut reading, mut writing) = stream.split();
        let mut answer = Vec::new();
        let mut sent = 0;
        let write = async {
            while sent < HUGE {
                if chunked {
                    writing.write_all(format!("{PIECE:x}\r\n").as_bytes()).await?;
                }
                writing.write_all(&piece).await?;
                if chunked {
                    writing.write_all(b"\r\n").await?;
                }
                sent += PIECE;
            }
            std::io::Result::Ok(())
        };
        let read = async {
            while Answer::parse(&answer).is_none() {
                assert!(reading.read_buf(&mut answer).await.expect("no reset before the answer") > 0, "closed");
            }
        };
        tokio::select! {
            () = read => {}
            // A refused stream may be closed under the writer; the answer is there all the same.
            _ = write => while Answer::parse(&answer).is_none() {
                assert!(reading.read_buf(&mut answer).await.expect("the answer can be read") > 0, "closed");
            }
        }
        Answer::parse(&answer).expect("whole").refuses(413);
        assert!(sent < HUGE / 2, "{sent} bytes were taken before the answer");
    }
    stage.still_relays("after huge bodies").await;
    let after = stage.relay.resident_mib();
    note(format_args!("resident before {before:.1} MiB, after huge bodies {after:.1} MiB"));
    assert!(after < MUCH_MEMORY_MIB, "{after} MiB");
}

#[tokio::test]
async fn clients_that_stall_are_cut_off_and_cost_nothing() {
    const CONNECTIONS: usize = 200;
    let mut stage = Stage::set().await;
    stage.still_relays("before").await;
    let before = stage.relay.resident_mib();
    let mut stalled = JoinSet::new();
    for number in 0..CONNECTIONS {
        let mut stream = stage.connect().await;
        // A connection without a word, half a head, and half a body.
        let said = match number % 3 {
            0 => String::new(),
            1 => stage.head("POST", &stage.path()),
            _ => format!("{}content-length: 1000\r\n\r\n{{", stage.head("POST", &stage.path())),
        };
        stream.write_all(said.as_bytes()).await.expect("the relay reads");
        stalled.spawn(async move {
            let mut last_words = Vec::new();
            let closed = timeout(PATIENCE, stream.read_to_end(&mut last_words)).await;
            closed.expect("cut off within a minute").expect("closed, not reset");
            (number, last_words)
        });
    }
    stage.still_relays("while others stall").await;
    note(format_args!("resident with {CONNECTIONS} stalled connections {:.1} MiB", stage.relay.resident_mib()));
    while let Some(ended) = stalled.join_next().await {
        let (number, last_words) = ended.expect("cut off as it should be");
        if number % 3 == 2 {
            Answer::parse(&last_words).expect("an answer").refuses(408);
        }
    }
    stage.still_relays("after all were cut off").await;
    let after = stage.relay.resident_mib();
    note(format_args!("resident before {before:.1} MiB, after {after:.1} MiB"));
    assert!(after < MUCH_MEMORY_MIB, "{after} MiB");
    let heard = stage.target.heard("ROOM");
    assert_eq!(heard, ["before", "while others stall", "after all were cut off"]);
}
