//! The keys of a person's own that an application wants, as a part of the question: which of theirs, or a new
//! one, and how far the application may go with it.

use crate::{
    connect::{Holder, NewOwnKey, OwnKey, WantedKey},
    console::{
        Console, Form, Refused,
        connect::{Names, entered, hint},
        providers::{Chosen, StatusWords, chosen, of_key, refused},
    },
    ids::KeyId,
    oauth::Asked,
    store::GrantTerms,
};

/// A key that is asked for.
pub(super) struct Want {
    pub(super) chosen: Chosen,
    pub(super) addons: Vec<String>,
    /// Whether something does nothing without it.
    pub(super) is_needed: bool,
    /// Those that the person has.
    pub(super) own: Vec<Own>,
    pub(super) names: Names,
    pub(super) key_label: String,
    pub(super) key_hint: String,
    /// What the fields of this key are called.
    pub(super) choice: String,
    pub(super) key: String,
    pub(super) endpoint: String,
}

/// A key that the person has.
pub(super) struct Own {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) last4: String,
    pub(super) status: StatusWords,
}

/// What the person chose.
pub(super) enum Decision {
    /// One of their keys, by id.
    Known(KeyId, GrantTerms),
    /// A new one.
    New(NewOwnKey, GrantTerms),
}

/// What is to be asked: every key that is wanted and not granted, or all of them where the application wants
/// the person to be asked.
pub(super) async fn wanted(
    console: &Console,
    holder: &Holder,
    asked: &Asked,
) -> Result<Vec<Want>, Refused> {
    let connect = console.connect();
    let all = connect
        .wanted_keys(holder, &asked.application, &asked.scope)
        .await?;
    let now = console.store().clock().now();
    let is_open = |one: &WantedKey| {
        let ends_at = one.granted.as_ref().and_then(|grant| grant.ends_at);
        asked.prompt.consent || one.granted.is_none() || ends_at.is_some_and(|end| end <= now)
    };
    let mut wants = Vec::new();
    let mut keys = Vec::new();
    for one in all.into_iter().filter(is_open) {
        if keys.is_empty() {
            keys = connect.own_keys(holder).await?;
        }
        wants.extend(Want::of(one, &keys));
    }
    Ok(wants)
}

impl Want {
    fn of(wanted: WantedKey, keys: &[OwnKey]) -> Option<Self> {
        let provider = wanted.provider;
        let chosen = chosen(&provider)?;
        let own = keys.iter().filter(|key| key.provider == provider);
        Some(Self {
            key_label: format!("{} key", chosen.title),
            key_hint: hint(&chosen),
            chosen,
            addons: wanted.addons.iter().map(ToString::to_string).collect(),
            is_needed: wanted.is_needed,
            own: own
                .map(|key| Own {
                    id: key.id.to_string(),
                    name: key.name.clone(),
                    last4: key.last4.clone(),
                    status: of_key(key.status, key.disabled),
                })
                .collect(),
            names: Names::of(&provider),
            choice: format!("use-{provider}"),
            key: format!("key-{provider}"),
            endpoint: format!("endpoint-{provider}"),
        })
    }

    /// Whether there is nothing to choose among but a new key.
    pub(super) fn is_first(&self) -> bool {
        self.is_needed && self.own.is_empty()
    }

    /// What the form begins with.
    pub(super) fn suggest(&self, form: &mut Form) {
        self.names.suggest(form);
        let choice = match self.own.first() {
            _ if !self.is_needed => "none",
            Some(own) => own.id.as_str(),
            None => "new",
        };
        form.put(&self.choice, choice);
    }

    /// What was chosen; `None` for no key, or where the form is wrong.
    pub(super) fn read(&self, console: &Console, form: &mut Form) -> Option<Decision> {
        let choice = form.value(&self.choice).to_owned();
        if choice == "none" && !self.is_needed {
            return None;
        }
        let now = console.store().clock().now();
        let terms = self.names.read(form, now, None);
        if choice == "new" {
            let (name, ending) = (self.chosen.title, format!("-{}", self.chosen.name));
            let new = entered(form, self.chosen.name, name, &ending)?;
            return Some(Decision::New(new, terms));
        }
        let is_theirs = self.own.iter().any(|own| own.id == choice);
        match choice.parse() {
            Ok(id) if is_theirs => Some(Decision::Known(id, terms)),
            _ => {
                form.mark(&self.choice, "Choose a key");
                None
            }
        }
    }

    /// Does what was chosen; the form says what is wrong, if something is.
    pub(super) async fn grant(
        &self,
        console: &Console,
        holder: &Holder,
        asked: &Asked,
        decision: Decision,
        form: &mut Form,
    ) -> Result<(), Refused> {
        let connect = console.connect();
        let (id, terms) = match decision {
            Decision::Known(id, terms) => (id, terms),
            Decision::New(new, terms) => match connect.add_own_key(holder, new).await {
                Ok((key, _)) => (key.id, terms),
                Err(problem) => {
                    refused(form, problem)?;
                    form.rename_field("key", &self.key);
                    form.rename_field("endpoint", &self.endpoint);
                    return Ok(());
                }
            },
        };
        let application = &asked.application;
        match connect.grant_key(holder, application, id, terms).await {
            Ok(_) => {}
            Err(problem) => self.names.refused(form, problem)?,
        }
        Ok(())
    }
}
