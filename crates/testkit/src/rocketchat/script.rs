//! How a fake server is set up.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::clock::Clock;
use tieline_core::emoji;

use super::limits::Limit;
use crate::clock::SystemClock;

/// How a fake Rocket.Chat server is set up. The defaults are those of a fresh server of version 8.1.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are settings of the server, each for itself")]
pub struct RocketChatScript {
    /// Its version, `major.minor.patch`: it decides which calls exist and how flags look.
    pub version: &'static str,
    /// `Message_MaxAllowedSize`, in UTF-16 units.
    pub max_message_size: usize,
    /// `FileUpload_MaxFileSize`, in bytes.
    pub max_file_size: u64,
    /// `FileUpload_MediaTypeBlackList`.
    pub refused_media_types: Vec<String>,
    /// `Threads_enabled`.
    pub threads: bool,
    /// The limit of REST calls per client and route; it does not hold for who may bypass it.
    pub rest_limit: Option<Limit>,
    /// The limit of posts per client and Incoming Webhook; it holds for everybody.
    pub hook_limit: Option<Limit>,
    /// Whether files lie in an object storage of another origin, to which downloads are redirected.
    pub object_storage: bool,
    /// Whether the account that an Incoming Webhook posts as must hold `message-impersonate`, as since mid-2026.
    pub hooks_need_impersonation: bool,
    /// Whether Incoming Webhooks know `separateResponse`; `None`: as the version says.
    pub separate_response: Option<bool>,
    /// Whether the `bot` field of Outgoing Webhooks is an object (`{"i": …}`) instead of a boolean.
    pub bot_flag_as_object: bool,
    /// `Message_ShowDeletedStatus`: a message that is deleted stays, empty.
    pub show_deleted_status: bool,
    /// Whether `chat.syncMessages` tells what changed in pages, too; older servers tell it all in one answer only.
    pub sync_pages: bool,
    /// `Message_AllowEditing`: whether people may edit what they wrote.
    pub allow_editing: bool,
    /// `Message_AllowEditing_BlockEditInMinutes`: for how long; 0: for ever.
    pub edit_minutes: u32,
    /// `Message_AllowDeleting`: whether messages may be deleted at all.
    pub allow_deleting: bool,
    /// `Message_AllowDeleting_BlockDeleteInMinutes`: for how long; 0: for ever.
    pub delete_minutes: u32,
    /// The names of custom emoji, without colons.
    pub custom_emoji: Vec<String>,
    /// Names of emoji that this server's set lacks, without colons.
    pub unknown_emoji: Vec<String>,
    /// After how much silence the realtime API asks a client for a sign of life; it is closed when so much passes again.
    pub ddp_heartbeat: Duration,
    /// What time the server has.
    pub clock: Arc<dyn Clock>,
}

impl Default for RocketChatScript {
    fn default() -> Self {
        Self {
            version: "8.1.0",
            max_message_size: 5000,
            max_file_size: 104_857_600,
            refused_media_types: vec!["image/svg+xml".to_owned()],
            threads: true,
            rest_limit: Some(Limit::default()),
            hook_limit: Some(Limit::default()),
            object_storage: false,
            hooks_need_impersonation: false,
            separate_response: None,
            bot_flag_as_object: false,
            show_deleted_status: false,
            sync_pages: true,
            allow_editing: true,
            edit_minutes: 0,
            allow_deleting: true,
            delete_minutes: 0,
            custom_emoji: Vec::new(),
            unknown_emoji: Vec::new(),
            ddp_heartbeat: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
        }
    }
}

impl RocketChatScript {
    /// Whether the server is of this version or newer.
    pub(crate) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
    }

    /// Whether an emoji has this name, without colons, on the server: in the set that it comes with, or as a custom one.
    pub(crate) fn knows_emoji(&self, name: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|known| known == name);
        named(&self.custom_emoji) || (emoji::unicode(name).is_some() && !named(&self.unknown_emoji))
    }

    /// Whether Incoming Webhooks know `separateResponse`. It was merged in mid-2025; 7.9 is the nearest release.
    pub(crate) fn knows_separate_response(&self) -> bool {
        self.separate_response.unwrap_or_else(|| self.is_at_least(7, 9))
    }
}
