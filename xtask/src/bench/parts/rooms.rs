//! The parts of Keystead that instructions are charged to, told by the file they were written in.

/// A part, and what a file's path holds that belongs to it; the first that fits.
pub(super) const ROOMS: &[(&str, &[&str])] = &[
    (
        "connections and HTTP (hyper)",
        &["/hyper-", "/httparse-", "/httpdate-", "/h2-"],
    ),
    ("TLS", &["/rustls-", "/tokio-rustls-"]),
    (
        "runtime and sockets (tokio)",
        &["/tokio-1", "/mio-", "/socket2-"],
    ),
    (
        "reading the request's head",
        &[
            "keystead/src/proxy/call",
            "keystead/src/proxy/hosts",
            "keystead/src/proxy/cors",
            "keystead/src/proxy/listen",
            "providers/src/path",
        ],
    ),
    (
        "the token",
        &[
            "keystead/src/proxy/authenticate",
            "keystead/src/proxy/credential",
            "keystead/src/proxy/session",
            "keystead/src/proxy/news",
            "keystead/src/store/authority",
            "providers/src/credential",
            "vault/src/token",
        ],
    ),
    (
        "reading the body for policy",
        &[
            "keystead/src/proxy/body",
            "providers/src/inspect",
            "providers/src/body",
            "providers/src/edits",
        ],
    ),
    (
        "policy",
        &[
            "keystead/src/proxy/decide",
            "providers/src/feature",
            "providers/src/operation",
            "providers/src/manifest",
        ],
    ),
    (
        "budgets",
        &[
            "keystead/src/limits/budget",
            "keystead/src/limits/counters",
            "keystead/src/proxy/budget",
            "keystead/src/store/leases",
            "providers/src/ceiling",
            "providers/src/reservation",
        ],
    ),
    (
        "other limits",
        &["keystead/src/limits", "keystead/src/proxy/admit"],
    ),
    (
        "opening the key, its audit",
        &[
            "keystead/src/audit",
            "keystead/src/custody",
            "keystead/src/proxy/open",
            "crates/vault/",
        ],
    ),
    (
        "the exchange with the provider",
        &["keystead/src/net/h1", "keystead/src/net/pool"],
    ),
    (
        "the request to the provider, its headers",
        &[
            "keystead/src/proxy/prepare",
            "keystead/src/proxy/gate",
            "keystead/src/proxy/live",
            "keystead/src/proxy/retry",
            "keystead/src/proxy/send",
            "keystead/src/net",
            "providers/src/destination",
        ],
    ),
    ("masking echoed keys", &["keystead/src/proxy/mask"]),
    ("alerts", &["keystead/src/watch", "keystead/src/alerts"]),
    (
        "metering the answer",
        &[
            "keystead/src/proxy/attempt",
            "keystead/src/proxy/meter",
            "providers/src/answer_ids",
            "providers/src/documents",
            "providers/src/field_tree",
            "providers/src/meter",
            "providers/src/price",
            "providers/src/rewrite",
            "providers/src/scan",
            "providers/src/settlement",
            "providers/src/sse",
            "providers/src/usage",
        ],
    ),
    (
        "the ledger and its sums",
        &[
            "keystead/src/proxy/ledger",
            "keystead/src/proxy/control",
            "keystead/src/store",
            "/sqlx",
            "/libsqlite3-sys",
            "sqlite3.c",
        ],
    ),
    (
        "the answer to the client, its headers",
        &[
            "keystead/src/proxy/reply",
            "keystead/src/proxy/refusal",
            "keystead/src/proxy/serve",
        ],
    ),
    (
        "from stage to stage",
        &[
            "keystead/src/proxy/mod.rs",
            "keystead/src/proxy/plane",
            "keystead/src/proxy/unwind",
        ],
    ),
    (
        "metrics and logs",
        &["keystead/src/management", "keystead/src/log", "/tracing"],
    ),
    (
        "the rest of Keystead",
        &["crates/keystead/", "crates/providers/"],
    ),
];

/// What nobody with a room asked for.
pub(super) const LEFT_OVER: &str = "left over";

/// Of ours, and serving whoever calls; `main` is where the allocator is named.
const EVERYBODYS: [&str; 5] = [
    "keystead/src/clock.rs",
    "keystead/src/ids.rs",
    "keystead/src/main.rs",
    "providers/src/header_list.rs",
    "providers/src/model_name.rs",
];

/// None for what serves everybody: the standard library, collections, hashes, copies.
pub(super) fn room_of(file: &str) -> Option<&'static str> {
    if EVERYBODYS.iter().any(|part| file.contains(part)) {
        return None;
    }
    let fits = |parts: &[&str]| parts.iter().any(|part| file.contains(part));
    let found = ROOMS.iter().find(|(_, parts)| fits(parts));
    found.map(|(room, _)| *room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_first_room_that_fits_has_the_file() {
        for (file, room) in [
            (
                "/c/hyper-util-0.1.0/src/rt.rs",
                Some("connections and HTTP (hyper)"),
            ),
            (
                "/c/tokio-1.50.0/src/io.rs",
                Some("runtime and sockets (tokio)"),
            ),
            ("/k/crates/keystead/src/limits/budget.rs", Some("budgets")),
            (
                "/k/crates/keystead/src/limits/rate.rs",
                Some("other limits"),
            ),
            ("/k/crates/vault/src/token.rs", Some("the token")),
            (
                "/k/crates/vault/src/record.rs",
                Some("opening the key, its audit"),
            ),
            (
                "/k/crates/keystead/src/lib.rs",
                Some("the rest of Keystead"),
            ),
            ("/k/crates/keystead/src/clock.rs", None),
            ("/c/bytes-1.0.0/src/bytes.rs", None),
            ("/rustc/1/library/core/src/ptr.rs", None),
        ] {
            assert_eq!(room_of(file), room, "{file}");
        }
    }

    #[test]
    fn every_file_of_ours_that_a_room_names_is_there() {
        let named = ROOMS.iter().flat_map(|(_, parts)| *parts);
        let named = named.chain(&EVERYBODYS);
        for part in named.filter(|part| part.contains("/src/")) {
            let path = workspace::root().join("crates").join(part);
            let is_there = path.is_dir() || path.with_extension("rs").is_file();
            assert!(is_there, "{part}");
        }
    }
}
