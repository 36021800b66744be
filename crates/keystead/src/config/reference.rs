//! The settings as text: the annotated example, and what holds now.

use std::fmt::Write;

use serde_json::json;

use super::{Config, Setting, Sources, resolve, value::Written};

/// An annotated `keystead.toml` with every setting at its default, commented out.
pub fn example() -> String {
    let sources = Sources {
        environment: [("HOME".to_owned(), "/".to_owned())].into(),
        ..Sources::default()
    };
    let resolved = resolve(&sources).expect("a test resolves the empty configuration");
    let mut text = String::from(HEAD);
    let mut table = "";
    for setting in &resolved.settings {
        let (section, key) = setting.name.rsplit_once('.').unwrap_or(("", &setting.name));
        if section != table {
            _ = write!(text, "\n[{section}]\n");
            table = section;
        }
        for line in wrap(setting.text) {
            _ = writeln!(text, "# {line}");
        }
        // One that follows from something else is told in words, for as a value it would not do.
        let is_in_words = setting.default != setting.value;
        let shown = if is_in_words {
            String::new()
        } else {
            literal(setting, &setting.default)
        };
        _ = match (setting.default.as_str(), shown.as_str()) {
            ("", "[]") => writeln!(text, "#{key} = []"),
            ("", _) => writeln!(text, "#{key} ="),
            (documented, "") => writeln!(text, "# Default: {documented}.\n#{key} ="),
            (_, shown) => writeln!(text, "#{key} = {shown}"),
        };
    }
    text
}

/// What holds, as TOML lines; with the origin of each behind it if asked.
pub fn render(settings: &[Setting], origin: bool) -> String {
    let mut text = String::new();
    for setting in settings {
        if setting.value.is_empty() && setting.written != Written::List {
            _ = write!(text, "# {} is not set", setting.name);
        } else {
            _ = write!(
                text,
                "{} = {}",
                setting.name,
                literal(setting, &setting.value)
            );
        }
        _ = match origin {
            true => writeln!(text, "  # {}", setting.origin),
            false => writeln!(text),
        };
    }
    text
}

/// What holds, as one object: `settings` (name, value, origin, variable) and `warnings`.
pub fn to_json(config: &Config, settings: &[Setting]) -> serde_json::Value {
    let one = |setting: &Setting| {
        json!({
            "name": setting.name,
            "value": setting.value,
            "origin": setting.origin.to_string(),
            "variable": setting.variable(),
        })
    };
    let settings: Vec<_> = settings.iter().map(one).collect();
    json!({ "settings": settings, "warnings": config.warnings })
}

const HEAD: &str = "\
# Keystead's settings. Each can also be given as --set NAME=VALUE (but secrets), which wins, or in
# the environment as KEYSTEAD_SECTION__KEY: server.listen is KEYSTEAD_SERVER__LISTEN. Durations are
# 500ms, 5s, 2m or 1h, sizes bytes or 256MiB. What is commented out is the default.
";

fn literal(setting: &Setting, value: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match setting.written {
        Written::Quoted => quoted(value),
        Written::Bare if value.parse::<u64>().is_ok() || value.parse::<bool>().is_ok() => {
            value.to_owned()
        }
        Written::Bare => quoted(value),
        Written::List => {
            let items = value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            format!("[{}]", items.map(quoted).collect::<Vec<_>>().join(", "))
        }
    }
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines
            .last_mut()
            .expect("it starts with one line and only grows");
        if !last.is_empty() && last.len() + word.len() > 96 {
            lines.push(word.to_owned());
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}
