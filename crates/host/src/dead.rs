//! `dead`: messages that could not be delivered.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::anyhow;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tieline_core::id::DeliveryId;
use tieline_core::outbox::DeadLetter;
use tieline_relay::SecretGuard;

use crate::cli::DeadCommand;
use crate::counter::Counter;
use crate::data_dir::DataDir;
use crate::desk::{Answer, Question};
use crate::failure::Failure;
use crate::retried::{self, Retried};
use crate::terminal::{Style, Terminal, columns, harmless, local, one_line};

/// What stays readable on a terminal of 80 columns, less the indentation.
const TEXT_WIDTH: usize = 74;
/// Two of them and the other columns fit into 80.
const CHANNEL_WIDTH: usize = 20;

const NONE: &str = "There are no dead letters.";

pub(crate) async fn dead(
    command: &DeadCommand,
    dir: DataDir,
    guard: Arc<SecretGuard>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let counter = Counter::open(dir, guard, "dead").await?;
    let done = look(command, &counter, terminal).await;
    counter.close().await?;
    done
}

async fn look(command: &DeadCommand, counter: &Counter, terminal: &mut Terminal) -> Result<(), Failure> {
    let letters = match counter.ask(Question::DeadLetters).await? {
        Answer::DeadLetters(letters) => letters,
        other => return Err(unexpected(&other)),
    };
    match command {
        DeadCommand::List { json: true, .. } => terminal.line(pretty(&letters)?)?,
        DeadCommand::List { .. } => {
            for line in table(&letters, &TimeZone::system(), terminal) {
                terminal.line(line)?;
            }
        }
        DeadCommand::Show { id, json, .. } => {
            let letter = letters.iter().find(|letter| letter.id.0 == *id).ok_or_else(|| unknown(&[DeliveryId(*id)]))?;
            if *json {
                terminal.line(pretty(letter)?)?;
            } else {
                terminal.line(page(letter, &TimeZone::system()))?;
            }
        }
        DeadCommand::Retry { which, .. } => {
            let ids = chosen(which.ids(), &letters)?;
            let done = settle(counter, Question::Retry(ids.clone()), &ids).await?;
            let when = if counter.relay_runs() { "" } else { ", to be sent when `tieline run` starts" };
            terminal.line(report(&done, &format!("put back in line{when}")))?;
            if counter.relay_runs() {
                let watched = letters.iter().filter(|letter| done.contains(&letter.id));
                let retried = retried::watch(counter, watched).await?;
                for letter in &retried {
                    terminal.line(letter.line())?;
                }
                if retried.iter().any(Retried::is_dead) {
                    return Err(Failure::Told);
                }
            }
        }
        DeadCommand::Drop { which, .. } => {
            let ids = chosen(which.ids(), &letters)?;
            let done = settle(counter, Question::Drop(ids.clone()), &ids).await?;
            terminal.line(report(&done, "dropped for good"))?;
        }
    }
    Ok(())
}

/// The ids that are meant: all that there are, or those named, if each of them is there.
fn chosen(named: Option<Vec<DeliveryId>>, letters: &[DeadLetter]) -> anyhow::Result<Vec<DeliveryId>> {
    let Some(named) = named else { return Ok(letters.iter().map(|letter| letter.id).collect()) };
    let missing: Vec<DeliveryId> =
        named.iter().copied().filter(|id| letters.iter().all(|letter| letter.id != *id)).collect();
    if missing.is_empty() { Ok(named) } else { Err(unknown(&missing)) }
}

