//! A driver that panics.

use crate::house::House;
use crate::scripted::{Script, Scripted, message, plan, rule};

#[tokio::test]
async fn a_panic_in_a_send_fails_that_send_and_nothing_else() {
    let broken = Scripted::new("broken");
    let fine = Scripted::new("fine");
    let plan = plan(vec![rule("r", ("fine", "A"), &[("broken", "B"), ("fine", "C")], "{msg}")]);
    let house = House::open(&plan, &[&broken, &fine]).await;
    broken.script("B", Script::Panic);
    fine.receive(message("fine", "A", "m1", "one")).await;
    fine.wait_for("C", 1).await;
    broken.wait_for("B", 1).await;
    let tallies = house.settled().await;
    assert_eq!(tallies.delivered, 2);
    assert_eq!(*broken.asked.borrow(), 1, "nobody knows how far a send that panicked got");
}
