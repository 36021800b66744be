//! What an application asks of a person: the parameters of `/oauth/authorize` (RFC 6749 4.1.1, RFC 7636,
//! RFC 9207), read and checked.
//!
//! An address to lead back to is believed once it is one that the application has registered, and not a
//! moment before: until then what is wrong is told to the person alone.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use form_urlencoded::Serializer;
use url::{Host, Url};

use super::{OAuth, Refusal, scope};
use crate::{
    dpop::Thumbprint,
    ids::{ClientId, Handle},
    store::{AddOn, Application, is_within},
};

/// The longest request that is read: it must fit into the address of a page that leads back here.
const LONGEST: usize = 1_900;

/// Something that an application asks of a person, and may ask.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks.
    pub application: Application,
    /// The AddOns that it wants to use for them; none stands for all.
    pub scope: Vec<Handle>,
    /// Whether the person is to be bothered.
    pub prompt: Prompt,
    /// Where the person is led back to.
    pub back: ReturnAddress,
    pub(super) challenge: [u8; 32],
    pub(super) key: Option<Thumbprint>,
}

/// An address that the application has registered, and what it gets to hear there whatever the answer is.
#[derive(Clone, Debug)]
pub struct ReturnAddress {
    pub(super) redirect_uri: String,
    state: Option<String>,
    issuer: String,
}

/// What the application says of the person being asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Prompt {
    /// Not at all: rather no answer.
    pub none: bool,
    /// In any case, even if they have agreed before.
    pub consent: bool,
    /// And to prove who they are.
    pub login: bool,
}

/// Why nothing is asked.
#[derive(Clone, Debug)]
pub enum NotAsked {
    /// Nobody can tell where the person came from: they are told, and led nowhere.
    Told(&'static str),
    /// The application is told, at this address.
    Back(String),
    /// It can't be said now.
    Failed(Refusal),
}

impl From<Refusal> for NotAsked {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal)
    }
}

impl OAuth {
    /// Reads and checks a request to `/oauth/authorize`.
    ///
    /// # Errors
    ///
    /// [`NotAsked`], of which only [`Back`](NotAsked::Back) may lead the browser away.
    pub async fn asked(&self, query: &str) -> Result<Asked, NotAsked> {
        if query.len() > LONGEST {
            return Err(NotAsked::Told("The request is too long."));
        }
        let parameters = Parameters::read(query);
        let (application, redirect_uri) = self.client(&parameters).await?;
        let back = ReturnAddress {
            redirect_uri,
            state: parameters.get("state").map(ToOwned::to_owned),
            issuer: self.0.issuer.to_string(),
        };
        match self.rest(application, back.clone(), &parameters).await {
            Ok(asked) => Ok(asked),
            Err(Wrong::Refused(refusal)) => Err(NotAsked::Failed(refusal)),
            Err(Wrong::Said(error, text)) => Err(NotAsked::Back(back.no(error, text))),
        }
    }

    /// The AddOns that an application asks for, as the person is to see them.
    pub async fn addons_of(&self, asked: &Asked) -> Result<Vec<AddOn>, Refusal> {
        let mut addons = scope::addons(self, &asked.application).await?;
        addons.retain(|addon| is_within(std::slice::from_ref(&addon.handle), &asked.scope));
        addons.sort_by(|one, other| one.handle.cmp(&other.handle));
        Ok(addons)
    }

    async fn client(&self, parameters: &Parameters) -> Result<(Application, String), NotAsked> {
        const UNKNOWN: NotAsked =
            NotAsked::Told("It does not say which application it comes from.");
        let client_id: ClientId = match parameters.once("client_id") {
            Some(id) => id.parse().map_err(|_| UNKNOWN)?,
            None => return Err(UNKNOWN),
        };
        let found = self.store().application_by_client_id(&client_id).await;
        let found = found.map_err(|error| NotAsked::Failed(error.into()))?;
        let application = found.filter(|application| !application.disabled);
        let application = application.ok_or(NotAsked::Told(
            "It comes from an application that is not known here, or is not in use.",
        ))?;
        let sent = parameters.once("redirect_uri");
        let redirect_uri = sent.filter(|sent| is_registered(sent, &application.redirect_uris));
        match redirect_uri {
            Some(redirect_uri) => Ok((application, redirect_uri.to_owned())),
            None => Err(NotAsked::Told(
                "It would lead back to an address that the application has not registered.",
            )),
        }
    }

