//! Base64 as in Secrets: the standard alphabet, padded, line breaks ignored.

/// The bytes, `None` if `text` is not base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\n' | b'\r'))
        .collect();
    if !symbols.len().is_multiple_of(4) {
        return None;
    }
    let (body, padding) = match symbols.as_slice() {
        [body @ .., b'=', b'='] => (body, 2),
        [body @ .., b'='] => (body, 1),
        body => (body, 0),
    };
    let mut bytes = Vec::with_capacity(body.len());
    for group in body.chunks(4) {
        let mut value: u32 = 0;
        for symbol in group {
            value = value << 6 | u32::from(sextet(*symbol)?);
        }
        value <<= 6 * (4 - group.len());
        let [_, a, b, c] = value.to_be_bytes();
        bytes.extend([a, b, c]);
    }
    bytes.truncate(bytes.len().saturating_sub(padding));
    Some(bytes)
}

const fn sextet(symbol: u8) -> Option<u8> {
    match symbol {
        b'A'..=b'Z' => Some(symbol - b'A'),
        b'a'..=b'z' => Some(symbol - b'a' + 26),
        b'0'..=b'9' => Some(symbol - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decodes_and_refuses() {
        let cases: [(&str, Option<&str>); 9] = [
            ("", Some("")),
            ("cA==", Some("p")),
            ("cGE=", Some("pa")),
            ("cGFz", Some("pas")),
            ("cG9zdGdyZXNwYXNzMTIzNA==", Some("postgrespass1234")),
            ("cG9z\ndGdy\n", Some("postgr")),
            ("cA=", None),
            ("c===", None),
            ("hello world!", None),
        ];
        for (text, expected) in cases {
            let decoded = decode(text).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(decoded.as_deref(), expected, "{text}");
        }
    }
}
