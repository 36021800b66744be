//! Random bytes, from one place.

/// `N` bytes of the operating system's randomness, by way of AWS-LC's generator.
///
/// # Panics
///
/// When the operating system has no randomness to give: nothing here can go on without.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// As [`random`], into a place that is already wiped on drop, so that no copy stays behind.
pub(crate) fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the operating system's random source answers");
}
