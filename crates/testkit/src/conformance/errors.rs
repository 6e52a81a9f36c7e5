//! How a driver must say that a send did not go well.

use std::time::Duration;

use jiff::Timestamp;
use tieline_core::clock::Clock;
use tieline_core::send::{Reconciled, SendError, Trouble};

use super::bench::{Bench, within};
use super::harness::SendFault;
use crate::clock::SystemClock;

/// A whole second some minutes ahead, which every platform can say exactly.
fn later() -> Timestamp {
    let ahead = SystemClock.now().as_second() + 120;
    Timestamp::from_second(ahead).expect("two minutes from now is a time")
}

/// A rate limit is passed on with the time that the platform named, never earlier.
pub async fn a_rate_limit_is_passed_on_to_the_millisecond(bench: &Bench) {
    let until = later();
    bench.harness.script(SendFault::RateLimited { until });
    let ended = bench.deliver(&bench.outgoing("slow", "Ann Smith")).await;
    let Err(SendError::RateLimited(pause)) = ended else { panic!("a rate limit ended as {ended:?}") };
    assert!(pause.until >= until, "{} is earlier than {until}", pause.until);
    // A platform that names a duration instead of a time makes it a little later.
    assert!(pause.until.duration_since(until).unsigned_abs() < Duration::from_secs(30), "{}", pause.until);
    let scopes = bench.driver().scopes(&bench.first(&bench.outgoing("slow", "Ann Smith")));
    let known = scopes.contains(&pause.scope) || pause.scope == tieline_core::send::Scope::Instance;
    assert!(known, "the part does not wait for {:?}", pause.scope);
    assert!(bench.harness.said().is_empty());
}

/// A message whose answer was lost is found again, and is there once. Where the key makes a repeat harmless, it may be
/// found by the repeat.
pub async fn a_lost_answer_is_found_again(bench: &Bench) {
    let outgoing = bench.outgoing("did it arrive?", "Ann Smith");
    let sending = bench.first(&outgoing);
    bench.harness.script(SendFault::LostAnswer);
    let ended = within("to send", bench.driver().send(&sending)).await;
    assert!(matches!(ended, Err(SendError::Ambiguous { .. })), "a lost answer ended as {ended:?}");
    let found = bench.reconcile(&sending).await.expect("the platform can be asked");
    if !bench.harness.reconciles() {
        assert_eq!(found, Reconciled::Unknowable);
        return;
    }
    let sent = match found {
        Reconciled::Arrived(sent) => sent,
        Reconciled::Missing if bench.harness.instance().capabilities().idempotent => {
            within("to send", bench.driver().send(&sending)).await.expect("the platform knows the key")
        }
        other => panic!("a message that is there was found {other:?}"),
    };
    let said = bench.harness.said();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(sent.ids.is_empty() || sent.ids == [said[0].id.clone()]);
}

/// A message whose request was lost is found missing, is sent again, and is there once.
pub async fn a_lost_request_is_sent_again(bench: &Bench) {
    let outgoing = bench.outgoing("did it leave?", "Ann Smith");
    let sending = bench.first(&outgoing);
    bench.harness.script(SendFault::LostRequest);
    let ended = within("to send", bench.driver().send(&sending)).await;
    let Err(SendError::Ambiguous { .. }) = &ended else { panic!("a lost request ended as {ended:?}") };
    if bench.harness.reconciles() {
        assert_eq!(bench.reconcile(&sending).await, Ok(Reconciled::Missing));
    }
    within("to send", bench.driver().send(&sending)).await.expect("the platform takes it now");
    assert_eq!(bench.harness.said().len(), 1, "{:#?}", bench.harness.said());
}

/// After a server error the message arrives once, whichever way the driver takes.
pub async fn a_server_error_loses_and_doubles_nothing(bench: &Bench) {
    let sending = bench.first(&bench.outgoing("broken?", "Ann Smith"));
    bench.harness.script(SendFault::ServerError);
    match within("to send", bench.driver().send(&sending)).await {
        Err(error @ (SendError::Ambiguous { .. } | SendError::Retryable { .. })) => {
            assert!(bench.settle(&sending, error).await.is_some(), "the message did not arrive in the end");
        }
        other => panic!("a server error ended as {other:?}"),
    }
    assert_eq!(bench.harness.said().len(), 1, "{:#?}", bench.harness.said());
}

/// A refused connection is no question: nothing was sent, and it is tried again.
pub async fn a_refused_connection_is_retryable(bench: &Bench) {
    bench.harness.close().await;
    let ended = bench.deliver(&bench.outgoing("anybody there?", "Ann Smith")).await;
    assert!(
        matches!(ended, Err(SendError::Retryable { trouble: Trouble::Unreachable, .. })),
        "a refused connection ended as {ended:?}"
    );
}

/// Refused credentials are the instance's trouble, not the message's.
pub async fn refused_credentials_hold_the_instance(bench: &Bench) {
    bench.harness.script(SendFault::Unauthorized);
    let ended = bench.deliver(&bench.outgoing("who are we?", "Ann Smith")).await;
    assert!(
        matches!(ended, Err(SendError::Retryable { trouble: Trouble::Credentials, .. })),
        "refused credentials ended as {ended:?}"
    );
}

/// A refusal for good says what a person can do.
pub async fn a_refusal_is_permanent_and_names_the_remedy(bench: &Bench) {
    bench.harness.script(SendFault::Refused);
    let ended = bench.deliver(&bench.outgoing("may we?", "Ann Smith")).await;
    let Err(SendError::Permanent { reason }) = ended else { panic!("a refusal ended as {ended:?}") };
    let remedy = bench.harness.remedy();
    assert!(reason.contains(remedy), "{reason:?} does not name {remedy:?}");
}

/// No error, whichever, shows a secret.
pub async fn no_error_shows_a_secret(bench: &Bench) {
    let faults = [
        SendFault::RateLimited { until: later() },
        SendFault::ServerError,
        SendFault::LostRequest,
        SendFault::LostAnswer,
        SendFault::Unauthorized,
        SendFault::Refused,
    ];
    for fault in faults {
        bench.harness.script(fault);
        let sending = bench.first(&bench.outgoing("secret?", "Ann Smith"));
        if let Err(error) = within("to send", bench.driver().send(&sending)).await {
            bench.assert_no_secret(&format!("{error} {error:?}"));
        }
    }
    bench.harness.close().await;
    let sending = bench.first(&bench.outgoing("secret?", "Ann Smith"));
    let ended = within("to send", bench.driver().send(&sending)).await;
    bench.assert_no_secret(&format!("{ended:?}"));
    if let Err(error) = bench.reconcile(&sending).await {
        bench.assert_no_secret(&format!("{error} {error:?}"));
    }
    if let Err(error) = within("to list rooms", bench.driver().rooms()).await {
        bench.assert_no_secret(&format!("{error} {error:?}"));
    }
    bench.assert_no_secret(&format!("{:?}", bench.harness.instance()));
}
