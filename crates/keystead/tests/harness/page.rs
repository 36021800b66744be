//! A browser without scripts: it keeps cookies, follows redirects, and fills in the forms it finds.
//!
//! What can't be filled in by hand can't be posted here either: a field must be on the page, a choice
//! must be offered. So a test that gets through has shown that the page can be worked with.

use std::collections::BTreeMap;

use super::{Ask, Client, Reply};

/// One browser: one person, one set of cookies.
#[derive(Debug)]
pub(crate) struct Visitor {
    client: Client,
    cookies: BTreeMap<String, String>,
    /// What the browser says of where a request comes from.
    site: &'static str,
}

/// A page as it came.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The address it was found at, after redirects.
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) text: String,
    headers: http::HeaderMap,
}

/// A form of a page, filled in as the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    action: String,
    method: String,
    fields: Vec<(String, String)>,
    /// Every name that may be filled in, with the values that are offered; none means any.
    offered: Vec<(String, Option<String>)>,
}

impl Visitor {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            cookies: BTreeMap::new(),
            site: "same-origin",
        }
    }

    /// From now on the browser says that requests come from such a site.
    pub(crate) fn comes_from(&mut self, site: &'static str) {
        self.site = site;
    }

    /// What the forms of this browser's session carry, as a page of its own shows it.
    pub(crate) fn csrf(&self, page: &Page) -> String {
        page.form("/console/sign-out").value("csrf").to_owned()
    }

    /// Puts a cookie into the browser.
    pub(crate) fn keep(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// What the session's cookie holds, for a browser of another sort.
    pub(crate) fn session(&self) -> &str {
        &self.cookies["keystead"]
    }

    /// Goes to an address, and on where it leads.
    pub(crate) async fn visit(&mut self, path: &str) -> Page {
        let ask = Ask::get(path);
        self.follow(ask, path).await
    }

    /// As [`visit`](Self::visit), for a page that shows what the leak scan looks for: an e-mail address
    /// to someone who may see it.
    pub(crate) async fn visit_private(&mut self, path: &str) -> Page {
        let ask = Ask::get(path).secret();
        self.follow(ask, path).await
    }

    /// Follows the link of this text.
    pub(crate) async fn click(&mut self, page: &Page, text: &str) -> Page {
        let href = page.link(text);
        self.visit(&href).await
    }

    /// Sends a form as a browser does.
    pub(crate) async fn submit(&mut self, form: &Form) -> Page {
        let fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if form.method == "get" {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish();
            let path = format!("{}?{query}", form.action);
            return self.visit(&path).await;
        }
        // A secret may be on the page that answers, so it is not kept for the leak scan.
        let ask = Ask::post(form.action.as_str()).form(&fields).secret();
        self.follow(ask, &form.action).await
    }

    async fn follow(&mut self, ask: Ask, path: &str) -> Page {
        let mut path = path.to_owned();
        let mut reply = self.send(ask).await;
        for _ in 0..5 {
            let Some(next) = reply.header("location").map(ToOwned::to_owned) else {
                break;
            };
            assert!(
                matches!(reply.status, 302 | 303),
                "{path}: {}",
                reply.status
            );
            path = next;
            // Another site's page, which no test has.
            if path.starts_with("http") {
                break;
            }
            reply = self.send(Ask::get(path.as_str()).secret()).await;
        }
        Page {
            status: reply.status,
            text: reply.text(),
            headers: reply.headers,
            path,
        }
    }

    async fn send(&mut self, mut ask: Ask) -> Reply {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !pairs.is_empty() {
            ask = ask.header("cookie", pairs.join("; "));
        }
        let reply = self
            .client
            .send(ask.header("sec-fetch-site", self.site))
            .await;
        for line in reply.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let ended = line.to_ascii_lowercase().contains("max-age=0");
            match value.is_empty() || ended {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        reply
    }
}

impl Page {
    /// The page, which must have come with this status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.path, self.words());
        self
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// What a reader sees: the text between tags, single-spaced.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        let mut rest = self.text.as_str();
        while let Some((text, more)) = rest.split_once('<') {
            words.push_str(text);
            words.push(' ');
            rest = more.split_once('>').map_or("", |(_, after)| after);
        }
        words.push_str(rest);
        let words = unescape(&words);
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether a reader sees this.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.words().contains(text)
    }

    /// Where the link of this text leads.
    pub(crate) fn link(&self, text: &str) -> String {
        let found = elements(&self.text, "a")
            .find(|(_, inner)| plain(inner) == text)
            .and_then(|(tag, _)| attribute(tag, "href"));
        found.unwrap_or_else(|| panic!("no link {text:?} on {}: {}", self.path, self.words()))
    }

    /// Whether there is a link of this text.
    pub(crate) fn offers(&self, text: &str) -> bool {
        let mut links = elements(&self.text, "a");
        let mut buttons = elements(&self.text, "button");
        links.any(|(_, inner)| plain(inner) == text)
            || buttons.any(|(_, inner)| plain(inner) == text)
    }

    /// What stands in the element of this id.
    pub(crate) fn element(&self, id: &str) -> String {
        let mark = format!("id=\"{id}\"");
        let at = self.text.find(&mark);
        let at = at.unwrap_or_else(|| panic!("no element {id:?} on {}", self.path));
        let inner = self.text[at..].split_once('>').unwrap().1;
        unescape(inner.split_once("</").unwrap().0)
    }

    /// The form whose address ends so.
    pub(crate) fn form(&self, action: &str) -> Form {
        let found = elements(&self.text, "form").find_map(|(tag, inner)| {
            let own = attribute(tag, "action").unwrap_or_else(|| self.path.clone());
            own.ends_with(action).then(|| Form::read(tag, inner, own))
        });
        found.unwrap_or_else(|| panic!("no form {action:?} on {}: {}", self.path, self.words()))
    }

    /// Whether there is a form whose address ends so.
    pub(crate) fn has_form(&self, action: &str) -> bool {
        elements(&self.text, "form")
            .filter_map(|(tag, _)| attribute(tag, "action"))
            .any(|own| own.ends_with(action))
    }
}

