//! The bytes of a backup: frames with their checksums, and the values in them. Pure: it reads and
//! writes whatever is handed to it, and believes nothing that it reads.

use std::io::{self, Read, Write};

use aws_lc_rs::digest::{Context, SHA256};

use crate::store::Cell;

/// What every backup begins with.
pub(super) const MAGIC: &[u8; 16] = b"keystead-backup\n";

/// The largest payload of a frame. Rows are put together up to [`FULL`]; one row can be larger.
const MOST: usize = 256 * 1024 * 1024;

/// A frame of rows that has come to so many bytes is written.
pub(super) const FULL: usize = 256 * 1024;

/// What a frame holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// What the backup says of itself: JSON.
    Header = 1,
    /// The table that the rows after it belong to: JSON.
    Table = 2,
    /// Rows.
    Rows = 3,
    /// How much there was, and the checksum of it all: JSON.
    End = 4,
}

impl Kind {
    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Header,
            2 => Self::Table,
            3 => Self::Rows,
            4 => Self::End,
            _ => return None,
        })
    }
}

/// A frame, whose checksum fits.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) payload: Vec<u8>,
}

/// Why a file's bytes are not a backup's.
#[derive(Debug)]
pub(super) enum Unread {
    /// They can't be had.
    Io(io::Error),
    /// They are something else from the start.
    NotOne,
    /// They are not as they were written.
    Damaged(u64, &'static str),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes frames.
pub(super) struct FrameWriter<W> {
    to: W,
    whole: Context,
    next: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(to: W) -> io::Result<Self> {
        let mut writer = Self {
            to,
            whole: Context::new(&SHA256),
            next: 0,
        };
        writer.put(MAGIC)?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let head = head(kind, payload.len())?;
        let checksum = checksum(self.next, &head, payload);
        self.put(&head)?;
        self.put(payload)?;
        self.put(&checksum)?;
        self.next += 1;
        Ok(())
    }

    /// How many frames were written.
    pub(super) const fn frames(&self) -> u64 {
        self.next
    }

    /// The checksum of all bytes so far.
    pub(super) fn whole(&self) -> [u8; 32] {
        finish(self.whole.clone())
    }

    pub(super) fn into_inner(self) -> W {
        self.to
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.whole.update(bytes);
        self.to.write_all(bytes)
    }
}

/// Reads frames, each checked before it is handed out.
pub(super) struct FrameReader<R> {
    from: R,
    whole: Context,
    next: u64,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(mut from: R) -> Result<Self, Unread> {
        let mut magic = [0; MAGIC.len()];
        match from.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => {}
            Ok(()) => return Err(Unread::NotOne),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Unread::NotOne);
            }
            Err(error) => return Err(error.into()),
        }
        let mut whole = Context::new(&SHA256);
        whole.update(&magic);
        Ok(Self {
            from,
            whole,
            next: 0,
        })
    }

    /// The next frame. There is one until [`Kind::End`] was read: a file that stops before is cut.
    pub(super) fn read(&mut self) -> Result<Frame, Unread> {
        let mut head = [0; 5];
        self.take(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        let kind = Kind::of(kind).ok_or(Unread::Damaged(self.next, "its kind is unknown"))?;
        if length > MOST {
            return Err(Unread::Damaged(self.next, "it is too long"));
        }
        // Grows as bytes come: a length that was made up costs no memory.
        let mut payload = Vec::new();
        let read = (&mut self.from)
            .take(length as u64)
            .read_to_end(&mut payload)?;
        if read < length {
            return Err(Unread::Damaged(self.next, "the file ends within it"));
        }
        let mut found = [0; 32];
        self.take(&mut found)?;
        if found != checksum(self.next, &head, &payload) {
            return Err(Unread::Damaged(self.next, "its checksum does not fit"));
        }
        if kind != Kind::End {
            self.whole.update(&head);
            self.whole.update(&payload);
            self.whole.update(&found);
        }
        self.next += 1;
        Ok(Frame { kind, payload })
    }

    /// The number of the frame that was read last.
    pub(super) const fn place(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// The checksum of all bytes before the end's frame.
    pub(super) fn whole(&self) -> [u8; 32] {
        finish(self.whole.clone())
    }

    /// After [`Kind::End`]: nothing follows.
    pub(super) fn is_over(&mut self) -> Result<(), Unread> {
        match self.from.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(Unread::Damaged(self.next, "something follows its end")),
        }
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Unread> {
        match self.from.read_exact(bytes) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Unread::Damaged(self.next, "the file ends within it"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Adds a row to a frame's payload.
pub(super) fn write_row(payload: &mut Vec<u8>, row: &[Cell]) {
    for cell in row {
        match cell {
            Cell::Null => payload.push(0),
            Cell::Number(number) => {
                payload.push(1);
                payload.extend_from_slice(&number.to_be_bytes());
            }
            Cell::Text(text) => write_bytes(payload, 2, text.as_bytes()),
            Cell::Bytes(bytes) => write_bytes(payload, 3, bytes),
        }
    }
}

/// The rows of a frame, each with `columns` values; `None` when they are no rows.
pub(super) fn read_rows(mut payload: &[u8], columns: usize) -> Option<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    while !payload.is_empty() && columns > 0 {
        let mut row = Vec::with_capacity(columns);
        for _ in 0..columns {
            row.push(read_cell(&mut payload)?);
        }
        rows.push(row);
    }
    Some(rows)
}

fn read_cell(payload: &mut &[u8]) -> Option<Cell> {
    let (tag, rest) = payload.split_first()?;
    *payload = rest;
    Some(match tag {
        0 => Cell::Null,
        1 => {
            let (number, rest) = payload.split_first_chunk()?;
            *payload = rest;
            Cell::Number(i64::from_be_bytes(*number))
        }
        2 => Cell::Text(String::from_utf8(read_bytes(payload)?).ok()?),
        3 => Cell::Bytes(read_bytes(payload)?),
        _ => return None,
    })
}

fn write_bytes(payload: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a value of a row is far below 4 GiB");
    payload.push(tag);
    payload.extend_from_slice(&length.to_be_bytes());
    payload.extend_from_slice(bytes);
}

fn read_bytes(payload: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = payload.split_first_chunk()?;
    let length = u32::from_be_bytes(*length) as usize;
    let bytes = rest.get(..length)?;
    *payload = &rest[length..];
    Some(bytes.to_vec())
}

fn head(kind: Kind, length: usize) -> io::Result<[u8; 5]> {
    let fits = u32::try_from(length).ok().filter(|_| length <= MOST);
    let length = fits.ok_or_else(|| io::Error::other("a row is too long for a backup"))?;
    let [a, b, c, d] = length.to_be_bytes();
    Ok([kind as u8, a, b, c, d])
}

/// Over the frame's place as well, so that frames can't change places.
fn checksum(place: u64, head: &[u8; 5], payload: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&place.to_be_bytes());
    context.update(head);
    context.update(payload);
    finish(context)
}

fn finish(context: Context) -> [u8; 32] {
    let digest = context.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new()).unwrap();
        writer.write(Kind::Header, b"{}").unwrap();
        writer.write(Kind::Rows, b"first").unwrap();
        writer.write(Kind::Rows, b"other").unwrap();
        writer.write(Kind::End, b"{}").unwrap();
        writer.into_inner()
    }

    fn read_all(bytes: &[u8]) -> Result<usize, Unread> {
        let mut reader = FrameReader::new(bytes)?;
        let mut frames = 1;
        while reader.read()?.kind != Kind::End {
            frames += 1;
        }
        reader.is_over()?;
        Ok(frames)
    }

    #[test]
    fn every_byte_counts_and_every_cut_shows() {
        let whole = file();
        assert_eq!(read_all(&whole).unwrap(), 4);
        for place in 0..whole.len() {
            let mut edited = whole.clone();
            edited[place] ^= 1;
            assert!(read_all(&edited).is_err(), "byte {place} was edited");
            assert!(read_all(&whole[..place]).is_err(), "cut at byte {place}");
        }
        let longer = [&whole[..], b"x"].concat();
        assert!(read_all(&longer).is_err());
    }

    #[test]
    fn frames_can_not_change_places() {
        let mut swapped = file();
        // Two frames of the same kind and length.
        let frame = 5 + 5 + 32;
        let first = MAGIC.len() + 5 + 2 + 32;
        let (one, other) = swapped[first..first + 2 * frame].split_at_mut(frame);
        one.swap_with_slice(other);
        assert!(matches!(read_all(&swapped), Err(Unread::Damaged(1, _))));
    }

    #[test]
    fn rows_read_back_as_they_were_written() {
        let rows = vec![
            vec![Cell::Null, Cell::Number(-1), Cell::Text("Zoë".to_owned())],
            vec![
                Cell::Bytes(vec![0, 255]),
                Cell::Number(i64::MAX),
                Cell::Text(String::new()),
            ],
        ];
        let mut payload = Vec::new();
        for row in &rows {
            write_row(&mut payload, row);
        }
        assert_eq!(read_rows(&payload, 3), Some(rows));
        for cut in 1..payload.len() {
            let read = read_rows(&payload[..cut], 3);
            assert!(read.is_none_or(|rows| rows.len() == 1), "cut at {cut}");
        }
    }
}