async fn settle(counter: &Counter, question: Question, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>, Failure> {
    let done = match counter.ask(question).await? {
        Answer::Done(done) => done,
        other => return Err(unexpected(&other)),
    };
    let asked: BTreeSet<i64> = ids.iter().map(|id| id.0).collect();
    let settled: BTreeSet<i64> = done.iter().map(|id| id.0).collect();
    // Between our look and our question somebody else may have retried or dropped one.
    let gone: Vec<DeliveryId> = asked.difference(&settled).copied().map(DeliveryId).collect();
    if gone.is_empty() { Ok(done) } else { Err(unknown(&gone).into()) }
}

fn unknown(ids: &[DeliveryId]) -> anyhow::Error {
    let what = if ids.len() == 1 { "there is no dead letter" } else { "there are no dead letters" };
    anyhow!("{what} {}; `tieline dead list` shows those that there are", list(ids))
}

fn unexpected(answer: &Answer) -> Failure {
    anyhow!("the running tieline gave another answer than was asked for; is it the same version? ({answer:?})").into()
}

fn list(ids: &[DeliveryId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn report(done: &[DeliveryId], what: &str) -> String {
    match done.len() {
        0 => NONE.to_owned(),
        1 => format!("1 dead letter {what}: {}", list(done)),
        n => format!("{n} dead letters {what}: {}", list(done)),
    }
}

fn pretty(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)?)
}

/// A time in the width of a table; the page of one letter has it whole.
fn short(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// One row for each letter, with its reason and its text below.
fn table(letters: &[DeadLetter], zone: &TimeZone, terminal: &Terminal) -> Vec<String> {
    if letters.is_empty() {
        return vec![NONE.to_owned()];
    }
    let head = ["ID", "DIED", "FROM", "TO", "TRIES"].map(str::to_owned).to_vec();
    let row = |letter: &DeadLetter| {
        vec![
            letter.id.to_string(),
            short(letter.died, zone),
            one_line(&letter.source.to_string(), CHANNEL_WIDTH),
            one_line(&letter.target.to_string(), CHANNEL_WIDTH),
            letter.attempts.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(letters.iter().map(row)).collect();
    let mut rows = columns(&rows).into_iter();
    let mut lines: Vec<String> = rows.next().map(|head| terminal.paint(Style::Bold, head)).into_iter().collect();
    for (row, letter) in rows.zip(letters) {
        lines.push(row);
        lines.push(format!("    {}", terminal.paint(Style::Bad, harmless(&letter.reason))));
        lines.push(format!("    {}", terminal.paint(Style::Dim, said(letter))));
    }
    lines
}

fn said(letter: &DeadLetter) -> String {
    let files = letter.files.iter().flat_map(|name| [" [", name, "]"]).collect::<String>();
    one_line(&format!("{}: {}{files}", letter.user, letter.text), TEXT_WIDTH)
}

/// Everything about one letter.
fn page(letter: &DeadLetter, zone: &TimeZone) -> String {
    let entry = |name: &str, value: &str| format!("{name:<9} {}", harmless(value));
    let mut lines = vec![
        entry("id", &letter.id.to_string()),
        entry("trace", &letter.trace),
        entry("received", &local(letter.received, zone)),
        entry("died", &local(letter.died, zone)),
        entry("tries", &letter.attempts.to_string()),
        entry("rule", &letter.rule),
        entry("from", &letter.source.to_string()),
        entry("to", &letter.target.to_string()),
        entry("message", letter.message_id.as_str()),
        entry("user", &letter.user),
        entry("reason", &letter.reason),
    ];
    lines.extend(letter.files.iter().map(|file| entry("file", file)));
    lines.push(entry("text", &letter.text.replace('\n', "\n          ")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_core::id::{Channel, ChannelKey, InstanceId, MessageId};

    fn letter(id: i64) -> DeadLetter {
        let channel = |instance: &str, key: &str| Channel {
            instance: InstanceId::new(instance).unwrap(),
            key: ChannelKey::new(key).unwrap(),
        };
        DeadLetter {
            id: DeliveryId(id),
            trace: "tl-9".into(),
            died: Timestamp::from_second(1_700_000_000).unwrap(),
            received: Timestamp::from_second(1_699_999_000).unwrap(),
            rule: "support".into(),
            source: channel("rc_a", "GENERAL"),
            target: channel("a_very_long_instance_id", "a_very_long_room_id"),
            message_id: MessageId::new("m1").unwrap(),
            user: "Ada".into(),
            text: "first line\nsecond \x1b[31mline".into(),
            files: vec!["cat.png".into()],
            attempts: 3,
            reason: "the room is read-only".into(),
        }
    }

    #[test]
    fn a_row_fits_into_eighty_columns() {
        let terminal = Terminal::into_memory(std::sync::Arc::default());
        let lines = table(&[letter(1), letter(120_000)], &TimeZone::UTC, &terminal);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        assert_eq!(lines[0], "ID      DIED              FROM          TO                    TRIES");
        assert_eq!(lines[2], "    the room is read-only");
        assert_eq!(lines[3], "    Ada: first line second \\u{1b}[31mline [cat.png]");
        assert_eq!(table(&[], &TimeZone::UTC, &terminal), ["There are no dead letters."]);
    }

    #[test]
    fn a_page_shows_everything_and_no_control_character() {
        let page = page(&letter(7), &TimeZone::UTC);
        assert!(page.starts_with("id        7\ntrace     tl-9\nreceived  2023-11-14T21:56:40+00:00\n"), "{page}");
        assert!(page.ends_with("text      first line\n          second \\u{1b}[31mline"), "{page}");
    }

    #[test]
    fn a_letter_begins_with_its_id() {
        let json = serde_json::to_string(&letter(7)).unwrap();
        assert!(json.starts_with("{\"id\":7,"), "{json}");
    }

    #[test]
    fn one_unknown_id_stops_all() {
        let letters = [letter(1), letter(2)];
        assert_eq!(chosen(None, &letters).unwrap(), [DeliveryId(1), DeliveryId(2)]);
        assert_eq!(chosen(Some(vec![DeliveryId(2)]), &letters).unwrap(), [DeliveryId(2)]);
        let refusal = chosen(Some(vec![DeliveryId(1), DeliveryId(9)]), &letters).unwrap_err().to_string();
        assert_eq!(refusal, "there is no dead letter 9; `tieline dead list` shows those that there are");
    }
}
