//! A gateway's client as small as these tests need it.

use std::sync::Arc;
use std::time::Duration;

use flate2::{Decompress, FlushDecompress};
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use serde_json::{Value, json};
use tieline_testkit::FixedClock;
use tieline_testkit::discord::gateway::{GatewayScript, ReadyData};
use tieline_testkit::discord::{DiscordScript, FakeDiscord};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::PATIENCE;

pub(crate) const TOKEN: &str = "right-token-of-the-bot";
pub(crate) const OTHER_TOKEN: &str = "right-token-of-another-bot";
pub(crate) const BOT: &str = "900";
pub(crate) const QUERY: &str = "?v=10&encoding=json";

pub(crate) const GUILDS: u64 = 1;
pub(crate) const GUILD_MESSAGES: u64 = 1 << 9;
pub(crate) const MESSAGE_CONTENT: u64 = 1 << 15;
pub(crate) const USUAL: u64 = GUILDS | GUILD_MESSAGES | MESSAGE_CONTENT;

/// A script whose time stands still, so that one identify follows another only when it is moved.
pub(crate) fn still() -> (GatewayScript, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::default());
    (GatewayScript { clock: Arc::clone(&clock) as _, ..GatewayScript::default() }, clock)
}

/// A script that does not count identifies within seconds.
pub(crate) fn unhurried() -> GatewayScript {
    GatewayScript { identify_window: Duration::ZERO, ..GatewayScript::default() }
}

/// A fake with two bots in a guild.
pub(crate) async fn start(script: GatewayScript) -> FakeDiscord {
    let script = DiscordScript { clock: Arc::clone(&script.clock), gateway: script, ..DiscordScript::default() };
    let fake = FakeDiscord::start(script).await;
    fake.gateway().set_ready(|token| {
        let user = match token {
            TOKEN => json!({ "id": BOT, "username": "relay", "bot": true }),
            OTHER_TOKEN => json!({ "id": "901", "username": "other", "bot": true }),
            _ => return None,
        };
        let guilds = vec![json!({ "id": "100", "name": "Home", "channels": [{ "id": "200", "type": 0 }] })];
        Some(ReadyData { user, application_id: "800".to_owned(), guilds })
    });
    fake
}

/// What a client reads.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Payload(Value),
    Closed(u16),
    /// The line broke.
    Cut,
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    inflate: Decompress,
}

impl Client {
    /// Dials `/gateway`.
    pub(crate) async fn connect(fake: &FakeDiscord) -> Self {
        Self::dial(fake, &format!("/gateway{QUERY}")).await.unwrap()
    }

    pub(crate) async fn dial(fake: &FakeDiscord, path: &str) -> Result<Self, StatusCode> {
        let origin = origin(fake);
        let stream = TcpStream::connect(origin.trim_start_matches("ws://")).await.unwrap();
        match timeout(PATIENCE, client_async(format!("{origin}{path}"), stream)).await.unwrap() {
            Ok((socket, _)) => Ok(Self { socket, inflate: Decompress::new(true) }),
            Err(Error::Http(answer)) => Err(answer.status()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A connection that was greeted and has identified; everything up to the guild is read. Returns READY, too.
    pub(crate) async fn identified(fake: &FakeDiscord, intents: u64) -> (Self, Value) {
        let mut client = Self::connect(fake).await;
        client.expect(10).await;
        client.identify(TOKEN, intents).await;
        let ready = client.event("READY").await;
        if intents & GUILDS != 0 {
            client.event("GUILD_CREATE").await;
        }
        (client, ready)
    }

    /// A connection at `/gateway/resume` that was greeted and has asked to resume.
    pub(crate) async fn resuming(fake: &FakeDiscord, token: &str, session: &str, seq: u64) -> Self {
        let mut client = Self::dial(fake, &format!("/gateway/resume{QUERY}")).await.unwrap();
        client.expect(10).await;
        client.send(6, json!({ "token": token, "session_id": session, "seq": seq })).await;
        client
    }

    pub(crate) async fn send(&mut self, op: u64, data: Value) {
        self.send_text(json!({ "op": op, "d": data }).to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn identify(&mut self, token: &str, intents: u64) {
        self.send(2, identify(token, intents)).await;
    }

    pub(crate) async fn close(&mut self, code: u16) {
        self.socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await.unwrap();
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            return match timeout(PATIENCE, self.socket.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => Said::Payload(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => Said::Payload(self.unpack(&bytes)),
                Some(Ok(Message::Close(frame))) => Said::Closed(frame.unwrap().code.into()),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Said::Cut,
            };
        }
    }

    /// Everything that was sent compressed is one stream.
    fn unpack(&mut self, bytes: &[u8]) -> Value {
        assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "no flush ends {bytes:?}");
        let mut text = Vec::with_capacity(1024 * 1024);
        self.inflate.decompress_vec(bytes, &mut text, FlushDecompress::Sync).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The next payload, which has this opcode. Returns its data.
    pub(crate) async fn expect(&mut self, op: u64) -> Value {
        match self.next().await {
            Said::Payload(payload) if payload["op"] == op => payload["d"].clone(),
            other => panic!("not opcode {op}, but {other:?}"),
        }
    }

    /// The next payload, which is this event. Returns all of it.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        match self.next().await {
            Said::Payload(payload) if payload["t"] == name => payload,
            other => panic!("not {name}, but {other:?}"),
        }
    }

    /// Sends a heartbeat; nothing else is on its way to this client before the answer to it.
    pub(crate) async fn hears_nothing(&mut self) {
        self.send(1, Value::Null).await;
        self.expect(11).await;
    }
}

/// Where the gateway is, without a path: `ws://host:port`.
pub(crate) fn origin(fake: &FakeDiscord) -> String {
    fake.gateway_url().strip_suffix("/gateway").unwrap().to_owned()
}

/// A proper identify.
pub(crate) fn identify(token: &str, intents: u64) -> Value {
    json!({
        "token": token,
        "intents": intents,
        "properties": { "os": "linux", "browser": "test", "device": "test" },
    })
}

/// The id of a session, from its READY.
pub(crate) fn session(ready: &Value) -> &str {
    ready["d"]["session_id"].as_str().unwrap()
}
