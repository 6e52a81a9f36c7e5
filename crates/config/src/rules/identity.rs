//! The ids of rules: chosen, or derived from where a rule leads.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tieline_core::id::RuleId;
use tieline_core::problem::Problem;

use crate::document::Documents;
use crate::findings::{At, Findings};

/// An id for each rule of a list. `None` where the rule's own id is wrong.
pub(super) fn assign(
    rules: &[Value],
    at: &At<'_>,
    documents: &Documents,
    findings: &mut Findings,
) -> Vec<Option<RuleId>> {
    let mut chosen: HashMap<&str, usize> = HashMap::new();
    let mut ids: Vec<Option<RuleId>> = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let rule_at = at.index(index);
        let id_at = rule_at.key("id");
        let id = rule.get("id").and_then(|id| findings.text(&id_at, id)).and_then(|id| {
            if let Some(first) = chosen.get(id) {
                let place = documents.place(&at.index(*first).key("id").steps());
                let there = place.map(|place| format!(", at {place}")).unwrap_or_default();
                let problem = Problem::error(format!("`{id}` is already the id of another rule{there}"));
                findings.add(&id_at, problem.help("give this rule another id, or none to have one derived"));
                return None;
            }
            chosen.insert(id, index);
            let wrong = |error| Problem::error(format!("this is no rule id: {error}"));
            RuleId::new(id).map_err(|error| findings.add(&id_at, wrong(error))).ok()
        });
        ids.push(id);
    }
    let mut taken: HashSet<String> = chosen.into_keys().map(str::to_owned).collect();
    for (rule, id) in rules.iter().zip(&mut ids) {
        if let Value::Object(rule) = rule
            && !rule.contains_key("id")
        {
            *id = RuleId::new(&free(derived(rule), &mut taken)).ok();
        }
    }
    ids
}

/// The id itself, or with the first free number from 2 on.
fn free(id: String, taken: &mut HashSet<String>) -> String {
    let free = (2..).map(|number| format!("{id}-{number}"));
    let free = std::iter::once(id.clone()).chain(free).find(|id| !taken.contains(id)).unwrap_or(id);
    taken.insert(free.clone());
    free
}

/// A short name of where a rule leads: neither how messages look there nor the order of keys changes it.
fn derived(rule: &Map<String, Value>) -> String {
    let mut routing = String::new();
    routing.push_str(rule.get("type").and_then(Value::as_str).unwrap_or("forward"));
    for side in ["from", "to", "channels"] {
        routing.push('\n');
        let Some(Value::Object(instances)) = rule.get(side) else { continue };
        let listed = instances.iter().map(|(id, addresses)| {
            let addresses = match addresses {
                Value::Array(list) => list.iter().map(without_msg).collect(),
                one => vec![without_msg(one)],
            };
            (id.clone(), Value::Array(addresses))
        });
        routing.push_str(&sorted(&Value::Object(listed.collect())).to_string());
    }
    let digest: [u8; 32] = Sha256::digest(routing.as_bytes()).into();
    let [a, b, c, d, ..] = digest;
    format!("r-{:08x}", u32::from_be_bytes([a, b, c, d]))
}

fn without_msg(address: &Value) -> Value {
    let mut address = address.clone();
    if let Value::Object(keys) = &mut address {
        keys.shift_remove("msg");
    }
    address
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<(String, Value)> = object.iter().map(|(k, v)| (k.clone(), sorted(v))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(rules: &Value) -> Vec<String> {
        let mut findings = Findings::default();
        let ids = assign(rules.as_array().unwrap(), &At::Root, &Documents::default(), &mut findings);
        ids.into_iter().map(|id| id.map_or_else(String::new, String::from)).collect()
    }

    #[test]
    fn a_derived_id_depends_on_the_routing_part_alone() {
        let all = ids(&json!([
            {"from": {"a": {"x": "1", "y": "2"}}, "to": {"b": {"x": "3"}}},
            {"type": "forward", "to": {"b": [{"x": "3", "msg": {"msg_format": "{msg}"}}]}, "from": {"a": {"y": "2", "x": "1"}},
             "msg": {"rc_alias": "x"}, "filter": {"bots": true}},
            {"from": {"a": {"x": "other"}}, "to": {"b": {"x": "3"}}},
            {"type": "connect", "channels": {"a": {"x": "1"}, "b": {"x": "3"}}},
        ]));
        assert_eq!(all[1], format!("{}-2", all[0]));
        assert_ne!(all[2], all[0]);
        assert_ne!(all[3], all[0]);
        assert!(all[0].starts_with("r-") && all[0].len() == 10, "{}", all[0]);
        // Pinned: an upgrade of tieline must not rename anybody's rules.
        assert_eq!(all[0], "r-77a93c7b");
    }

    #[test]
    fn a_derived_id_gives_way_to_a_chosen_one() {
        let rule = json!({"from": {"a": "*"}, "to": {"b": {"x": "3"}}});
        let free = ids(&json!([rule]))[0].clone();
        let mut chosen = rule.clone();
        chosen["id"] = json!(free);
        assert_eq!(ids(&json!([rule, chosen, rule])), [format!("{free}-2"), free.clone(), format!("{free}-3")]);
    }
}
