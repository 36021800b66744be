//! Which call a task is, and how it is written.

use std::{borrow::Cow, collections::BTreeMap, iter::successors};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;

use super::{
    Asked, Finish, PictureKind, Tag, Task, TaskError, TaskKind, form_data,
    instructions::instructions,
    tables::{AnswerTable, ErrorWords, RecipeTable, TasksTable},
    template::{Filling, Template, Words},
};
use crate::{About, Operation, Sends};

/// What a provider can do for tasks.
#[derive(Debug)]
pub struct Tasks {
    /// When somebody looked which models to begin with.
    pub models_read: &'static str,
    recipes: Vec<Recipe>,
}

/// One way to do a task with one provider.
#[derive(Debug)]
pub struct Recipe {
    table: &'static RecipeTable,
    query: Vec<(&'static str, &'static str)>,
    body: Option<Template>,
    targets: &'static [(&'static str, &'static str)],
    pub(super) answer: &'static AnswerTable,
    pub(super) finish: &'static BTreeMap<String, Finish>,
    pub(super) errors: &'static ErrorWords,
}

/// A recipe, and the model that it is for.
#[derive(Clone, Debug)]
pub struct Choice {
    /// How it is done.
    pub recipe: &'static Recipe,
    /// By which model, where there is one to choose.
    pub model: Option<String>,
}

/// Why none fits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// The provider does not do such tasks.
    Unsupported,
    /// Only the customer knows the names of their models, and none was named.
    ModelNeeded,
    /// The request asks for something that the provider has not.
    Asked(TaskError),
}

/// A provider's request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// The provider's own path, for a POST.
    pub path: &'static str,
    /// Its query, without the `?`.
    pub query: Option<String>,
    /// Headers beside the credential and the content type.
    pub headers: &'static [(&'static str, &'static str)],
    /// The content type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Tasks {
    pub(crate) fn compile(text: &'static str) -> Result<Self, String> {
        let table: TasksTable = toml::from_str(text).map_err(|error| error.to_string())?;
        let table: &'static TasksTable = Box::leak(Box::new(table));
        let recipes = table
            .tasks
            .iter()
            .map(|recipe| Recipe::compile(table, recipe));
        Ok(Self {
            models_read: table.models_read,
            recipes: recipes.collect::<Result<_, _>>()?,
        })
    }

    /// The tasks that the provider can do.
    pub fn kinds(&self) -> impl Iterator<Item = TaskKind> {
        let can = |kind: &TaskKind| self.recipes.iter().any(|one| one.does(*kind));
        TaskKind::ALL.into_iter().filter(can)
    }

    /// Every recipe, for those who check that they hold.
    pub fn recipes(&self) -> &[Recipe] {
        &self.recipes
    }
}

impl About {
    /// How a task is done for an AddOn that `offers` some operations and allows `models`, all of
    /// them if there are none.
    ///
    /// What it chooses is judged like any other call afterwards: where the AddOn offers no way to
    /// do the task, the first one is chosen, so that the refusal names it.
    ///
    /// # Errors
    ///
    /// [`Unfit`].
    pub fn choose(
        &'static self,
        asked: &Asked<'_>,
        models: &[String],
        offers: impl Fn(&Operation) -> bool,
    ) -> Result<Choice, Unfit> {
        let kind = asked.task.kind();
        let does = |recipe: &&'static Recipe| recipe.does(kind);
        let all: Vec<_> = self.tasks.recipes.iter().filter(does).collect();
        let is_offered = |recipe: &&Recipe| recipe.operation(self).is_some_and(&offers);
        let offered: Vec<_> = all.iter().copied().filter(|one| is_offered(one)).collect();
        let recipes = if offered.is_empty() { all } else { offered };
        let first = recipes.first().ok_or(Unfit::Unsupported)?;

        let choosing = recipes.iter().find(|recipe| recipe.takes_model());
        let Some(recipe) = choosing else {
            return match asked.model {
                None => Ok(first.with(None)),
                Some(_) => Err(Unfit::Asked(TaskError::NoModels)),
            };
        };
        let listed = || {
            let operation = recipe.operation(self);
            let fits = |model: &&String| operation.is_none_or(|one| one.may_be_for(model));
            models.iter().find(fits).or(models.first()).cloned()
        };
        match asked.model.as_deref().map(str::to_owned).or_else(listed) {
            Some(model) => Ok(recipe.with(Some(model))),
            None if !first.takes_model() => Ok(first.with(None)),
            None => match first.table.model {
                Some(model) => Ok(first.with(Some(model.to_owned()))),
                None => Err(Unfit::ModelNeeded),
            },
        }
    }
}

impl Recipe {
    fn compile(table: &'static TasksTable, recipe: &'static RecipeTable) -> Result<Self, String> {
        let answer = table.answers.get(&recipe.answer);
        let answer = answer.ok_or_else(|| format!("no answer `{}`", recipe.answer))?;
        let query = recipe.path.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let pair = pair.split_once('=');
            pair.ok_or_else(|| format!("`{query}` is not a query"))
        });
        let body = match recipe.sends {
            Sends::Picture => None,
            Sends::Json | Sends::FormData => Some(Template::parse(recipe.body)?),
        };
        Ok(Self {
            table: recipe,
            query: pairs.collect::<Result<_, _>>()?,
            body,
            targets: &table.targets,
            answer,
            finish: &table.finish,
            errors: &table.errors,
        })
    }

    /// The tasks that it is for.
    pub fn kinds(&self) -> &'static [TaskKind] {
        &self.table.tasks
    }

    /// The operation that it calls.
    pub fn operation(&self, about: &'static About) -> Option<&'static Operation> {
        let found = about.classify(&Method::POST, self.path())?;
        Some(found.operation)
    }

    /// The provider's own path.
    pub fn path(&self) -> &'static str {
        self.table.path.split('?').next().unwrap_or_default()
    }

    /// The model where nobody names one.
    pub fn default_model(&self) -> Option<&'static str> {
        self.table.model
    }

    fn does(&self, kind: TaskKind) -> bool {
        self.table.tasks.contains(&kind)
    }

    fn takes_model(&self) -> bool {
        let words = self.body.as_ref().map(Template::words);
        words.is_some_and(|words| words.contains(&"model"))
    }

    fn with(&'static self, model: Option<String>) -> Choice {
        Choice {
            recipe: self,
            model,
        }
    }
}

