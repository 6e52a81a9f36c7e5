//! A fake addon with a person, a group and a driver.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{CatchUp, Defaults, Driver, DriverFactory, InstanceConfig, Services};
use tieline_core::event::{Attachment, AttachmentKind};
use tieline_core::id::{DeliveryId, InstanceId, MessageId};
use tieline_core::markup::{Block, Span};
use tieline_core::send::{Outgoing, SendError, Sending, Sent};
use tieline_testkit::conformance::{Harness, Said, SendFault};
use tieline_testkit::whatsapp::{
    FakeMessage, FakeWhatsApp, Fault, Group, Person, Route, WebhookScript, WhatsAppScript,
};
use tieline_testkit::{
    KnownIds, LocalWebhooks, RecordingHealth, RecordingInbound, Running, SystemClock, TempSpool, deliver, first_part,
};
use tieline_whatsapp::WhatsApp;

pub(crate) const TOKEN: &str = "s3cret-webhook-token";
pub(crate) const GROUP: &str = "120363000000000001@g.us";

/// Everything that a test of the driver needs.
pub(crate) struct Scene {
    pub(crate) addon: FakeWhatsApp,
    pub(crate) alice: Person,
    pub(crate) instance: Arc<dyn InstanceConfig>,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) spool: Arc<TempSpool>,
    pub(crate) known: Arc<KnownIds>,
    pub(crate) inbound: Arc<RecordingInbound>,
    pub(crate) health: Arc<RecordingHealth>,
    pub(crate) webhooks: Arc<LocalWebhooks>,
    last: Mutex<Option<String>>,
}

/// A scene with the default settings.
pub(crate) async fn scene() -> Scene {
    scene_with(WhatsAppScript::default(), json!({})).await
}

pub(crate) async fn scene_with(script: WhatsAppScript, settings: Value) -> Scene {
    scene_of(script, settings, Defaults::default()).await
}

/// A scene whose driver catches up.
pub(crate) async fn scene_catching_up(limits: CatchUp) -> Scene {
    let defaults = Defaults { catch_up: Some(limits), ..Defaults::default() };
    scene_of(WhatsAppScript::default(), json!({}), defaults).await
}

async fn scene_of(script: WhatsAppScript, settings: Value, defaults: Defaults) -> Scene {
    let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
    let known = Arc::new(KnownIds::default());
    let services =
        Services { spool: Arc::clone(&spool) as _, links: Arc::clone(&known) as _, clock: Arc::new(SystemClock) };
    Scene::new(script, &settings, &defaults, services, spool, known).await
}

impl Scene {
    async fn new(
        script: WhatsAppScript,
        more: &Value,
        defaults: &Defaults,
        services: Services,
        spool: Arc<TempSpool>,
        known: Arc<KnownIds>,
    ) -> Self {
        let addon = FakeWhatsApp::start(script).await;
        let alice = Person::new("491700000001", "Alice");
        addon.account().add_person(&alice);
        addon.account().add_group(Group::new(GROUP, "Rig Group", &[&alice]));
        let mut settings = json!({
            "addon_url": addon.url(), "api_token": addon.token(), "webhook_token": TOKEN, "listen_host": "127.0.0.1",
            "listen_port": 0,
        });
        for (key, value) in more.as_object().expect("an object") {
            settings[key] = value.clone();
        }
        let resolved = WhatsApp.resolve(&InstanceId::new("wa").expect("an id"), &settings, defaults);
        let instance = resolved.instance.unwrap_or_else(|| panic!("{:?}", resolved.problems));
        let driver = Arc::clone(&instance).build(services).expect("the driver can be built");
        Self {
            addon,
            alice,
            instance,
            driver,
            spool,
            known,
            inbound: Arc::default(),
            health: Arc::default(),
            webhooks: Arc::default(),
            last: Mutex::default(),
        }
    }

    /// Lets the driver receive.
    pub(crate) async fn run(&self) -> Running {
        let running = Running::start(Arc::clone(&self.driver), &self.inbound, &self.webhooks, &self.health);
        self.addon.set_webhook(Some(WebhookScript { url: self.webhooks.url().await, token: TOKEN.to_owned() }));
        running
    }

    pub(crate) fn outgoing(&self, text: &str) -> Outgoing {
        self.outgoing_to(&self.alice.jid(), text)
    }

