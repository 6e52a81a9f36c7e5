//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tieline_core::id::DeliveryId;

const EXAMPLES: &str = "\
Examples:
  tieline demo                      see it work, without any account
  tieline check                     look for mistakes in ./tieline.json
  tieline run                       relay, until Ctrl-C
  tieline run -c base.json -c secrets.json --set /global/log/level='\"debug\"'
  tieline dead list                 what could not be delivered, and why

Exit codes: 0 fine; 1 the input or the state is wrong; 2 bad usage, or a file that cannot be read.";

/// Relays messages between chat platforms: once, in order, whatever crashes in between.
#[derive(Debug, Parser)]
#[command(name = "tieline", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which configuration; understood before and after the command.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArgs {
    /// A configuration file; given several times, later ones are merged over earlier ones [default: tieline.json]
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Sets one value over all files: a JSON pointer, `=`, and JSON; may be repeated
    #[arg(long = "set", value_name = "POINTER=JSON")]
    pub(crate) sets: Vec<String>,
}

impl ConfigArgs {
    /// One file and nothing else.
    pub(crate) fn of_file(file: PathBuf) -> Self {
        Self { files: vec![file], sets: Vec::new() }
    }

    /// The files in the order in which they are merged.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        if self.files.is_empty() { vec![PathBuf::from("tieline.json")] } else { self.files.clone() }
    }

    /// These, merged over those that were named earlier on the command line.
    pub(crate) fn after(&self, earlier: &Self) -> Self {
        Self { files: [&earlier.files[..], &self.files].concat(), sets: [&earlier.sets[..], &self.sets].concat() }
    }
}

