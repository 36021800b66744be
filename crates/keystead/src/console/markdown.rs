//! Markdown that an application wrote, as HTML: no tag and no script of theirs, no picture, and links to
//! https and e-mail addresses alone.

use std::fmt;

use askama::filters::HtmlSafe;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Parser, Tag, TagEnd, html};
use url::Url;

/// A text as a part of a page.
#[derive(Clone, Debug)]
pub(super) struct Markdown(String);

impl Markdown {
    /// Reads a text; there is none that can't be read.
    pub(super) fn of(text: &str) -> Self {
        let mut out = String::with_capacity(text.len() * 2);
        // Whether the links that are open lead anywhere.
        let mut open = Vec::new();
        let events = Parser::new(text).filter_map(|event| tamed(event, &mut open));
        html::push_html(&mut out, events);
        Self(out)
    }
}

impl fmt::Display for Markdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Made of tags of ours and of text that was escaped.
impl HtmlSafe for Markdown {}

fn tamed<'a>(event: Event<'a>, open: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        // Tags of theirs are shown as what they are: text.
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        // What a picture would show is said.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        // A page has its own order of headings; theirs are below ours.
        Event::Start(Tag::Heading { .. }) => Event::Start(Tag::Heading {
            level: HeadingLevel::H3,
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(HeadingLevel::H3)),
        Event::Start(Tag::Link { dest_url, .. }) => {
            let address = address(&dest_url);
            open.push(address.is_some());
            let address = address?;
            let tag = format!(r#"<a href="{address}" rel="noreferrer noopener" target="_blank">"#);
            Event::InlineHtml(CowStr::from(tag))
        }
        Event::End(TagEnd::Link) => match open.pop() {
            Some(true) => Event::InlineHtml(CowStr::Borrowed("</a>")),
            _ => return None,
        },
        other => other,
    })
}

/// Where a link may lead, as an attribute's value.
fn address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    let leads = match url.scheme() {
        "https" => url.host_str().is_some() && is_plain,
        "mailto" => true,
        _ => false,
    };
    leads.then(|| {
        url.as_str()
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        Markdown::of(text).to_string()
    }

    #[test]
    fn what_people_write_is_what_they_get() {
        assert_eq!(
            html("# Yes\n\nA **key** & more.\n\n- one\n- two"),
            "<h3>Yes</h3>\n<p>A <strong>key</strong> &amp; more.</p>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"
        );
        assert_eq!(
            html("[terms](https://shop.example/terms?a=1&b=2)"),
            "<p><a href=\"https://shop.example/terms?a=1&amp;b=2\" rel=\"noreferrer noopener\" \
             target=\"_blank\">terms</a></p>\n"
        );
        assert!(html("<mailto:help@shop.example>").contains("href=\"mailto:help@shop.example\""));
    }

    #[test]
    fn no_tag_of_theirs_and_no_other_link_comes_out() {
        for text in [
            "<script>alert(1)</script>",
            "<div onclick=\"x()\">\n\ntext\n\n</div>",
            "a <img src=x onerror=x()> b",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html,<script>x</script>)",
            "[x](http://shop.example)",
            "[x](/console)",
            "[x](//evil.example)",
            "[x](https://user:password@evil.example)",
            "![x](https://evil.example/pixel.png)",
            "[x]( https://a.example/\"onmouseover=\"x )",
            "<https://a.example/'onmouseover='x>",
            "[x][r]\n\n[r]: javascript:x()",
            "# <b>x</b> {onclick=x}",
            "```<script>\n<script>\n```",
        ] {
            let out = html(text);
            let mut rest = out.as_str();
            while let Some((_, after)) = rest.split_once('<') {
                let (tag, behind) = after.split_once('>').expect("every tag has an end");
                let known = [
                    "p", "h3", "a", "code", "pre", "ul", "ol", "li", "em", "strong",
                ];
                let name = tag.trim_start_matches('/').split(' ').next().unwrap();
                assert!(known.contains(&name), "{text}: {out}");
                let is_ours = tag.starts_with("a href=\"https://a.example/") && !tag.contains('\'');
                let is_bare = tag.trim_start_matches('/') == name || tag.starts_with("code class=");
                assert!(is_bare || is_ours, "{text}: {out}");
                rest = behind;
            }
        }
    }
}