    #[expect(clippy::unused_self, reason = "tests read better so")]
    pub(crate) fn outgoing_to(&self, chat: &str, text: &str) -> Outgoing {
        Outgoing {
            delivery: DeliveryId(1),
            action: tieline_core::send::Action::Say,
            mentions: Vec::new(),
            target: Address::of([("chat_id", chat)]),
            text: text.to_owned(),
            named_text: format!("Bob: {text}"),
            keys: BTreeMap::new(),
            attachments: Vec::new(),
            reply_to: None,
            time: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    /// A file from the spool.
    pub(crate) async fn file(
        &self,
        kind: AttachmentKind,
        name: &str,
        mime: &str,
        bytes: impl Into<bytes::Bytes>,
    ) -> Attachment {
        self.spool.attachment(kind, name, mime, bytes).await.expect("the spool takes it")
    }

    pub(crate) fn first(&self, outgoing: &Outgoing) -> Sending {
        first_part(&*self.driver, outgoing)
    }

    /// Sends all parts.
    pub(crate) async fn deliver(&self, outgoing: &Outgoing) -> Result<Vec<Sent>, SendError> {
        deliver(&*self.driver, outgoing).await
    }

    /// What we said in a chat. Nothing was odd about the calls until now.
    pub(crate) fn said_in(&self, chat: &str) -> Vec<FakeMessage> {
        assert_eq!(self.addon.violations(), [], "the addon takes it, and should not have had to");
        self.addon.account().messages(chat).into_iter().filter(|message| message.from_me).collect()
    }

    pub(crate) fn said(&self) -> Vec<FakeMessage> {
        self.said_in(&self.alice.jid())
    }
}

#[async_trait]
impl Harness for Scene {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.driver)
    }

    fn instance(&self) -> Arc<dyn InstanceConfig> {
        Arc::clone(&self.instance)
    }

    async fn connect(&self, webhooks: &LocalWebhooks, health: &RecordingHealth) {
        self.addon.set_webhook(Some(WebhookScript { url: webhooks.url().await, token: TOKEN.to_owned() }));
        health.wait_until_ready().await;
    }

    async fn person_writes(&self, text: &str) -> MessageId {
        let id = self.addon.text(&self.alice.jid(), &self.alice, text);
        *self.last.lock().expect("no test panics while it holds this") = Some(id.clone());
        MessageId::new(&id).expect("an id")
    }

    async fn tell_again(&self) -> bool {
        // The addon knows what it told until it is restarted.
        self.addon.forget();
        let last = self.last.lock().expect("no test panics while it holds this").clone();
        self.addon.account().resend(&last.expect("a person has written"));
        true
    }

    async fn answers(&self, count: usize) -> Option<Vec<u16>> {
        let calls = self.addon.wait_for_answered_webhooks(count).await;
        Some(calls.into_iter().filter_map(|call| call.status).collect())
    }

    fn target(&self) -> Address {
        Address::of([("chat_id", self.alice.jid().as_str())])
    }

    fn identity(&self, _name: &str) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn said(&self) -> Vec<Said> {
        let said = Self::said(self).into_iter().filter(|message| !message.revoked);
        said.map(|message| Said {
            id: MessageId::new(&message.id).expect("an id"),
            text: message.text,
            name: message.name,
            files: message.media.into_iter().map(|file| file.sha256).collect(),
        })
        .collect()
    }

    fn reactions(&self, message: &MessageId) -> Vec<String> {
        let found = Self::said(self).into_iter().find(|one| one.id == message.as_str());
        let own = self.addon.account().own_jid();
        found
            .into_iter()
            .flat_map(|message| message.reactions)
            .filter(|(who, _)| *who == own)
            .map(|(_, emoji)| emoji)
            .collect()
    }

    fn set_off(&self) -> Vec<String> {
        let commands = self.addon.commands().into_iter().map(|command| command.text);
        let formatted = Self::said(self).into_iter().map(|message| message.text).filter(|text| {
            let markup = self.instance.dialect().parse(text);
            markup.blocks.iter().any(|block| match block {
                Block::Line(spans) => spans.iter().any(|span| !matches!(span, Span::Text(_))),
                _ => true,
            })
        });
        commands.chain(formatted).collect()
    }

    fn script(&self, fault: SendFault) {
        let fault = match fault {
            SendFault::RateLimited { until } => {
                let now = tieline_core::clock::Clock::now(&SystemClock);
                // The addon names whole seconds from now.
                let wait = until.duration_since(now).as_secs() + 1;
                Fault::TooManyRequests { reset_s: u64::try_from(wait).expect("it lies ahead") }
            }
            SendFault::ServerError => Fault::Status500,
            SendFault::LostRequest => Fault::DropBefore,
            SendFault::LostAnswer => Fault::DropAfter,
            SendFault::Unauthorized => Fault::Unauthorized,
            SendFault::Refused => {
                Fault::Answer { status: 404, body: "<pre>Cannot POST /send_message</pre>".to_owned() }
            }
        };
        self.addon.faults().on(Route::SendMessage).next(1, fault);
    }

    fn remedy(&self) -> &'static str {
        "`addon_url`"
    }

    async fn close(&self) {
        self.addon.close_port().await;
    }

    fn shows_identity(&self) -> bool {
        false
    }
}

async fn conforming(services: Services) -> Scene {
    let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
    let script = WhatsAppScript { moderation: true, ..WhatsAppScript::default() };
    Scene::new(script, &json!({}), &Defaults::default(), services, spool, Arc::default()).await
}

tieline_testkit::driver_conformance!(conforming);
