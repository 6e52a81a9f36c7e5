//! `check`: every problem in the configuration at once.

use tieline_config::{Diagnostic, Loaded};
use tieline_core::problem::Severity;

use crate::cli::ConfigArgs;
use crate::failure::Failure;
use crate::setup;
use crate::terminal::{Style, Terminal};

pub(crate) fn check(args: &ConfigArgs, json: bool, terminal: &mut Terminal) -> Result<(), Failure> {
    let Loaded { diagnostics, configuration } = setup::load(args)?;
    if json {
        terminal.line(serde_json::to_string_pretty(&diagnostics).map_err(anyhow::Error::from)?)?;
    } else {
        for diagnostic in &diagnostics {
            let text = diagnostic.render(terminal.colours());
            terminal.line(text)?;
        }
        let warnings = with_warnings(&diagnostics);
        let (style, summary) = if let Some(configuration) = &configuration {
            let instances = counted(configuration.instances.len(), "instance");
            let rules = counted(configuration.plan.rules().len(), "rule");
            (Style::Good, format!("The configuration can be used: {instances} and {rules}{warnings}."))
        } else {
            let errors = counted(of(&diagnostics, Severity::Error), "error");
            (Style::Bad, format!("The configuration cannot be used: {errors}{warnings}."))
        };
        let summary = terminal.paint(style, summary);
        terminal.line(summary)?;
    }
    if configuration.is_some() { Ok(()) } else { Err(Failure::Told) }
}

fn of(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

fn with_warnings(diagnostics: &[Diagnostic]) -> String {
    match of(diagnostics, Severity::Warning) {
        0 => String::new(),
        warnings => format!("; {}", counted(warnings, "warning")),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
