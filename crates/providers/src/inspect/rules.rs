//! The rules that a data file sets for bodies, made ready to be walked.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    field_tree::FieldTree,
    manifest::{leak, leak_all, leak_map},
};

/// The rules of one kind of body, or of a query.
#[derive(Debug)]
pub(crate) struct BodyRules {
    /// Rules by place in a JSON body; forms, queries and multipart bodies use its top level.
    pub(crate) fields: FieldTree<Rule>,
    /// Rules for a member of this name wherever it stands (outside opaque parts).
    pub(crate) anywhere: Vec<Rule>,
    /// Every documented top-level name.
    pub(crate) known: Vec<&'static str>,
    /// Names that a form may repeat.
    pub(crate) repeated: Vec<&'static str>,
    /// What is inserted where the caller says nothing.
    pub(crate) insert: Vec<Insert>,
}

/// What a member means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The place as documented.
    pub(crate) field: &'static str,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Is(Is),
    /// Text that counts as input.
    Text,
    /// Where an image may stand, as an address or as it is.
    ImageData,
    /// An object with a `type` that tells what it attaches.
    Attachment(&'static AttachmentTable),
    Gate(&'static Gate),
    /// The id of a provider-side object: a string, a list of them, or the `id` of an object.
    Fetch(&'static str),
    /// The caller's own data: names inside mean nothing.
    Opaque,
    /// May not be there.
    Refuse,
    /// An object with a `type` that must be known.
    Tool(&'static ToolTable),
    /// An object that is an id in disguise.
    Reference(&'static Reference),
}

/// A field with a meaning of its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Is {
    /// The model's name.
    Model,
    /// `true` asks for a stream.
    Stream,
    /// `"sse"` asks for a stream.
    StreamFormat,
    /// `true` stores, and so does saying nothing where [`Insert::StoreFalse`] stands.
    Store,
    /// Anything here makes the provider keep what comes of it.
    Keeps,
    /// OpenAI's `stream_options`, and its `include_usage`.
    StreamOptions,
    IncludeUsage,
    /// DeepL's `show_billed_characters`.
    ShowBilledCharacters,
    MaxOutputTokens,
    /// How many answers to the same question: the largest of such fields counts.
    Choices,
    Images,
    /// A comma list of features that are billed each.
    Features,
}

/// When a field uses a feature.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) feature: &'static str,
    pub(crate) when: When,
}

#[derive(Debug)]
pub(crate) enum When {
    /// Anything but `null` and an empty list.
    Present,
    /// `true`.
    True,
    /// A string that is none of these.
    NoneOf(Vec<&'static str>),
}

/// The kinds of tools a provider has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolTable {
    /// Run by the caller: `function`, or with a closing `*` for dated names.
    #[serde(deserialize_with = "leak_all")]
    free: Vec<&'static str>,
    /// Run by the provider, and the feature each needs.
    #[serde(deserialize_with = "leak_map")]
    gated: Vec<(&'static str, &'static str)>,
    /// Whether a tool without a type is the caller's own.
    #[serde(default)]
    pub(crate) untyped: bool,
}

/// What objects of a `type` give to the model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachmentTable {
    #[serde(deserialize_with = "leak_all")]
    pub(crate) images: Vec<&'static str>,
    #[serde(deserialize_with = "leak_all")]
    pub(crate) documents: Vec<&'static str>,
}

/// When an object's `id` fetches: by its `type`, by having none, or by lacking what it stands for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    #[serde(deserialize_with = "leak")]
    pub(crate) kind: &'static str,
    /// The member that holds the id.
    #[serde(deserialize_with = "leak")]
    pub(crate) member: &'static str,
    /// Types whose `id` fetches; an empty one stands for no type.
    #[serde(deserialize_with = "leak_all")]
    pub(crate) types: Vec<&'static str>,
    /// Types whose `id` fetches unless the member [`without`](Self::without) is there.
    #[serde(default, deserialize_with = "leak_all")]
    pub(crate) hollow: Vec<&'static str>,
    #[serde(default, deserialize_with = "leak")]
    pub(crate) without: &'static str,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Insert {
    /// `"store":false`, unless storing is allowed.
    StoreFalse,
    /// `"stream_options":{"include_usage":true}` in a stream.
    IncludeUsage,
    /// `"show_billed_characters":true`.
    ShowBilledCharacters,
}

/// As it is written in a data file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'static"))]
pub(crate) struct BodyTable {
    #[serde(default, deserialize_with = "leak_all")]
    known: Vec<&'static str>,
    #[serde(default, deserialize_with = "leak_all")]
    repeated: Vec<&'static str>,
    #[serde(default)]
    insert: Vec<Insert>,
    #[serde(default, deserialize_with = "leak_all")]
    opaque: Vec<&'static str>,
    #[serde(default, deserialize_with = "leak_all")]
    text: Vec<&'static str>,
    #[serde(default, deserialize_with = "leak_all")]
    image_data: Vec<&'static str>,
    #[serde(default, deserialize_with = "leak_all")]
    refuse: Vec<&'static str>,
    #[serde(default)]
    fields: BTreeMap<String, FieldRule>,
    /// Bodies that stand inside this one: `"requests[].params" = "messages"`.
    #[serde(default)]
    within: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FieldRule {
    #[serde(default)]
    is: Option<Is>,
    #[serde(default, deserialize_with = "leak")]
    gate: &'static str,
    #[serde(default)]
    when_true: bool,
    #[serde(default, deserialize_with = "leak_all")]
    unless: Vec<&'static str>,
    #[serde(default, deserialize_with = "leak")]
    fetch: &'static str,
    #[serde(default, deserialize_with = "leak")]
    tool: &'static str,
    #[serde(default, deserialize_with = "leak")]
    reference: &'static str,
    #[serde(default, deserialize_with = "leak")]
    attachment: &'static str,
}

/// The tables that rules refer to by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    pub(crate) tools: BTreeMap<String, &'static ToolTable>,
    pub(crate) references: BTreeMap<String, &'static Reference>,
    pub(crate) attachments: BTreeMap<String, &'static AttachmentTable>,
}

