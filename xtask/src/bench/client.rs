//! One keep-alive HTTP/1.1 connection of the load generator.
//!
//! Written by hand so that the load costs next to nothing beside what it measures: requests are
//! bytes made beforehand, answers are read into one buffer, nothing is allocated a request.

use std::io;

use tokio::net::TcpStream;

use crate::failed::{Failed, Trying as _};

/// Longest answer head that is understood.
const HEAD: usize = 16 * 1024;

/// An open connection, ready for the next request.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

/// How far an answer has been read.
#[derive(Debug)]
pub(super) struct Answer {
    end: End,
    /// Bytes of the body that have come.
    body: usize,
    is_complete: bool,
}

/// How the end of a body is known.
#[derive(Debug)]
enum End {
    After(usize),
    /// The last chunk: five bytes that can end nothing else.
    Chunk,
}

impl Connection {
    #[expect(
        clippy::disallowed_methods,
        reason = "a load on loopback, no provider's address"
    )]
    pub(super) async fn open(port: u16) -> Result<Self, Failed> {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .trying("connecting")?;
        stream.set_nodelay(true).trying("connecting")?;
        Ok(Self {
            stream,
            buffer: vec![0; 4 * HEAD].into(),
        })
    }

    /// Sends a request and reads its answer to the end.
    pub(super) async fn call(&mut self, request: &[u8]) -> Result<(), Failed> {
        let answer = self.begin(request).await?;
        self.finish(answer).await
    }

    /// Sends a request and reads until the first byte of the body is there.
    pub(super) async fn begin(&mut self, request: &[u8]) -> Result<Answer, Failed> {
        self.write(request).await.trying("sending a request")?;
        let mut held = 0;
        loop {
            held += self.read(held).await.trying("awaiting an answer")?;
            if let Some(answer) = self.head(held)?
                && (answer.body > 0 || answer.is_complete)
            {
                return Ok(answer);
            }
            if held >= HEAD {
                return Err(Failed::new("an answer whose head never ends"));
            }
        }
    }

    /// Reads what is left of an answer.
    pub(super) async fn finish(&mut self, mut answer: Answer) -> Result<(), Failed> {
        while !answer.is_complete {
            // The last bytes are kept in front: the end of a chunked body may come in pieces.
            let read = self
                .read(CHUNKED_END.len())
                .await
                .trying("reading an answer")?;
            answer.body += read;
            let held = CHUNKED_END.len() + read;
            answer.is_complete = match answer.end {
                End::After(length) => answer.body >= length,
                End::Chunk => self.buffer[..held].ends_with(CHUNKED_END),
            };
            self.buffer.copy_within(read..held, 0);
        }
        Ok(())
    }

    /// Reads the head once it is whole, and leaves the body's last bytes in front.
    fn head(&mut self, held: usize) -> Result<Option<Answer>, Failed> {
        let bytes = &self.buffer[..held];
        let Some(head) = find(bytes, b"\r\n\r\n").map(|at| at + 4) else {
            return Ok(None);
        };
        if !bytes.starts_with(b"HTTP/1.1 200 ") {
            let answer = String::from_utf8_lossy(bytes);
            return Err(Failed::new(format!("an answer other than 200:\n{answer}")));
        }
        let body = held - head;
        let end = match header(&bytes[..head], b"content-length: ") {
            Some(length) => {
                let length = std::str::from_utf8(length).trying("content-length")?;
                End::After(length.trim().parse().trying("content-length")?)
            }
            None => End::Chunk,
        };
        let is_complete = match end {
            End::After(length) => body >= length,
            End::Chunk => bytes[head..].ends_with(CHUNKED_END),
        };
        // At least the head stands before them, so there are always five.
        self.buffer.copy_within(held - CHUNKED_END.len()..held, 0);
        Ok(Some(Answer {
            end,
            body,
            is_complete,
        }))
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.writable().await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn read(&mut self, from: usize) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut self.buffer[from..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

const CHUNKED_END: &[u8] = b"0\r\n\r\n";

/// Where `what` begins.
pub(super) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The rest of the line that begins with a header's name, whatever its case.
pub(super) fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let lines = head.split(|&byte| byte == b'\n');
    let value = |line: &'a [u8]| {
        let is_named = line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name);
        is_named.then(|| line[name.len()..].trim_ascii_end())
    };
    lines.skip(1).find_map(value)
}
