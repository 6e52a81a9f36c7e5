//! The calls that ask for chats, people and groups.

use serde_json::{Value, json};

use super::super::form::Form;
use super::super::inside::Inside;
use super::super::jid::{digits, get_jid, user};
use super::super::refusal::Refusal;
use super::need_body;

impl Inside {
    pub(super) async fn chats(&self, session: &str) -> Result<Value, Refusal> {
        self.connected(session).await?;
        let mut state = self.state();
        let session = state.session(session);
        let chats = session.chats.iter().map(|jid| json!({ "jid": jid, "name": session.chat_name(jid) }));
        Ok(chats.collect())
    }

    /// In any state of the connection.
    pub(super) fn chat_messages(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        let number = form.anywhere("number").ok_or_else(|| Refusal::missing("Missing number"))?;
        // `parseInt`: the digits in front.
        let said = form.anywhere("limit").unwrap_or_else(|| "50".to_owned());
        let front: String = said.trim().chars().take_while(char::is_ascii_digit).collect();
        let limit = front.parse().unwrap_or(usize::MAX).max(1);
        let jid = get_jid(&number);
        let messages = self.state().session(session).stored_in(&jid, limit);
        Ok(json!({ "jid": jid, "count": messages.len(), "messages": messages }))
    }

    pub(super) fn contacts(&self, session: &str) -> Value {
        let mut state = self.state();
        let contacts = state.session(session).contacts.iter().map(|contact| {
            let name = contact.name.as_ref().or(contact.notify.as_ref());
            let mut entry = json!({ "id": contact.id, "name": name.map_or(user(&contact.id), String::as_str) });
            if let Some(notify) = &contact.notify {
                entry["notify"] = json!(notify);
            }
            entry
        });
        contacts.collect()
    }

    pub(super) async fn contacts_check(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        need_body(form)?;
        let number = form.truthy("number").ok_or_else(|| Refusal::missing("Missing number"))?;
        self.connected(session).await?;
        let Some(number) = number.as_str() else {
            return Err(Refusal::thrown("number.replace is not a function"));
        };
        let number = digits(number);
        let jid = get_jid(&number);
        let mut state = self.state();
        let session = state.session(session);
        let exists = session.people.iter().any(|person| person.phone_jid().as_deref() == Some(jid.as_str()));
        let contact = session.contact(&jid).filter(|_| exists);
        let name = contact.and_then(|contact| contact.name.clone());
        Ok(json!({
            "exists": exists, "in_contacts": name.is_some(), "name": name,
            "notify": contact.and_then(|contact| contact.notify.clone()), "verified_name": null,
            "jid": jid, "number": number,
        }))
    }

    pub(super) async fn profile_picture(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        let jid = self.asked_for(session, form).await?;
        let url = self.state().session(session).pictures.get(&jid).cloned();
        Ok(json!({ "jid": jid, "profile_picture_url": url }))
    }

    /// Often without an answer, since the library returns a list where an object is expected.
    pub(super) async fn contacts_about(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        let jid = self.asked_for(session, form).await?;
        Ok(json!({ "jid": jid, "status": null, "setAt": null }))
    }

    pub(super) async fn avatar(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        let jid = form.query("jid").unwrap_or_default().to_owned();
        if jid.is_empty() {
            return Err(Refusal::missing("Missing jid"));
        }
        self.connected(session).await?;
        let url = self.state().session(session).pictures.get(&jid).cloned();
        Ok(json!({ "success": url.is_some(), "url": url }))
    }

    pub(super) async fn groups(&self, session: &str) -> Result<Value, Refusal> {
        self.connected(session).await?;
        Ok(self.state().session(session).groups.iter().map(super::super::person::Group::entry).collect())
    }

    pub(super) async fn group_info(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        let jid = form.query("jid").filter(|jid| !jid.is_empty()).map(str::to_owned);
        let number = form.anywhere("number").or(jid).ok_or_else(|| Refusal::missing("Missing group number/jid"))?;
        self.connected(session).await?;
        let jid = get_jid(&number);
        let metadata = self.state().session(session).group(&jid).map(super::super::person::Group::metadata);
        metadata.ok_or_else(|| Refusal::thrown("item-not-found"))
    }

    async fn asked_for(&self, session: &str, form: &Form) -> Result<String, Refusal> {
        need_body(form)?;
        let number = form.string("number").ok_or_else(|| Refusal::missing("Missing number"))?;
        self.connected(session).await?;
        Ok(get_jid(&number))
    }
}
