//! What the codes mean with which the gateway closes a connection (Discord's
//! `/developers/topics/opcodes-and-status-codes`).

/// With which we close, so that the session can be resumed: 1000 and 1001 would end it.
pub(crate) const RESUMABLE: u16 = 4000;

/// What to do after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Dial again and resume.
    Resume,
    /// The session is over: dial again and identify.
    Identify,
    /// Nothing will change before a person does what this sentence says.
    Refused(&'static str),
}

/// What to do after a close with this code; `None`: the line broke, or no code was said.
pub(crate) fn judge(code: Option<u16>) -> Verdict {
    match code {
        Some(4004) => Verdict::Refused(
            "Discord refuses the bot's token (gateway code 4004): copy a new one from the page Bot of the application in \
             Discord's developer portal into `bot_token`",
        ),
        Some(code @ (4010 | 4011)) => Verdict::Refused(if code == 4010 {
            "Discord refuses a connection without shards (gateway code 4010); tieline uses none: if the bot is in more \
             than 2,500 servers, use one of your own that is in fewer"
        } else {
            "Discord wants the bot's connection divided into shards (gateway code 4011), as it does for bots in more than \
             2,500 servers; tieline uses a single connection: use a bot of your own that is in fewer servers"
        }),
        Some(4012) => Verdict::Refused(
            "Discord refuses version 10 of its gateway (gateway code 4012): a newer tieline is needed, or another \
             `gateway_url`",
        ),
        Some(4013) => Verdict::Refused(
            "Discord does not know the intents that tieline asks for (gateway code 4013): a newer tieline is needed, or \
             another `gateway_url`",
        ),
        Some(4014) => Verdict::Refused(
            "Discord does not let the bot read messages (gateway code 4014): switch on Message Content Intent, under \
             Privileged Gateway Intents on the page Bot of the application in Discord's developer portal",
        ),
        Some(4007 | 4009) => Verdict::Identify,
        Some(_) | None => Verdict::Resume,
    }
}

/// How an end is called.
pub(crate) fn describe(code: Option<u16>) -> String {
    match code {
        None => "it broke off".to_owned(),
        Some(code) => format!("Discord closed it with code {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_as_discord_lists_them() {
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            let Verdict::Refused(why) = judge(Some(code)) else { panic!("{code} is for a person") };
            assert!(why.contains(&format!("gateway code {code}")), "{why}");
        }
        for code in [4000, 4001, 4002, 4003, 4005, 4008, 1000, 1001, 1006, 4242] {
            assert_eq!(judge(Some(code)), Verdict::Resume, "{code}");
        }
        assert_eq!(judge(None), Verdict::Resume);
        assert_eq!([4007, 4009].map(|code| judge(Some(code))), [Verdict::Identify, Verdict::Identify]);
    }
}
