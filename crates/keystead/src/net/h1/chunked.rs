//! Bodies in chunks, RFC 9112, section 7.1.

use bytes::{Buf as _, Bytes};

/// How many bytes of chunk extensions and trailers an answer may have.
const MOST_BESIDE: usize = 16 * 1024;

/// The most digits of a chunk's size: more would not fit a `u64`.
const MOST_DIGITS: u8 = 16;

/// A body in chunks, as far as it was read.
#[derive(Debug)]
pub(super) struct Chunked {
    at: At,
    /// Bytes of extensions and trailers so far.
    beside: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    /// A chunk's size, so many digits of it read.
    Size {
        size: u64,
        digits: u8,
    },
    /// White space behind the size: some servers write all sizes in one width.
    Padding {
        size: u64,
    },
    /// An extension, up to the line's end.
    Extension {
        size: u64,
    },
    /// The line feed behind a chunk's size.
    SizeEnd {
        size: u64,
    },
    /// So many bytes of a chunk.
    Data(u64),
    /// The carriage return behind a chunk.
    DataReturn,
    /// The line feed behind a chunk.
    DataEnd,
    /// A trailer, or the end.
    Trailers,
    /// More of a trailer.
    Trailer,
    /// The line feed behind a trailer.
    TrailerEnd,
    /// The last line feed.
    End,
    Over,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            at: At::Size { size: 0, digits: 0 },
            beside: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// Takes what comes next of the body out of `unread`, and all that stands around it, so that
    /// the end is seen as soon as it has come. Empty when more must be read first.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub(super) fn take(&mut self, unread: &mut Bytes) -> Result<Bytes, &'static str> {
        self.skip(unread)?;
        let At::Data(left) = self.at else {
            return Ok(Bytes::new());
        };
        let there = unread
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let data = unread.split_to(there);
        self.at = match left - there as u64 {
            0 => At::DataReturn,
            left => At::Data(left),
        };
        self.skip(unread)?;
        Ok(data)
    }

    /// Reads up to the next byte of the body.
    fn skip(&mut self, unread: &mut Bytes) -> Result<(), &'static str> {
        let mut read = 0;
        for byte in unread.iter() {
            if matches!(self.at, At::Data(_) | At::Over) {
                break;
            }
            self.at = self.step(*byte)?;
            read += 1;
        }
        unread.advance(read);
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<At, &'static str> {
        Ok(match (self.at, byte) {
            (At::Size { digits: 0, .. }, byte) if !byte.is_ascii_hexdigit() => {
                return Err("a chunk has no size");
            }
            (At::Size { size, digits }, byte) => match char::from(byte).to_digit(16) {
                Some(_) if digits == MOST_DIGITS => return Err("a chunk is too large"),
                Some(digit) => At::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                },
                None => behind(size, byte)?,
            },
            (At::Padding { size }, byte) => behind(size, byte)?,
            (At::Extension { size }, b'\r') => At::SizeEnd { size },
            (At::Extension { .. } | At::Trailers | At::Trailer, b'\n') => {
                return Err("a line has a half end");
            }
            (At::Extension { .. }, _) => self.beside(self.at)?,
            (At::SizeEnd { size: 0 }, b'\n') => At::Trailers,
            (At::SizeEnd { size }, b'\n') => At::Data(size),
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size { size: 0, digits: 0 },
            (At::Trailers, b'\r') => At::End,
            (At::Trailer, b'\r') => At::TrailerEnd,
            (At::Trailers | At::Trailer, _) => self.beside(At::Trailer)?,
            (At::TrailerEnd, b'\n') => At::Trailers,
            (At::End, b'\n') => At::Over,
            (At::Data(_) | At::Over, _) => self.at,
            _ => return Err("a chunk does not end where it said"),
        })
    }

    /// A byte that is none of the body and means nothing to us.
    fn beside(&mut self, next: At) -> Result<At, &'static str> {
        self.beside += 1;
        if self.beside > MOST_BESIDE {
            return Err("its chunks have too much beside them");
        }
        Ok(next)
    }
}