    /// What is wrong from here on, the application is told.
    async fn rest(
        &self,
        application: Application,
        back: ReturnAddress,
        parameters: &Parameters,
    ) -> Result<Asked, Wrong> {
        const INVALID: &str = "invalid_request";
        if parameters.has_doubles() {
            return Err(Wrong::Said(INVALID, "a parameter is sent twice"));
        }
        for (name, error) in [
            ("request", "request_not_supported"),
            ("request_uri", "request_uri_not_supported"),
        ] {
            if parameters.get(name).is_some() {
                return Err(Wrong::Said(error, "send the parameters as they are"));
            }
        }
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => {
                let text = "the response type is `code`";
                return Err(Wrong::Said("unsupported_response_type", text));
            }
            None => return Err(Wrong::Said(INVALID, "`response_type` is missing")),
        }
        if parameters.get("response_mode").unwrap_or("query") != "query" {
            return Err(Wrong::Said(INVALID, "the response mode is `query`"));
        }
        if parameters.get("code_challenge_method") != Some("S256") {
            let text = "PKCE is asked for: `code_challenge_method` is S256";
            return Err(Wrong::Said(INVALID, text));
        }
        let challenge = parameters.get("code_challenge").and_then(|text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            bytes.try_into().ok()
        });
        let challenge =
            challenge.ok_or(Wrong::Said(INVALID, "`code_challenge` is no SHA-256 hash"))?;
        let key = parameters.get("dpop_jkt").map(str::parse).transpose();
        let key = key.map_err(|_| Wrong::Said(INVALID, "`dpop_jkt` is no thumbprint"))?;
        let prompt = Prompt::read(parameters.get("prompt"))
            .ok_or(Wrong::Said(INVALID, "`prompt` can't be read"))?;
        let scope = scope::read(self, &application, parameters.get("scope")).await;
        let scope = scope.map_err(|refusal| match refusal {
            Refusal::InvalidScope => Wrong::Said(
                "invalid_scope",
                "a scope is `addon:HANDLE` of an AddOn that the application has, or `addon:*`",
            ),
            refusal => Wrong::Refused(refusal),
        })?;
        Ok(Asked {
            application,
            scope,
            prompt,
            back,
            challenge,
            key,
        })
    }
}

enum Wrong {
    /// An error of RFC 6749, and a sentence.
    Said(&'static str, &'static str),
    Refused(Refusal),
}

impl ReturnAddress {
    /// The address that tells the application no.
    pub fn no(&self, error: &str, text: &str) -> String {
        self.with(&[("error", error), ("error_description", text)])
    }

