//! Where tombstones are kept: a file or an address outside the store and its backups.

use std::{fmt, io, path::PathBuf};

use http::HeaderValue;

use crate::{
    app::settings::connector_of_the_operator,
    config::Config,
    net::{
        Connector,
        sink::{Sink, SinkError, SinkPlace},
    },
};

/// Where tombstones are kept.
#[derive(Clone)]
pub struct Place {
    sink: Sink,
    file: Option<PathBuf>,
}

/// Why a tombstone was not kept, or why there are none to read.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The sink.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is no file where they should be. A server makes it, so one that is missing was lost.
    #[error("there are no tombstones at {}", path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
}

impl Place {
    /// The place that the configuration names.
    pub fn new(place: SinkPlace, authorization: Option<HeaderValue>, connector: Connector) -> Self {
        let file = match &place {
            SinkPlace::File(path) => Some(path.clone()),
            SinkPlace::Address(_) => None,
        };
        Self {
            sink: Sink::new(place, authorization, connector),
            file,
        }
    }

    /// The place that the configuration names. It may be anywhere that a service can be: its address is
    /// the operator's own word.
    pub fn of(config: &Config) -> Self {
        let settings = &config.erasure;
        Self::new(
            settings.tombstones.clone(),
            settings.tombstones_authorization.clone(),
            connector_of_the_operator(config),
        )
    }

    /// Keeps a line; durable when this returns.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Sink`].
    pub async fn keep(&self, line: &str) -> Result<(), PlaceError> {
        Ok(self.sink.put(line).await?)
    }

    /// Makes the file where there is none, so that one which is missing later was lost.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Sink`].
    pub async fn prepare(&self) -> Result<(), PlaceError> {
        match self.file {
            Some(_) => Ok(self.sink.touch().await?),
            None => Ok(()),
        }
    }

    /// Everything that was kept.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Missing`] when there is no such file: without it nobody knows what was erased.
    pub async fn read(&self) -> Result<String, PlaceError> {
        match (self.sink.read().await, &self.file) {
            (Err(SinkError::File(error)), Some(path))
                if error.kind() == io::ErrorKind::NotFound =>
            {
                Err(PlaceError::Missing { path: path.clone() })
            }
            (read, _) => Ok(read?),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place(..)")
    }
}
