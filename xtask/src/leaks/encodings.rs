//! The forms in which a value may leak without being there letter by letter.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use super::canary::Canary;

/// One text to search for, and what to call it in a report.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Every form of one canary, no text twice.
pub(super) fn forms(canary: &Canary) -> Vec<Form> {
    let value = &canary.value;
    let mut forms = vec![
        Form {
            name: "as it is",
            bytes: value.clone(),
        },
        Form {
            name: "in hexadecimal",
            bytes: hex(value, b"0123456789abcdef"),
        },
        Form {
            name: "in upper-case hexadecimal",
            bytes: hex(value, b"0123456789ABCDEF"),
        },
        Form {
            name: "in little-endian UTF-16",
            bytes: utf16(value, u16::to_le_bytes),
        },
        Form {
            name: "in big-endian UTF-16",
            bytes: utf16(value, u16::to_be_bytes),
        },
        Form {
            name: "escaped as in JSON",
            bytes: json(value),
        },
        Form {
            name: "escaped as in JSON, ASCII only",
            bytes: json_ascii(value),
        },
        Form {
            name: "percent-encoded",
            bytes: percent_encode(value, NON_ALPHANUMERIC).to_string().into(),
        },
        Form {
            name: "percent-encoded but for -._~",
            bytes: percent_encode(value, UNRESERVED).to_string().into(),
        },
        Form {
            name: "in base64, first alignment",
            bytes: base64(value, 0, &STANDARD_NO_PAD),
        },
        Form {
            name: "in base64, second alignment",
            bytes: base64(value, 1, &STANDARD_NO_PAD),
        },
        Form {
            name: "in base64, third alignment",
            bytes: base64(value, 2, &STANDARD_NO_PAD),
        },
        Form {
            name: "in base64url, first alignment",
            bytes: base64(value, 0, &URL_SAFE_NO_PAD),
        },
        Form {
            name: "in base64url, second alignment",
            bytes: base64(value, 1, &URL_SAFE_NO_PAD),
        },
        Form {
            name: "in base64url, third alignment",
            bytes: base64(value, 2, &URL_SAFE_NO_PAD),
        },
    ];
    let lower = forms
        .iter()
        .filter(|form| form.name.starts_with("percent"))
        .map(|form| Form {
            name: "percent-encoded in lower case",
            bytes: lower_escapes(&form.bytes),
        })
        .collect::<Vec<_>>();
    forms.extend(lower);
    forms.extend(parts(canary));

    let mut seen = std::collections::HashSet::new();
    forms.retain(|form| seen.insert(form.bytes.clone()));
    forms
}

const UNRESERVED: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn hex(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    value
        .iter()
        .flat_map(|&b| [digits[usize::from(b >> 4)], digits[usize::from(b & 15)]])
        .collect()
}

fn utf16(value: &[u8], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    String::from_utf8_lossy(value)
        .encode_utf16()
        .flat_map(bytes)
        .collect()
}

fn json(value: &[u8]) -> Vec<u8> {
    let quoted = serde_json::Value::from(String::from_utf8_lossy(value)).to_string();
    quoted[1..quoted.len() - 1].into()
}

/// As Python's `json.dumps` writes it.
fn json_ascii(value: &[u8]) -> Vec<u8> {
    let mut ascii = String::new();
    for unit in String::from_utf8_lossy(&json(value)).encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => ascii.push(char::from(byte)),
            _ => ascii.push_str(&format!("\\u{unit:04x}")),
        }
    }
    ascii.into()
}

/// The characters of base64 that depend on the value alone, whatever stands around it:
/// `before` bytes of something else come first, counted modulo three.
fn base64(value: &[u8], before: usize, engine: &impl base64::Engine) -> Vec<u8> {
    let padded = [&[0; 2][..before], value].concat();
    let encoded = engine.encode(&padded).into_bytes();
    // A character holds six bits: those that share one with the neighbours are cut.
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded[first..last].to_vec()
}

/// `%2F` as `%2f`: both are right, and both are written.
fn lower_escapes(encoded: &[u8]) -> Vec<u8> {
    let mut lower = encoded.to_vec();
    let mut at = 0;
    while at + 2 < lower.len() {
        if lower[at] == b'%' {
            lower[at + 1..at + 3].make_ascii_lowercase();
            at += 2;
        }
        at += 1;
    }
    lower
}

/// Windows of a secret, so close together that any 23 characters of it hold one whole.
///
/// Only of secrets, which are random: two prompts may well have 16 characters in common. The
/// beginning, which tells only the kind of secret, and the shown last four are no windows.
fn parts(canary: &Canary) -> Vec<Form> {
    const LENGTH: usize = 16;
    const STEP: usize = 8;

    if !["key", "token", "secret"]
        .iter()
        .any(|word| canary.kind.contains(word))
    {
        return Vec::new();
    }
    let windows = canary.value.windows(LENGTH).step_by(STEP);
    windows
        .map(|window| Form {
            name: "in part",
            bytes: window.to_vec(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    /// Expected texts were made with Python's standard library, not with this code.
    #[test]
    fn each_form_is_what_other_programs_write() {
        let canary = Canary {
            kind: "prompt".to_owned(),
            value: "Grüße/\"+~ <x>".into(),
        };
        let expected: [(&str, &[u8]); 9] = [
            ("in hexadecimal", b"4772c3bcc39f652f222b7e203c783e"),
            (
                "in upper-case hexadecimal",
                b"4772C3BCC39F652F222B7E203C783E",
            ),
            (
                "in little-endian UTF-16",
                b"G\0r\0\xfc\0\xdf\0e\0/\0\"\0+\0~\0 \0<\0x\0>\0",
            ),
            ("in base64, first alignment", b"R3LDvMOfZS8iK34gPHg+"),
            ("in base64url, first alignment", b"R3LDvMOfZS8iK34gPHg-"),
            ("escaped as in JSON", "Grüße/\\\"+~ <x>".as_bytes()),
            (
                "escaped as in JSON, ASCII only",
                b"Gr\\u00fc\\u00dfe/\\\"+~ <x>",
            ),
            (
                "percent-encoded but for -._~",
                b"Gr%C3%BC%C3%9Fe%2F%22%2B~%20%3Cx%3E",
            ),
            (
                "percent-encoded in lower case",
                b"Gr%c3%bc%c3%9fe%2f%22%2b%7e%20%3cx%3e",
            ),
        ];
        let forms = forms(&canary);
        for (name, bytes) in expected {
            assert!(
                forms
                    .iter()
                    .any(|form| form.name == name && form.bytes == bytes),
                "{name}: {}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn base64_is_found_whatever_stands_around_it() {
        let value = b"sk-canary-0123456789";
        for before in 0..3 {
            for after in 0..3 {
                let around = [&b"xyz"[..before], value, &b"xyz"[..after]].concat();
                let written = URL_SAFE_NO_PAD.encode(around);
                let sought = String::from_utf8(base64(value, before, &URL_SAFE_NO_PAD)).unwrap();
                assert!(written.contains(&sought), "{before} before, {after} after");
                assert!(
                    sought.len() >= value.len() * 8 / 6 - 2,
                    "{sought} is cut too short"
                );
            }
        }
    }
}
