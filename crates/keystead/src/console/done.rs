//! What a page says was just done: a word in the address, a sentence from this list.
//!
//! A form that did something sends the browser to a page to look at, so that loading it again does
//! nothing twice. The word shows nothing that the address does not say already.

const SENTENCES: &[(&str, &str)] = &[
    ("added", "Added."),
    ("changed", "Saved."),
    (
        "key-valid",
        "The provider takes this key. It is sealed, and ready to be used.",
    ),
    (
        "key-unchecked",
        "Sealed, but not checked: the provider gave no clear answer.",
    ),
    ("created", "Created."),
    ("deleted", "Deleted."),
    ("disabled", "Disabled. Running calls were cut."),
    ("enabled", "Enabled."),
    ("installed", "Installed. It takes calls from now on."),
    ("left", "You are signed out."),
    ("paused", "Paused. Running calls were cut."),
    ("removed", "Removed."),
    ("resumed", "It goes on."),
    ("revoked", "Revoked. It is refused from now on."),
    (
        "rotated",
        "Rotated. Every call from now on uses the new key.",
    ),
    (
        "replaced",
        "Replaced. Calls from now on use the new key; those that run may finish with the old one.",
    ),
    (
        "rotated-unchecked",
        "Replaced, but not checked: the provider gave no clear answer.",
    ),
    ("checked", "Checked with the provider."),
    (
        "seen",
        "Acknowledged. It comes back when the same is found again.",
    ),
    ("signed-out", "Signed out there."),
    (
        "taken-back",
        "Taken back. That application acts for you no more.",
    ),
    ("written", "Written. Everybody is asked again from now on."),
    ("turned", "You look at another organization now."),
    (
        "withdrawn-key",
        "Withdrawn. That application may not use the key any more.",
    ),
    ("withdrawn", "Withdrawn. The link lets nobody in any more."),
];

/// The sentence for `done=…` in a query.
pub(super) fn said(query: Option<&str>) -> Option<&'static str> {
    let mut pairs = query.unwrap_or_default().split('&');
    let word = pairs.find_map(|pair| pair.strip_prefix("done="))?;
    let found = SENTENCES.iter().find(|(known, _)| *known == word);
    found.map(|(_, sentence)| *sentence)
}
