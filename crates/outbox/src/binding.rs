//! Whose accounts are whose: codes, and what they bind.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tieline_core::binding::{Bindings, BoundAccount, CODE_LIVES, Confirmed, WRONG_CODES};
use tieline_core::id::{Channel, ChannelKey};
use tieline_core::outbox::OutboxError;

use crate::error::Failure;
use crate::store::SqliteOutbox;

/// What is stored of a code.
type Hash = [u8; 32];

#[async_trait]
impl Bindings for SqliteOutbox {
    async fn offer_binding(
        &self,
        account: BoundAccount,
        told_in: Channel,
        code: &str,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let code = self.hash(code);
        self.writer.ask(move |batch| offer(batch.connection, &account, &told_in.key, &code, millis(now))).await
    }

    async fn confirm_binding(
        &self,
        account: BoundAccount,
        code: &str,
        now: Timestamp,
    ) -> Result<Confirmed, OutboxError> {
        let code = self.hash(code);
        self.writer.ask(move |batch| confirm(batch.connection, &account, &code, millis(now))).await
    }

    async fn bound_accounts(&self, realm: &str, account: &str) -> Result<Vec<BoundAccount>, OutboxError> {
        let (realm, account) = (realm.to_owned(), account.to_owned());
        let found = move |connection: &Connection| -> Result<Vec<BoundAccount>, Failure> {
            let person = match person(connection, &realm, &account)? {
                Some(person) => Some(person),
                None => connection
                    .prepare_cached("SELECT person FROM accounts WHERE realm = ? AND username = ?")?
                    .query_row(params![realm, account], |row| row.get(0))
                    .optional()?,
            };
            let accounts = accounts(connection, person)?;
            Ok(accounts.into_iter().map(|(account, _)| account).collect())
        };
        self.readers.ask(move |reading| found(reading.connection)).await
    }

    async fn unbind(&self, realm: &str, id: &str, only_in: Option<Arc<str>>) -> Result<Vec<BoundAccount>, OutboxError> {
        let (realm, id) = (realm.to_owned(), id.to_owned());
        self.writer.ask(move |batch| unbind(batch.connection, &realm, &id, only_in.as_deref())).await
    }
}

impl SqliteOutbox {
    /// Who reads the file must not read codes in it; the outbox' own random name keeps tables of hashes away.
    fn hash(&self, code: &str) -> Hash {
        Sha256::new().chain_update(&self.name).chain_update([0]).chain_update(code).finalize().into()
    }
}

/// A code that lives.
struct Offer {
    account: BoundAccount,
    told_in: ChannelKey,
    hash: Hash,
    /// The account that confirmed it.
    used_by: Option<(String, String)>,
}

impl Offer {
    fn read(row: &Row<'_>) -> Result<Self, Failure> {
        Ok(Self {
            account: serde_json::from_str(&row.get::<_, String>(0)?)?,
            told_in: ChannelKey::new(&row.get::<_, String>(1)?)?,
            hash: row.get(2)?,
            used_by: row.get::<_, Option<String>>(3)?.zip(row.get(4)?),
        })
    }
}

fn offer(
    connection: &Connection,
    account: &BoundAccount,
    told_in: &ChannelKey,
    code: &Hash,
    now: i64,
) -> Result<(), Failure> {
    forget_old(connection, now)?;
    connection.execute(
        "INSERT OR REPLACE INTO codes (realm, id, json, told_in, code, until) VALUES (?, ?, ?, ?, ?, ?)",
        params![account.realm, account.id, serde_json::to_string(account)?, told_in.as_str(), code, now + lives()],
    )?;
    Ok(())
}

