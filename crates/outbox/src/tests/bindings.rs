//! Whose accounts are whose.

use jiff::Timestamp;
use tieline_core::binding::{Bindings, BoundAccount, Confirmed};
use tieline_core::id::InstanceId;

use super::ground::*;

/// `ann@rc`: the account with this id, in the realm `rc`.
fn account(text: &str) -> BoundAccount {
    let (id, realm) = text.split_once('@').unwrap();
    BoundAccount {
        instance: InstanceId::new(realm).unwrap(),
        platform: "fake".into(),
        realm: realm.into(),
        id: id.to_owned(),
        username: format!("{id}-name"),
        mention: format!("<{id}>"),
        name: id.to_uppercase(),
    }
}

impl Ground {
    async fn offer(&self, who: &str, code: &str, now: Timestamp) {
        let account = account(who);
        let room = channel(&format!("{}/room", account.instance));
        self.outbox.offer_binding(account, room, code, now).await.unwrap();
    }

    async fn confirm(&self, who: &str, code: &str, now: Timestamp) -> Confirmed {
        self.outbox.confirm_binding(account(who), code, now).await.unwrap()
    }

    /// Binds two accounts. Returns who was replaced.
    async fn bind(&self, one: &str, other: &str, second: i64) -> Vec<String> {
        let code = format!("{one}{other}");
        self.offer(one, &code, at(second)).await;
        match self.confirm(other, &code, at(second)).await {
            Confirmed::Bound { to, told_in, replaced } => {
                assert_eq!(to, account(one));
                assert_eq!(told_in, channel(&format!("{}/room", to.instance)));
                replaced.iter().map(|gone| format!("{}@{}", gone.id, gone.realm)).collect()
            }
            refused => panic!("{one} and {other}: {refused:?}"),
        }
    }

    /// The accounts of the person who has this one.
    async fn person(&self, who: &str) -> Vec<String> {
        let (id, realm) = who.split_once('@').unwrap();
        let bound = self.outbox.bound_accounts(realm, id).await.unwrap();
        bound.iter().map(|account| format!("{}@{}", account.id, account.realm)).collect()
    }
}

#[tokio::test]
async fn a_code_binds_two_accounts_also_after_a_restart() {
    let ground = Ground::new();
    ground.offer("ann@rc", "CODE", at(0)).await;
    let ground = ground.reopen(false).await;
    assert!(matches!(ground.confirm("49@wa", "CODE", at(1)).await, Confirmed::Bound { .. }));
    let ground = ground.reopen(false).await;
    for who in ["ann@rc", "49@wa", "ann-name@rc", "49-name@wa"] {
        assert_eq!(ground.person(who).await, ["ann@rc", "49@wa"], "{who}");
    }
    let bound = ground.outbox.bound_accounts("wa", "49").await.unwrap();
    assert_eq!(bound, [account("ann@rc"), account("49@wa")], "all that is known of them is kept");
    for other in ["ann@wa", "ann-name@wa", "nobody@rc"] {
        assert!(ground.person(other).await.is_empty(), "{other}");
    }
}

#[tokio::test]
async fn no_code_is_readable_in_the_file() {
    let ground = Ground::new();
    ground.offer("ann@rc", "SECRETCODE", at(0)).await;
    let path = ground.path();
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(format!("{}{suffix}", path.display())).unwrap();
        assert!(!bytes.windows(10).any(|part| part == b"SECRETCODE"), "{suffix}");
    }
}

#[tokio::test]
async fn a_code_serves_one_account_and_ten_minutes() {
    let ground = Ground::new();
    ground.offer("ann@rc", "FIRST", at(0)).await;
    ground.offer("ann@rc", "SECOND", at(1)).await;
    assert_eq!(ground.confirm("49@wa", "FIRST", at(2)).await, Confirmed::Wrong, "a newer one takes its place");
    assert!(matches!(ground.confirm("49@wa", "SECOND", at(2)).await, Confirmed::Bound { .. }));
    assert_eq!(ground.confirm("50@wa", "SECOND", at(3)).await, Confirmed::Wrong, "it is used");
    assert!(matches!(ground.confirm("49@wa", "SECOND", at(3)).await, Confirmed::Bound { .. }), "said again");
    assert_eq!(ground.person("ann@rc").await, ["ann@rc", "49@wa"]);
    ground.offer("bob@rc", "LATE", at(10)).await;
    assert_eq!(ground.confirm("50@wa", "LATE", at(610)).await, Confirmed::Wrong, "it has expired");
    ground.offer("bob@rc", "LATE", at(620)).await;
    assert!(matches!(ground.confirm("50@wa", "LATE", at(1219)).await, Confirmed::Bound { .. }));
}

