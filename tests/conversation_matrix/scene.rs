//! Six instances, two of each platform, and rooms of theirs that rules connect.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::discord::FakeDiscord;

use super::discord::Channel;
use super::rocketchat::Room;
use super::side::{Shown, Side};
use super::whatsapp::Chat;

/// How many rooms something is done in: the first three. The other three are those in which it is looked at.
pub(super) const SOURCES: usize = 3;

/// A room on each server.
pub(super) struct Sides {
    rocketchat: [Room; 2],
    whatsapp: [Chat; 2],
    discord: [Channel; 2],
}

impl Sides {
    async fn start() -> Self {
        let discord = Channel::start().await;
        Self {
            rocketchat: [Room::start("rca", true).await, Room::start("rcb", false).await],
            whatsapp: [Chat::start(1).await, Chat::start(2).await],
            // Discord is one for all, so the second room is one of the same server, where another bot is.
            discord: [discord.clone(), discord.of_another_bot()],
        }
    }

    fn another(&self, number: usize) -> Self {
        Self {
            rocketchat: self.rocketchat.each_ref().map(|room| room.another(number)),
            whatsapp: self.whatsapp.each_ref().map(|chat| chat.another(number)),
            discord: self.discord.each_ref().map(|channel| channel.another(number)),
        }
    }

    /// All of them: one of each platform, then the other of each.
    pub(super) fn all(&self) -> [&dyn Side; 2 * SOURCES] {
        let [rca, rcb] = &self.rocketchat;
        let [waa, wab] = &self.whatsapp;
        let [dca, dcb] = &self.discord;
        [rca, waa, dca, rcb, wab, dcb]
    }

    pub(super) fn side(&self, at: usize) -> &dyn Side {
        self.all()[at]
    }

    /// The rooms on the first servers of each platform, or on the second ones, as a rule names them.
    fn addresses(&self, at: usize) -> Value {
        let [rc, wa, dc] = [["rca", "waa", "dca"], ["rcb", "wab", "dcb"]][at];
        let (room, chat, channel) = (&self.rocketchat[at], &self.whatsapp[at], &self.discord[at]);
        json!({ rc: room.address(), wa: chat.address(), dc: channel.address() })
    }
}

/// The servers with their rooms.
pub(super) struct Scene {
    /// Each of these rooms hears all others of its group.
    pub(super) connected: Vec<Sides>,
    /// Here the second three hear the first three, who hear nobody.
    pub(super) forwarded: Vec<Sides>,
    /// What is said here is heard in one room.
    fences: Sides,
    heard: Room,
    format: &'static str,
}

impl Scene {
    /// With so many groups of rooms, and what the messages look like (`msg_format`). They are many since Discord takes 30
    /// messages a minute by webhooks in a channel.
    pub(super) async fn start(connected: usize, forwarded: usize, format: &'static str) -> Self {
        let fences = Sides::start().await;
        let another = |number: usize| fences.another(number + 1);
        let heard = fences.rocketchat[0].another(connected + forwarded + 1);
        Self {
            connected: (0..connected).map(another).collect(),
            forwarded: (connected..connected + forwarded).map(another).collect(),
            fences,
            heard,
            format,
        }
    }