    /// The host that the person is led back to, with its port if it names one.
    pub fn leads_to(&self) -> String {
        let url = Url::parse(&self.redirect_uri).ok();
        let url = url.as_ref();
        let host = url.and_then(Url::host_str).unwrap_or_default();
        match url.and_then(Url::port) {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The origin that the person is led back to, as a Content-Security-Policy writes it. A literal of
    /// IPv6 can't be written there.
    pub fn origin(&self) -> String {
        match Url::parse(&self.redirect_uri) {
            Ok(url) if matches!(url.host(), Some(Host::Ipv6(_))) => format!("{}:", url.scheme()),
            Ok(url) => url.origin().ascii_serialization(),
            Err(_) => String::new(),
        }
    }

    /// Whether nobody but the application can be at the address that the answer goes to: on one's own
    /// machine anybody can listen.
    pub fn is_surely_its_own(&self) -> bool {
        self.redirect_uri.starts_with("https://")
    }

    /// The registered address with parameters; `iss` says who answers (RFC 9207).
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        let separator = if self.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }
}

impl Prompt {
    /// OpenID Connect Core 1.0, part 3.1.2.1. What is not known is left alone.
    fn read(text: Option<&str>) -> Option<Self> {
        let words: HashSet<&str> = text.unwrap_or_default().split_whitespace().collect();
        let prompt = Self {
            none: words.contains("none"),
            consent: words.contains("consent"),
            login: words.contains("login"),
        };
        (!prompt.none || words.len() == 1).then_some(prompt)
    }
}

/// Whether an address is registered: character for character, but for the port of a program on one's own
/// machine, which takes what it gets (RFC 8252, part 7.3).
fn is_registered(sent: &str, registered: &[String]) -> bool {
    registered
        .iter()
        .any(|known| known == sent || is_same_but_for_port(known, sent))
}

fn is_same_but_for_port(known: &str, sent: &str) -> bool {
    for loopback in ["http://127.0.0.1", "http://[::1]"] {
        if let (Some(known), Some(sent)) =
            (known.strip_prefix(loopback), sent.strip_prefix(loopback))
        {
            return match (behind_port(known), behind_port(sent)) {
                (Some(known), Some(sent)) => known == sent,
                _ => false,
            };
        }
    }
    false
}

/// What comes after the host and its port.
fn behind_port(text: &str) -> Option<&str> {
    let rest = match text.strip_prefix(':') {
        None => text,
        Some(rest) => {
            let end = rest.find(|letter: char| !letter.is_ascii_digit());
            let (port, rest) = rest.split_at(end.unwrap_or(rest.len()));
            port.parse::<u16>().ok()?;
            rest
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

/// The parameters of a request.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(query: &str) -> Self {
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// A parameter; one that is sent empty counts as not sent (RFC 6749 3.1).
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// As [`get`](Self::get), of one that is not there twice.
    fn once(&self, name: &str) -> Option<&str> {
        let times = self.0.iter().filter(|(known, _)| known == name).count();
        self.get(name).filter(|_| times == 1)
    }

    fn has_doubles(&self) -> bool {
        let names: HashSet<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.len() != self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_registered_to_the_letter_but_for_a_port_on_ones_own_machine() {
        let registered = [
            "https://app.example/back?x=1",
            "http://127.0.0.1/done",
            "http://[::1]:7000/",
            "http://localhost:3000/back",
        ]
        .map(ToOwned::to_owned);
        for (sent, expected) in [
            ("https://app.example/back?x=1", true),
            ("https://app.example/back", false),
            ("https://app.example/back?x=1&y=2", false),
            ("https://app.example:443/back?x=1", false),
            ("https://APP.example/back?x=1", false),
            ("https://app.example/back?x=1#", false),
            ("https://app.example/other/../back?x=1", false),
            ("http://127.0.0.1/done", true),
            ("http://127.0.0.1:51004/done", true),
            ("http://127.0.0.1:51004/done/", false),
            ("http://127.0.0.1:51004/done?x=1", false),
            ("http://127.0.0.1:/done", false),
            ("http://127.0.0.1:99999/done", false),
            ("http://127.0.0.1:80@evil.example/done", false),
            ("http://127.0.0.1.evil.example/done", false),
            ("http://127.0.0.10/done", false),
            ("http://[::1]/", true),
            ("http://[::1]:7001/", true),
            // Names are looked up, and so can be somebody else's.
            ("http://localhost:3001/back", false),
            ("https://127.0.0.1:51004/done", false),
            ("", false),
        ] {
            assert_eq!(is_registered(sent, &registered), expected, "{sent}");
        }
    }

    #[test]
    fn prompts_are_read_together() {
        let read = |text| Prompt::read(Some(text));
        assert_eq!(Prompt::read(None), Some(Prompt::default()));
        assert!(read("none").unwrap().none);
        assert!(read("login consent").unwrap().login);
        assert_eq!(read("none consent"), None);
        assert_eq!(read("select_account"), Some(Prompt::default()));
    }
}
