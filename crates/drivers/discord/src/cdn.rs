//! Where pictures and files lie.

use url::Url;

use crate::instance::Instance;
use crate::snowflake::Snowflake;

/// Discord's file hosts (D/reference): attachments, avatars, emoji, stickers; moving stickers.
const FILES: &str = "cdn.discordapp.com";
const MEDIA: &str = "media.discordapp.net";
/// The domains of Discord's own API.
const DISCORD: [&str; 2] = ["discord.com", "discordapp.com"];
/// What files of messages lie in.
const FOLDERS: [&str; 2] = ["/attachments/", "/stickers/"];
/// How wide and high avatars are asked for, in pixels.
const AVATAR: u32 = 128;

/// Whether something may be fetched from there: a file host of Discord, or a folder of files at the configured API's
/// origin. That one may be private, and whoever writes an embed chooses the address in it.
pub(crate) fn is_own(instance: &Instance, url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    let discord = url.scheme() == "https"
        && url.port().is_none()
        && url.host_str().is_some_and(|host| host == FILES || host == MEDIA);
    let configured =
        url.origin() == instance.api.origin() && FOLDERS.iter().any(|folder| url.path().starts_with(folder));
    plain && (discord || configured)
}

/// The picture of a member in one guild.
pub(crate) fn member_avatar(instance: &Instance, guild: Snowflake, user: Snowflake, hash: &str) -> Option<String> {
    picture(instance, &format!("guilds/{guild}/users/{user}/avatars"), hash)
}

/// The picture of an account.
pub(crate) fn avatar(instance: &Instance, user: Snowflake, hash: &str) -> Option<String> {
    picture(instance, &format!("avatars/{user}"), hash)
}

/// The picture of an account that has chosen none.
pub(crate) fn default_avatar(instance: &Instance, user: Snowflake) -> String {
    format!("{}/embed/avatars/{}.png", base(instance, FILES), (user.0 >> 22) % 6)
}

/// A sticker's picture.
pub(crate) fn sticker(instance: &Instance, sticker: Snowflake, extension: &str) -> String {
    let host = if extension == "gif" { MEDIA } else { FILES };
    format!("{}/stickers/{sticker}.{extension}", base(instance, host))
}

fn picture(instance: &Instance, folder: &str, hash: &str) -> Option<String> {
    // Moving ones can be had as still ones.
    let sound = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    sound.then(|| format!("{}/{folder}/{hash}.png?size={AVATAR}", base(instance, FILES)))
}

/// A compatible server is asked at its own address.
fn base(instance: &Instance, host: &str) -> String {
    let api = instance.api.host_str().unwrap_or_default();
    if DISCORD
        .iter()
        .any(|discord| api.strip_suffix(discord).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    {
        return format!("https://{host}");
    }
    instance.api.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tests::{instance, instance_at};

    #[test]
    fn only_file_hosts_and_the_configured_origin_are_fetched_from() {
        let (discord, other) = (instance(), instance_at("http://10.0.0.5:3001/api/v10"));
        let is_own = |instance: &Instance, url: &str| Url::parse(url).is_ok_and(|url| is_own(instance, &url));
        for url in [
            "https://cdn.discordapp.com/attachments/1/2/cat.png?ex=1&is=2&hm=3",
            "https://media.discordapp.net/stickers/1.gif",
            "https://CDN.discordapp.com:443/x",
        ] {
            assert!(is_own(&discord, url) && is_own(&other, url), "{url}");
        }
        assert!(is_own(&other, "http://10.0.0.5:3001/attachments/1/2/cat.png?ex=1"));
        assert!(is_own(&other, "http://10.0.0.5:3001/stickers/1.png"));
        for url in [
            "http://cdn.discordapp.com/attachments/1/2/cat.png",
            "https://cdn.discordapp.com:8443/x",
            "https://cdn.discordapp.com.evil.example/x",
            "https://evil.example/cdn.discordapp.com",
            "https://user@cdn.discordapp.com/x",
            "https://cdn.discordapp.com@evil.example/x",
            "http://10.0.0.5:3002/attachments/1/2/cat.png",
            "http://10.0.0.5:3001/api/v10/users/@me",
            "http://10.0.0.5:3001/attachments/../admin",
            "http://10.0.0.5:3001/attachments/%2e%2e/admin",
            "https://10.0.0.5:3001/attachments/x",
            "http://127.0.0.1/x",
            "file:///etc/passwd",
            "data:text/plain,x",
        ] {
            assert!(!is_own(&discord, url) && !is_own(&other, url), "{url}");
        }
    }

    #[test]
    fn pictures_have_the_documented_addresses() {
        let (discord, other) = (instance(), instance_at("http://10.0.0.5:3001/api/v10"));
        let (guild, user) = (Snowflake(7), Snowflake(175_928_847_299_117_063));
        assert_eq!(
            avatar(&discord, user, "a_1f").as_deref(),
            Some("https://cdn.discordapp.com/avatars/175928847299117063/a_1f.png?size=128")
        );
        assert_eq!(
            member_avatar(&discord, guild, user, "2e").as_deref(),
            Some("https://cdn.discordapp.com/guilds/7/users/175928847299117063/avatars/2e.png?size=128")
        );
        assert_eq!(avatar(&discord, user, "../../x"), None);
        assert_eq!(default_avatar(&discord, user), "https://cdn.discordapp.com/embed/avatars/2.png");
        let canary = instance_at("https://canary.discord.com/api/v10");
        assert_eq!(default_avatar(&canary, user), default_avatar(&discord, user));
        assert_eq!(
            default_avatar(&instance_at("https://notdiscord.com/api"), Snowflake(0)),
            "https://notdiscord.com/embed/avatars/0.png"
        );
        assert_eq!(default_avatar(&other, Snowflake(0)), "http://10.0.0.5:3001/embed/avatars/0.png");
        assert_eq!(sticker(&discord, Snowflake(3), "gif"), "https://media.discordapp.net/stickers/3.gif");
        assert_eq!(sticker(&discord, Snowflake(3), "png"), "https://cdn.discordapp.com/stickers/3.png");
    }
}