    pub(super) fn configuration(&self) -> Value {
        let msg = json!({ "msg_format": self.format, "rc_alias": "{user}", "webhook_title": "{user}" });
        let merged = |sides: &Sides| {
            let (mut all, more) = (sides.addresses(0), sides.addresses(1));
            if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
                all.extend(more);
            }
            all
        };
        // Each bot hears a fence of its own: what it heard proves that it has heard all before it.
        let fenced = merged(&self.fences);
        let mut rules = vec![json!({ "from": fenced, "to": { "rca": self.heard.address() } })];
        let connect = |sides| json!({ "type": "connect", "channels": merged(sides), "msg": msg });
        rules.extend(self.connected.iter().map(connect));
        let forward = |sides: &Sides| json!({ "from": sides.addresses(0), "to": sides.addresses(1), "msg": msg });
        rules.extend(self.forwarded.iter().map(forward));
        let Sides { rocketchat: [rca, rcb], whatsapp: [waa, wab], discord: [dca, dcb] } = &self.fences;
        json!({
            "global": {},
            "rocketchat": { "rca": rca.settings(), "rcb": rcb.settings() },
            "whatsapp": { "waa": waa.addon.settings(), "wab": wab.addon.settings() },
            "discord": { "dca": dca.settings(), "dcb": dcb.settings() },
            "rules": rules,
        })
    }

    /// Starts another process in the place of the one that runs.
    pub(super) async fn restart(&self, relay: &mut Relay) {
        assert_eq!(relay.terminate().await, Some(0));
        relay.spawn();
        relay.ready().await;
        self.is_heard().await;
    }

    /// Waits until the relay hears all servers.
    pub(super) async fn is_heard(&self) {
        for sides in self.connected.iter().chain([&self.fences]) {
            for room in &sides.rocketchat {
                room.heard().await;
            }
        }
        for sides in &self.forwarded {
            sides.rocketchat[0].heard().await;
        }
        let of_both_bots = |discord: &FakeDiscord| {
            discord.gateway().sessions().iter().filter(|session| session.connection.is_some()).count() == 2
        };
        self.fences.discord[0].guild.server.wait_until(of_both_bots).await;
    }

    /// Waits until everything that was done so far has had its effect: what is said after it was heard, and nothing is
    /// on its way any more.
    pub(super) async fn quiet(&self, relay: &mut Relay, moment: &str) {
        for (at, side) in self.fences.all().into_iter().enumerate() {
            side.say(&format!("{moment} in {at}."));
        }
        let all_heard = async |_: &Relay| {
            let heard = self.heard.shown();
            self.fences.whatsapp.iter().all(Chat::all_taken)
                && (0..2 * SOURCES).all(|at| heard.iter().any(|one| one.text.contains(&format!("{moment} in {at}."))))
        };
        relay.wait_for(moment, all_heard).await;
        relay.settled().await;
        assert_eq!(relay.messages("dead").await, 0, "{:#?}", relay.dead());
    }

    /// It becomes known that all accounts of Nora's are hers; on WhatsApp and on Discord she has one.
    pub(super) async fn bind_nora(&self, relay: &mut Relay) {
        const COMMAND: &str = "tie bind confirm ";
        let [first, on_whatsapp, on_discord, second, ..] = self.fences.all();
        let told = || with(first, COMMAND);
        for (count, other) in [on_whatsapp, on_discord, second].into_iter().enumerate() {
            first.nora_says("!tie bind");
            relay.wait_for("a code", async |_: &Relay| told().len() > count).await;
            let told = told();
            let (_, code) = told[count].text.split_once(COMMAND).expect("it was looked for");
            let code = code.split_whitespace().next().expect("there is a code");
            other.nora_says(&format!("!tie bind confirm {code}"));
            relay.wait_for("the binding", async |_: &Relay| !with(other, "you are").is_empty()).await;
        }
    }

    /// Asserts that no call was odd, and none came before its time.
    pub(super) fn were_called_properly(&self) {
        for chat in &self.fences.whatsapp {
            chat.addon.was_called_properly();
        }
        let discord = &self.fences.discord[0].guild.server;
        assert_eq!(discord.violations(), []);
        assert_eq!(discord.early(), []);
    }
}

/// The messages of a room that hold a word, in their order.
pub(super) fn with(side: &dyn Side, word: &str) -> Vec<Shown> {
    side.shown().into_iter().filter(|shown| shown.text.contains(word)).collect()
}

/// The first of them.
pub(super) fn first(side: &dyn Side, word: &str) -> Shown {
    let found = with(side, word).into_iter().next();
    found.unwrap_or_else(|| panic!("{word} is not on {}, but {:#?}", side.platform(), side.shown()))
}
