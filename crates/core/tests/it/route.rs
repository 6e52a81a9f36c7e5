//! Routing by example.

use tieline_core::event::{Authorship, Body, Event, Reaction};
use tieline_core::filter::{Choice, Filter, Pattern};
use tieline_core::outbox::Routing;
use tieline_core::plan::{Events, Links, Plan, Rule};

use crate::words::{channel, filtered, incomplete, instance, key, only_text, rule, said, said_in_thread};

/// `target<rules that may say it`, in order; or why nobody gets it.
fn routed(plan: &Plan, event: &Event) -> Result<Vec<String>, String> {
    // What is changed is everywhere that the tests speak of.
    let holders = ["dc/1", "rc/G", "rc/H", "wa/x"].map(channel).to_vec();
    routed_among(plan, event, &Links { holders, ..Links::default() })
}

fn routed_among(plan: &Plan, event: &Event, links: &Links) -> Result<Vec<String>, String> {
    match plan.route(event, links) {
        Routing::Deliver(planned) => Ok(planned
            .iter()
            .map(|planned| {
                let rules: Vec<_> = planned.frames.iter().map(|named| named.frame.rule.as_str()).collect();
                format!("{}<{}", planned.target, rules.join("|"))
            })
            .collect()),
        Routing::Filtered(reason) => Err(reason),
        Routing::Hold => panic!("rules never hold"),
    }
}

#[track_caller]
fn goes(rules: &[Rule], event: &Event, to: &[&str]) {
    assert_eq!(routed(&Plan::new(rules.to_vec()), event), Ok(to.iter().map(ToString::to_string).collect()));
}

#[track_caller]
fn refused(rules: &[Rule], event: &Event, reason: &str) {
    assert_eq!(routed(&Plan::new(rules.to_vec()), event), Err(reason.to_owned()));
}

#[test]
fn a_rule_takes_its_channel_and_no_other() {
    let rules = [rule("a", &["dc/1"], &["rc/G"])];
    goes(&rules, &said("dc/1", "hi"), &["rc/G<a"]);
    refused(&rules, &said("dc/2", "hi"), "no rule takes messages from this channel");
    refused(&rules, &said("dc2/1", "hi"), "no rule takes messages from this channel");
}

#[test]
fn every_matching_rule_applies_and_a_channel_gets_one_copy_by_the_first() {
    let rules = [rule("a", &["dc/1"], &["rc/G", "wa/x"]), rule("b", &["dc/*"], &["wa/x", "rc/H"])];
    goes(&rules, &said("dc/1", "hi"), &["rc/G<a", "wa/x<a", "rc/H<b"]);
    let rules = [rule("b", &["dc/*"], &["wa/x", "rc/H"]), rule("a", &["dc/1"], &["rc/G", "wa/x"])];
    goes(&rules, &said("dc/1", "hi"), &["wa/x<b", "rc/H<b", "rc/G<a"]);
}

#[test]
fn a_refused_copy_is_left_to_the_next_rule() {
    let rules = [filtered(rule("a", &["dc/1"], &["rc/G"]), &only_text("urgent")), rule("b", &["dc/1"], &["rc/G"])];
    goes(&rules, &said("dc/1", "urgent"), &["rc/G<a"]);
    goes(&rules, &said("dc/1", "hi"), &["rc/G<b"]);
    refused(&rules[..1], &said("dc/1", "hi"), "rule `a`: filter.text.include: no expression matches");
}

#[test]
fn a_decision_that_needs_the_whole_event_is_postponed() {
    let urgent = filtered(rule("a", &["dc/1"], &["rc/G"]), &only_text("urgent"));
    let sure = rule("b", &["dc/1"], &["rc/G"]);
    let never_asked = rule("c", &["dc/1"], &["rc/G"]);
    goes(&[urgent, sure, never_asked], &incomplete(said("dc/1", "")), &["rc/G<a|b"]);
}

#[test]
fn bots_are_decided_at_once() {
    let mut event = incomplete(said("dc/1", ""));
    event.author.kind = Authorship::Bot;
    let only_people = rule("a", &["dc/1"], &["rc/G"]);
    let why = "rule `a`: filter.bots: messages of other bots and integrations are not relayed by this rule";
    refused(std::slice::from_ref(&only_people), &event, why);
    let bots_too = filtered(rule("b", &["dc/1"], &["rc/G"]), &Filter { bots: true, ..Filter::default() });
    goes(&[only_people, bots_too], &event, &["rc/G<b"]);
}

