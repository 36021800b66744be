//! JSON pointers (RFC 6901) into text that is not copied for it. Names with `~` are not needed.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer as _,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::fields::Text;

/// The value at a place, as it is written; `None` where there is none, and for what is no JSON.
pub(super) fn at<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
    let steps = pointer.split('/').skip(1);
    let found = steps.into_iter().try_fold(json, |json, name| {
        let mut source = serde_json::Deserializer::from_str(json);
        let found = source.deserialize_any(Step(name)).ok().flatten()?;
        Some(found.get())
    })?;
    (found != "null").then_some(found)
}

/// The text at a place.
pub(super) fn text<'a>(json: &'a str, pointer: &str) -> Option<Cow<'a, str>> {
    let text: Text<'a> = serde_json::from_str(at(json, pointer)?).ok()?;
    Some(text.0)
}

/// Whether this is JSON from beginning to end.
pub(super) fn is_json(text: &str) -> bool {
    IgnoredAny::deserialize(&mut serde_json::Deserializer::from_str(text)).is_ok()
}

/// Finds one member or element; of anything else there is none.
struct Step<'p>(&'p str);

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Text<'de>>()? {
            if name.0 == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let wanted: Option<usize> = self.0.parse().ok();
        let (mut found, mut at) = (None, 0);
        while let Some(element) = elements.next_element::<&RawValue>()? {
            if Some(at) == wanted {
                found = Some(element);
            }
            at += 1;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_nothing_else() {
        let json = r#"{"a":[{"b":"x\ny"},7],"e":{"message":"no"},"n":null,"s":"t"}"#;
        for (pointer, expected) in [
            ("/a/0/b", Some("\"x\\ny\"")),
            ("/a/1", Some("7")),
            ("/a/2", None),
            ("/a/b", None),
            ("/s/0", None),
            ("/n", None),
            ("/e", Some("{\"message\":\"no\"}")),
        ] {
            assert_eq!(at(json, pointer), expected, "{pointer}");
        }
        assert_eq!(text(json, "/a/0/b").as_deref(), Some("x\ny"));
        assert_eq!(text(json, "/a/1"), None);
        assert_eq!(at("{\"a\":", "/a"), None);
        assert_eq!(at("[DONE]", "/a"), None);
    }
}
