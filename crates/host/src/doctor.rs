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

pub(crate) async fn doctor(json: bool, configuration: &Configuration, terminal: &mut Terminal) -> Result<(), Failure> {
    let guard = SecretGuard::new(&configuration.secrets);
    let mut report: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for instance in &configuration.instances {
        let findings = look(instance, &configuration.plan, &guard).await?;
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