fn confirm(connection: &Connection, account: &BoundAccount, code: &Hash, now: i64) -> Result<Confirmed, Failure> {
    forget_old(connection, now)?;
    let wrong: Vec<i64> = connection
        .prepare_cached("SELECT at FROM wrong_codes WHERE realm = ? AND id = ? ORDER BY at DESC LIMIT ?")?
        .query_map(params![account.realm, account.id, WRONG_CODES as i64], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if let Some(oldest) = wrong.get(WRONG_CODES - 1) {
        let until = Timestamp::from_millisecond(oldest + lives()).map_err(|why| Failure::Stored(why.to_string()))?;
        return Ok(Confirmed::TooOften { until });
    }
    let Some(offer) = offered(connection, code)? else { return refuse(connection, account, now) };
    if offer.account.is(account) {
        return Ok(Confirmed::OwnCode);
    }
    if offer.account.realm == account.realm {
        return Ok(Confirmed::SameRealm);
    }
    let replaced = match &offer.used_by {
        Some((realm, id)) if *realm == *account.realm && *id == account.id => Vec::new(),
        Some(_) => return refuse(connection, account, now),
        None => bind(connection, &offer.account, account, now)?,
    };
    connection.execute(
        "UPDATE codes SET used_realm = ?, used_id = ? WHERE realm = ? AND id = ?",
        params![account.realm, account.id, offer.account.realm, offer.account.id],
    )?;
    let told_in = Channel { instance: offer.account.instance.clone(), key: offer.told_in };
    Ok(Confirmed::Bound { to: offer.account, told_in, replaced })
}

/// The code that lives and is this one. Every one is compared to its end, so that the time says nothing of any.
fn offered(connection: &Connection, code: &Hash) -> Result<Option<Offer>, Failure> {
    let mut rows = connection.prepare_cached("SELECT json, told_in, code, used_realm, used_id FROM codes")?;
    let mut rows = rows.query([])?;
    let mut found = None;
    while let Some(row) = rows.next()? {
        let offer = Offer::read(row)?;
        let same: Choice = offer.hash.ct_eq(code);
        if bool::from(same) {
            found = Some(offer);
        }
    }
    Ok(found)
}

fn refuse(connection: &Connection, account: &BoundAccount, now: i64) -> Result<Confirmed, Failure> {
    connection
        .execute("INSERT INTO wrong_codes (realm, id, at) VALUES (?, ?, ?)", params![account.realm, account.id, now])?;
    Ok(Confirmed::Wrong)
}

/// Forgets codes that nobody can confirm any more, and wrong ones that do not count any more.
fn forget_old(connection: &Connection, now: i64) -> Result<(), Failure> {
    connection.execute("DELETE FROM codes WHERE until <= ?", [now])?;
    connection.execute("DELETE FROM wrong_codes WHERE at <= ?", [now - lives()])?;
    Ok(())
}

/// Makes two accounts, and all that either was bound to, one person's. Returns those that had to go: of two in one realm
/// the newer binding stays.
fn bind(
    connection: &Connection,
    one: &BoundAccount,
    other: &BoundAccount,
    now: i64,
) -> Result<Vec<BoundAccount>, Failure> {
    let mut known = Vec::new();
    let mut before = Vec::new();
    for account in [one, other] {
        let Some(person) = person(connection, &account.realm, &account.id)? else { continue };
        if !before.contains(&person) {
            before.push(person);
            known.extend(accounts(connection, Some(person))?);
        }
    }
    known.retain(|(account, _)| !account.is(one) && !account.is(other));
    known.sort_by_key(|(_, at)| -at);
    let mut kept = vec![(one.clone(), now), (other.clone(), now)];
    let mut replaced = Vec::new();
    for (account, at) in known {
        if kept.iter().any(|(kept, _)| kept.realm == account.realm) {
            replaced.push(account);
        } else {
            kept.push((account, at));
        }
    }
    let person: i64 =
        connection.query_row("SELECT coalesce(max(person), 0) + 1 FROM accounts", [], |row| row.get(0))?;
    for before in before {
        connection.execute("DELETE FROM accounts WHERE person = ?", [before])?;
    }
    for (account, at) in kept {
        // Who has the name now is meant by it; another account that had it has another one.
        connection.execute(
            "UPDATE accounts SET username = '' WHERE realm = ? AND username = ?",
            params![account.realm, account.username],
        )?;
        connection.execute(
            "INSERT INTO accounts (realm, id, username, person, at, json) VALUES (?, ?, ?, ?, ?, ?)",
            params![account.realm, account.id, account.username, person, at, serde_json::to_string(&account)?],
        )?;
    }
    Ok(replaced)
}

fn unbind(connection: &Connection, realm: &str, id: &str, only_in: Option<&str>) -> Result<Vec<BoundAccount>, Failure> {
    let Some(person) = person(connection, realm, id)? else { return Ok(Vec::new()) };
    let all = accounts(connection, Some(person))?.into_iter().map(|(account, _)| account);
    let (gone, left): (Vec<_>, Vec<_>) = all.partition(|account| only_in.is_none_or(|realm| *account.realm == *realm));
    let only_in = only_in.filter(|_| left.len() > 1);
    connection
        .execute("DELETE FROM accounts WHERE person = ?1 AND (?2 IS NULL OR realm = ?2)", params![person, only_in])?;
    Ok(gone)
}

/// The person who has an account.
fn person(connection: &Connection, realm: &str, id: &str) -> Result<Option<i64>, Failure> {
    Ok(connection
        .prepare_cached("SELECT person FROM accounts WHERE realm = ? AND id = ?")?
        .query_row(params![realm, id], |row| row.get(0))
        .optional()?)
}

/// The accounts of a person, each with when it was bound, oldest first.
fn accounts(connection: &Connection, person: Option<i64>) -> Result<Vec<(BoundAccount, i64)>, Failure> {
    let mut rows = connection.prepare_cached("SELECT json, at FROM accounts WHERE person = ? ORDER BY at, realm")?;
    let mut rows = rows.query([person])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        accounts.push((serde_json::from_str(&row.get::<_, String>(0)?)?, row.get(1)?));
    }
    Ok(accounts)
}

fn millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

fn lives() -> i64 {
    CODE_LIVES.as_millis() as i64
}
