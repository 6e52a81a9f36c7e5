//! What the bot may do, by the bits that Discord numbers (D/topics/permissions).

use std::collections::HashSet;

use serde_json::Value;

use crate::fields::{id, list, whole};
use crate::snowflake::Snowflake;

/// A permission that the driver makes use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permission {
    bit: u64,
    /// As Discord's settings call it.
    pub(crate) name: &'static str,
}

pub(crate) const ADD_REACTIONS: Permission = Permission { bit: 1 << 6, name: "Add Reactions" };
pub(crate) const VIEW_CHANNEL: Permission = Permission { bit: 1 << 10, name: "View Channel" };
pub(crate) const SEND_MESSAGES: Permission = Permission { bit: 1 << 11, name: "Send Messages" };
pub(crate) const MANAGE_MESSAGES: Permission = Permission { bit: 1 << 13, name: "Manage Messages" };
pub(crate) const EMBED_LINKS: Permission = Permission { bit: 1 << 14, name: "Embed Links" };
pub(crate) const ATTACH_FILES: Permission = Permission { bit: 1 << 15, name: "Attach Files" };
pub(crate) const READ_MESSAGE_HISTORY: Permission = Permission { bit: 1 << 16, name: "Read Message History" };
pub(crate) const MANAGE_WEBHOOKS: Permission = Permission { bit: 1 << 29, name: "Manage Webhooks" };
pub(crate) const SEND_MESSAGES_IN_THREADS: Permission = Permission { bit: 1 << 38, name: "Send Messages in Threads" };

/// All of them: what an invited bot asks for.
pub(crate) const WANTED: [Permission; 9] = [
    VIEW_CHANNEL,
    SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
    READ_MESSAGE_HISTORY,
    ATTACH_FILES,
    EMBED_LINKS,
    ADD_REACTIONS,
    MANAGE_WEBHOOKS,
    MANAGE_MESSAGES,
];

/// Whoever has it may do everything, whatever channels say.
const ADMINISTRATOR: u64 = 1 << 3;
/// The type of an overwrite that is for a member; the others are for roles.
const FOR_MEMBER: u64 = 1;

/// The link by which somebody who manages a server invites the bot with every permission that is wanted.
pub(crate) fn invitation(application: Snowflake) -> String {
    let bits = WANTED.iter().fold(0, |bits, permission| bits | permission.bit);
    format!("https://discord.com/oauth2/authorize?client_id={application}&scope=bot&permissions={bits}")
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights(u64);

impl Rights {
    const ALL: Self = Self(u64::MAX);

    pub(crate) fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit != 0
    }
}

/// The bot in a server: its roles, and what they allow where a channel says nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    guild: Snowflake,
    me: Snowflake,
    roles: HashSet<Snowflake>,
    everywhere: Rights,
}

impl Membership {
    /// Reads it from the guild with its roles, and the bot as a member of it.
    pub(crate) fn read(guild_id: Snowflake, guild: &Value, me: Snowflake, member: &Value) -> Self {
        let named = list(member, "roles").iter().filter_map(|role| Snowflake::parse(role.as_str()?));
        // The role of everybody has the server's own id, and nobody's list names it.
        let roles: HashSet<Snowflake> = named.chain([guild_id]).collect();
        let mine = |role: &&Value| id(role, "id").is_some_and(|id| roles.contains(&id));
        let bits = list(guild, "roles").iter().filter(mine).fold(0, |bits, role| bits | mask(role, "permissions"));
        let all = id(guild, "owner_id") == Some(me) || bits & ADMINISTRATOR != 0;
        Self { guild: guild_id, me, roles, everywhere: if all { Rights::ALL } else { Rights(bits) } }
    }

    /// What the bot may do in a channel. For a thread, give the channel that it belongs to.
    pub(crate) fn rights(&self, channel: &Value) -> Rights {
        if self.everywhere == Rights::ALL {
            return Rights::ALL;
        }
        let overwrites = || list(channel, "permission_overwrites").iter();
        let is = |overwrite: &Value, whose: Snowflake| id(overwrite, "id") == Some(whose);
        let for_member = |overwrite: &Value| whole(overwrite, "type") == Some(FOR_MEMBER);
        let everybody = overwrites().filter(|o| !for_member(o) && is(o, self.guild));
        let roles = overwrites().filter(|o| {
            !for_member(o) && !is(o, self.guild) && id(o, "id").is_some_and(|role| self.roles.contains(&role))
        });
        let member = overwrites().filter(|o| for_member(o) && is(o, self.me));
        let bits = overwritten(overwritten(overwritten(self.everywhere.0, everybody), roles), member);
        // Without it nothing else counts.
        if bits & VIEW_CHANNEL.bit == 0 { Rights(0) } else { Rights(bits) }
    }
}

