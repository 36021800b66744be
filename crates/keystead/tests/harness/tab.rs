//! A browser's tab as far as a server sees one: it keeps a cookie, says which site sends a form, and
//! fills in the fields of the form that it was shown.

use super::{Ask, Client, Keystead, Reply};

/// A tab.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    client: Client,
    host: String,
    /// Name and value of what the server set, by name.
    cookies: Vec<(String, String)>,
    /// What the last page said in its hidden fields.
    hidden: Vec<(String, String)>,
}

impl Tab {
    pub(crate) fn new(keystead: &Keystead) -> Self {
        Self {
            client: keystead.client(),
            host: format!("localhost:{}", keystead.public().port()),
            cookies: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// The same from another place.
    pub(crate) fn from(mut self, address: [u8; 4]) -> Self {
        self.client.from = address.into();
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let ask = Ask::get(path).header("sec-fetch-site", "none");
        self.send(ask).await
    }

    /// Sends a form with the hidden fields of the last page and these.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_from("same-origin", path, fields).await
    }

    /// As [`post`](Self::post), from a page of another site, as browsers say it.
    pub(crate) async fn post_from(
        &mut self,
        site: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Reply {
        let mut all: Vec<(String, String)> = self.hidden.clone();
        all.retain(|(name, _)| !fields.iter().any(|(own, _)| own == name));
        all.extend(
            fields
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned())),
        );
        let all: Vec<(&str, &str)> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let ask = Ask::post(path).header("sec-fetch-site", site).form(&all);
        self.send(ask).await
    }

    /// The value of the session's cookie.
    pub(crate) fn session(&self) -> Option<&str> {
        let found = self.cookies.iter().find(|(name, _)| name == "keystead");
        found.map(|(_, value)| value.as_str())
    }

    /// Another tab that has this one's cookie, as a thief would.
    pub(crate) fn with_session(mut self, value: &str) -> Self {
        self.cookies = vec![("keystead".to_owned(), value.to_owned())];
        self
    }

    async fn send(&mut self, ask: Ask) -> Reply {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let mut ask = ask.header("host", &self.host).secret();
        if !cookies.is_empty() {
            ask = ask.header("cookie", cookies.join("; "));
        }
        let reply = self.client.send(ask).await;
        for line in reply.headers.get_all("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let page = reply.text();
        if page.contains("<form") {
            self.hidden = hidden_fields(&page);
        }
        reply
    }
}

/// Name and value of each hidden field. The last form's wins: all have the same `csrf`.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input ").skip(1);
    let inputs = inputs.filter(|input| input.starts_with("type=\"hidden\""));
    let attribute = |input: &str, name: &str| {
        let after = input.split(&format!("{name}=\"")).nth(1)?;
        Some(after.split('"').next()?.to_owned())
    };
    let mut fields: Vec<(String, String)> = Vec::new();
    for input in inputs {
        let tag = input.split('>').next().unwrap_or_default();
        if let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) {
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value));
        }
    }
    fields
}
