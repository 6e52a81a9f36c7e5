//! The people and groups on the other side.

use serde_json::{Value, json};

use super::jid::{LID, PHONE, digits};

/// A person with WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Phone number, digits only; `None` if only the LID is known.
    pub number: Option<String>,
    /// LID, digits only.
    pub lid: Option<String>,
    /// The name that the person chose (`pushName`).
    pub name: String,
}

impl Person {
    /// A person with a phone number, and a LID made from it.
    pub fn new(number: &str, name: &str) -> Self {
        let number = digits(number);
        Self { lid: Some(format!("222{number:0>12}")), number: Some(number), name: name.to_owned() }
    }

    /// A person of whom only the LID is known.
    pub fn hidden(lid: &str, name: &str) -> Self {
        Self { number: None, lid: Some(digits(lid)), name: name.to_owned() }
    }

    /// The phone JID, if the number is known.
    pub fn phone_jid(&self) -> Option<String> {
        self.number.as_ref().map(|number| format!("{number}{PHONE}"))
    }

    /// The LID's JID, if there is one.
    pub fn lid_jid(&self) -> Option<String> {
        self.lid.as_ref().map(|lid| format!("{lid}{LID}"))
    }

    /// The JID of the direct chat with this person: the phone's, else the LID's.
    pub fn jid(&self) -> String {
        self.phone_jid().or_else(|| self.lid_jid()).unwrap_or_default()
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its JID (`…@g.us`).
    pub jid: String,
    /// Its name.
    pub subject: String,
    /// Who made it.
    pub owner: Option<String>,
    /// When it was made, in seconds since 1970.
    pub creation: i64,
    /// Its description.
    pub desc: Option<String>,
    /// Whether its members are addressed by LID instead of phone.
    pub by_lid: bool,
    /// Who is in it.
    pub participants: Vec<Participant>,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who it is.
    pub person: Person,
    /// `admin` or `superadmin`.
    pub admin: Option<&'static str>,
}

impl Group {
    /// A group of people who are addressed by phone; the first of them made it.
    pub fn new(jid: &str, subject: &str, people: &[&Person]) -> Self {
        let participant = |(at, person): (usize, &&Person)| Participant {
            person: (*person).clone(),
            admin: (at == 0).then_some("superadmin"),
        };
        Self {
            jid: jid.to_owned(),
            subject: subject.to_owned(),
            owner: people.first().map(|person| person.jid()),
            creation: 1_790_000_000,
            desc: None,
            by_lid: false,
            participants: people.iter().enumerate().map(participant).collect(),
        }
    }

    /// The same with members addressed by LID.
    pub fn by_lid(mut self) -> Self {
        self.by_lid = true;
        self
    }

    /// Whether a JID is that of an admin.
    pub(crate) fn has_admin(&self, jid: &str) -> bool {
        self.participants.iter().any(|participant| {
            let person = &participant.person;
            participant.admin.is_some()
                && (person.phone_jid().as_deref() == Some(jid) || person.lid_jid().as_deref() == Some(jid))
        })
    }

    /// The metadata as Baileys has it.
    pub(crate) fn metadata(&self) -> Value {
        let participants: Vec<Value> = self
            .participants
            .iter()
            .map(|Participant { person, admin }| match (self.by_lid, person.lid_jid()) {
                (true, Some(lid)) => {
                    let mut member = json!({ "id": lid });
                    if let Some(phone) = person.phone_jid() {
                        member["phoneNumber"] = json!(phone);
                    }
                    member["admin"] = json!(admin);
                    member
                }
                _ => json!({ "id": person.jid(), "admin": admin }),
            })
            .collect();
        let mut metadata = json!({ "id": self.jid, "subject": self.subject, "owner": self.owner });
        if let Some(desc) = &self.desc {
            metadata["desc"] = json!(desc);
        }
        metadata["creation"] = json!(self.creation);
        metadata["addressingMode"] = json!(if self.by_lid { "lid" } else { "pn" });
        metadata["participants"] = json!(participants);
        metadata
    }

    /// The entry in `/groups`.
    pub(crate) fn entry(&self) -> Value {
        json!({
            "id": self.jid, "subject": self.subject, "owner": self.owner, "creation": self.creation,
            "participantsCount": self.participants.len(),
        })
    }
}