#[tokio::test]
async fn nobody_is_bound_to_oneself_or_to_a_neighbour() {
    let ground = Ground::new();
    ground.offer("ann@rc", "CODE", at(0)).await;
    assert_eq!(ground.confirm("ann@rc", "CODE", at(1)).await, Confirmed::OwnCode);
    assert_eq!(ground.confirm("bob@rc", "CODE", at(1)).await, Confirmed::SameRealm);
    assert!(ground.person("ann@rc").await.is_empty());
    assert!(matches!(ground.confirm("ann@wa", "CODE", at(1)).await, Confirmed::Bound { .. }), "another realm's ann");
}

#[tokio::test]
async fn who_guesses_waits_also_after_a_restart() {
    let mut ground = Ground::new();
    ground.offer("ann@rc", "CODE", at(100)).await;
    for second in 100..105 {
        assert_eq!(ground.confirm("eve@wa", "GUESS", at(second)).await, Confirmed::Wrong);
    }
    ground = ground.reopen(false).await;
    let too_often = Confirmed::TooOften { until: at(700) };
    assert_eq!(ground.confirm("eve@wa", "CODE", at(105)).await, too_often, "even the right one");
    assert_eq!(ground.confirm("eve@dc", "GUESS", at(106)).await, Confirmed::Wrong, "each account counts for itself");
    assert!(matches!(ground.confirm("49@wa", "CODE", at(107)).await, Confirmed::Bound { .. }), "others do not wait");
    ground.offer("ann@rc", "NEW", at(690)).await;
    assert_eq!(ground.confirm("eve@wa", "GUESS", at(700)).await, Confirmed::Wrong, "the oldest counts no more");
    assert_eq!(ground.confirm("eve@wa", "NEW", at(700)).await, Confirmed::TooOften { until: at(701) });
}

#[tokio::test]
async fn binding_is_transitive_and_a_newer_account_of_a_realm_takes_the_older_ones_place() {
    let ground = Ground::new();
    assert!(ground.bind("ann@rc", "49@wa", 0).await.is_empty());
    assert!(ground.bind("1@dc", "ann@rc", 1).await.is_empty());
    assert_eq!(ground.person("49@wa").await, ["49@wa", "1@dc", "ann@rc"], "oldest first");
    assert_eq!(ground.bind("50@wa", "1@dc", 2).await, ["49@wa"]);
    assert_eq!(ground.person("ann@rc").await, ["ann@rc", "1@dc", "50@wa"]);
    assert!(ground.person("49@wa").await.is_empty(), "it is nobody's");

    // Two people turn out one: of two accounts in a realm the newer binding stays.
    ground.bind("bob@rc", "7@sl", 3).await;
    ground.bind("2@dc", "bob@rc", 4).await;
    assert_eq!(ground.bind("7@sl", "50@wa", 5).await, ["1@dc", "ann@rc"]);
    assert_eq!(ground.person("50@wa").await, ["2@dc", "bob@rc", "7@sl", "50@wa"]);
    assert!(ground.person("ann@rc").await.is_empty());
}

#[tokio::test]
async fn a_username_means_who_has_it_now() {
    let ground = Ground::new();
    ground.bind("ann@rc", "49@wa", 0).await;
    let heir = BoundAccount { username: "ann-name".into(), ..account("eve@rc") };
    ground.offer("50@wa", "CODE", at(1)).await;
    let confirmed = ground.outbox.confirm_binding(heir, "CODE", at(1)).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Bound { .. }));
    assert_eq!(ground.person("ann-name@rc").await, ["eve@rc", "50@wa"]);
    assert_eq!(ground.person("ann@rc").await, ["ann@rc", "49@wa"]);
}

#[tokio::test]
async fn accounts_are_unbound_one_by_one_or_all() {
    let ground = Ground::new();
    ground.bind("ann@rc", "49@wa", 0).await;
    ground.bind("1@dc", "ann@rc", 1).await;
    assert!(ground.outbox.unbind("rc", "ann-name", None).await.unwrap().is_empty(), "only the account itself may");
    assert!(ground.outbox.unbind("rc", "ann", Some("sl".into())).await.unwrap().is_empty());
    assert_eq!(ground.outbox.unbind("rc", "ann", Some("wa".into())).await.unwrap(), [account("49@wa")]);
    let ground = ground.reopen(false).await;
    assert_eq!(ground.person("ann@rc").await, ["1@dc", "ann@rc"]);
    assert_eq!(ground.outbox.unbind("dc", "1", Some("dc".into())).await.unwrap(), [account("1@dc")]);
    assert!(ground.person("ann@rc").await.is_empty(), "who is left alone is bound to nobody");
    ground.bind("ann@rc", "49@wa", 2).await;
    assert_eq!(ground.outbox.unbind("wa", "49", None).await.unwrap().len(), 2);
    assert!(ground.person("ann@rc").await.is_empty() && ground.person("49@wa").await.is_empty());
}
