//! Laws of routing over random rules: small worlds, so that rules meet.

use std::collections::HashSet;

use proptest::prelude::*;
use tieline_core::event::{Authorship, Event};
use tieline_core::filter::Filter;
use tieline_core::id::Channel;
use tieline_core::outbox::{Planned, Routing};
use tieline_core::plan::{Links, Plan, Rule, Source, Target};

use crate::words::{channel, filtered, incomplete, key, only_text, rule, said, said_in_thread};

/// Two instances share the ids of their rooms; a third has other ones.
const CHANNELS: [&str; 9] = ["a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "c/x", "c/y", "c/z"];
const SOURCES: [&str; 12] = ["a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "c/x", "c/y", "c/z", "a/*", "b/*", "c/*"];

fn filters() -> impl Strategy<Value = Filter> {
    prop_oneof![
        3 => Just(Filter::default()),
        1 => Just(Filter { bots: true, ..Filter::default() }),
        1 => Just(only_text("yes")),
    ]
}

fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(names), 1..4)
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let shape = prop_oneof![
        (some_of(&SOURCES), some_of(&CHANNELS)),
        some_of(&CHANNELS).prop_map(|channels| (channels.clone(), channels)),
    ];
    let also_known = prop::option::weighted(0.2, prop::sample::select(&["1", "2", "x"][..]));
    let server = prop::option::weighted(0.3, prop::sample::select(&["S", "T"][..]));
    let one = (shape, filters(), also_known, server);
    prop::collection::vec(one, 0..8).prop_map(|shapes| {
        let numbered = shapes.into_iter().enumerate();
        numbered
            .map(|(index, ((from, to), filter, also_known, server))| {
                let mut rule = filtered(rule(&format!("r{index}"), &from, &to), &filter);
                rule.to[0].also_known_as = also_known.into_iter().map(key).collect();
                rule.from[0].pattern.also = server.into_iter().map(|id| ("server_id".into(), id.into())).collect();
                rule
            })
            .collect()
    })
}

fn events() -> impl Strategy<Value = Event> {
    let place = (prop::sample::select(&CHANNELS[..]), prop::option::weighted(0.3, Just("2")));
    (place, prop::sample::select(&["yes", "no"][..]), any::<bool>(), any::<bool>()).prop_map(
        |((at, parent), text, bot, whole)| {
            let mut event = match parent {
                Some(parent) if channel(at).key != key(parent) => said_in_thread(at, parent, text),
                _ => said(at, text),
            };
            event.author.kind = if bot { Authorship::Bot } else { Authorship::Person };
            if whole { event } else { incomplete(event) }
        },
    )
}

/// The rules of the contract, word for word, without any index.
fn naive(rules: &[Rule], event: &Event) -> Vec<Planned> {
    let names = |key: &_| {
        let mut sources = rules.iter().flat_map(|rule| &rule.from);
        sources.any(|source| source.instance == event.instance && source.pattern.channel.as_ref() == Some(key))
    };
    let speaks_for = event.parent.clone().filter(|_| !names(&event.channel));
    let from_here = |source: &Source| {
        source.instance == event.instance
            && source
                .pattern
                .channel
                .as_ref()
                .is_none_or(|key| *key == event.channel || Some(key) == speaks_for.as_ref())
            && source.pattern.also.iter().all(|(key, value)| event.address.keys().get(key) == Some(value))
    };
    let leads_back = |target: &Target| {
        target.channel().instance == event.instance
            && std::iter::once(&target.channel().key)
                .chain(&target.also_known_as)
                .any(|key| *key == event.channel || Some(key) == speaks_for.as_ref())
    };
    let mut planned: Vec<(Planned, bool)> = Vec::new();
    for target in rules.iter().filter(|rule| rule.from.iter().any(from_here)).flat_map(|rule| &rule.to) {
        let filter = &target.frame.frame.filter;
        if leads_back(target) || filter.refuses(event).is_some() {
            continue;
        }
        let may_refuse = event.missing.is_some() && filter.looks_inside();
        match planned.iter_mut().find(|(planned, _)| planned.target == *target.channel()) {
            Some((_, true)) => {}
            Some((planned, settled)) => {
                planned.frames.push(target.frame.clone());
                *settled = !may_refuse;
            }
            None => {
                let first = Planned { target: target.channel().clone(), frames: vec![target.frame.clone()] };
                planned.push((first, !may_refuse));
            }
        }
    }
    planned.into_iter().map(|(planned, _)| planned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_index_finds_what_a_look_at_every_rule_finds(rules in rules(), event in events()) {
        let expected = naive(&rules, &event);
        match Plan::new(rules).route(&event, &Links::default()) {
            Routing::Deliver(planned) => {
                let told = |planned: &[Planned]| {
                    planned.iter().map(|one| (one.target.clone(), one.frames.clone())).collect::<Vec<_>>()
                };
                prop_assert_eq!(told(&planned), told(&expected));
            }
            Routing::Filtered(reason) => {
                prop_assert!(expected.is_empty());
                prop_assert!(!reason.is_empty());
            }
            Routing::Hold => prop_assert!(false, "rules never hold"),
        }
    }

    #[test]
    fn nothing_goes_back_and_no_channel_gets_two(rules in rules(), event in events()) {
        let plan = Plan::new(rules);
        if let Routing::Deliver(planned) = plan.route(&event, &Links::default()) {
            prop_assert!(!planned.is_empty());
            let own = Channel { instance: event.instance.clone(), key: event.channel.clone() };
            let mut seen = HashSet::new();
            for one in &planned {
                prop_assert!(one.target != own && one.target != plan.origin(&event));
                prop_assert!(seen.insert(&one.target));
                prop_assert!(!one.frames.is_empty());
            }
        }
    }

    #[test]
    fn explain_says_what_route_does(rules in rules(), event in events()) {
        let plan = Plan::new(rules);
        let mut told = HashSet::new();
        let verdicts = plan.explain(&event, &Links::default());
        prop_assert_eq!(verdicts.len(), plan.rules().len());
        for verdict in verdicts {
            for (target, refusal) in verdict.targets {
                prop_assert!(verdict.refusal.is_none());
                if refusal.is_none() {
                    told.insert((verdict.rule.clone(), target));
                }
            }
        }
        let mut done = HashSet::new();
        if let Routing::Deliver(planned) = plan.route(&event, &Links::default()) {
            for one in planned {
                done.extend(one.frames.iter().map(|named| (named.frame.rule.clone(), one.target.clone())));
            }
        }
        prop_assert_eq!(told, done);
    }
}
