//! The codes with which the gateway closes a connection (Discord's `/developers/topics/opcodes-and-status-codes`).

/// Something went wrong.
pub(crate) const UNKNOWN_ERROR: u16 = 4000;
/// There is no such opcode, or a client does not send it.
pub(crate) const UNKNOWN_OPCODE: u16 = 4001;
/// The payload is too long, or is not what its opcode wants.
pub(crate) const DECODE_ERROR: u16 = 4002;
/// A payload came before identify, or after the session was invalidated.
pub(crate) const NOT_AUTHENTICATED: u16 = 4003;
/// The token is wrong.
pub(crate) const AUTHENTICATION_FAILED: u16 = 4004;
/// A second identify came.
pub(crate) const ALREADY_AUTHENTICATED: u16 = 4005;
/// A resume named a number that was never sent.
pub(crate) const INVALID_SEQ: u16 = 4007;
/// Too many payloads came.
pub(crate) const RATE_LIMITED: u16 = 4008;
/// The session is over.
pub(crate) const SESSION_TIMED_OUT: u16 = 4009;
/// The shard is none.
pub(crate) const INVALID_SHARD: u16 = 4010;
/// The version is none that the gateway speaks.
pub(crate) const INVALID_API_VERSION: u16 = 4012;
/// An intent is named that does not exist.
pub(crate) const INVALID_INTENTS: u16 = 4013;
/// An intent is named that the bot may not have.
pub(crate) const DISALLOWED_INTENTS: u16 = 4014;

/// The peer closed without saying a code (RFC 6455, section 7.4.1).
pub(crate) const NO_STATUS: u16 = 1005;
/// The line broke without a close (RFC 6455, section 7.4.1).
pub(crate) const ABNORMAL: u16 = 1006;

/// What Discord says beside a code.
pub(crate) fn reason(code: u16) -> &'static str {
    match code {
        UNKNOWN_ERROR => "Unknown error.",
        UNKNOWN_OPCODE => "Unknown opcode.",
        DECODE_ERROR => "Error while decoding payload.",
        NOT_AUTHENTICATED => "Not authenticated.",
        AUTHENTICATION_FAILED => "Authentication failed.",
        ALREADY_AUTHENTICATED => "Already authenticated.",
        INVALID_SEQ => "Invalid seq.",
        RATE_LIMITED => "Rate limited.",
        SESSION_TIMED_OUT => "Session timed out.",
        INVALID_SHARD => "Invalid shard.",
        INVALID_API_VERSION => "Invalid API version.",
        INVALID_INTENTS => "Invalid intent(s).",
        DISALLOWED_INTENTS => "Disallowed intent(s).",
        _ => "",
    }
}

/// Whether a client may not resume after the gateway closed with this code: it must identify anew, or give up.
pub(crate) fn ends_session(code: u16) -> bool {
    matches!(code, AUTHENTICATION_FAILED | INVALID_SEQ | SESSION_TIMED_OUT | 4010..=4014)
}

/// Whether a session is over when the client closes with this code. Any other code leaves it resumable.
pub(crate) fn is_goodbye(code: u16) -> bool {
    matches!(code, 1000 | 1001)
}
