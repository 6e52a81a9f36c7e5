//! The commands about a person's accounts, and what is said to them. Nobody is told of anybody else's.

use tieline_core::binding::{BoundAccount, CODE_LIVES, Confirmed};
use tieline_core::compose::one_line;
use tieline_core::event::Event;
use tieline_core::id::Channel;
use tieline_core::outbox::OutboxError;

use super::words::Command;
use super::{Answer, code};
use crate::exchange::Exchange;
use crate::instances::Running;

/// Does a command.
pub(super) async fn answer(
    exchange: &Exchange,
    instance: &Running,
    event: &Event,
    command: Command,
) -> Result<Answer, OutboxError> {
    let person = Person::who_said(exchange, instance, event);
    let tie = format!("/{}", exchange.commands.prefix);
    let answer = match command {
        Command::Help => help(&tie),
        Command::Bind => person.bind(event, &tie).await?,
        Command::Confirm(Some(code)) => return person.confirm(&code, &tie).await,
        Command::Confirm(None) => format!("the code is missing: {tie} bind confirm CODE. {tie} bind gives one"),
        Command::List => person.list().await?,
        Command::Remove(place) => person.remove(place.as_deref(), &tie).await?,
        Command::Unknown => format!("tieline has no such command; {tie} help lists them all"),
    };
    Ok(person.tell(&answer).into())
}

/// Who gave a command.
struct Person<'p> {
    exchange: &'p Exchange,
    account: BoundAccount,
}

impl<'p> Person<'p> {
    fn who_said(exchange: &'p Exchange, instance: &Running, event: &Event) -> Self {
        let author = &event.author;
        let account = BoundAccount {
            instance: event.instance.clone(),
            platform: event.platform.clone(),
            realm: instance.realm.clone(),
            id: author.id.clone(),
            username: author.username.clone(),
            mention: instance.config.mention_of(author),
            name: author.nickname().to_owned(),
        };
        Self { exchange, account }
    }

    fn tell(&self, words: &str) -> String {
        format!("{}, {words}", one_line(&self.account.name))
    }

    async fn bind(&self, event: &Event, tie: &str) -> Result<String, OutboxError> {
        let code = code::new();
        let here = Channel { instance: event.instance.clone(), key: event.channel.clone() };
        self.exchange.outbox.offer_binding(self.account.clone(), here, &code, self.exchange.now()).await?;
        let other = tie.replacen('/', "!", 1);
        Ok(format!(
            "say this from your account on another platform, in a room that tieline relays:\n\
             {tie} bind confirm {code}\n\
             (or {other} bind confirm {code}, where a message may not begin with /)\n\
             Whoever says it first within {} minutes is taken for you.",
            CODE_LIVES.as_mins()
        ))
    }

    async fn confirm(&self, code: &str, tie: &str) -> Result<Answer, OutboxError> {
        let now = self.exchange.now();
        let confirmed = self.exchange.outbox.confirm_binding(self.account.clone(), &code::typed(code), now).await?;
        let words = match confirmed {
            Confirmed::Bound { to, told_in, replaced } => {
                let mut here = format!("you are {}, too. Whoever mentions one of you calls the other", shown(&to));
                if !replaced.is_empty() {
                    let gone: Vec<String> = replaced.iter().map(shown).collect();
                    here = format!("{here}. This takes the place of {}", gone.join(" and "));
                }
                // Others may have read the code in the room.
                let there = format!(
                    "{}, your code was said by an account on {}, which is taken for yours from now on. If it is not, say \
                     {tie} bind remove",
                    one_line(&to.name),
                    self.account.platform
                );
                return Ok(Answer { here: self.tell(&here), there: Some((told_in, there)) });
            }
            Confirmed::Wrong => format!(
                "this is no code that can be confirmed. A code serves once, for {} minutes; {tie} bind gives a new one",
                CODE_LIVES.as_mins()
            ),
            Confirmed::OwnCode => {
                "this code is your own: say it from your account on another platform, not from this one".to_owned()
            }
            Confirmed::SameRealm => {
                "this code was made on this very server. A person has one account here, so say it on another platform"
                    .to_owned()
            }
            Confirmed::TooOften { until } => {
                let minutes = until.duration_since(now).as_secs().max(0) / 60 + 1;
                format!("too many codes were wrong. Try again in {minutes} min")
            }
        };
        Ok(self.tell(&words).into())
    }

    async fn list(&self) -> Result<String, OutboxError> {
        let accounts = self.accounts().await?;
        if accounts.is_empty() {
            return Ok("this account is bound to no other".to_owned());
        }
        let lines: Vec<String> = accounts.iter().map(shown).collect();
        Ok(format!("you are\n{}", lines.join("\n")))
    }

    async fn remove(&self, place: Option<&str>, tie: &str) -> Result<String, OutboxError> {
        let realm = match place {
            None => None,
            Some(place) => {
                let at = |account: &BoundAccount| {
                    account.instance.as_str() == place || account.platform.eq_ignore_ascii_case(place)
                };
                let accounts = self.accounts().await?;
                let Some(account) = accounts.into_iter().find(at) else {
                    return Ok(format!("none of your accounts is there; {tie} bind list shows where they are"));
                };
                Some(account.realm)
            }
        };
        let (of, id) = (&self.account.realm, &self.account.id);
        let gone: Vec<String> = self.exchange.outbox.unbind(of, id, realm).await?.iter().map(shown).collect();
        Ok(match gone.as_slice() {
            [] => "this account is bound to no other".to_owned(),
            [one] => format!("{one} is not taken for you any more"),
            all => format!("these accounts are not bound to each other any more:\n{}", all.join("\n")),
        })
    }

    /// The person's accounts, this one among them; empty if it is bound to no other.
    async fn accounts(&self) -> Result<Vec<BoundAccount>, OutboxError> {
        let accounts = self.exchange.outbox.bound_accounts(&self.account.realm, &self.account.id).await?;
        // They must be found by the id: somebody else may have a name that looks like it.
        Ok(if accounts.iter().any(|account| account.is(&self.account)) { accounts } else { Vec::new() })
    }
}

fn help(tie: &str) -> String {
    let other = tie.replacen('/', "!", 1);
    format!(
        "these are the commands:\n\
         {tie} bind: get a code that tells who you are on another platform\n\
         {tie} bind confirm CODE: say the code there\n\
         {tie} bind list: see your accounts\n\
         {tie} bind remove: unbind all of them; {tie} bind remove INSTANCE: one of them\n\
         Where a message may not begin with /, write {other}"
    )
}

/// How an account is called towards its person: by the name of the instance, too, since that is what `remove` takes.
fn shown(account: &BoundAccount) -> String {
    let BoundAccount { name, platform, instance, .. } = account;
    let name = one_line(name);
    if *instance.as_str() == **platform {
        format!("{name} on {platform}")
    } else {
        format!("{name} on {platform} ({instance})")
    }
}
