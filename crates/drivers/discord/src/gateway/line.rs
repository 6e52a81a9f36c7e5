//! The loop between the [machine](super::machine) and the socket.
//!
//! Events go to the [intake](super::intake) through a bounded channel. While that is full nothing is read from the
//! socket, heartbeats go on, and the machine knows that acknowledgements may wait unread.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tieline_core::driver::DriverContext;
use tieline_core::throttle::Throttle;
use tieline_net::WebSocket;
use tieline_net::websocket::tungstenite::{self, Message};
use tieline_net::websocket::{Broken, WebSocketSettings, connect, leave, say};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::compression::{LARGEST, Unpacking};
use super::machine::Machine;
use super::payload::Word;
use super::signal::{Dispatch, Input, Output};
use crate::api::USER_AGENT;
use crate::driver::DiscordDriver;

/// A connection, or none, and what is under way to one.
pub(crate) struct Line<'d> {
    driver: &'d DiscordDriver,
    context: &'d DriverContext,
    machine: &'d mut Machine,
    /// What the machine's times are counted from.
    epoch: Instant,
    socket: Option<WebSocket>,
    unpacking: Unpacking,
    /// The API is asked, or a connection is dialled.
    trying: Option<BoxFuture<'d, (Input, Option<WebSocket>)>>,
    unreadable: Throttle,
}

/// Room for one event in the channel to the intake.
type Room<'e> = Option<mpsc::Permit<'e, Dispatch>>;

impl<'d> Line<'d> {
    pub(crate) fn new(
        driver: &'d DiscordDriver,
        context: &'d DriverContext,
        machine: &'d mut Machine,
        epoch: Instant,
    ) -> Self {
        Self {
            driver,
            context,
            machine,
            epoch,
            socket: None,
            unpacking: Unpacking::default(),
            trying: None,
            unreadable: Throttle::default(),
        }
    }

    /// Holds the line until shutdown, or until nobody takes events any more.
    pub(crate) async fn hold(mut self, events: mpsc::Sender<Dispatch>) {
        let mut room: Room<'_> = events.try_reserve().ok();
        loop {
            let due = self.machine.due().map(|due| self.epoch + due);
            let has_room = room.is_some();
            let input = tokio::select! {
                biased;
                () = self.context.shutdown.cancelled() => Some(Input::Stop),
                () = events.closed() => Some(Input::Stop),
                () = at(due), if due.is_some() => Some(Input::Due),
                (input, socket) = result_of(&mut self.trying), if self.trying.is_some() => {
                    self.trying = None;
                    self.socket = socket;
                    self.unpacking = Unpacking::default();
                    Some(input)
                }
                permit = events.reserve(), if !has_room => {
                    room = permit.ok();
                    Some(Input::Listening)
                }
                message = next_of(&mut self.socket), if has_room && self.socket.is_some() => self.read(message),
            };
            let Some(input) = input else { continue };
            let stops = input == Input::Stop;
            self.tell(input, &mut room).await;
            if stops {
                return;
            }
            if room.is_none() {
                room = events.try_reserve().ok();
                if room.is_none() && has_room {
                    self.tell(Input::Deaf, &mut room).await;
                }
            }
        }
    }

    /// Tells the machine, and does what it wants.
    async fn tell(&mut self, input: Input, room: &mut Room<'_>) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            for output in self.machine.step(self.epoch.elapsed(), input, fastrand::f64()) {
                if self.does(output, room).await.is_err() {
                    self.socket = None;
                    next = Some(Input::Ended(None));
                    break;
                }
            }
        }
    }

    async fn does(&mut self, output: Output, room: &mut Room<'_>) -> Result<(), Broken> {
        let id = &self.driver.instance.id;
        match output {
            Output::Ask => {
                let driver = self.driver;
                self.trying = Some(async move { (driver.ask_for_gateway().await, None) }.boxed());
            }
            Output::Dial(url) => self.trying = Some(dial(self.driver, url).boxed()),
            Output::Send(command) => {
                let socket = self.socket.as_mut().ok_or(Broken)?;
                return say(socket, command.text()).await;
            }
            Output::Close(code) => {
                if let Some(socket) = self.socket.take() {
                    // What it still says is of no interest: whoever resumes hears it again.
                    if !leave(socket, Some(code)).await {
                        tracing::debug!(instance = %id, "Discord's gateway does not answer our close");
                    }
                }
            }
            Output::Event(dispatch) => {
                // Nothing is read without room for what it may say.
                if let Some(room) = room.take() {
                    room.send(dispatch);
                }
            }
            Output::Ready => {
                tracing::info!(instance = %id, "Discord's gateway is heard");
                self.context.health.ready();
            }
            Output::Failing(why) => {
                tracing::warn!(instance = %id, why, "Nothing is received from Discord");
                self.context.health.failing(&why);
            }
        }
        Ok(())
    }

    /// What the socket said; `None`: nothing that the machine wants to know.
    fn read(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Option<Input> {
        let payload = match message {
            Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
            Some(Ok(Message::Binary(bytes))) => match self.unpacking.take(&bytes) {
                Ok(payload) => payload?,
                Err(why) => return Some(Input::Garbled(why.to_owned())),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return None,
            Some(Ok(Message::Close(frame))) => return Some(self.ended(frame.map(|frame| frame.code.into()))),
            Some(Err(_)) | None => return Some(self.ended(None)),
        };
        match Word::read(&payload) {
            Ok(word) => Some(Input::Said(word)),
            Err(error) => {
                if let Some(withheld) = self.unreadable.admit(self.driver.services.clock.now()) {
                    let id = &self.driver.instance.id;
                    tracing::warn!(instance = %id, error, withheld, "A payload of Discord's gateway cannot be read");
                }
                None
            }
        }
    }

    fn ended(&mut self, code: Option<u16>) -> Input {
        self.socket = None;
        tracing::info!(instance = %self.driver.instance.id, code, "The connection to Discord's gateway ended");
        Input::Ended(code)
    }
}

async fn at(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}

async fn result_of<T>(trying: &mut Option<BoxFuture<'_, T>>) -> T {
    match trying {
        Some(trying) => trying.await,
        None => std::future::pending().await,
    }
}

async fn next_of(socket: &mut Option<WebSocket>) -> Option<Result<Message, tungstenite::Error>> {
    socket.as_mut()?.next().await
}

async fn dial(driver: &DiscordDriver, url: Url) -> (Input, Option<WebSocket>) {
    let settings = WebSocketSettings {
        proxy: driver.instance.proxy.clone(),
        max_message: LARGEST,
        user_agent: USER_AGENT.to_owned(),
        ..WebSocketSettings::default()
    };
    match connect(&url, &settings).await {
        Ok(socket) => (Input::Opened, Some(socket)),
        Err(error) => (Input::NotOpened(error.to_string()), None),
    }
}
