//! tieline: relays messages between chat platforms, once, in order, whatever crashes in between.
//!
//! This is the only binary. It reads the command line ([`cli`]), loads the configuration ([`setup`]) and hands over to
//! one file per command; the relay itself lives in `tieline-relay`, the platforms in their drivers ([`drivers`]).
//! What must stay true here: a command's answer goes to standard output, everything else to standard error, and an
//! error is told once, with its causes, at the end of [`main`].

mod access;
mod check;
mod cli;
mod clock;
mod control;
mod counter;
mod data_dir;
mod dead;
mod demo;
mod desk;
mod doctor;
mod drivers;
mod dry;
mod explain;
mod failure;
mod json_line;
mod lock;
mod logging;
mod reload;
mod retried;
mod rooms;
mod run;
mod running;
mod schema;
mod setup;
mod signals;
mod socket;
mod terminal;
mod trace;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use tieline_relay::SecretGuard;
use tokio::runtime::Builder;

use cli::{Cli, Command, ConfigArgs};
use data_dir::DataDir;
use failure::Failure;
use terminal::{Style, Terminal};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => {
            // A reader of `--help` who went away is no failure.
            let told = help.print().is_ok();
            return if told { ExitCode::from(help.exit_code() as u8) } else { ExitCode::SUCCESS };
        }
    };
    match execute(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(sentence) = failure.sentence() {
                tell(&sentence);
            }
            failure.exit_code()
        }
    }
}

fn execute(cli: &Cli) -> Result<(), Failure> {
    let mut terminal = Terminal::stdout();
    match &cli.command {
        Command::Run { config } => run::run(&cli.config(config)),
        Command::Check { json, config } => check::check(&cli.config(config), *json, &mut terminal),
        Command::Schema => schema::schema(&mut terminal),
        Command::Explain(args) => {
            let (configuration, _) = setup::configuration(&cli.config(&args.config))?;
            explain::explain(args, &configuration, &mut terminal)
        }
        Command::Trace { id, json, config } => {
            let (dir, guard) = store(&cli.config(config))?;
            block_on(trace::trace(id, *json, dir, guard, &mut terminal))
        }
        Command::Dead { config, command } => {
            let (dir, guard) = store(&command.config().after(&cli.config(config)))?;
            block_on(dead::dead(command, dir, guard, &mut terminal))
        }
        Command::Rooms { instance, json, config } => {
            let (configuration, _) = setup::configuration(&cli.config(config))?;
            tieline_net::install_crypto();
            block_on(rooms::rooms(instance, *json, &configuration, &mut terminal))
        }
        Command::Doctor { json, config } => {
            let (configuration, warnings) = setup::configuration(&cli.config(config))?;
            setup::tell(&warnings)?;
            tieline_net::install_crypto();
            block_on(doctor::doctor(*json, &configuration, &mut terminal, &mut Terminal::stderr()))
        }
        Command::Demo { seconds } => demo::demo(*seconds, terminal),
    }
}

/// Where messages are stored, and what must not be shown of them.
fn store(config: &ConfigArgs) -> Result<(DataDir, Arc<SecretGuard>), Failure> {
    let (configuration, _) = setup::configuration(config)?;
    let guard = Arc::new(SecretGuard::new(&configuration.secrets));
    Ok((DataDir::new(&configuration.global.data_dir), guard))
}

/// Runs a short command; one thread is enough for it.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// Tells what went wrong.
fn tell(sentence: &str) {
    let mut terminal = Terminal::stderr();
    let word = terminal.paint(Style::Bad, "error:");
    // If nobody reads it, the exit code still says it.
    drop(terminal.line(format!("{word} {sentence}")));
}
