//! The conformance suite itself: the smallest driver that passes it, on a platform that is a list in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{
    BuildError, Capabilities, CompleteError, Completed, Driver, DriverContext, DriverError, Finding, Inbound,
    InstanceConfig, Room, Services, SourcePattern, TargetChannel, TextUnit,
};
use tieline_core::event::{Author, Body, Content, Event, Message};
use tieline_core::id::{ChannelKey, InstanceId, MessageId};
use tieline_core::markup::{Dialect, Markup};
use tieline_core::problem::Problem;
use tieline_core::secret::Secret;
use tieline_core::send::{
    Action, CutError, Outgoing, Part, Pause, Reconciled, Scope, SendError, Sending, Sent, Trouble,
};
use tieline_core::webhook::{ListenAt, Mount, WebhookHandler, WebhookRequest, WebhookResponse};
use tieline_testkit::conformance::{Changes, Harness, Said, SendFault};
use tieline_testkit::{LocalWebhooks, RecordingHealth, call};
use tokio::sync::watch;

const MAX_TEXT: usize = 100;

#[derive(Debug)]
struct Loft {
    id: InstanceId,
    capabilities: Capabilities,
}

struct Plain;

impl Dialect for Plain {
    fn parse(&self, text: &str) -> Markup {
        Markup::plain(text)
    }

    fn render(&self, markup: &Markup) -> String {
        self.escape(&markup.to_plain())
    }

    fn escape(&self, text: &str) -> String {
        text.replace('@', "@\u{200b}")
    }
}

impl InstanceConfig for Loft {
    fn id(&self) -> &InstanceId {
        &self.id
    }

    fn platform(&self) -> &'static str {
        "pigeon"
    }

    fn realm(&self) -> &'static str {
        "loft"
    }

    fn source(&self, _: &Address) -> Result<SourcePattern, Vec<Problem>> {
        Ok(SourcePattern { channel: None, also: Vec::new() })
    }

    fn target(&self, _: &Address) -> Result<TargetChannel, Vec<Problem>> {
        Err(vec![Problem::error("pigeons are addressed by the suite only")])
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn dialect(&self) -> &dyn Dialect {
        &Plain
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("grain")]
    }

    fn build(self: Arc<Self>, _: Services) -> Result<Arc<dyn Driver>, BuildError> {
        Err(BuildError("pigeons are built by the suite only".to_owned()))
    }
}

/// The platform and the driver in one.
struct Pigeon {
    loft: Arc<Loft>,
    services: Services,
    said: Mutex<Vec<Said>>,
    fault: Mutex<Option<SendFault>>,
    closed: Mutex<bool>,
    url: Mutex<String>,
    last: Mutex<String>,
    written: Mutex<u32>,
    answers: watch::Sender<Vec<u16>>,
}

impl Pigeon {
    fn hatch(services: Services) -> Arc<Self> {
        let capabilities = Capabilities {
            identity_key: Some("name"),
            max_text: MAX_TEXT,
            text_unit: TextUnit::Chars,
            max_file_size: u64::MAX,
            idempotent: true,
        };
        Arc::new(Self {
            loft: Arc::new(Loft { id: InstanceId::new("p").unwrap(), capabilities }),
            services,
            said: Mutex::default(),
            fault: Mutex::default(),
            closed: Mutex::default(),
            url: Mutex::default(),
            last: Mutex::default(),
            written: Mutex::default(),
            answers: watch::Sender::new(Vec::new()),
        })
    }

    fn tell(self: &Arc<Self>, body: String) {
        let url = self.url.lock().unwrap().clone();
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let reply = call(Method::POST, &url, &[], Bytes::from(body), Duration::from_secs(20)).await.unwrap();
            this.answers.send_modify(|answers| answers.push(reply.status.as_u16()));
        });
    }
}

struct Perch(Arc<Pigeon>, Arc<dyn Inbound>);

#[async_trait]
impl WebhookHandler for Perch {
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        let event = Event {
            instance: self.0.loft.id.clone(),
            platform: "pigeon".into(),
            channel: ChannelKey::new("yard").ok()?,
            parent: None,
            address: Address::default(),
            room: None,
            message_id: MessageId::new(body["id"].as_str()?).ok()?,
            revision: None,
            time: self.0.services.clock.now(),
            author: Author { id: "ann".to_owned(), ..Author::default() },
            body: Body::Message(Message { text: Markup::plain(body["text"].as_str()?), ..Message::default() }),
            missing: None,
        };
        Some(match self.1.accept(event).await {
            Ok(_) => WebhookResponse::ok(),
            Err(error) => WebhookResponse::refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        })
    }
}

#[async_trait]
impl Driver for Pigeon {
    async fn run(self: Arc<Self>, context: DriverContext) -> Result<(), DriverError> {
        let at = ListenAt { host: "127.0.0.1".to_owned(), port: 0, path: "/pigeon".to_owned() };
        let handler = Arc::new(Perch(Arc::clone(&self), Arc::clone(&context.inbound)));
        let mounted = context.webhooks.mount(Mount { at, body_limit: 10_000, handler }).await;
        let _mounted = mounted.map_err(|error| DriverError(error.to_string()))?;
        context.health.ready();
        context.shutdown.cancelled().await;
        Ok(())
    }

    async fn complete(&self, event: &Event, _: bool) -> Result<Completed, CompleteError> {
        Ok(Completed { event: event.clone(), notes: Vec::new() })
    }

