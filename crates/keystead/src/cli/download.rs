//! Answers that are too long to be held: lines, written on as they come.

use std::io::Write;

use http::Method;
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;

use super::{
    client::{ANSWER_TIMEOUT, Client, refused},
    failure::Failure,
};

impl Client {
    /// Asks for lines and writes them to `to`. Returns how many there were.
    pub(super) async fn download(&self, path: &str, to: &mut impl Write) -> Result<u64, Failure> {
        let silent = || Failure::new("the server did not answer in time").coded("timeout");
        let broken = || Failure::new("the answer broke off before its end").coded("broken_off");
        let begun = timeout(ANSWER_TIMEOUT, self.begin(Method::POST, path, None));
        let (answer, driver) = begun.await.map_err(|_| silent())??;
        let status = answer.status();
        if !status.is_success() {
            let body = Limited::new(answer.into_body(), 64 << 10).collect().await;
            let body = body.map(http_body_util::Collected::to_bytes);
            let said = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
            return Err(refused(status, &said));
        }
        let (mut body, mut lines) = (answer.into_body(), 0);
        while let Some(frame) = timeout(ANSWER_TIMEOUT, body.frame())
            .await
            .map_err(|_| silent())?
        {
            let Ok(part) = frame.map_err(|_| broken())?.into_data() else {
                continue;
            };
            lines += part.iter().filter(|byte| **byte == b'\n').count() as u64;
            to.write_all(&part)
                .map_err(|error| Failure::new(format!("it can't be written: {error}")))?;
        }
        driver.abort();
        Ok(lines)
    }
}
