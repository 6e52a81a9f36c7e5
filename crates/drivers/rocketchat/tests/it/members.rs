//! Whom a mention calls.

use tieline_core::address::Address;
use tieline_core::event::Author;
use tieline_testkit::rocketchat::{Fault, RocketChatScript, RoomKind, Route};

use crate::server::{Mode, ROOM, scene, time_flies};

fn no_limit() -> RocketChatScript {
    RocketChatScript { rest_limit: None, ..RocketChatScript::default() }
}

#[tokio::test]
async fn a_mention_calls_the_one_member_of_that_name() {
    let scene = scene(no_limit(), Mode::Api).await;
    let named = |username: &str, name: &str| {
        let user = scene.server.add_user(username, name, &["user"]);
        scene.server.join(ROOM, &user);
    };
    named("bob", "Bob Jones");
    named("chris.one", "Chris");
    named("chris.two", "Chris");
    scene.server.add_user("stranger", "Stranger", &["user"]);
    let target = scene.outgoing("").target;
    let called = async |name: &str| scene.driver.account_named(&target, name).await;
    assert_eq!(called("ann").await.as_deref(), Some("ann"));
    assert_eq!(called("Bob Jones").await.as_deref(), Some("bob"));
    for nobody in ["Chris", "Bob", "bob jones", "stranger", "Stranger", "", "nobody.at.all"] {
        assert_eq!(called(nobody).await, None, "{nobody}");
    }
    let asked = scene.server.requests_to(Route::GroupsMembers).len();
    assert_eq!(called("Bob Jones").await.as_deref(), Some("bob"));
    assert_eq!(scene.server.requests_to(Route::GroupsMembers).len(), asked, "it is remembered");
    let ann = Author { id: scene.ann.id.clone(), username: "ann".to_owned(), ..Author::default() };
    assert_eq!(scene.instance.mention_of(&ann), "ann", "as the server's own mentions are written");
}

#[tokio::test]
async fn a_mention_calls_nobody_while_nobody_can_tell() {
    let scene = scene(no_limit(), Mode::Api).await;
    let target = scene.outgoing("").target;
    scene.server.faults().on(Route::GroupsMembers).always(Fault::Hang);
    time_flies();
    assert_eq!(scene.driver.account_named(&target, "ann").await, None);
    let without = crate::server::scene(no_limit(), Mode::Hook).await;
    assert_eq!(without.driver.account_named(&target, "ann").await, None);
    assert_eq!(without.server.requests_to(Route::GroupsMembers).len(), 0);
}

#[tokio::test]
async fn members_of_a_public_room_are_known_too() {
    let scene = scene(no_limit(), Mode::Api).await;
    scene.server.add_room(RoomKind::Public, "P1", "plaza");
    scene.server.join("P1", &scene.ann);
    let plaza = Address::of([("room_id", "P1")]);
    assert_eq!(scene.driver.account_named(&plaza, "Ann Smith").await.as_deref(), Some("ann"));
}
