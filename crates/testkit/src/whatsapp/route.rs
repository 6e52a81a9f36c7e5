//! The calls that the fake understands.

use http::Method;

/// A call, whatever its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// `POST /send_message`.
    SendMessage,
    /// `POST /send_image`.
    SendImage,
    /// `POST /send_video`.
    SendVideo,
    /// `POST /send_gif`.
    SendGif,
    /// `POST /send_audio`.
    SendAudio,
    /// `POST /send_document`.
    SendDocument,
    /// `POST /send_sticker`.
    SendSticker,
    /// `POST /send_location`.
    SendLocation,
    /// `POST /send_contact`.
    SendContact,
    /// `POST /send_poll`.
    SendPoll,
    /// `POST /send_reaction`.
    SendReaction,
    /// `POST /edit_message`.
    EditMessage,
    /// `POST /revoke_message`.
    RevokeMessage,
    /// `POST /forward_message`.
    ForwardMessage,
    /// `POST /set_presence`.
    SetPresence,
    /// `POST /mark_as_read`.
    MarkAsRead,
    /// `GET /chats`.
    Chats,
    /// `GET` or `POST /chats/messages`.
    ChatMessages,
    /// `GET /contacts`.
    Contacts,
    /// `POST /contacts/check`.
    ContactsCheck,
    /// `POST /contacts/profile_picture`.
    ProfilePicture,
    /// `POST /contacts/about`.
    ContactsAbout,
    /// `GET /groups`.
    Groups,
    /// `GET` or `POST /groups/info`.
    GroupInfo,
    /// `GET /api/avatar`.
    Avatar,
    /// `GET /events`.
    Events,
    /// `GET /status`.
    Status,
    /// `GET /health`.
    Health,
    /// `GET /api/dashboard`.
    Dashboard,
    /// `POST /settings/webhook`.
    SettingsWebhook,
    /// `GET /media/{file}`.
    Media,
    /// Anything else: 404.
    Unknown,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Who has the token.
    Token,
    /// Who has the token, and without one whoever calls from a private address.
    TokenOrPrivate,
}

impl Route {
    /// The route of a request.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let (get, post) = (matches!(*method, Method::GET | Method::HEAD), *method == Method::POST);
        match path {
            "/send_message" if post => Self::SendMessage,
            "/send_image" if post => Self::SendImage,
            "/send_video" if post => Self::SendVideo,
            "/send_gif" if post => Self::SendGif,
            "/send_audio" if post => Self::SendAudio,
            "/send_document" if post => Self::SendDocument,
            "/send_sticker" if post => Self::SendSticker,
            "/send_location" if post => Self::SendLocation,
            "/send_contact" if post => Self::SendContact,
            "/send_poll" if post => Self::SendPoll,
            "/send_reaction" if post => Self::SendReaction,
            "/edit_message" if post => Self::EditMessage,
            "/revoke_message" if post => Self::RevokeMessage,
            "/forward_message" if post => Self::ForwardMessage,
            "/set_presence" if post => Self::SetPresence,
            "/mark_as_read" if post => Self::MarkAsRead,
            "/chats" if get => Self::Chats,
            "/chats/messages" if get || post => Self::ChatMessages,
            "/contacts" if get => Self::Contacts,
            "/contacts/check" if post => Self::ContactsCheck,
            "/contacts/profile_picture" if post => Self::ProfilePicture,
            "/contacts/about" if post => Self::ContactsAbout,
            "/groups" if get => Self::Groups,
            "/groups/info" if get || post => Self::GroupInfo,
            "/api/avatar" if get => Self::Avatar,
            "/events" if get => Self::Events,
            "/status" if get => Self::Status,
            "/health" if get => Self::Health,
            "/api/dashboard" if get => Self::Dashboard,
            "/settings/webhook" if post => Self::SettingsWebhook,
            media if get && media.starts_with("/media/") => Self::Media,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn access(self) -> Access {
        match self {
            Self::Health | Self::Dashboard | Self::Media | Self::Unknown => Access::Open,
            Self::Status | Self::Events | Self::Avatar => Access::TokenOrPrivate,
            _ => Access::Token,
        }
    }
}
