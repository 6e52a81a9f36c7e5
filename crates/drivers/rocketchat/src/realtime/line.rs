//! The loop between the [machine](super::machine) and the socket.
//!
//! Events go to the [session](super::session) through a bounded channel. While that is full nothing is read from the
//! socket, and the machine knows that the server's signs of life may wait unread.

use std::time::Duration;

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

use super::machine::Machine;
use super::signal::{Dispatch, Input, Output, Wanted};
use super::word::Word;
use crate::doctor::{CHECK, REFUSED};
use crate::driver::RocketChatDriver;
use crate::intake::Roster;
use crate::refusal::Failure;

/// How often is looked whether the rules listen to other rooms.
const LOOK: Duration = Duration::from_secs(5);

/// How the way to a session ended that was under way.
type Tried = (Input, Option<WebSocket>);

/// A connection, or none, and what is under way to one.
pub(crate) struct Line<'d> {
    driver: &'d RocketChatDriver,
    context: &'d DriverContext,
    roster: &'d Roster,
    machine: Machine,
    url: Url,
    /// What the machine's times are counted from.
    epoch: Instant,
    socket: Option<WebSocket>,
    /// A token is asked for, a connection dialled, or the rooms are looked up.
    trying: Option<BoxFuture<'d, Tried>>,
    /// What is to be heard, as it was told last.
    wanted: Option<Wanted>,
    unreadable: Throttle,
}

/// Room for one event in the channel to the intake.
type Room<'e> = Option<mpsc::Permit<'e, Dispatch>>;

impl<'d> Line<'d> {
    pub(crate) fn new(
        driver: &'d RocketChatDriver,
        context: &'d DriverContext,
        roster: &'d Roster,
        machine: Machine,
        url: Url,
    ) -> Self {
        Self {
            driver,
            context,
            roster,
            machine,
            url,
            epoch: Instant::now(),
            socket: None,
            trying: None,
            wanted: None,
            unreadable: Throttle::default(),
        }
    }

