//! One-time codes: RFC 6238 with the one set of parameters that every authenticator has, which is
//! SHA-1, six digits, 30 seconds.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use keystead_vault::random;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::clock::Timestamp;

/// The secret of one-time codes: 20 bytes, as long as the hash that uses it (RFC 4226, part 4).
pub(super) const SECRET: usize = 20;

const STEP_SECONDS: i64 = 30;

/// A fresh secret.
pub(super) fn fresh_secret() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(random::<SECRET>().to_vec())
}

/// The time step that `code` is the code of, if it is that of now, of the one before or of the one
/// after: clocks differ, and people type slowly.
pub(super) fn step_of_code(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let current = now.as_secs().div_euclid(STEP_SECONDS);
    // All three are tried, so that the time it takes does not tell which.
    [current - 1, current, current + 1]
        .into_iter()
        .filter(|step| {
            let expected = code_at(secret, *step);
            verify_slices_are_equal(expected.as_bytes(), digits.as_bytes()).is_ok()
        })
        .max()
}

/// The secret as people type it: base32 in groups of four.
pub(super) fn as_text(secret: &[u8]) -> Zeroizing<String> {
    let plain = base32(secret);
    let mut text = Zeroizing::new(String::with_capacity(plain.len() * 5 / 4));
    for (at, character) in plain.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push(' ');
        }
        text.push(character);
    }
    text
}

/// What an authenticator reads from a picture.
pub(super) fn address(secret: &[u8], issuer: &str, account: &str) -> Zeroizing<String> {
    let quoted = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    Zeroizing::new(format!(
        "otpauth://totp/{}:{}?secret={}&issuer={}",
        quoted(issuer),
        quoted(account),
        *base32(secret),
        quoted(issuer),
    ))
}

/// RFC 4226, part 5.3.
fn code_at(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let hash = hmac::sign(&key, &step.to_be_bytes());
    let hash = hash.as_ref();
    let offset = usize::from(hash[19] & 0x0f);
    let mut four = [0; 4];
    four.copy_from_slice(&hash[offset..offset + 4]);
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// RFC 4648, part 6, without padding: a secret has a multiple of five bytes.
fn base32(bytes: &[u8]) -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    for five in bytes.chunks(5) {
        let mut group = [0; 8];
        group[3..3 + five.len()].copy_from_slice(five);
        let group = u64::from_be_bytes(group);
        let letters = (five.len() * 8).div_ceil(5);
        for at in 0..letters {
            let index = (group >> (35 - 5 * at)) & 31;
            text.push(char::from(
                LETTERS[usize::try_from(index).unwrap_or_default()],
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step_of_code(RFC, code, at(seconds));
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_holds_for_one_step_more_each_way() {
        let code = code_at(RFC, 100);
        for (seconds, fits) in [
            (2_969, false),
            (2_970, true),
            (3_000, true),
            (3_059, true),
            (3_060, false),
        ] {
            assert_eq!(
                step_of_code(RFC, &code, at(seconds)).is_some(),
                fits,
                "{seconds}"
            );
        }
        let spaced = format!(" {} {} ", &code[..3], &code[3..]);
        assert_eq!(step_of_code(RFC, &spaced, at(3_000)), Some(100));
        for wrong in ["", "12345", &code[1..], &format!("{code}0")] {
            assert_eq!(step_of_code(RFC, wrong, at(3_000)), None, "{wrong}");
        }
    }

    /// RFC 4648, part 10, and the secret of RFC 6238.
    #[test]
    fn a_secret_reads_as_base32() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "MY"),
            (b"fo", "MZXQ"),
            (b"foo", "MZXW6"),
            (b"foob", "MZXW6YQ"),
            (b"fooba", "MZXW6YTB"),
            (b"foobar", "MZXW6YTBOI"),
            (RFC, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
        ] {
            assert_eq!(base32(bytes).as_str(), text);
        }
        assert_eq!(as_text(b"fooba12345").as_str(), "MZXW 6YTB GEZD GNBV");
        assert_eq!(
            address(b"fooba", "keys.example.org", "ada@example.org").as_str(),
            "otpauth://totp/keys%2Eexample%2Eorg:ada%40example%2Eorg?secret=MZXW6YTB\
             &issuer=keys%2Eexample%2Eorg"
        );
    }
}
