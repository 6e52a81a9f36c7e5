//! `doctor`: live checks of each instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use tieline_config::Configuration;
use tieline_core::address::Address;
use tieline_core::driver::{Finding, InstanceConfig, Verdict};
use tieline_core::plan::Plan;
use tieline_relay::SecretGuard;

use crate::dry;
use crate::failure::Failure;
use crate::terminal::{Style, Terminal, harmless};

/// `progress` is where a person sees which instance is being looked at; what was found goes to `terminal`.
pub(crate) async fn doctor(
    json: bool,
    configuration: &Configuration,
    terminal: &mut Terminal,
    progress: &mut Terminal,
) -> Result<(), Failure> {
    let guard = SecretGuard::new(&configuration.secrets);
    let mut report: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    let all = configuration.instances.len();
    for (number, instance) in (1..).zip(&configuration.instances) {
        progress.progress(format_args!("Looking at {} ({number} of {all}) …", harmless(instance.id().as_str())))?;
        let looked = look(instance, &configuration.plan, &guard).await;
        progress.progress("")?;
        let findings = looked?;
        if !json {
            let head = terminal.paint(Style::Bold, instance.id());
            terminal.line(head)?;
            for finding in &findings {
                let line = render(finding, terminal);
                terminal.line(line)?;
            }
        }
        report.insert(instance.id().to_string(), findings);
    }
    if json {
        terminal.line(serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?)?;
    }
    let bad = report.values().flatten().any(|finding| finding.verdict == Verdict::Bad);
    if bad { Err(Failure::Told) } else { Ok(()) }
}

async fn look(instance: &Arc<dyn InstanceConfig>, plan: &Plan, guard: &SecretGuard) -> Result<Vec<Finding>, Failure> {
    let driver = Arc::clone(instance).build(dry::services()).map_err(anyhow::Error::from)?;
    let targets = plan.targets(instance.id()).map(|target| &target.frame.frame.address);
    let sources = plan.sources(instance.id()).map(|source| &source.address).filter(|address| !address.is_empty());
    let mut rooms: Vec<Address> = Vec::new();
    for address in targets.chain(sources) {
        if !rooms.contains(address) {
            rooms.push(address.clone());
        }
    }
    let mut findings = driver.doctor(&rooms).await;
    for Finding { what, remedy, .. } in &mut findings {
        *what = guard.mask(what);
        *remedy = remedy.take().map(|remedy| guard.mask(&remedy));
    }
    Ok(findings)
}

fn render(finding: &Finding, terminal: &Terminal) -> String {
    let mark = match finding.verdict {
        Verdict::Good => terminal.paint(Style::Good, "ok     "),
        Verdict::Warning => terminal.paint(Style::Warning, "warning"),
        Verdict::Bad => terminal.paint(Style::Bad, "BAD    "),
    };
    let remedy = finding.remedy.as_deref().map(|remedy| format!("\n           {}", harmless(remedy)));
    format!("  {mark}  {}{}", harmless(&finding.what), remedy.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    use crate::cli::ConfigArgs;
    use crate::setup;

    /// An instance on a port of this machine where nobody listens.
    fn unreachable() -> Configuration {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = serde_json::json!({
            "server_url": format!("http://{free}"), "auth_token": "t", "user_id": "u", "webhook_token": "w"
        });
        let written = serde_json::json!({ "rocketchat": { "hq": settings }, "rules": [] });
        let file = folder.path().join("tieline.json");
        std::fs::write(&file, written.to_string()).unwrap();
        setup::configuration(&ConfigArgs::of_file(file)).unwrap().0
    }

    #[tokio::test]
    async fn a_person_sees_who_is_looked_at_and_a_pipe_does_not() {
        tieline_net::install_crypto();
        let configuration = unreachable();
        let (found, shown) = <(Arc<Mutex<Vec<u8>>>, Arc<Mutex<Vec<u8>>>)>::default();
        let text = |sink: &Mutex<Vec<u8>>| String::from_utf8(std::mem::take(&mut *sink.lock().unwrap())).unwrap();
        let mut terminal = Terminal::into_memory(Arc::clone(&found));
        let mut person = Terminal::into_memory(Arc::clone(&shown)).watched();
        assert!(doctor(false, &configuration, &mut terminal, &mut person).await.is_err(), "nobody listens there");
        assert_eq!(text(&shown), "\r\x1b[KLooking at hq (1 of 1) …\r\x1b[K");
        let found_by_text = text(&found);
        assert!(found_by_text.starts_with("hq\n") && found_by_text.contains("  BAD"), "{found_by_text}");
        let mut pipe = Terminal::into_memory(Arc::clone(&shown));
        assert!(doctor(true, &configuration, &mut terminal, &mut pipe).await.is_err());
        assert_eq!(text(&shown), "");
    }
}
