//! `docs/reference/audit-events.md`: every row that the audit log can have.

use std::fmt::Write as _;

use crate::audit::{Action, Field};

/// The page.
pub fn audit_events() -> String {
    let mut page = String::from(
        "# Rows of the audit log\n\n\
         Made from the code by a test. The [audit log](../concepts/audit-log.md) has no other actions, and \
         no row has other facts than those of its action.\n\n\
         | action | what it means | facts |\n|---|---|---|\n",
    );
    for action in Action::ALL {
        let fields = action.fields().iter();
        let fields: Vec<_> = fields.map(|field| format!("`{}`", field.word())).collect();
        let (word, meaning) = (action.word(), action.meaning());
        _ = writeln!(page, "| `{word}` | {meaning} | {} |", fields.join(", "));
    }
    page.push_str(
        "\n## Facts\n\n\
         Ids, numbers and words of the program. What a person typed is none, and does not compile.\n\n\
         | fact | what it is |\n|---|---|\n",
    );
    for field in Field::ALL {
        _ = writeln!(page, "| `{}` | {} |", field.word(), field.meaning());
    }
    page
}