impl Choice {
    /// Writes the provider's request.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for an image that is not what it says.
    pub fn write(&self, asked: &Asked<'_>) -> Result<Written, TaskError> {
        let recipe = self.recipe;
        let words = Filled {
            recipe,
            task: &asked.task,
            model: self.model.as_deref(),
            instructions: instructions(&asked.task),
        };
        let picture = words.picture()?;
        let (content_type, body) = match (recipe.table.sends, &recipe.body) {
            (Sends::Json, Some(body)) => ("application/json".to_owned(), body.json(&words)),
            (Sends::FormData, Some(body)) => form_data::encode(&body.fields(&words)),
            _ => ("application/octet-stream".to_owned(), picture),
        };
        let query = recipe.query.iter().filter_map(|(name, value)| {
            let word = value
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            let value = match word.map(|word| words.filling(word)) {
                None => Cow::Borrowed(*value),
                Some(Some(Filling::Text(text))) => text,
                Some(_) => return None,
            };
            Some(format!("{name}={value}"))
        });
        let query = query.collect::<Vec<_>>().join("&");
        Ok(Written {
            path: recipe.path(),
            query: (!query.is_empty()).then_some(query),
            headers: &recipe.table.headers,
            content_type,
            body,
        })
    }
}

/// What the words of a template stand for.
struct Filled<'a> {
    recipe: &'static Recipe,
    task: &'a Task<'a>,
    model: Option<&'a str>,
    instructions: Option<String>,
}

impl Filled<'_> {
    /// The bytes of the image, which must be what it says that it is.
    fn picture(&self) -> Result<Vec<u8>, TaskError> {
        const WRONG: TaskError = TaskError::WrongType { field: "image" };

        let Task::AltText { image, .. } = self.task else {
            return Ok(Vec::new());
        };
        if PictureKind::of_base64(&image.data) != Some(image.kind) {
            return Err(WRONG);
        }
        STANDARD.decode(image.data.as_bytes()).map_err(|_| WRONG)
    }

    /// The language as the provider calls it: by its own list, the tag shortened from behind until
    /// it is there (RFC 4647, 3.4), else by the first part of the tag.
    fn target(&self, tag: &Tag<'_>) -> String {
        let lower = tag.as_str().to_ascii_lowercase();
        let mut shorter = successors(Some(lower.as_str()), |tag| Some(tag.rsplit_once('-')?.0));
        let own = shorter.find_map(|tag| {
            let mut listed = self.recipe.targets.iter();
            listed.find(|(name, _)| *name == tag)
        });
        own.map_or_else(
            || tag.language().to_ascii_uppercase(),
            |(_, own)| (*own).to_owned(),
        )
    }
}

impl Words for Filled<'_> {
    fn filling(&self, word: &str) -> Option<Filling<'_>> {
        let text = |text: Cow<'_, str>| Filling::Text(text.into_owned().into());
        Some(match (word, self.task) {
            ("model", _) => Filling::Text(self.model?.into()),
            ("input", Task::Translate { input, .. } | Task::Image { input, .. }) => {
                Filling::Text(Cow::Borrowed(input))
            }
            ("instructions", Task::Text { instructions, .. }) => {
                Filling::Text(Cow::Borrowed(instructions.as_deref()?))
            }
            ("instructions", _) => Filling::Text(self.instructions.as_deref()?.into()),
            ("messages", Task::Text { messages, .. }) => {
                let messages = messages.iter().map(|message| {
                    let content = Cow::Borrowed(message.content.as_ref());
                    [("role", message.role.word().into()), ("content", content)]
                });
                Filling::Elements(messages.collect())
            }
            ("messages", Task::Translate { input, .. }) => Filling::Elements(vec![[
                ("role", "user".into()),
                ("content", Cow::Borrowed(input)),
            ]]),
            (
                "max-output-tokens",
                Task::Text {
                    max_output_tokens, ..
                },
            ) => Filling::Number(max_output_tokens.unwrap_or(self.recipe.table.max_output_tokens)),
            ("max-output-tokens", _) => Filling::Number(self.recipe.table.max_output_tokens),
            ("target", Task::Translate { target, .. }) => text(self.target(target).into()),
            ("source", Task::Translate { source, .. }) => {
                text(source.as_ref()?.language().to_ascii_uppercase().into())
            }
            ("shape", Task::Image { shape, .. }) => {
                Filling::Text(self.recipe.table.shapes.get(shape)?.as_str().into())
            }
            ("image", Task::AltText { image, .. }) => Filling::Text(Cow::Borrowed(&image.data)),
            ("image-type", Task::AltText { image, .. }) => {
                Filling::Text(image.kind.media_type().into())
            }
            ("image-url", Task::AltText { image, .. }) => {
                let (kind, data) = (image.kind.media_type(), &image.data);
                Filling::Text(format!("data:{kind};base64,{data}").into())
            }
            ("language", Task::AltText { language, .. }) => {
                text(language.language().to_ascii_lowercase().into())
            }
            _ => return None,
        })
    }
}
