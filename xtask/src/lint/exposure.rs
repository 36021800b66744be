//! Plaintext secrets leave their types in the places listed here and nowhere else.
//!
//! A new place is a line in [`PLACES`] that a reviewer can't miss; a line whose place has gone goes too.

use super::Finding;
use super::source::Source;

/// Where a secret may be read, and why it must be. A path that ends in `/` is a folder.
const PLACES: &[(&str, &str)] = &[
    (
        "crates/keystead/src/cli/init.rs",
        "a new API token is shown once",
    ),
    (
        "crates/keystead/src/cli/serve.rs",
        "the set-up link is printed at a start",
    ),
    (
        "crates/keystead/src/connect/links.rs",
        "a connect link goes to its host, and a code into the address that leads back",
    ),
    (
        "crates/keystead/src/console/once.rs",
        "the page that shows a new secret, once",
    ),
    (
        "crates/keystead/src/console/account/",
        "owners see their address, and new recovery codes once",
    ),
    (
        "crates/keystead/src/console/connect/visitor.rs",
        "what stands for an opened link goes into the browser's cookie",
    ),
    (
        "crates/keystead/src/console/privacy/",
        "owners type their address to erase their account",
    ),
    (
        "crates/keystead/src/console/sign_in/",
        "a session's token goes into the browser's cookie",
    ),
    (
        "crates/keystead/src/custody/",
        "what is entered is handed to the vault to be sealed",
    ),
    (
        "crates/keystead/src/demo/owner.rs",
        "the demo calls its own interfaces",
    ),
    (
        "crates/keystead/src/manage/email_view.rs",
        "members are listed with their e-mail addresses",
    ),
    (
        "crates/keystead/src/manage/erasure.rs",
        "an account's own export holds its e-mail address",
    ),
    (
        "crates/keystead/src/manage/key_entry.rs",
        "a key's form tells its kind and its host",
    ),
    (
        "crates/keystead/src/manage/shown_once.rs",
        "a new client secret is shown once",
    ),
    (
        "crates/keystead/src/oauth/consent.rs",
        "an authorization code goes into the address that leads back",
    ),
    (
        "crates/keystead/src/oauth/minted.rs",
        "new access and refresh tokens are shown once",
    ),
    (
        "crates/keystead/src/people/",
        "passwords are hashed, and authenticators are told whose codes they make",
    ),
    (
        "crates/keystead/src/proxy/open.rs",
        "what a provider might echo is made ready to be masked",
    ),
    (
        "crates/keystead/src/root/file.rs",
        "a new root key is written to its file",
    ),
    (
        "crates/keystead/src/root/mod.rs",
        "the pages that it lies in are kept out of swap",
    ),
    (
        "crates/keystead/src/store/decoys.rs",
        "a decoy that looks like a token is shown once",
    ),
    (
        "crates/providers/src/credential.rs",
        "the key goes into the provider's header",
    ),
    ("crates/vault/src/", "the vault opens and seals"),
];

/// The way out of every secret type.
const CALL: &str = ".expose(";

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let exempt = source.is_test() || source.path.starts_with("xtask/");
    if exempt || PLACES.iter().any(|(place, _)| covers(place, &source.path)) {
        return Vec::new();
    }
    let lines = calls(source);
    lines
        .map(|line| {
            Finding::at(
                source,
                line,
                "a secret is exposed here; see lint/exposure.rs",
            )
        })
        .collect()
}

/// Places that no longer expose anything.
pub(super) fn stale(sources: &[Source]) -> Vec<Finding> {
    let is_used = |place: &str| {
        sources
            .iter()
            .any(|source| covers(place, &source.path) && calls(source).next().is_some())
    };
    let stale = PLACES.iter().filter(|(place, _)| !is_used(place));
    stale
        .map(|(place, _)| Finding::on(*place, "exposes nothing; remove it from lint/exposure.rs"))
        .collect()
}

fn covers(place: &str, path: &str) -> bool {
    if place.ends_with('/') {
        path.starts_with(place)
    } else {
        path == place
    }
}

/// The numbers of the lines that expose something, comments and tests aside.
fn calls(source: &Source) -> impl Iterator<Item = usize> {
    let code = source
        .shipped()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter(|(_, line)| line.contains(CALL))
        .map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_that_ships_outside_the_list_is_found() {
        let call = "send(key.expose());\n";
        for (name, path, text, found) in [
            (
                "a call",
                "crates/keystead/src/usage.rs",
                call.to_owned(),
                true,
            ),
            (
                "a comment",
                "crates/keystead/src/usage.rs",
                format!("// {call}"),
                false,
            ),
            (
                "a test",
                "crates/keystead/src/usage.rs",
                format!("#[cfg(test)]\n{call}"),
                false,
            ),
            (
                "a test's file",
                "crates/keystead/tests/keys.rs",
                call.to_owned(),
                false,
            ),
        ] {
            assert_eq!(!check(&Source::new(path, text)).is_empty(), found, "{name}");
        }
    }

    #[test]
    fn a_folder_covers_what_lies_in_it_and_a_file_itself() {
        assert!(covers("crates/vault/src/", "crates/vault/src/token.rs"));
        assert!(!covers("crates/vault/src/", "crates/vault/srcs/token.rs"));
        assert!(covers("a/b.rs", "a/b.rs"));
        assert!(!covers("a/b.rs", "a/b.rs.rs"));
    }
}
