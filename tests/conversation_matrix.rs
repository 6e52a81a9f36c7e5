//! The tables of `docs/conversation.md`, cell by cell: what people do to a message in one room, and how a text looks
//! there, is done in each direction through the real binary, before and after a restart.

mod deeds;
mod discord;
mod looks;
mod outcome;
mod rocketchat;
mod scene;
mod side;
mod table;
mod whatsapp;

use std::collections::BTreeSet;

use tieline_e2e::Relay;

use self::deeds::{CONNECTED, Round};
use self::outcome::Observed;
use self::scene::{SOURCES, Scene};

#[tokio::test]
async fn what_people_do_to_a_message_has_the_effect_that_the_table_says() {
    let scene = Scene::start(2 * CONNECTED, 2, "{user}: {msg}").await;
    let [mut first, mut second] = [0, 1].map(|number| Round::new(&scene, number));
    let mut relay = Relay::start(scene.configuration()).await;
    scene.is_heard().await;
    scene.bind_nora(&mut relay).await;

    first.begin(&mut relay).await;
    let mut wrong = compared("before a restart", &scene, &first.happen(&mut relay).await);
    // What is said before the restart has its effect behind it.
    second.begin(&mut relay).await;
    scene.restart(&mut relay).await;
    wrong.extend(compared("after a restart", &scene, &second.happen(&mut relay).await));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scene.were_called_properly();
}

#[tokio::test]
async fn a_text_looks_as_the_table_says() {
    let scene = Scene::start(2 * looks::places(), 0, looks::FORMAT).await;
    let mut relay = Relay::start(scene.configuration()).await;
    scene.is_heard().await;
    let mut wrong = looks::compared(&scene, &mut relay, 0).await;
    scene.restart(&mut relay).await;
    wrong.extend(looks::compared(&scene, &mut relay, 1).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scene.were_called_properly();
}

/// Where the table says something else than what was observed.
fn compared(when: &str, scene: &Scene, observed: &Observed) -> Vec<String> {
    let mut rows = table::below("What is done, from where to where").into_iter();
    let directions = rows.next().expect("a row with directions");
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in rows {
        for (direction, said) in directions.iter().zip(&row).skip(1) {
            let (source, target) = ends(scene, direction);
            let key = observed.keys().find(|(name, from, to)| *name == row[0] && (*from, *to) == (source, target));
            let key = key.unwrap_or_else(|| panic!("nothing is known of {} from {direction}", row[0]));
            seen.insert(*key);
            if observed[key] != *said {
                wrong.push(format!("{when}: {} {direction} is {} and not {said}", row[0], observed[key]));
            }
        }
    }
    assert_eq!(seen.len(), observed.len(), "the table says all that was observed");
    wrong
}

/// The rooms of `RC→WA`.
fn ends(scene: &Scene, direction: &str) -> (usize, usize) {
    let (from, to) = direction.split_once('→').unwrap_or_else(|| panic!("{direction} is no direction"));
    let at = |platform: &str| {
        let found = (0..SOURCES).find(|at| scene.connected[0].side(*at).platform() == platform);
        found.unwrap_or_else(|| panic!("{platform} is no platform"))
    };
    (at(from), SOURCES + at(to))
}
