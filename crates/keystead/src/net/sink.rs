//! Sinks: places outside the store that lines are given to, so that what was once said can't be taken
//! back by whoever rewrites the store.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use keystead_providers::{Destination, Scheme};
use url::{Position, Url};

use super::{
    Connector,
    aside::aside,
    fetch::{FetchError, fetch, fetch_whole},
};

/// Where a sink is, as a setting says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SinkPlace {
    /// A file that lines are added to.
    File(PathBuf),
    /// An address that each line is posted to.
    Address(Url),
}

/// A sink.
#[derive(Clone)]
pub struct Sink {
    place: SinkPlace,
    authorization: Option<HeaderValue>,
    connector: Connector,
}

/// Why a line was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file can't be written.
    #[error("the file can't be written: {0}")]
    File(#[from] io::Error),
    /// The address does not answer.
    #[error(transparent)]
    Unreachable(#[from] FetchError),
    /// It answered, and not with 2xx.
    #[error("the address answered {0}")]
    Refused(StatusCode),
    /// The address can't be asked for.
    #[error("the address is none that can be posted to")]
    Malformed,
    /// It gave back more than anyone can have given it.
    #[error("the address answered with too much")]
    TooLong,
}

impl Sink {
    /// A sink; `authorization` is the value of that header, for one that wants it.
    #[must_use]
    pub fn new(place: SinkPlace, authorization: Option<HeaderValue>, connector: Connector) -> Self {
        Self {
            place,
            authorization,
            connector,
        }
    }

    /// Gives it a line, which has no end of line in it. Durable when this returns, as far as the place
    /// says so.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; the line may have been taken all the same.
    pub async fn put(&self, line: &str) -> Result<(), SinkError> {
        match &self.place {
            SinkPlace::File(path) => {
                let (path, line) = (path.clone(), line.to_owned());
                Ok(aside(move || add(&path, &line)).await?)
            }
            SinkPlace::Address(url) => self.post(url, line).await,
        }
    }

    /// Everything that it was given, a line each: the file, or what the address answers to a GET.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; [`SinkError::TooLong`] beyond 256 MiB.
    pub async fn read(&self) -> Result<String, SinkError> {
        match &self.place {
            SinkPlace::File(path) => {
                let path = path.clone();
                Ok(aside(|| fs::read_to_string(path)).await?)
            }
            SinkPlace::Address(url) => {
                let (destination, request) = self.request(url, Method::GET, Bytes::new())?;
                let answer =
                    fetch_whole(&self.connector, &destination, request, LONG, MOST).await?;
                if !answer.status.is_success() {
                    return Err(SinkError::Refused(answer.status));
                }
                if answer.body.len() >= MOST {
                    return Err(SinkError::TooLong);
                }
                String::from_utf8(answer.body.to_vec()).map_err(|_| SinkError::Malformed)
            }
        }
    }

    /// Makes the file where there is none. An address is as it is.
    ///
    /// # Errors
    ///
    /// [`SinkError::File`].
    pub async fn touch(&self) -> Result<(), SinkError> {
        match &self.place {
            SinkPlace::File(path) => {
                let path = path.clone();
                Ok(aside(move || open(&path)?.sync_all()).await?)
            }
            SinkPlace::Address(_) => Ok(()),
        }
    }

    async fn post(&self, url: &Url, line: &str) -> Result<(), SinkError> {
        let body = Bytes::copy_from_slice(line.as_bytes());
        let (destination, request) = self.request(url, Method::POST, body)?;
        let answer = fetch(&self.connector, &destination, request, PATIENCE).await?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(SinkError::Refused(answer.status)),
        }
    }

    fn request(
        &self,
        url: &Url,
        method: Method,
        body: Bytes,
    ) -> Result<(Destination, Request<Full<Bytes>>), SinkError> {
        let destination = Destination {
            scheme: match url.scheme() {
                "https" => Scheme::Https,
                _ => Scheme::Http,
            },
            host: url.host_str().ok_or(SinkError::Malformed)?.to_owned(),
            port: url.port_or_known_default().ok_or(SinkError::Malformed)?,
            prefix: String::new(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(
                header::HOST,
                &url[Position::BeforeHost..Position::AfterPort],
            )
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("keystead/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body));
        Ok((destination, request.map_err(|_| SinkError::Malformed)?))
    }
}

fn add(path: &Path, line: &str) -> io::Result<()> {
    let mut file = open(path)?;
    let start = if ends_amid_a_line(path, &file)? {
        "\n"
    } else {
        ""
    };
    // One write, so that lines of several processes don't mix.
    file.write_all(format!("{start}{line}\n").as_bytes())?;
    file.sync_data()
}

/// Whether a full disk or a cut left a line half written: the next one must not become part of it. Of a
/// place that may only be written to, nobody can say.
fn ends_amid_a_line(path: &Path, file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [0];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut byte, last));
    Ok(read.is_ok() && byte != *b"\n")
}

/// Opens a file to add to it, and makes it and its folder where there is none.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                let mut builder = DirBuilder::new();
                builder.recursive(true).mode(0o700).create(folder)?;
            }
            options.open(path)
        }
        opened => opened,
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink(..)")
    }
}

/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to give back all that it was given.
const LONG: Duration = Duration::from_secs(120);

/// How much that may be.
const MOST: usize = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::address::AddressRules;

    fn sink(path: PathBuf) -> Sink {
        let rules = AddressRules {
            allow_private: false,
            own: Vec::new(),
        };
        let connector = Connector::new(rules, PATIENCE);
        Sink::new(SinkPlace::File(path), None, connector)
    }

    #[tokio::test]
    async fn a_file_is_made_with_its_folder_and_only_added_to() {
        let folder = std::env::temp_dir().join(format!("keystead-sink-{}", std::process::id()));
        let path = folder.join("a").join("lines");
        let sink = sink(path.clone());
        sink.put("one").await.unwrap();
        sink.put("two").await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        // A full disk or a cut left a line half written.
        fs::write(&path, "one\ntw").unwrap();
        sink.put("three").await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(sink.put("three").await, Err(SinkError::File(_))));
        _ = fs::remove_dir_all(&folder);
    }

    /// A stop is no failure of the place: who is in the middle of it hears nothing, and raises no alarm.
    #[test]
    fn a_stop_is_not_taken_for_a_place_that_fails() {
        let folder = std::env::temp_dir().join(format!("keystead-stop-{}", std::process::id()));
        let sink = sink(folder.join("lines"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let (begun, wait) = std::sync::mpsc::channel();
        let (told, hear) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            begun.send(()).unwrap();
            // It runs while the runtime is shut down, and only then wants to write.
            std::thread::sleep(Duration::from_millis(300));
            _ = told.send(sink.put("late").await.is_ok());
        });
        wait.recv().unwrap();
        runtime.shutdown_timeout(Duration::from_secs(30));
        let heard = hear.try_recv();
        assert!(heard != Ok(false), "the stop was taken for a failure");
        _ = fs::remove_dir_all(&folder);
    }
}