    /// Holds the line until shutdown, or until nobody takes events any more. `broken`: why nobody can go on with this
    /// session.
    pub(crate) async fn hold(mut self, events: mpsc::Sender<Dispatch>, mut broken: mpsc::Receiver<String>) {
        let mut room: Room<'_> = events.try_reserve().ok();
        let mut look_at = Instant::now() + LOOK;
        let mut typing = self.driver.typing.open();
        loop {
            let due = self.machine.due().map(|due| self.epoch + due);
            let has_room = room.is_some();
            let input = tokio::select! {
                biased;
                () = self.context.shutdown.cancelled() => Some(Input::Stop),
                () = events.closed() => Some(Input::Stop),
                () = at(due), if due.is_some() => Some(Input::Due),
                (input, socket) = result_of(&mut self.trying), if has_room && self.trying.is_some() => {
                    self.trying = None;
                    Some(self.tried(input, socket))
                }
                Some(why) = broken.recv() => Some(Input::Behind(why)),
                Some(room) = typing.recv() => Some(Input::Typing { room, username: self.roster.username() }),
                permit = events.reserve(), if !has_room => {
                    room = permit.ok();
                    Some(Input::Listening)
                }
                () = sleep_until(look_at), if has_room => {
                    look_at = Instant::now() + LOOK;
                    self.look_at_rules()
                }
                message = next_of(&mut self.socket), if has_room && self.socket.is_some() => Some(self.read(message)),
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

    fn tried(&mut self, input: Input, socket: Option<WebSocket>) -> Input {
        if let Input::Listed(wanted) = &input {
            self.wanted = Some(wanted.clone());
        }
        if input == Input::Opened {
            self.socket = socket;
        }
        input
    }

    /// Whether rules that were loaded anew listen to other rooms.
    fn look_at_rules(&mut self) -> Option<Input> {
        let last = self.wanted.as_mut()?;
        let wanted = self.roster.wanted(&*self.context.sources);
        if *last == wanted {
            return None;
        }
        last.clone_from(&wanted);
        Some(Input::Wanted(wanted))
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
            Output::AskToken { renew } => self.trying = Some(token(self.driver, renew).boxed()),
            Output::Dial => self.trying = Some(dial(self.driver, self.url.clone()).boxed()),
            Output::List => {
                let (driver, roster, sources) = (self.driver, self.roster, &*self.context.sources);
                let look_up = async move {
                    match roster.look_up(&driver.api).await {
                        Ok(()) => (Input::Listed(roster.wanted(sources)), None),
                        Err(failure) => (Input::NotListed(failure.to_string()), None),
                    }
                };
                self.trying = Some(look_up.boxed());
            }
            Output::Send(command) => {
                let socket = self.socket.as_mut().ok_or(Broken)?;
                return say(socket, command.text()).await;
            }
            Output::Close => {
                self.trying = None;
                self.wanted = None;
                if let Some(socket) = self.socket.take() {
                    // What it still says is of no interest: it is fetched when the next session begins.
                    if !leave(socket, None).await {
                        tracing::debug!(instance = %id, "Rocket.Chat's realtime API does not answer our close");
                    }
                }
            }
            Output::Event(dispatch) => {
                // Nothing is read or changed without room for what it may say.
                if let Some(room) = room.take() {
                    room.send(dispatch);
                }
            }
            Output::Membership(args) => self.roster.hear(&args),
            Output::Unheard { room, why } => {
                tracing::warn!(instance = %id, room, why, "A room of Rocket.Chat is not heard");
            }
            Output::DeletionsUnheard { room } => {
                tracing::info!(
                    instance = %id, room,
                    "What is deleted in a room of Rocket.Chat is not told, since the bot is not a member of it"
                );
            }
            Output::Ready => {
                tracing::info!(instance = %id, "Rocket.Chat's realtime API is heard");
                self.context.health.ready();
            }
            Output::Failing(why) => {
                tracing::warn!(instance = %id, why, "Nothing is received from Rocket.Chat");
                self.context.health.failing(&why);
            }
        }
        Ok(())
    }

    /// What the socket said.
    fn read(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Input {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => return self.ended(frame.map(|frame| frame.code.into())),
            Some(Ok(_)) => return Input::Said(Word::Other),
            Some(Err(_)) | None => return self.ended(None),
        };
        let word = Word::read(&text);
        if word.is_none()
            && let Some(withheld) = self.unreadable.admit(self.driver.services.clock.now())
        {
            let id = &self.driver.instance.id;
            tracing::warn!(instance = %id, withheld, "A frame of Rocket.Chat's realtime API is no JSON object");
        }
        Input::Said(word.unwrap_or(Word::Other))
    }

    fn ended(&mut self, code: Option<u16>) -> Input {
        self.socket = None;
        tracing::info!(instance = %self.driver.instance.id, code, "The connection to Rocket.Chat's realtime API ended");
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

/// The token of the bot: the configured one, or that of a session.
async fn token(driver: &RocketChatDriver, renew: bool) -> Tried {
    let session = match driver.api.session().await {
        Ok(stale) if renew && driver.api.login.password().is_some() => driver.api.renewed(&stale).await,
        session => session,
    };
    let input = match session {
        Ok(session) => Input::Token(session.token.clone()),
        Err(Failure::Refused(refusal)) if refusal.is_login() => {
            Input::NoToken { why: format!("{REFUSED}: {CHECK}"), refused: true }
        }
        Err(failure) => {
            let why = format!("Rocket.Chat at {} cannot be used: {failure}", driver.instance.server);
            Input::NoToken { why, refused: false }
        }
    };
    (input, None)
}

async fn dial(driver: &RocketChatDriver, url: Url) -> Tried {
    let settings = WebSocketSettings { proxy: driver.instance.proxy.clone(), ..WebSocketSettings::default() };
    match connect(&url, &settings).await {
        Ok(socket) => (Input::Opened, Some(socket)),
        Err(error) => (Input::NotOpened(error.to_string()), None),
    }
}
