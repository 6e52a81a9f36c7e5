//! From the command line to a checked configuration.

use tieline_config::{Configuration, Diagnostic, LoadError, Loaded, ProcessSurroundings};

use crate::cli::ConfigArgs;
use crate::drivers;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Reads and checks the configuration.
pub(crate) fn load(args: &ConfigArgs) -> Result<Loaded, Failure> {
    read(args).map_err(|error| Failure::Usage(error.into()))
}

/// The same, for a process that goes on whatever comes of it.
pub(crate) fn read(args: &ConfigArgs) -> Result<Loaded, LoadError> {
    tieline_config::load(&args.files(), &args.sets, &ProcessSurroundings, &drivers::all())
}

/// A configuration that can be used, with its warnings; what is wrong with any other is told on standard error.
pub(crate) fn configuration(args: &ConfigArgs) -> Result<(Configuration, Vec<Diagnostic>), Failure> {
    let Loaded { diagnostics, configuration } = load(args)?;
    let Some(configuration) = configuration else {
        tell(&diagnostics)?;
        return Err(Failure::Told);
    };
    Ok((configuration, diagnostics))
}

/// Writes diagnostics to standard error.
pub(crate) fn tell(diagnostics: &[Diagnostic]) -> std::io::Result<()> {
    let mut terminal = Terminal::stderr();
    diagnostics.iter().try_for_each(|diagnostic| terminal.line(diagnostic.render(terminal.colours())))
}