    fn cut(&self, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
        // Pigeons carry letters, and nothing changes a letter.
        if let Action::Delete(_) | Action::React(_) = outgoing.action {
            return Err(CutError::Impossible("a letter cannot be changed".to_owned()));
        }
        let name = outgoing.keys.get("name").cloned().unwrap_or_default();
        let mut texts = vec![String::new()];
        for word in outgoing.text.split_inclusive(' ') {
            if texts.last().is_some_and(|text| text.len() + word.len() > MAX_TEXT) {
                texts.push(String::new());
            }
            texts.last_mut().unwrap().push_str(word);
        }
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        let mut parts: Vec<Part> =
            texts.map(|text| Part { body: json!({ "text": text, "name": name }), files: Vec::new() }).collect();
        for attachment in &outgoing.attachments {
            let Content::Spooled(id) = &attachment.content else { continue };
            parts.push(Part { body: json!({ "text": "", "name": name }), files: vec![id.clone()] });
        }
        Ok(parts)
    }

    fn scopes(&self, _: &Sending) -> Vec<Scope> {
        vec![Scope::Named("sky".to_owned())]
    }

    async fn send(&self, sending: &Sending) -> Result<Sent, SendError> {
        let unreachable = |trouble| SendError::Retryable { reason: "shot down".to_owned(), trouble, after: None };
        let lost = || SendError::Ambiguous { reason: "never came back".to_owned() };
        if *self.closed.lock().unwrap() {
            return Err(unreachable(Trouble::Unreachable));
        }
        let fault = self.fault.lock().unwrap().take();
        match fault {
            Some(SendFault::RateLimited { until }) => {
                return Err(SendError::RateLimited(Pause { scope: Scope::Named("sky".to_owned()), until }));
            }
            Some(SendFault::ServerError) => return Err(unreachable(Trouble::Unreachable)),
            Some(SendFault::LostRequest) => return Err(lost()),
            Some(SendFault::Unauthorized) => return Err(unreachable(Trouble::Credentials)),
            Some(SendFault::Refused) => {
                return Err(SendError::Permanent { reason: "the yard is shut: open the yard".to_owned() });
            }
            Some(SendFault::LostAnswer) | None => {}
        }
        let text = |key: &str| sending.part.body[key].as_str().unwrap_or_default().to_owned();
        let id = MessageId::new(sending.key.as_str()).unwrap();
        let files = sending.part.files.iter().map(ToString::to_string).collect();
        let mut said = self.said.lock().unwrap();
        let new = Said { id: id.clone(), text: text("text"), name: text("name"), files };
        if said.iter().all(|old| old.id != new.id) {
            said.push(new);
        }
        if fault.is_some() { Err(lost()) } else { Ok(Sent { ids: vec![id], ..Sent::default() }) }
    }

    async fn reconcile(&self, sending: &Sending, _: &[Event]) -> Result<Reconciled, SendError> {
        let found = self.said.lock().unwrap().iter().find(|said| said.id.as_str() == sending.key.as_str()).cloned();
        Ok(found
            .map_or(Reconciled::Missing, |said| Reconciled::Arrived(Sent { ids: vec![said.id], ..Sent::default() })))
    }

    async fn rooms(&self) -> Result<Vec<Room>, DriverError> {
        Ok(Vec::new())
    }

    async fn doctor(&self, _: &[Address]) -> Vec<Finding> {
        Vec::new()
    }
}

struct Keeper(Arc<Pigeon>);

#[async_trait]
impl Harness for Keeper {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.0) as _
    }

    fn instance(&self) -> Arc<dyn InstanceConfig> {
        Arc::clone(&self.0.loft) as _
    }

    async fn connect(&self, webhooks: &LocalWebhooks, health: &RecordingHealth) {
        *self.0.url.lock().unwrap() = webhooks.url().await;
        health.wait_until_ready().await;
    }

    async fn person_writes(&self, text: &str) -> MessageId {
        let id = {
            let mut written = self.0.written.lock().unwrap();
            *written += 1;
            format!("w{written}")
        };
        let body = json!({ "id": id, "text": text }).to_string();
        self.0.last.lock().unwrap().clone_from(&body);
        self.0.tell(body);
        MessageId::new(&id).unwrap()
    }

    async fn tell_again(&self) -> bool {
        let last = self.0.last.lock().unwrap().clone();
        self.0.tell(last);
        true
    }

    async fn answers(&self, count: usize) -> Option<Vec<u16>> {
        let mut answers = self.0.answers.subscribe();
        Some(answers.wait_for(|answers| answers.len() >= count).await.unwrap().clone())
    }

    fn target(&self) -> Address {
        Address::of([("yard", "yard")])
    }

    fn identity(&self, name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("name".to_owned(), name.to_owned())])
    }

    fn said(&self) -> Vec<Said> {
        self.0.said.lock().unwrap().clone()
    }

    fn changes(&self) -> Changes {
        Changes { edits: false, deletes: false, reacts: false }
    }

    fn reactions(&self, _: &MessageId) -> Vec<String> {
        Vec::new()
    }

    fn set_off(&self) -> Vec<String> {
        let said = self.said();
        said.into_iter().filter(|said| said.text.contains("@all")).map(|said| said.text).collect()
    }

    fn script(&self, fault: SendFault) {
        *self.0.fault.lock().unwrap() = Some(fault);
    }

    fn remedy(&self) -> &'static str {
        "open the yard"
    }

    async fn close(&self) {
        *self.0.closed.lock().unwrap() = true;
    }
}

tieline_testkit::driver_conformance!(async |services| Keeper(Pigeon::hatch(services)));
