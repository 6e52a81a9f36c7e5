//! `schema`: the JSON Schema of the configuration.

use crate::drivers;
use crate::failure::Failure;
use crate::terminal::Terminal;

pub(crate) fn schema(terminal: &mut Terminal) -> Result<(), Failure> {
    let schema = tieline_config::schema(&drivers::all());
    terminal.line(serde_json::to_string_pretty(&schema).map_err(anyhow::Error::from)?)?;
    Ok(())
}
