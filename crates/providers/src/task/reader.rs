//! From a provider's answer to neutral events, piece by piece.
//!
//! Of an event stream at most one event is held, of any other answer all of it; both within a
//! bound. The events come out the same whatever the pieces.

use super::{PictureKind, Recipe, TaskFailure, pointer};
use crate::sse::{Piece, Splitter};

/// Longer than any event of a text.
const LONGEST_EVENT: usize = 1024 * 1024;

/// Longer than any answer with texts.
const LONGEST_TEXT: usize = 1024 * 1024;

/// As much as an answer with an image may be: 24 MiB of Base64 are an image of 18.
const LONGEST_IMAGE: usize = 24 * 1024 * 1024;

/// Something of an answer.
#[derive(Clone, Eq, PartialEq)]
pub enum TaskEvent {
    /// The next piece of a text.
    Delta(String),
    /// An image.
    Image {
        /// What it is.
        kind: PictureKind,
        /// In Base64, and nothing else.
        data: String,
    },
    /// The provider broke off and says why. Nothing comes after it.
    Failed(TaskFailure),
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It is whole.
    #[default]
    Stop,
    /// It reached the most that it may be.
    Length,
    /// A filter of the provider's ended or changed it.
    ContentFilter,
    /// The model asks for a tool.
    Tool,
    /// Something else.
    Other,
}

/// An answer that can't be made into events.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// It is larger than its kind may be.
    #[error("it is larger than such answers may be")]
    TooLarge,
    /// It does not hold what was asked for.
    #[error("it does not hold what was asked for")]
    Lacking,
    /// It ended before it was whole.
    #[error("it ended before it was whole")]
    Cut,
}

/// Reads one answer.
pub struct TaskReader {
    recipe: &'static Recipe,
    framing: Framing,
    /// The data of the event that is open, or the answer so far.
    held: Vec<u8>,
    finish: Option<Finish>,
    model: Option<String>,
    /// The provider said that nothing more comes.
    is_over: bool,
    has_failed: bool,
}

#[derive(Debug)]
enum Framing {
    Events(Splitter),
    Whole,
}

impl TaskReader {
    pub(super) fn new(recipe: &'static Recipe, content_type: &str) -> Self {
        let framing = match content_type.starts_with("text/event-stream") {
            true => Framing::Events(Splitter::default()),
            false => Framing::Whole,
        };
        Self {
            recipe,
            framing,
            held: Vec::new(),
            finish: None,
            model: None,
            is_over: false,
            has_failed: false,
        }
    }

    /// Reads on; gives what these bytes complete.
    ///
    /// # Errors
    ///
    /// [`Unreadable::TooLarge`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<TaskEvent>, Unreadable> {
        let mut events = Vec::new();
        let Framing::Events(mut splitter) = std::mem::replace(&mut self.framing, Framing::Whole)
        else {
            self.hold(bytes, self.recipe.longest_answer())?;
            return Ok(events);
        };
        let mut outcome = Ok(());
        splitter.push(bytes, &mut |piece| match piece {
            Piece::Data(data) if outcome.is_ok() => outcome = self.hold(data, LONGEST_EVENT),
            Piece::Data(_) => {}
            Piece::End { .. } => {
                let event = std::mem::take(&mut self.held);
                if !self.has_failed {
                    self.event(&String::from_utf8_lossy(&event), &mut events);
                }
            }
        });
        self.framing = Framing::Events(splitter);
        outcome.map(|()| events)
    }

    /// At the end of the answer: what was held for it.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] when it is not whole, or is not what was asked for.
    pub fn end(&mut self) -> Result<Vec<TaskEvent>, Unreadable> {
        let mut events = Vec::new();
        match self.framing {
            Framing::Events(_) if self.is_over || self.finish.is_some() || self.has_failed => {}
            Framing::Events(_) => return Err(Unreadable::Cut),
            Framing::Whole => {
                let answer = std::mem::take(&mut self.held);
                let answer = String::from_utf8(answer).map_err(|_| Unreadable::Lacking)?;
                self.event(&answer, &mut events);
                if events.is_empty() {
                    return Err(match pointer::is_json(&answer) {
                        true => Unreadable::Lacking,
                        false => Unreadable::Cut,
                    });
                }
            }
        }
        Ok(events)
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether the provider broke off and said so.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Why the answer ended, as far as it says.
    pub fn finish(&self) -> Finish {
        self.finish.unwrap_or_default()
    }

    /// The model that answered, where the answer names it.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn hold(&mut self, bytes: &[u8], most: usize) -> Result<(), Unreadable> {
        if self.held.len() + bytes.len() > most {
            return Err(Unreadable::TooLarge);
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads one event, or the whole answer.
    fn event(&mut self, json: &str, events: &mut Vec<TaskEvent>) {
        if json == "[DONE]" {
            self.is_over = true;
            return;
        }
        let answer = &self.recipe.answer;
        if pointer::at(json, "/error").is_some() {
            self.has_failed = true;
            events.push(TaskEvent::Failed(self.recipe.failure_in_stream(json)));
            return;
        }
        for place in &answer.text {
            if let Some(text) = pointer::text(json, place)
                && !text.is_empty()
            {
                events.push(TaskEvent::Delta(text.into_owned()));
            }
        }
        if let Some(data) = answer.image.and_then(|place| pointer::text(json, place))
            && let Some(kind) = PictureKind::of_base64(&data)
            && data.bytes().all(is_base64)
        {
            let data = data.into_owned();
            events.push(TaskEvent::Image { kind, data });
        }
        if let Some(word) = answer.finish.and_then(|place| pointer::text(json, place)) {
            let known = self.recipe.finish.get(word.as_ref());
            self.finish = Some(known.copied().unwrap_or(Finish::Other));
        }
        if self.model.is_none()
            && let Some(model) = answer.model.and_then(|place| pointer::text(json, place))
            && !model.is_empty()
        {
            self.model = Some(model.chars().take(200).collect());
        }
    }
}

impl Recipe {
    /// Reads one successful answer of this content type.
    pub fn reader(&'static self, content_type: &str) -> TaskReader {
        TaskReader::new(self, content_type)
    }

    fn longest_answer(&self) -> usize {
        match self.answer.image {
            Some(_) => LONGEST_IMAGE,
            None => LONGEST_TEXT,
        }
    }
}

impl Finish {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::Tool => "tool",
            Self::Other => "other",
        }
    }
}

impl std::fmt::Debug for TaskEvent {
    /// The kind alone: what stands in it is the end user's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Delta(_) => "Delta(..)",
            Self::Image { .. } => "Image(..)",
            Self::Failed(_) => "Failed(..)",
        })
    }
}

impl std::fmt::Debug for TaskReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskReader").finish_non_exhaustive()
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}
