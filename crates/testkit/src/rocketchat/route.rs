//! The calls that the fake understands.

use http::Method;

/// A call, whatever its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// `POST chat.sendMessage`.
    SendMessage,
    /// `POST chat.postMessage`.
    PostMessage,
    /// `POST chat.update`.
    Update,
    /// `POST chat.delete`.
    Delete,
    /// `POST chat.react`.
    React,
    /// `GET chat.getMessage`.
    GetMessage,
    /// `GET chat.syncMessages`.
    SyncMessages,
    /// `GET chat.getThreadMessages`.
    GetThreadMessages,
    /// `POST rooms.media/{rid}`.
    Media,
    /// `POST rooms.mediaConfirm/{rid}/{fileId}`.
    MediaConfirm,
    /// `POST rooms.upload/{rid}`, gone in 8.0.
    Upload,
    /// `GET rooms.get`.
    RoomsGet,
    /// `GET rooms.info`.
    RoomsInfo,
    /// `GET channels.info`.
    ChannelsInfo,
    /// `GET groups.info`.
    GroupsInfo,
    /// `GET im.list` and `dm.list`.
    ImList,
    /// `GET channels.history`.
    ChannelsHistory,
    /// `GET groups.history`.
    GroupsHistory,
    /// `GET im.history` and `dm.history`.
    ImHistory,
    /// `GET channels.members`.
    ChannelsMembers,
    /// `GET groups.members`.
    GroupsMembers,
    /// `GET im.members` and `dm.members`.
    ImMembers,
    /// `POST channels.join`.
    ChannelsJoin,
    /// `GET users.info`.
    UsersInfo,
    /// `POST login`.
    Login,
    /// `GET me`.
    Me,
    /// `GET /api/info`.
    Info,
    /// `GET /file-upload/{fileId}/{name}`.
    Download,
    /// `GET /avatar/{username}`.
    Avatar,
    /// `POST /hooks/{id}/{token}`.
    Hook,
    /// Anything else: 404.
    Unknown,
}

impl Route {
    /// The route of a request.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let post = *method == Method::POST;
        if !post && *method != Method::GET {
            return Self::Unknown;
        }
        let Some(call) = path.strip_prefix("/api/v1/") else {
            return match path.trim_start_matches('/').split('/').next() {
                Some("hooks") if post => Self::Hook,
                Some("file-upload") if !post => Self::Download,
                Some("avatar") if !post => Self::Avatar,
                Some("api") if !post && path.trim_end_matches('/') == "/api/info" => Self::Info,
                _ => Self::Unknown,
            };
        };
        match (post, call.split('/').next().unwrap_or_default()) {
            (true, "chat.sendMessage") => Self::SendMessage,
            (true, "chat.postMessage") => Self::PostMessage,
            (true, "chat.update") => Self::Update,
            (true, "chat.delete") => Self::Delete,
            (true, "chat.react") => Self::React,
            (true, "rooms.media") => Self::Media,
            (true, "rooms.mediaConfirm") => Self::MediaConfirm,
            (true, "rooms.upload") => Self::Upload,
            (true, "channels.join") => Self::ChannelsJoin,
            (true, "login") => Self::Login,
            (false, "chat.getMessage") => Self::GetMessage,
            (false, "chat.syncMessages") => Self::SyncMessages,
            (false, "chat.getThreadMessages") => Self::GetThreadMessages,
            (false, "rooms.get") => Self::RoomsGet,
            (false, "rooms.info") => Self::RoomsInfo,
            (false, "channels.info") => Self::ChannelsInfo,
            (false, "groups.info") => Self::GroupsInfo,
            (false, "im.list" | "dm.list") => Self::ImList,
            (false, "channels.history") => Self::ChannelsHistory,
            (false, "groups.history") => Self::GroupsHistory,
            (false, "im.history" | "dm.history") => Self::ImHistory,
            (false, "channels.members") => Self::ChannelsMembers,
            (false, "groups.members") => Self::GroupsMembers,
            (false, "im.members" | "dm.members") => Self::ImMembers,
            (false, "users.info") => Self::UsersInfo,
            (false, "me") => Self::Me,
            _ => Self::Unknown,
        }
    }

    /// Whether a caller must be logged in.
    pub(crate) fn needs_login(self) -> bool {
        !matches!(self, Self::Login | Self::Info | Self::Download | Self::Avatar | Self::Hook | Self::Unknown)
    }

    /// Whether the limit of REST calls holds for it.
    pub(crate) fn is_limited(self) -> bool {
        self.needs_login() || self == Self::Login
    }
}
