//! Multipart bodies, read while they go by.
//!
//! The parts that decide (the model, what is gated, what is fetched) are small and usually come
//! before the file; then the file streams. Readers of multipart differ in what they forgive, so
//! this one forgives nothing: the boundary may occur only where it separates, names are written in
//! one way, and a part that decides is there once, before the decision.

mod head;

use memchr::memmem;

use super::{
    BodyError, Facts,
    learn::Given,
    rules::{BodyRules, Rule, What},
};
use crate::{ModelFrom, Operation, field_tree::NodeId};
use head::Head;

/// Longer than any model name or id.
const DECIDING_PART_AT_MOST: usize = 8 * 1024;
const HEAD_AT_MOST: usize = 8 * 1024;

/// Reads one multipart body. Feed it every chunk, also after it has decided: what would have
/// changed the decision ends the request.
#[derive(Debug)]
pub struct MultipartInspector {
    rules: &'static BodyRules,
    /// The part that must be seen before a file may go on.
    awaited: Option<&'static str>,
    boundary: memmem::Finder<'static>,
    pending: Vec<u8>,
    state: State,
    facts: Facts,
    names: Vec<String>,
    decided: bool,
}

/// Whether the body may go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// Hold what has come: a part that decides may still follow.
    Undecided,
    /// Said once. What was held may go on, and the rest as it comes.
    Decided(Box<Facts>),
    /// Decided before, and nothing has changed that.
    Watching,
}

#[derive(Debug)]
enum State {
    /// Before the first boundary.
    Start,
    Head,
    Value(Part),
    /// After the last boundary.
    End,
}

/// A part whose value is being read.
#[derive(Debug)]
enum Part {
    /// A file, or a field without a rule.
    Passing,
    /// Its characters are counted.
    Counted(u64),
    /// Kept to be learned from.
    Kept {
        rules: &'static [Rule],
        value: Vec<u8>,
    },
}

impl Operation {
    /// An inspector for a body with this boundary, which
    /// [`BodyRule::format`](crate::BodyRule::format) has read.
    pub fn multipart(&self, boundary: &str) -> MultipartInspector {
        let needle = format!("--{boundary}");
        let awaited = (self.model == ModelFrom::Body).then(|| self.rules.model_field());
        MultipartInspector {
            rules: self.rules,
            awaited: awaited.flatten(),
            boundary: memmem::Finder::new(needle.as_bytes()).into_owned(),
            pending: Vec::new(),
            state: State::Start,
            facts: Facts::default(),
            names: Vec::new(),
            decided: false,
        }
    }
}

