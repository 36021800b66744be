//! `keystead member …`: who belongs to the organization, and as what.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Global, answer::*, client::Client, failure::Failure};

#[derive(Debug, Subcommand)]
pub(super) enum Member {
    /// List the members
    List,
    /// Give a member another role
    Role {
        /// The member
        #[arg(value_name = "ACCOUNT_ID")]
        id: String,
        /// owner, admin, developer or auditor
        #[arg(value_name = "ROLE")]
        role: String,
    },
    /// End a membership; sessions and API tokens of the member end with it
    Remove {
        /// The member
        #[arg(value_name = "ACCOUNT_ID")]
        id: String,
    },
}

impl Member {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::List => {
                let rows = client.list(PATH, &[]).await?;
                let columns = [
                    ("account", "account_id"),
                    ("role", "role"),
                    ("since", "created_at"),
                    ("e-mail", "email"),
                ];
                let text = table(rows.as_array().map_or(&[], Vec::as_slice), &columns, EMPTY);
                Ok(Answer::new(rows, text))
            }
            Self::Role { id, role } => {
                let member = client.patch(&of(&id), &json!({ "role": role })).await?;
                Ok(shown(member))
            }
            Self::Remove { id } => {
                client.delete(&of(&id)).await?;
                let json = json!({ "account_id": id, "removed": true });
                Ok(Answer::new(
                    json,
                    "Removed; the member's API tokens have ended",
                ))
            }
        }
    }
}

fn shown(member: Value) -> Answer {
    let rows = [
        ("account", &member["account_id"]),
        ("e-mail", &member["email"]),
        ("role", &member["role"]),
        ("since", &member["created_at"]),
    ];
    let text = fields(&rows);
    Answer::new(member, text)
}

fn of(id: &str) -> String {
    format!("{PATH}/{}", segment(id))
}

const PATH: &str = "/api/v1/members";
const EMPTY: &str = "No members";