/// Bits after the overwrites of one rank: what one of them allows wins over what another denies.
fn overwritten<'v>(bits: u64, overwrites: impl Iterator<Item = &'v Value>) -> u64 {
    let (allowed, denied) = overwrites.fold((0, 0), |(allowed, denied), overwrite| {
        (allowed | mask(overwrite, "allow"), denied | mask(overwrite, "deny"))
    });
    (bits & !denied) | allowed
}

fn mask(value: &Value, key: &str) -> u64 {
    whole(value, key).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GUILD: Snowflake = Snowflake(1);
    const ME: Snowflake = Snowflake(5);

    fn member_of(everybody: u64, helpers: u64) -> Membership {
        let guild = json!({ "owner_id": "9", "roles": [
            { "id": "1", "permissions": everybody.to_string() },
            { "id": "2", "permissions": helpers.to_string() },
            { "id": "3", "permissions": u64::MAX.to_string() },
        ] });
        Membership::read(GUILD, &guild, ME, &json!({ "roles": ["2"] }))
    }

    fn overwrite(id: &str, kind: u64, allow: u64, deny: u64) -> Value {
        json!({ "id": id, "type": kind, "allow": allow.to_string(), "deny": deny.to_string() })
    }

    #[test]
    fn the_invitation_asks_for_what_the_manual_names() {
        assert_eq!(
            invitation(Snowflake(12)),
            "https://discord.com/oauth2/authorize?client_id=12&scope=bot&permissions=275414903872"
        );
    }

    #[test]
    fn roles_add_up_and_those_of_others_do_not_count() {
        let rights = member_of(VIEW_CHANNEL.bit, SEND_MESSAGES.bit).rights(&json!({}));
        assert!(rights.has(VIEW_CHANNEL) && rights.has(SEND_MESSAGES) && !rights.has(MANAGE_WEBHOOKS));
    }

    #[test]
    fn a_channel_overwrites_everybodys_then_the_roles_then_the_members() {
        let bot = member_of(VIEW_CHANNEL.bit | SEND_MESSAGES.bit | ATTACH_FILES.bit, 0);
        let channel = |overwrites: &[Value]| json!({ "permission_overwrites": overwrites });
        let denied = overwrite("1", 0, 0, SEND_MESSAGES.bit);
        assert!(!bot.rights(&channel(std::slice::from_ref(&denied))).has(SEND_MESSAGES));
        let by_role = [overwrite("2", 0, SEND_MESSAGES.bit, ATTACH_FILES.bit), denied];
        let rights = bot.rights(&channel(&by_role));
        assert!(rights.has(SEND_MESSAGES) && !rights.has(ATTACH_FILES));
        let mine = [by_role[0].clone(), overwrite("5", 1, ATTACH_FILES.bit, SEND_MESSAGES.bit)];
        let rights = bot.rights(&channel(&mine));
        assert!(!rights.has(SEND_MESSAGES) && rights.has(ATTACH_FILES));
        let others = [overwrite("3", 0, 0, u64::MAX), overwrite("6", 1, 0, u64::MAX), overwrite("2", 1, 0, u64::MAX)];
        assert!(bot.rights(&channel(&others)).has(SEND_MESSAGES), "they are for others");
    }

    #[test]
    fn nothing_counts_where_the_channel_is_hidden_and_all_for_an_administrator() {
        let hidden = json!({ "permission_overwrites": [overwrite("1", 0, 0, VIEW_CHANNEL.bit)] });
        let bot = member_of(VIEW_CHANNEL.bit | SEND_MESSAGES.bit, 0);
        assert!(!bot.rights(&hidden).has(SEND_MESSAGES));
        assert!(member_of(0, ADMINISTRATOR).rights(&hidden).has(SEND_MESSAGES));
        let owner = Membership::read(GUILD, &json!({ "owner_id": "5" }), ME, &json!({}));
        assert!(owner.rights(&hidden).has(MANAGE_WEBHOOKS));
    }
}
