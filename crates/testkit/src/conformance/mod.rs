//! What every driver must do, as tests against a fake of its platform.
//!
//! A driver's tests implement [`Harness`] and invoke [`driver_conformance!`](crate::driver_conformance) with a function
//! that makes one. `docs/specs/driver.md` says the same in words; each requirement there names its test here.

mod bench;
mod changing;
mod errors;
mod harness;
mod receiving;
mod sending;

pub use bench::Bench;
pub use changing::{
    a_deletion_takes_every_message_away, a_reaction_is_given_and_taken_back, an_edit_leaves_nothing_of_the_old_text,
    an_edit_of_a_long_text_fits_its_messages,
};
pub use errors::{
    a_lost_answer_is_found_again, a_lost_request_is_sent_again, a_rate_limit_is_passed_on_to_the_millisecond,
    a_refusal_is_permanent_and_names_the_remedy, a_refused_connection_is_retryable,
    a_server_error_loses_and_doubles_nothing, no_error_shows_a_secret, refused_credentials_hold_the_instance,
};
pub use harness::{Changes, Harness, Said, SendFault};
pub use receiving::{
    a_failed_commit_is_answered_503, a_repeat_has_the_same_key, an_inbound_text_arrives_once,
    our_own_messages_are_told_apart, shutdown_ends_the_run, the_answer_waits_for_the_commit,
};
pub use sending::{
    a_file_arrives_byte_for_byte, a_long_text_is_cut_and_nothing_is_lost, a_text_arrives_under_its_sender,
    cutting_twice_gives_the_same_parts, hostile_text_does_nothing, parts_hold_no_secret,
};

/// Makes one `#[tokio::test]` of each requirement to a driver.
///
/// `$harness` is an `async fn(Services) -> impl Harness`. The crate that invokes it needs tokio with `macros`.
#[macro_export]
macro_rules! driver_conformance {
    ($harness:expr) => {
        $crate::driver_conformance!(@tests $harness;
            an_inbound_text_arrives_once
            a_repeat_has_the_same_key
            the_answer_waits_for_the_commit
            a_failed_commit_is_answered_503
            our_own_messages_are_told_apart
            shutdown_ends_the_run
            a_text_arrives_under_its_sender
            a_file_arrives_byte_for_byte
            a_long_text_is_cut_and_nothing_is_lost
            hostile_text_does_nothing
            cutting_twice_gives_the_same_parts
            parts_hold_no_secret
            an_edit_leaves_nothing_of_the_old_text
            an_edit_of_a_long_text_fits_its_messages
            a_deletion_takes_every_message_away
            a_reaction_is_given_and_taken_back
            a_rate_limit_is_passed_on_to_the_millisecond
            a_lost_answer_is_found_again
            a_lost_request_is_sent_again
            a_server_error_loses_and_doubles_nothing
            a_refused_connection_is_retryable
            refused_credentials_hold_the_instance
            a_refusal_is_permanent_and_names_the_remedy
            no_error_shows_a_secret
        );
    };
    (@tests $harness:expr; $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let bench = $crate::conformance::Bench::new($harness).await;
                $crate::conformance::$name(&bench).await;
            }
        )*
    };
}
