//! Form bodies and queries: `name=value` pairs, read strictly.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{
    BodyError, Facts,
    learn::Given,
    rules::{BodyRules, Insert},
};
use crate::field_tree::NodeId;

/// More pairs than any real form has.
const PAIRS_AT_MOST: usize = 10_000;

/// Reads a form body by `rules`.
pub(super) fn inspect(body: &[u8], rules: &'static BodyRules) -> Result<Facts, BodyError> {
    let text = std::str::from_utf8(body).map_err(|_| BodyError::NotUtf8)?;
    let mut facts = Facts::default();
    let names = learn_pairs(text, rules, &mut facts)?;
    for name in &names {
        if !rules.known.contains(&name.as_ref()) {
            facts.unknown_field(name);
        }
    }
    let asked = names.iter().any(|name| name == "show_billed_characters");
    if rules.insert.contains(&Insert::ShowBilledCharacters) && !asked {
        let pair = "&show_billed_characters=true";
        facts
            .edits
            .insert(body.len(), if body.is_empty() { &pair[1..] } else { pair });
    }
    Ok(facts)
}

/// Learns from every pair that a rule knows; hands back the names.
pub(super) fn learn_pairs<'a>(
    text: &'a str,
    rules: &'static BodyRules,
    facts: &mut Facts,
) -> Result<Vec<Cow<'a, str>>, BodyError> {
    let mut names: Vec<Cow<'a, str>> = Vec::new();
    // A pair is compared with these alone, and the rules know only so many: with all names before it a
    // long form would take as long as its length squared.
    let mut seen: Vec<&'static str> = Vec::new();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    for (before, pair) in pairs.enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if before == PAIRS_AT_MOST {
            return Err(BodyError::TooManyMembers);
        }
        let known = rules.fields.member(NodeId::ROOT, name.as_bytes());
        let repeated = rules.repeated.iter().find(|own| **own == name);
        let spelling = match known {
            Some(_) => rules.fields.spelling(NodeId::ROOT, &name),
            None => repeated.copied(),
        };
        let is_again = spelling.is_some_and(|own| seen.contains(&own));
        if is_again && repeated.is_none() {
            return Err(BodyError::DuplicateMember { field: spelling });
        }
        for rule in known
            .map(|node| rules.fields.here(node))
            .unwrap_or_default()
        {
            facts.learn(rule, Given::Word(&value))?;
        }
        if !is_again {
            seen.extend(spelling);
            names.push(name);
        }
    }
    Ok(names)
}

/// Both `+` and `%20` are spaces; an escape that is none, or hides other than UTF-8, is refused.
fn decode(text: &str) -> Result<Cow<'_, str>, BodyError> {
    let mut escapes = text.split('%').skip(1);
    let is_hex =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !escapes.all(is_hex) {
        return Err(BodyError::MalformedForm);
    }
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    Ok(Cow::Owned(
        decoded.map_err(|_| BodyError::NotUtf8)?.into_owned(),
    ))
}
