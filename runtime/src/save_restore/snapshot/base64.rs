//! Base64 (RFC 4648, section 4, with padding). White space is passed over, because `base64`, YAML and MIME
//! break lines.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{MAX_BYTES, copy};
use crate::state::image::zeros;
use crate::text;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Where a text is no base64.
pub(super) struct NotBase64 {
    offset: usize,
    /// None at its end.
    byte: Option<u8>,
}

impl fmt::Display for NotBase64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset as u64;
        let (text, numbers) = match self.byte {
            Some(byte) => ("byte %4 at offset %d", [byte.into(), offset]),
            None => ("it ends at offset %d, within four characters", [offset, 0]),
        };
        text::write(f, text, &numbers, &[])
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = zeros(bytes.len().div_ceil(3).wrapping_mul(4));
    text.fill(b'=');
    for (three, four) in bytes.chunks(3).zip(text.chunks_exact_mut(4)) {
        let mut word = (0..3).fold(0, |word, k| {
            word << 8 | usize::from(three.get(k).copied().unwrap_or(0))
        });
        // The digits come from the end, since the last ones may be padding.
        for (k, digit) in four.iter_mut().enumerate().rev() {
            if k <= three.len() {
                *digit = DIGITS[word & 63];
            }
            word >>= 6;
        }
    }
    String::from_utf8(text.into()).unwrap_or_default()
}

/// Stops after [`MAX_BYTES`], because more is no snapshot, whatever it is.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, NotBase64> {
    let mut bytes = zeros((text.len() / 4).min(MAX_BYTES).wrapping_mul(3));
    let (mut len, mut word, mut digits, mut padding) = (0, 0_u32, 0_usize, 0_usize);
    for (offset, byte) in text.iter().enumerate() {
        let value = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'=' if digits % 4 >= 2 => {
                padding = padding.wrapping_add(1);
                0
            }
            b'A'..=b'Z' if padding == 0 => byte - b'A',
            b'a'..=b'z' if padding == 0 => byte - b'a' + 26,
            b'0'..=b'9' if padding == 0 => byte - b'0' + 52,
            b'+' if padding == 0 => 62,
            b'/' if padding == 0 => 63,
            _ => {
                let byte = Some(*byte);
                return Err(NotBase64 { offset, byte });
            }
        };
        (word, digits) = (word << 6 | u32::from(value), digits.wrapping_add(1));
        if digits % 4 == 0 {
            let [_, three @ ..] = word.to_be_bytes();
            copy(&mut bytes, len, &three);
            len = len.wrapping_add(3).wrapping_sub(padding);
        }
        if len > MAX_BYTES {
            break;
        }
    }
    let mut bytes = Vec::from(bytes);
    bytes.truncate(len);
    match digits % 4 {
        0 => Ok(bytes),
        _ => Err(NotBase64 {
            offset: text.len(),
            byte: None,
        }),
    }
}
