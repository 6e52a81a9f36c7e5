//! Who is who: accounts on several platforms that are one person's.
//!
//! A person proves to have two accounts by a code that one of them is told and the other one says. Nobody else can bind
//! them, and a person has at most one account in each realm.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{Channel, InstanceId};
use crate::outbox::OutboxError;

/// How long a code can be confirmed, and how long wrong ones count.
pub const CODE_LIVES: SignedDuration = SignedDuration::from_mins(10);

/// How many wrong codes an account may say within [`CODE_LIVES`].
pub const WRONG_CODES: usize = 5;

/// An account of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundAccount {
    /// The instance that saw it.
    pub instance: InstanceId,
    /// The instance's platform.
    pub platform: Arc<str>,
    /// The realm in which its id is unique; see [`InstanceConfig::realm`](crate::driver::InstanceConfig::realm).
    pub realm: Arc<str>,
    /// See [`Author::id`](crate::event::Author::id); never empty.
    pub id: String,
    /// See [`Author::username`](crate::event::Author::username).
    pub username: String,
    /// How the platform's dialect writes a mention of it; see
    /// [`InstanceConfig::mention_of`](crate::driver::InstanceConfig::mention_of).
    pub mention: String,
    /// The name that is shown of it.
    pub name: String,
}

impl BoundAccount {
    /// Whether it is the same account, whatever it is called.
    pub fn is(&self, other: &Self) -> bool {
        self.realm == other.realm && self.id == other.id
    }
}

/// What became of a code that an account said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// The two accounts are one person's now, with all others that either was bound to.
    Bound {
        /// The account that was told the code.
        to: BoundAccount,
        /// Where it was told.
        told_in: Channel,
        /// Accounts that were the person's and are not any more, since the person has newer ones in their realms.
        replaced: Vec<BoundAccount>,
    },
    /// No code that lives is this one; or it was confirmed by another account already.
    Wrong,
    /// The account was told this code itself.
    OwnCode,
    /// The code was told to an account of the same realm, and a person has one there.
    SameRealm,
    /// The account has said too many wrong codes. Nothing was compared.
    TooOften {
        /// When it may try again.
        until: Timestamp,
    },
}

/// The store of what accounts are whose.
#[async_trait]
pub trait Bindings: Send + Sync + 'static {
    /// Keeps a code for an account, in the place of an earlier one. The code itself is not stored, only what is needed
    /// to recognise it. `told_in` is the room in which the account is told.
    async fn offer_binding(
        &self,
        account: BoundAccount,
        told_in: Channel,
        code: &str,
        now: Timestamp,
    ) -> Result<(), OutboxError>;

    /// Binds an account to the one that was told this code, if that lives. To confirm the same code again changes
    /// nothing and is answered alike.
    async fn confirm_binding(
        &self,
        account: BoundAccount,
        code: &str,
        now: Timestamp,
    ) -> Result<Confirmed, OutboxError>;

    /// All accounts of the person who has this one, itself among them, the oldest binding first; empty if it is not bound.
    /// An account is named by its id, else by its username.
    async fn bound_accounts(&self, realm: &str, account: &str) -> Result<Vec<BoundAccount>, OutboxError>;

    /// Takes accounts away from the person who has the one with this id: those of one realm, or all. Returns them. One
    /// that is left alone is bound to nobody any more.
    async fn unbind(&self, realm: &str, id: &str, only_in: Option<Arc<str>>) -> Result<Vec<BoundAccount>, OutboxError>;
}