impl Form {
    /// Fills in a field of this name.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        let offered = self
            .offered
            .iter()
            .any(|(own, choice)| own == name && choice.as_deref().is_none_or(|one| one == value));
        assert!(
            offered,
            "{name} = {value:?} is not offered: {:?}",
            self.offered
        );
        self.fields.retain(|(own, _)| own != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Clears a field, or its boxes.
    pub(crate) fn clear(mut self, name: &str) -> Self {
        assert!(self.offered.iter().any(|(own, _)| own == name), "no {name}");
        self.fields.retain(|(own, _)| own != name);
        self
    }

    /// Ticks one more box of this name.
    pub(crate) fn tick(mut self, name: &str, value: &str) -> Self {
        let wanted = (name.to_owned(), Some(value.to_owned()));
        assert!(self.offered.contains(&wanted), "{wanted:?} is not offered");
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What the form shows in a field.
    pub(crate) fn value(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value)
    }

    /// As no page would send it: a field that the form does not have.
    pub(crate) fn forged(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(own, _)| own != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the form elsewhere than its page says.
    pub(crate) fn send_to(&mut self, action: &str) {
        action.clone_into(&mut self.action);
    }

    fn read(tag: &str, inner: &str, action: String) -> Self {
        let mut form = Self {
            action,
            method: attribute(tag, "method").unwrap_or_else(|| "get".to_owned()),
            fields: Vec::new(),
            offered: Vec::new(),
        };
        for tag in tags(inner, "input") {
            let Some(name) = attribute(tag, "name") else {
                continue;
            };
            let value = attribute(tag, "value").unwrap_or_default();
            let kind = attribute(tag, "type").unwrap_or_default();
            let is_choice = kind == "checkbox" || kind == "radio";
            if !is_choice || has(tag, "checked") {
                form.fields.push((name.clone(), value.clone()));
            }
            form.offered.push((name, is_choice.then_some(value)));
        }
        for (tag, inner) in elements(inner, "textarea") {
            if let Some(name) = attribute(tag, "name") {
                // The first line break belongs to the markup.
                let text = inner.strip_prefix('\n').unwrap_or(inner);
                form.fields.push((name.clone(), unescape(text)));
                form.offered.push((name, None));
            }
        }
        for (tag, inner) in elements(inner, "select") {
            let Some(name) = attribute(tag, "name") else {
                continue;
            };
            let value = |tag| attribute(tag, "value").unwrap_or_default();
            let chosen = tags(inner, "option").find(|tag| has(tag, "selected"));
            if let Some(tag) = chosen.or_else(|| tags(inner, "option").next()) {
                form.fields.push((name.clone(), value(tag)));
            }
            for tag in tags(inner, "option") {
                form.offered.push((name.clone(), Some(value(tag))));
            }
        }
        form
    }
}

/// Each element of this name: what stands in its first tag, and what stands between its tags. Such
/// elements do not lie in one another.
fn elements<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let end = format!("</{name}>");
    tags(text, name).filter_map(move |tag| {
        let at = tag.as_ptr() as usize - text.as_ptr() as usize + tag.len() + 1;
        let inner = &text[at..];
        Some((tag, inner.split_once(end.as_str())?.0))
    })
}

/// What stands in each tag of this name.
fn tags<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.split('<').filter_map(move |piece| {
        let rest = piece.strip_prefix(name)?;
        let is_whole = rest.starts_with(|c: char| c.is_whitespace() || c == '>');
        is_whole.then(|| rest.split_once('>').map_or(rest, |(tag, _)| tag))
    })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let mark = format!(" {name}=\"");
    let (_, rest) = tag.split_once(mark.as_str())?;
    Some(unescape(rest.split_once('"')?.0))
}

fn has(tag: &str, name: &str) -> bool {
    tag.split_whitespace().any(|word| word == name)
}

/// The text of markup, single-spaced.
fn plain(inner: &str) -> String {
    let mut text = String::new();
    for (n, piece) in inner.split('<').enumerate() {
        let after = if n == 0 {
            piece
        } else {
            piece.split_once('>').map_or("", |(_, after)| after)
        };
        text.push_str(after);
    }
    let text = unescape(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&#34;", "\"");
    let text = text.replace("&#39;", "'").replace("&#x27;", "'");
    let text = text.replace("&#60;", "<").replace("&#62;", ">");
    text.replace("&#38;", "&").replace("&amp;", "&")
}