#[test]
fn nothing_goes_back_to_where_it_came_from() {
    let connect = rule("a", &["dc/1", "rc/G", "dc/2"], &["dc/1", "rc/G", "dc/2"]);
    goes(std::slice::from_ref(&connect), &said("dc/1", "hi"), &["rc/G<a", "dc/2<a"]);
    // Two servers may use one id for two rooms.
    goes(&[rule("a", &["rc/G"], &["rc2/G"])], &said("rc/G", "hi"), &["rc2/G<a"]);
    let mut hook = rule("a", &["rc/*"], &["rc/hook"]);
    hook.to[0].also_known_as = vec![key("G")];
    refused(std::slice::from_ref(&hook), &said("rc/G", "hi"), "rule `a`: the message came from rc/hook");
    goes(&[hook], &said("rc/H", "hi"), &["rc/hook<a"]);
}

#[test]
fn a_thread_speaks_for_its_parent_unless_a_rule_names_it() {
    let event = said_in_thread("dc/t", "1", "hi");
    let parent = rule("a", &["dc/1"], &["rc/G", "dc/1", "dc/t"]);
    let plan = Plan::new(vec![parent.clone()]);
    assert_eq!(routed(&plan, &event), Ok(vec!["rc/G<a".into()]));
    assert_eq!(plan.origin(&event), channel("dc/1"));

    let plan = Plan::new(vec![parent, rule("b", &["dc/t"], &["dc/1"]), rule("c", &["dc/*"], &["rc/H"])]);
    assert_eq!(routed(&plan, &event), Ok(vec!["dc/1<b".into(), "rc/H<c".into()]));
    assert_eq!(plan.origin(&event), channel("dc/t"));
    assert_eq!(plan.origin(&said("dc/1", "hi")), channel("dc/1"));
}

#[test]
fn every_further_address_key_must_be_equal() {
    let mut on_server = rule("a", &["dc/1"], &["rc/G"]);
    on_server.from[0].pattern.also = vec![("server_id".into(), "S".into())];
    goes(std::slice::from_ref(&on_server), &said("dc/1", "hi"), &["rc/G<a"]);
    on_server.from[0].pattern.also[0].1 = "T".into();
    refused(&[on_server], &said("dc/1", "hi"), "rule `a`: its source wants `server_id` to be \"T\"");
}

#[test]
fn events_decide_over_all_but_messages() {
    let quiet = Events { edit: false, delete: false, reaction: false, ..Events::default() };
    let rules = [Rule { events: quiet, ..rule("a", &["dc/1"], &["rc/G"]) }];
    let message = said("dc/1", "hi");
    let content = message.message().unwrap().clone();
    let files = Event { body: Body::Files(content.clone()), ..message.clone() };
    goes(&rules, &files, &["rc/G<a"]);
    let edit = Event { body: Body::Edit(content), ..message.clone() };
    refused(&rules, &edit, "rule `a`: its `events` do not name `edit`");
    let gone = Event { body: Body::Delete, ..message };
    refused(&rules, &gone, "rule `a`: its `events` do not name `delete`");
    goes(&[rule("a", &["dc/1"], &["rc/G"])], &gone, &["rc/G<a"]);
}

#[test]
fn a_change_goes_only_to_where_its_message_is() {
    let plan = Plan::new(vec![rule("a", &["dc/1", "rc/G", "wa/x"], &["dc/1", "rc/G", "wa/x"])]);
    let gone = |at: &str| Event { body: Body::Delete, ..said(at, "") };
    let among = |event: &Event, holders: &[&str]| {
        let holders = holders.iter().map(|path| channel(path)).collect();
        routed_among(&plan, event, &Links { holders, ..Links::default() })
    };
    assert_eq!(among(&gone("dc/1"), &["dc/1", "rc/G"]), Ok(vec!["rc/G<a".into()]));
    assert_eq!(among(&gone("rc/G"), &["dc/1", "rc/G", "wa/x"]), Ok(vec!["dc/1<a".into(), "wa/x<a".into()]));
    let nowhere = "rule `a`: the message came from dc/1; rule `a`: no copy of the message is in rc/G; \
                   rule `a`: no copy of the message is in wa/x";
    assert_eq!(among(&gone("dc/1"), &["dc/1"]), Err(nowhere.into()));
}

#[test]
fn typing_is_shown_where_a_rule_wants_it() {
    let wants = Events { typing: true, join: false, ..Events::default() };
    let rules = vec![Rule { events: wants, ..rule("a", &["dc/1"], &["rc/G"]) }, rule("b", &["dc/1"], &["rc/H"])];
    let plan = Plan::new(rules);
    assert!(plan.wants_typing() && !Plan::new(vec![rule("b", &["dc/1"], &["rc/H"])]).wants_typing());
    let typing = Event { body: Body::Joined, ..said("dc/1", "") };
    let shown: Vec<String> = plan.route_typing(&typing).iter().map(|planned| planned.target.to_string()).collect();
    assert_eq!(shown, ["rc/G"]);
}