impl MultipartInspector {
    /// The next bytes of the body.
    ///
    /// # Errors
    ///
    /// [`BodyError`]; what it says may be shown to the caller.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, BodyError> {
        self.pending.extend_from_slice(bytes);
        let was_decided = self.decided;
        while self.step()? {}
        Ok(match (was_decided, self.decided) {
            (false, true) => Progress::Decided(Box::new(self.facts.clone())),
            (true, _) => Progress::Watching,
            (false, false) => Progress::Undecided,
        })
    }

    /// Says that the body is over; the facts, whether they were handed out before or not.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it ended early.
    pub fn finish(self) -> Result<Facts, BodyError> {
        match self.state {
            State::End if matches!(&*self.pending, b"" | b"\r\n") => Ok(self.facts),
            _ => Err(malformed("it has no end")),
        }
    }

    /// One step; whether there may be another.
    fn step(&mut self) -> Result<bool, BodyError> {
        let marker = self.boundary.needle().len();
        match &mut self.state {
            State::Start => {
                let start = &self.pending[..self.pending.len().min(marker)];
                if !self.boundary.needle().starts_with(start) {
                    return Err(malformed("it does not begin with its boundary"));
                }
                self.after_boundary(0)
            }
            State::Head => {
                let end = memmem::find(&self.pending, b"\r\n\r\n");
                if end.unwrap_or(self.pending.len()) > HEAD_AT_MOST {
                    return Err(malformed("a part's head is too long"));
                }
                let Some(end) = end else { return Ok(false) };
                let head = Head::read(&self.pending[..end])?;
                self.pending.drain(..end + 4);
                self.begin(head)?;
                Ok(true)
            }
            State::Value(part) => match self.boundary.find(&self.pending) {
                Some(at) => {
                    let value = self.pending[..at].strip_suffix(b"\r\n");
                    let length = value
                        .ok_or(malformed("its boundary stands within a part"))?
                        .len();
                    part.take(&self.pending[..length])?;
                    self.pending.drain(..length);
                    self.after_boundary(2)
                }
                None => {
                    let keep = self.pending.len().min(marker + 1);
                    let ready = self.pending.len() - keep;
                    part.take(&self.pending[..ready])?;
                    self.pending.drain(..ready);
                    Ok(false)
                }
            },
            State::End if self.pending.len() > 2 => Err(malformed("something follows its end")),
            State::End => Ok(false),
        }
    }

    /// Looks behind the boundary that begins at `at`: another part, or the end.
    fn after_boundary(&mut self, at: usize) -> Result<bool, BodyError> {
        let behind = at + self.boundary.needle().len();
        let Some(next) = self.pending.get(behind..behind + 2) else {
            return Ok(false);
        };
        let is_end = match next {
            b"\r\n" => false,
            b"--" => true,
            _ => return Err(malformed("its boundary stands within a part")),
        };
        self.pending.drain(..behind + 2);
        let state = if is_end { State::End } else { State::Head };
        if let State::Value(part) = std::mem::replace(&mut self.state, state) {
            self.end(part)?;
        }
        self.decided |= is_end;
        Ok(true)
    }

    fn begin(&mut self, head: Head) -> Result<(), BodyError> {
        let node = self.rules.fields.member(NodeId::ROOT, &head.name);
        let rules = node
            .map(|node| self.rules.fields.here(node))
            .unwrap_or_default();
        let plain = head
            .name
            .split('[')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let meant = self.rules.fields.member(NodeId::ROOT, &plain);
        if node.is_none() && meant.is_some() {
            return Err(malformed("a field's name is oddly written"));
        }
        if !self.rules.known.contains(&&*head.name) {
            self.facts.unknown_field(&head.name);
        }
        if head.is_file {
            if rules.iter().any(Rule::decides) {
                return Err(malformed("a field that decides is sent as a file"));
            }
            self.decided |= self
                .awaited
                .is_none_or(|name| self.names.iter().any(|own| own == name));
            self.state = State::Value(Part::Passing);
            return Ok(());
        }
        if let Some(rule) = rules.first() {
            if self.decided && rules.iter().any(Rule::decides) {
                return Err(BodyError::TooLate { field: rule.field });
            }
            let may_repeat = self.rules.repeated.contains(&rule.field);
            if !may_repeat && self.names.contains(&head.name) {
                return Err(BodyError::DuplicateMember {
                    field: Some(rule.field),
                });
            }
            if rules.iter().any(Rule::decides) && !head.is_plain_text {
                return Err(malformed("a field that decides is not plain text"));
            }
            self.names.push(head.name);
        }
        let is_text = |rule: &Rule| matches!(rule.what, What::Text);
        self.state = State::Value(match rules {
            [] => Part::Passing,
            [rule] if is_text(rule) => Part::Counted(0),
            rules => Part::Kept {
                rules,
                value: Vec::new(),
            },
        });
        Ok(())
    }
}

impl MultipartInspector {
    /// Learns from a part that is whole.
    fn end(&mut self, part: Part) -> Result<(), BodyError> {
        let images = self.facts.images.max(1);
        match part {
            Part::Passing => {}
            Part::Counted(count) => self.facts.input_characters += count,
            Part::Kept { rules, value } => {
                let value = String::from_utf8(value).map_err(|_| BodyError::NotUtf8)?;
                for rule in rules {
                    self.facts.learn(rule, Given::Word(&value))?;
                    // What was set aside for the call covers what it asked for until then.
                    if self.decided && self.facts.images > images {
                        return Err(BodyError::TooLate { field: rule.field });
                    }
                }
            }
        }
        Ok(())
    }
}

impl Part {
    /// The next bytes of the value.
    fn take(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        match self {
            Self::Passing => {}
            // Every byte of UTF-8 that does not continue a character begins one.
            Self::Counted(count) => {
                *count += bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
            }
            Self::Kept { value, .. } if value.len() + bytes.len() > DECIDING_PART_AT_MOST => {
                return Err(malformed("a field that decides is too long"));
            }
            Self::Kept { value, .. } => value.extend_from_slice(bytes),
        }
        Ok(())
    }
}

fn malformed(reason: &'static str) -> BodyError {
    BodyError::MalformedMultipart { reason }
}