impl BodyRules {
    pub(crate) fn compile(
        table: &BodyTable,
        others: &BTreeMap<String, BodyTable>,
        named: &Named,
    ) -> Result<Self, String> {
        let mut rules = Self {
            fields: FieldTree::new(),
            anywhere: Vec::new(),
            known: table.known.clone(),
            repeated: table.repeated.clone(),
            insert: table.insert.clone(),
        };
        rules.hang_table("", table, named)?;
        for (place, other) in &table.within {
            let other = others
                .get(other)
                .ok_or_else(|| format!("no body `{other}`"))?;
            rules.hang_table(place, other, named)?;
        }
        Ok(rules)
    }

    /// The features that some field here can need.
    pub(crate) fn features(&self) -> impl Iterator<Item = &'static str> {
        let rules = self.fields.all().chain(&self.anywhere);
        rules.flat_map(|rule| match rule.what {
            What::Gate(gate) => vec![gate.feature],
            What::Tool(table) => table.gated.iter().map(|(_, feature)| *feature).collect(),
            What::Is(Is::Store) => vec!["store"],
            _ => vec![],
        })
    }

    /// The top-level field that names the model.
    pub(crate) fn model_field(&self) -> Option<&'static str> {
        let mut rules = self.fields.all();
        rules
            .find(|rule| matches!(rule.what, What::Is(Is::Model)))
            .map(|rule| rule.field)
    }

    /// Hangs all rules of `table` below `under`.
    fn hang_table(&mut self, under: &str, table: &BodyTable, named: &Named) -> Result<(), String> {
        for (places, what) in [
            (&table.opaque, What::Opaque),
            (&table.text, What::Text),
            (&table.image_data, What::ImageData),
            (&table.refuse, What::Refuse),
        ] {
            for place in places {
                self.hang(under, place, what);
            }
        }
        for (place, rule) in &table.fields {
            let whats = rule.whats(named)?;
            if whats.is_empty() {
                return Err(format!("field `{place}` has no rule"));
            }
            for what in whats {
                self.hang(under, place, what);
            }
        }
        Ok(())
    }

    fn hang(&mut self, under: &str, place: &str, what: What) {
        if let Some(name) = place.strip_prefix("**.") {
            if self.anywhere.iter().all(|rule| rule.field != name) {
                let field = name.to_owned().leak();
                self.anywhere.push(Rule { field, what });
            }
            return;
        }
        let place = if under.is_empty() {
            place.to_owned()
        } else {
            format!("{under}.{place}")
        };
        let field: &'static str = place.leak();
        self.fields.insert(field, Rule { field, what });
    }
}

impl Rule {
    /// Whether the field can change what is allowed, so that it must be known before a body goes
    /// on. The rest only counts.
    pub(crate) fn decides(&self) -> bool {
        use What::{Fetch, Gate, Refuse};
        matches!(
            self.what,
            What::Is(Is::Model | Is::Store) | Gate(_) | Fetch(_) | Refuse
        )
    }
}

impl FieldRule {
    fn whats(&self, named: &Named) -> Result<Vec<What>, String> {
        let mut whats: Vec<_> = self.is.map(What::Is).into_iter().collect();
        if !self.gate.is_empty() {
            let when = match (self.when_true, self.unless.is_empty()) {
                (true, true) => When::True,
                (false, false) => When::NoneOf(self.unless.clone()),
                (false, true) => When::Present,
                (true, false) => return Err("a gate has one condition".into()),
            };
            let gate = Gate {
                feature: self.gate,
                when,
            };
            whats.push(What::Gate(Box::leak(Box::new(gate))));
        }
        if !self.fetch.is_empty() {
            whats.push(What::Fetch(self.fetch));
        }
        if !self.tool.is_empty() {
            let found = named.tools.get(self.tool);
            whats.push(What::Tool(
                found.ok_or_else(|| format!("no tools `{}`", self.tool))?,
            ));
        }
        if !self.reference.is_empty() {
            let found = named.references.get(self.reference);
            let found = found.ok_or_else(|| format!("no reference `{}`", self.reference))?;
            whats.push(What::Reference(found));
        }
        if !self.attachment.is_empty() {
            let found = named.attachments.get(self.attachment);
            let found = found.ok_or_else(|| format!("no attachments `{}`", self.attachment))?;
            whats.push(What::Attachment(found));
        }
        Ok(whats)
    }
}

impl Is {
    /// Whether the value may have to be replaced, so that its place in the body matters.
    pub(crate) fn is_set_aside(self) -> bool {
        use Is::{IncludeUsage, ShowBilledCharacters, Store, StreamOptions};
        matches!(
            self,
            Store | StreamOptions | IncludeUsage | ShowBilledCharacters
        )
    }
}

impl ToolTable {
    /// `Some(None)`: the caller runs it; `Some(feature)`: the provider does; `None`: nobody knows.
    pub(crate) fn feature(&self, kind: &str) -> Option<Option<&'static str>> {
        if self.free.iter().any(|pattern| matches(pattern, kind)) {
            return Some(None);
        }
        let mut gated = self.gated.iter();
        let found = gated.find(|(pattern, _)| matches(pattern, kind));
        found.map(|(_, feature)| Some(*feature))
    }
}

/// Whether `text` is `pattern`, or begins with it where the pattern ends in `*`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => text == pattern,
    }
}