impl Cli {
    /// The configuration named before and after the command, together.
    pub(crate) fn config(&self, of_command: &ConfigArgs) -> ConfigArgs {
        of_command.after(&self.config)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the relay in the foreground until SIGINT or SIGTERM
    #[command(after_help = "\
Logs go to standard error: readable on a terminal, JSON in a pipe (`global.log`). The first signal lets sends that are
under way finish; the second ends at once. Nothing that was accepted is lost either way.

Examples:
  tieline run
  tieline run -c /etc/tieline/tieline.json
  tieline run --set /global/http/listen='\"127.0.0.1:9000\"'")]
    Run {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Show every problem in the configuration, with file, line and column
    #[command(after_help = "\
Warnings do not change the exit code.

Example:
  tieline check -c tieline.json")]
    Check {
        /// Print JSON: an array of problems
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Print the JSON Schema of the configuration, for editors
    #[command(after_help = "\
Example:
  tieline schema > tieline.schema.json")]
    Schema,
    /// Dry run: what each rule says to a message, and the exact text and identity that would be sent
    #[command(after_help = "\
Example:
  tieline explain --instance rc_main --channel '{\"room_id\": \"GENERAL\"}' --user Ada --text 'Hello **all**'")]
    Explain(Box<ExplainArgs>),
    /// What became of a message: received, matched, sent where under which id, or why not
    #[command(after_help = "\
Example:
  tieline trace tl-42               the trace id from the log
  tieline trace Xy7aQpLm2           a platform's message id, of the original or of a copy")]
    Trace {
        /// A trace id from the log (`tl-42`) or a platform's message id
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Messages that could not be delivered: list, show, retry, drop
    #[command(after_help = "\
It works while the relay runs, through it, and while it does not.

Examples:
  tieline dead list
  tieline dead show 17
  tieline dead retry 17 18
  tieline dead drop --all")]
    Dead {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: DeadCommand,
    },
    /// The rooms that an account can see, with addresses ready to paste into a rule
    #[command(after_help = "\
Example:
  tieline rooms rc_main")]
    Rooms {
        /// The instance's id
        instance: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Live checks of each instance: reachable, credentials, roles, membership of the rooms that rules name
    #[command(after_help = "\
It ends with 1 if something does not work; warnings do not count.

Example:
  tieline doctor")]
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// See it work without any account: two simulated Rocket.Chat workspaces, a WhatsApp group and a Discord channel,
    /// joined by the real relay
    #[command(after_help = "\
Examples:
  tieline demo                      type lines; `b: hello` writes in workspace B, `w: hello` in the WhatsApp group,
                                    `d: hello` in the Discord channel
  printf 'hi\\nb: hello\\n' | tieline demo
  tieline demo < /dev/null          five sample messages")]
    Demo {
        /// End after this many seconds, even if lines may still come
        #[arg(long, value_name = "N")]
        seconds: Option<u32>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The instance that receives the message
    #[arg(long, value_name = "ID")]
    pub(crate) instance: String,
    /// The channel it is written in: an address as a rule has it, `{"room_id": "GENERAL"}`
    #[arg(long, value_name = "JSON")]
    pub(crate) channel: String,
    /// What is written; taken as it is, without formatting
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: String,
    /// Who writes: the name that is shown
    #[arg(long, value_name = "NAME", default_value = "somebody")]
    pub(crate) user: String,
    /// The account name [default: the shown name]
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// The account's display name, if `--user` is an alias [default: the shown name]
    #[arg(long, value_name = "NAME", visible_alias = "display-name")]
    pub(crate) nickname: Option<String>,
    /// The platform's id of the account
    #[arg(long, value_name = "ID", default_value = "")]
    pub(crate) user_id: String,
    /// The address of the author's picture
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) avatar: String,
    /// The room's name
    #[arg(long, value_name = "NAME")]
    pub(crate) room: Option<String>,
    /// The author is a bot or an integration
    #[arg(long)]
    pub(crate) bot: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// All of them, oldest first
    List {
        /// Print JSON: an array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Everything about one
    Show {
        /// Its id, from `dead list`
        id: i64,
        /// Print JSON: an object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Send again: they join the end of their lanes
    #[command(after_help = "\
While the relay runs, it waits up to 2 s to tell what becomes of them. It ends with 1 if one is dead again; what still
waits after that time does not count.")]
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Forget for good
    Drop {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

impl DeadCommand {
    /// The configuration that was named after the innermost command.
    pub(crate) fn config(&self) -> &ConfigArgs {
        match self {
            Self::List { config, .. }
            | Self::Show { config, .. }
            | Self::Retry { config, .. }
            | Self::Drop { config, .. } => config,
        }
    }
}

/// Which dead letters are meant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Ids, from `dead list`
    #[arg(value_name = "ID")]
    ids: Vec<i64>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Which {
    /// The ids that were named; `None` for all.
    pub(crate) fn ids(&self) -> Option<Vec<DeliveryId>> {
        (!self.all).then(|| self.ids.iter().copied().map(DeliveryId).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("tieline").chain(line.split(' ')))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_stand_before_and_after_the_command() {
        let cli = parse("-c a.json run -c b.json --set /x=1").unwrap();
        let Command::Run { config } = &cli.command else { panic!("not `run`") };
        let config = cli.config(config);
        assert_eq!(config.files(), [PathBuf::from("a.json"), PathBuf::from("b.json")]);
        assert_eq!(config.sets, ["/x=1"]);

        let cli = parse("dead list --json -c b.json").unwrap();
        let Command::Dead { config, command } = &cli.command else { panic!("not `dead`") };
        let config = command.config().after(&cli.config(config));
        assert_eq!(config.files(), [PathBuf::from("b.json")]);
        assert_eq!(ConfigArgs::default().files(), [PathBuf::from("tieline.json")]);
    }

    #[test]
    fn dead_letters_are_named_or_all_meant() {
        let which = |line: &str| match parse(line).unwrap().command {
            Command::Dead { command: DeadCommand::Retry { which, .. }, .. } => which.ids(),
            other => panic!("{other:?}"),
        };
        assert_eq!(which("dead retry 1 2"), Some(vec![DeliveryId(1), DeliveryId(2)]));
        assert_eq!(which("dead retry --all"), None);
        for wrong in ["dead retry", "dead retry 1 --all", "dead retry one", "nonsense", "run --nonsense"] {
            assert_eq!(parse(wrong).expect_err(wrong).exit_code(), 2, "{wrong}");
        }
        assert_eq!(parse("--version").expect_err("shows the version").exit_code(), 0);
    }
}
