//! Where the Redis is that processes share their limits through.

use std::{fmt, str::FromStr};

use keystead_providers::{Destination, Scheme};
use percent_encoding::percent_decode_str;
use redis::RedisConnectionInfo;
use url::Url;

/// `redis://USER:PASSWORD@HOST:PORT/NUMBER`, or `rediss://…` for TLS.
#[derive(Clone)]
pub struct SharedUrl {
    pub(super) destination: Destination,
    /// User, password, and number of the database.
    pub(super) login: RedisConnectionInfo,
}

/// Text that is no Redis's address. Does not repeat it: it may hold a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a Redis's address is `redis://USER:PASSWORD@HOST:PORT/NUMBER`, or `rediss://…` for TLS")]
pub struct BadSharedUrl;

impl FromStr for SharedUrl {
    type Err = BadSharedUrl;

    fn from_str(text: &str) -> Result<Self, BadSharedUrl> {
        let url = Url::parse(text).map_err(|_| BadSharedUrl)?;
        let scheme = match url.scheme() {
            "redis" => Scheme::Http,
            "rediss" => Scheme::Https,
            _ => return Err(BadSharedUrl),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let number = match url.path().trim_start_matches('/') {
            "" => 0,
            number => number.parse::<u16>().map_err(|_| BadSharedUrl)?,
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadSharedUrl);
        }
        let mut login = RedisConnectionInfo::default()
            .set_db(i64::from(number))
            .set_skip_set_lib_name();
        if !url.username().is_empty() {
            login = login.set_username(decoded(url.username())?);
        }
        if let Some(password) = url.password() {
            login = login.set_password(decoded(password)?);
        }
        Ok(Self {
            destination: Destination {
                scheme,
                host: host.ok_or(BadSharedUrl)?.to_ascii_lowercase(),
                port: url.port().unwrap_or(6379),
                prefix: String::new(),
            },
            login,
        })
    }
}

fn decoded(text: &str) -> Result<String, BadSharedUrl> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from).map_err(|_| BadSharedUrl)
}

/// Without user and password.
impl fmt::Display for SharedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Destination {
            scheme, host, port, ..
        } = &self.destination;
        let scheme = match scheme {
            Scheme::Http => "redis",
            Scheme::Https => "rediss",
        };
        write!(f, "{scheme}://{host}:{port}/{}", self.login.db())
    }
}

impl fmt::Debug for SharedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_is_not_shown() {
        for (text, shown, user, password) in [
            ("redis://cache", "redis://cache:6379/0", None, None),
            (
                "rediss://Cache.Example:7000/3",
                "rediss://cache.example:7000/3",
                None,
                None,
            ),
            (
                "redis://:hunter2@10.0.0.7/",
                "redis://10.0.0.7:6379/0",
                None,
                Some("hunter2"),
            ),
            (
                "redis://keystead:p%40ss%2Fw%C3%B6rd@[fd00::7]:6380",
                "redis://[fd00::7]:6380/0",
                Some("keystead"),
                Some("p@ss/wörd"),
            ),
        ] {
            let url: SharedUrl = text.parse().unwrap();
            assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
            assert_eq!(url.login.username(), user, "{text}");
            assert_eq!(url.login.password(), password, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "cache:6379",
            "http://cache",
            "redis://",
            "redis://:hunter2@",
            "redis://cache/zero",
            "redis://cache/-1",
            "redis://cache?protocol=resp3",
            "redis://cache/0#insecure",
            "redis+unix:///run/redis.sock",
            "redis://:%FF@cache",
        ] {
            assert_eq!(
                text.parse::<SharedUrl>().err(),
                Some(BadSharedUrl),
                "{text}"
            );
        }
    }
}
