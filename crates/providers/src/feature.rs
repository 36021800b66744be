//! What gated features open, in words.

/// Every feature that is off until an AddOn allows it, and what it opens.
pub const FEATURES: &[(&str, &str)] = &[
    ("background", "work that goes on after the call"),
    (
        "store",
        "answers that the provider keeps and hands out by id",
    ),
    (
        "hosted-tools",
        "tools that the provider runs: search, code, computers",
    ),
    (
        "remote-mcp",
        "servers of third parties that the provider calls",
    ),
    (
        "data-sources",
        "Azure's \"on your data\", with keys of third parties in the body",
    ),
    ("priority", "faster tiers at a higher price"),
    (
        "containers",
        "machines and skills that live on between calls",
    ),
    ("files", "the provider's file store"),
    (
        "listing",
        "lists that show the objects of everybody who uses the key",
    ),
    ("long-context", "prompt lengths at a higher price"),
    ("inference-geo", "a region at a higher price"),
    ("realtime", "sessions whose cost is not metered"),
    (
        "custom-models",
        "models and voices trained by the key's owner",
    ),
    ("other-models", "models that the body names beside its own"),
    (
        "batch",
        "many calls in one; those in a file are not looked into",
    ),
];
