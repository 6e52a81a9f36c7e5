//! `rooms`: what an account can see.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tieline_config::Configuration;
use tieline_relay::SecretGuard;

use crate::dry;
use crate::explain::instance;
use crate::failure::Failure;
use crate::terminal::{Style, Terminal, columns, one_line};

/// Long enough for the names that people give to rooms, short enough to leave the address its place.
const NAME_WIDTH: usize = 32;

pub(crate) async fn rooms(
    id: &str,
    json: bool,
    configuration: &Configuration,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let guard = SecretGuard::new(&configuration.secrets);
    let driver = Arc::clone(instance(configuration, id)?).build(dry::services()).map_err(anyhow::Error::from)?;
    let rooms = driver
        .rooms()
        .await
        .map_err(|error| anyhow!(guard.mask(&error.to_string())))
        .with_context(|| format!("the rooms of `{id}` cannot be listed"))?;
    if json {
        terminal.line(serde_json::to_string_pretty(&rooms).map_err(anyhow::Error::from)?)?;
        return Ok(());
    }
    let head = ["NAME", "KIND", "ADDRESS"].map(str::to_owned).to_vec();
    let row = |room: &tieline_core::driver::Room| {
        vec![one_line(&room.name, NAME_WIDTH), room.kind.clone(), room.address.to_string()]
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rooms.iter().map(row)).collect();
    for (index, line) in columns(&rows).into_iter().enumerate() {
        let line = if index == 0 { terminal.paint(Style::Bold, line) } else { line };
        terminal.line(line)?;
    }
    Ok(())
}
