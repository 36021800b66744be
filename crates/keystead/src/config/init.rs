//! `[init]`: the first account, for installations that nobody sets up in a browser.

use std::path::PathBuf;

use super::{reader::Reader, value::Value};

/// The `[init]` table. It is looked at while there is no account.
#[derive(Debug, Clone, Default)]
pub struct Init {
    /// Who the first account is for.
    pub admin: Option<InitAdmin>,
    /// What its organization is called.
    pub organization: String,
}

/// The first account.
#[derive(Clone)]
pub struct InitAdmin {
    /// The e-mail address, as it was written.
    pub email: String,
    /// The file that the password is in.
    pub password_file: PathBuf,
}

impl std::fmt::Debug for InitAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InitAdmin(..)")
    }
}

impl Init {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        const EMAIL: &str = "init.admin_email";
        const PASSWORD: &str = "init.admin_password_file";
        let email = reader.secret::<Line>(
            EMAIL,
            None,
            "E-mail address of the first account, which a start makes while there is none. \
             Needs `init.admin_password_file`.",
        );
        let password_file = reader.optional(
            PASSWORD,
            "File with the first account's password. It is read while there is no account.",
        );
        let organization = reader.read::<Line>(
            "init.organization",
            "Main",
            "What the first account's organization is called.",
        );
        let admin = match (email, password_file) {
            (Some(Line(email)), Some(password_file)) => Some(InitAdmin {
                email,
                password_file,
            }),
            (Some(_), None) => {
                reader.conflict(EMAIL, format!("needs `{PASSWORD}` as well"));
                None
            }
            (None, Some(_)) => {
                reader.conflict(PASSWORD, format!("needs `{EMAIL}` as well"));
                None
            }
            (None, None) => None,
        };
        Self {
            admin,
            organization: organization.0,
        }
    }
}

/// One line of text that is not empty.
struct Line(String);

impl Value for Line {
    const EXPECTED: &'static str = "one line of text";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }
}