#[test]
fn a_deletion_passes_filters_and_a_reaction_those_for_text() {
    let not_ann = Choice { include: Vec::new(), exclude: vec![Pattern::parse("^ann$").unwrap()] };
    let filter = Filter { users: not_ann, ..only_text("urgent") };
    let rules = [filtered(rule("a", &["dc/1"], &["rc/G"]), &filter)];
    let gone = Event { body: Body::Delete, ..said("dc/1", "") };
    goes(&rules, &gone, &["rc/G<a"]);
    let mut liked = said("dc/1", "");
    liked.body = Body::Reaction(Reaction { emoji: "+1".into(), added: true });
    refused(&rules, &liked, "rule `a`: filter.users.exclude: `^ann$` matches");
    liked.author.username = "bob".into();
    goes(&rules, &liked, &["rc/G<a"]);
}

#[test]
fn a_long_list_of_reasons_is_cut() {
    let rules: Vec<_> = ["a", "b", "c", "d", "e"].map(|id| rule(id, &["dc/*"], &["dc/1"])).into();
    let came = "the message came from dc/1";
    let why = format!("rule `a`: {came}; rule `b`: {came}; rule `c`: {came}; and 2 more refusals");
    refused(&rules, &said("dc/1", "hi"), &why);
}

#[test]
fn explain_names_the_first_condition_that_failed() {
    let mut elsewhere = rule("server", &["dc/1"], &["rc/G"]);
    elsewhere.from[0].pattern.also = vec![("server_id".into(), "T".into())];
    let plan = Plan::new(vec![
        rule("other instance", &["rc/1"], &["dc/1"]),
        rule("other channel", &["dc/2", "rc/1"], &["rc/G"]),
        elsewhere,
        rule("first", &["dc/1"], &["rc/G", "dc/1"]),
        filtered(rule("second", &["dc/*"], &["rc/G", "rc/H"]), &only_text("urgent")),
    ]);
    let verdicts = plan.explain(&said("dc/1", "hi"), &Links::default());
    let refusals: Vec<_> = verdicts.iter().map(|verdict| verdict.refusal.as_deref()).collect();
    assert_eq!(
        refusals,
        [
            Some("it takes no messages from this instance"),
            Some("it takes no messages from this channel"),
            Some("its source wants `server_id` to be \"T\""),
            None,
            Some("filter.text.include: no expression matches"),
        ]
    );
    assert_eq!(
        verdicts[3].targets,
        [(channel("rc/G"), None), (channel("dc/1"), Some("the message came from dc/1".into()))]
    );
    assert!(verdicts[4].targets.is_empty(), "a rule whose filter refuses has not matched");
    let thread = Plan::new(vec![rule("parent", &["dc/1"], &["rc/G"]), rule("thread", &["dc/t"], &["rc/G"])]);
    let verdicts = thread.explain(&said_in_thread("dc/t", "1", "hi"), &Links::default());
    assert!(verdicts[0].refusal.as_ref().unwrap().contains("names the thread itself"), "{verdicts:?}");
}

#[test]
fn a_plan_tells_its_sources_and_targets_by_instance() {
    let plan =
        Plan::new(vec![rule("a", &["dc/1", "rc/G"], &["dc/1", "rc/G"]), rule("b", &["dc/*"], &["rc/G", "rc/H"])]);
    let targets: Vec<_> =
        plan.targets(&instance("rc")).map(|target| target.channel().key.as_str().to_owned()).collect();
    assert_eq!(targets, ["G", "H"]);
    let sources: Vec<_> = plan.sources(&instance("dc")).map(|source| source.pattern.channel.clone()).collect();
    assert_eq!(sources, [Some(key("1")), None]);
    assert_eq!(plan.rules().len(), 2);
}

#[test]
fn a_plan_listens_to_channels_their_threads_and_every_channel_where_a_rule_says_so() {
    let plan = Plan::new(vec![rule("a", &["dc/1"], &["rc/G"]), rule("b", &["wa/*"], &["rc/G"])]);
    let listens = |who: &str, channel: &str, parent: Option<&str>| {
        plan.listens_to(&instance(who), &key(channel), parent.map(key).as_ref())
    };
    assert!(listens("dc", "1", None) && listens("dc", "7", Some("1")), "a thread belongs to its parent");
    assert!(!listens("dc", "7", None) && !listens("dc", "7", Some("8")) && !listens("rc", "G", None));
    assert!(listens("wa", "whoever", None));
}