/// What comes behind a chunk's size.
fn behind(size: u64, byte: u8) -> Result<At, &'static str> {
    match byte {
        b'\r' => Ok(At::SizeEnd { size }),
        b' ' | b'\t' => Ok(At::Padding { size }),
        b';' => Ok(At::Extension { size }),
        _ => Err("a chunk's size is no number"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body, and what is left when it is over; read in pieces of these lengths, in turn.
    fn read(text: &[u8], pieces: &[usize]) -> Result<(Vec<u8>, Option<Vec<u8>>), &'static str> {
        let (mut chunked, mut body) = (Chunked::new(), Vec::new());
        let (mut text, mut unread) = (Bytes::copy_from_slice(text), Bytes::new());
        let mut pieces = pieces.iter().cycle();
        while !chunked.is_over() {
            if unread.is_empty() {
                let piece = *pieces.next().unwrap();
                unread = text.split_to(piece.min(text.len()));
                if unread.is_empty() {
                    return Ok((body, None));
                }
            }
            body.extend_from_slice(&chunked.take(&mut unread)?);
        }
        Ok((body, Some([unread, text].concat())))
    }

    #[test]
    fn what_is_well_formed_is_read() {
        for (text, body, left) in [
            ("0\r\n\r\n", "", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
            (
                "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nHTTP/1.1",
                "hello!",
                "HTTP/1.1",
            ),
            ("00000A\r\n0123456789\r\n000\r\n\r\n", "0123456789", ""),
            ("1 \t;a=\"b\";c\r\nx\r\n0;d\r\n\r\n", "x", ""),
            ("1\r\n\r\r\n0\r\nx-a: b\r\nc: d\r\n\r\n\n", "\r", "\n"),
        ] {
            for pieces in [&[1_000][..], &[1], &[2, 1, 3]] {
                let expected = (body.as_bytes().to_vec(), Some(left.as_bytes().to_vec()));
                assert_eq!(read(text.as_bytes(), pieces), Ok(expected), "{text:?}");
            }
        }
    }

    #[test]
    fn what_could_be_read_otherwise_is_refused() {
        for text in [
            "\r\n\r\n",
            " 5\r\nhello\r\n",
            "-5\r\n",
            "+5\r\nhello\r\n",
            "0x5\r\nhello\r\n",
            "5\nhello\n0\n\n",
            "5\rhello\r0\r\r",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello!\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5 ;a\nhello\r\n0\r\n\r\n",
            "0\r\nx\n\r\n",
            "0\r\nx\r\r\n",
            "0\r\n\n",
            "0\r\n\rx",
            "10000000000000000\r\n",
            "5g\r\n",
            "5 5\r\nhello\r\n",
            "5 abc\r\nhello\r\n",
        ] {
            for pieces in [&[1_000][..], &[1]] {
                assert!(read(text.as_bytes(), pieces).is_err(), "{text:?}");
            }
        }
        let padded = [
            b"5".as_slice(),
            &[b' '; 2 * MOST_BESIDE],
            b"\r\nhello\r\n0\r\n\r\n",
        ]
        .concat();
        assert!(read(&padded, &[1_000]).is_ok());
        for beside in ["5;", "0\r\nx: "] {
            let text = [beside.as_bytes(), &[b'x'; MOST_BESIDE + 1]].concat();
            assert!(read(&text, &[1_000]).is_err(), "{beside:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_come_through_however_they_are_cut(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            pieces in prop::collection::vec(1_usize..30, 1..8),
            left in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend(format!("{:X};x=y\r\n", chunk.len()).into_bytes());
                text.extend_from_slice(chunk);
                text.extend(b"\r\n");
            }
            text.extend(b"0\r\n\r\n");
            let whole = text.len();
            text.extend_from_slice(&left);
            prop_assert_eq!(read(&text, &pieces), Ok((chunks.concat(), Some(left))));
            // Cut short, it is never over.
            for cut in 0..whole {
                prop_assert!(read(&text[..cut], &pieces).is_ok_and(|(_, left)| left.is_none()));
            }
        }

        #[test]
        fn nothing_at_all_panics(
            text in prop::collection::vec(prop::sample::select(b"0123fF;\r\n \tx".to_vec()), 0..60),
            piece in 1_usize..9,
        ) {
            // The same however it is cut.
            prop_assert_eq!(read(&text, &[piece]), read(&text, &[1_000]));
        }
    }
}
