//! JSON in which words stand for what was asked for.
//!
//! A string that is a word and nothing else becomes its value, whatever its type: `"{input}"`. A
//! member whose word has no value is left out; so is an element that has such a member, a system
//! message without instructions for one. `"{...messages}"` becomes as many elements as there are.
//! Words are looked for in the template alone, never in what took their place.

use std::borrow::Cow;

use serde_json::Value;

/// JSON with words in it.
#[derive(Clone, Debug)]
pub(super) struct Template(Value);

/// What a word stands for.
pub(super) enum Filling<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A number.
    Number(u32),
    /// Elements, each an object of texts.
    Elements(Vec<[(&'static str, Cow<'a, str>); 2]>),
}

/// The words of one request.
pub(super) trait Words {
    /// What a word stands for, if it has a value here.
    fn filling(&self, word: &str) -> Option<Filling<'_>>;
}

impl Template {
    /// Reads a template.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value = serde_json::from_str(text).map_err(|error| format!("`{text}`: {error}"))?;
        Ok(Self(value))
    }

    /// Every word in it.
    pub(super) fn words(&self) -> Vec<&str> {
        fn collect<'a>(value: &'a Value, words: &mut Vec<&'a str>) {
            match value {
                Value::String(text) => words.extend(word(text)),
                Value::Array(elements) => elements.iter().for_each(|one| collect(one, words)),
                Value::Object(members) => members.values().for_each(|one| collect(one, words)),
                _ => {}
            }
        }
        let mut words = Vec::new();
        collect(&self.0, &mut words);
        words
    }

    /// The template as JSON, its words filled in.
    pub(super) fn json(&self, words: &impl Words) -> Vec<u8> {
        let mut json = Vec::new();
        write(&self.0, words, &mut json);
        json
    }

    /// The members of the template, which is a flat object, as the fields of a form.
    pub(super) fn fields<'a>(&'a self, words: &'a impl Words) -> Vec<(&'a str, Cow<'a, str>)> {
        let members = self.0.as_object().into_iter().flatten();
        let fields = members.filter_map(|(name, value)| {
            let text = value.as_str()?;
            let value = match word(text) {
                None => Cow::Borrowed(text),
                Some(word) => match words.filling(word)? {
                    Filling::Text(text) => text,
                    Filling::Number(number) => number.to_string().into(),
                    Filling::Elements(_) => return None,
                },
            };
            Some((name.as_str(), value))
        });
        fields.collect()
    }
}

/// The word that a string is, if it is one.
fn word(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}')
}

/// Writes a value; false where its word has none.
fn write(value: &Value, words: &impl Words, json: &mut Vec<u8>) -> bool {
    match value {
        Value::Object(members) => {
            write_members(members.iter(), words, json);
        }
        Value::Array(elements) => write_elements(elements, words, json),
        Value::String(text) => match word(text) {
            None => write_text(text, json),
            Some(word) => match words.filling(word) {
                Some(Filling::Text(text)) => write_text(&text, json),
                Some(Filling::Number(number)) => json.extend(number.to_string().bytes()),
                Some(Filling::Elements(_)) | None => return false,
            },
        },
        plain => json.extend(plain.to_string().bytes()),
    }
    true
}

/// Writes an object; false where a member was left out.
fn write_members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    words: &impl Words,
    json: &mut Vec<u8>,
) -> bool {
    let mut is_whole = true;
    json.push(b'{');
    for (name, value) in members {
        let before = json.len();
        if json.last() != Some(&b'{') {
            json.push(b',');
        }
        write_text(name, json);
        json.push(b':');
        if !write(value, words, json) {
            json.truncate(before);
            is_whole = false;
        }
    }
    json.push(b'}');
    is_whole
}

fn write_elements(elements: &[Value], words: &impl Words, json: &mut Vec<u8>) {
    json.push(b'[');
    let mut is_first = true;
    let mut separate = |json: &mut Vec<u8>| {
        if !std::mem::take(&mut is_first) {
            json.push(b',');
        }
    };
    for element in elements {
        let spread = element.as_str().and_then(word);
        if let Some(word) = spread.and_then(|word| word.strip_prefix("...")) {
            let Some(Filling::Elements(elements)) = words.filling(word) else {
                continue;
            };
            for members in elements {
                separate(json);
                write_object(&members, json);
            }
            continue;
        }
        let mut written = Vec::new();
        let is_whole = match element {
            Value::Object(members) => write_members(members.iter(), words, &mut written),
            other => write(other, words, &mut written),
        };
        if is_whole {
            separate(json);
            json.append(&mut written);
        }
    }
    json.push(b']');
}

fn write_object(members: &[(&'static str, Cow<'_, str>)], json: &mut Vec<u8>) {
    json.push(b'{');
    for (at, (name, text)) in members.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write_text(name, json);
        json.push(b':');
        write_text(text, json);
    }
    json.push(b'}');
}

fn write_text(text: &str, json: &mut Vec<u8>) {
    serde_json::to_writer(json, text).expect("a text can be written into memory");
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Words for Known {
        fn filling(&self, word: &str) -> Option<Filling<'_>> {
            Some(match word {
                "input" => Filling::Text("say \"{model}\"\n".into()),
                "most" => Filling::Number(7),
                "messages" => Filling::Elements(vec![
                    [("role", "user".into()), ("content", "{input}".into())],
                    [("role", "assistant".into()), ("content", "b".into())],
                ]),
                _ => return None,
            })
        }
    }

    #[test]
    fn words_are_filled_in_once_and_what_has_no_value_is_left_out() {
        for (template, expected) in [
            (
                r#"{"a":"{input}","b":1,"c":true}"#,
                r#"{"a":"say \"{model}\"\n","b":1,"c":true}"#,
            ),
            (r#"{"a":"{model}","b":"{most}"}"#, r#"{"b":7}"#),
            (r#"{"a":"{most}","b":"{model}"}"#, r#"{"a":7}"#),
            (r#"{"a":"the {input}"}"#, r#"{"a":"the {input}"}"#),
            (
                r#"[{"role":"system","content":"{model}"},"{...messages}",{"x":"{most}"}]"#,
                r#"[{"content":"{input}","role":"user"},{"content":"b","role":"assistant"},{"x":7}]"#,
            ),
            (r#"["{...nothing}"]"#, "[]"),
        ] {
            let written = Template::parse(template).unwrap().json(&Known);
            let written: Value = serde_json::from_slice(&written).expect(template);
            let expected: Value = serde_json::from_str(expected).unwrap();
            assert_eq!(written, expected, "{template}");
        }
    }
}
