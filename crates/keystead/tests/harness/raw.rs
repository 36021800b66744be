//! Bytes over TCP, for requests that no client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::http::Client;

impl Client {
    /// Writes `bytes` and reads until the server closes or has nothing more to say.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.dial().await.unwrap();
        // The server may refuse before it has read it all.
        drop(stream.write_all(bytes.as_ref()).await);
        let mut heard = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let silence = if heard.is_empty() { SLOW } else { QUICK };
            match tokio::time::timeout(silence, stream.read(&mut buffer)).await {
                Ok(Ok(read)) if read > 0 => heard.extend_from_slice(&buffer[..read]),
                _ => return String::from_utf8_lossy(&heard).into_owned(),
            }
        }
    }
}

const SLOW: Duration = Duration::from_secs(5);
const QUICK: Duration = Duration::from_millis(300);
