//! What names a server: a host, and a port if there is one.

use memchr::memchr;

use crate::http1::framing;

/// Whether `text` is a host with or without a port, as `Host` and the target of `CONNECT` have it.
///
/// There is no user information in it, which would be taken for the host by whoever reads only up
/// to the `@`, and no comma, behind which would be another one. Source: RFC 9110 §4.2 and §7.2,
/// RFC 3986 §3.2.
pub(super) fn is_server(text: &[u8]) -> bool {
    // The colons of an address in brackets are its own.
    let (brackets, end) = match text.strip_prefix(b"[") {
        Some(inside) => (true, memchr(b']', inside).map(|at| at + 1)),
        None => (false, Some(memchr(b':', text).unwrap_or(text.len()))),
    };
    let Some((host, port)) = end.and_then(|end| text.split_at_checked(end)) else { return false };
    let (host, port) = if brackets {
        (host.strip_prefix(b"["), port.strip_prefix(b"]"))
    } else {
        (Some(host), Some(port))
    };
    let in_host = |byte: &u8| in_name(*byte) || (brackets && *byte == b':');
    host.is_some_and(|host| !host.is_empty() && host.iter().all(in_host))
        && port.is_some_and(is_port)
}

/// Whether `text` is nothing, or a colon and a port; that may be empty, which is the default port.
fn is_port(text: &[u8]) -> bool {
    match text.strip_prefix(b":") {
        None => text.is_empty(),
        Some(b"") => true,
        Some(digits) => framing::length(digits).is_some_and(|port| port <= u16::MAX.into()),
    }
}

/// Whether a host's name can have this byte. Source: RFC 3986 §3.2.2, without the comma.
const fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%')
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b';' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_with_or_without_a_port() {
        for (text, want) in [
            ("a", true),
            ("shop.example", true),
            ("Shop_1.example:8080", true),
            ("shop.example:", true),
            ("shop.example:0", true),
            ("shop.example:65535", true),
            ("10.0.0.7:80", true),
            ("[::1]", true),
            ("[::1]:80", true),
            ("[fe80::1%25eth0]:80", true),
            ("xn--gre-6ka8i.example", true),
            ("", false),
            (":80", false),
            ("[]", false),
            ("[]:80", false),
            ("[::1", false),
            ("::1", false),
            ("[::1]80", false),
            ("[::1]:80]", false),
            ("[[::1]]", false),
            ("a[::1]", false),
            ("shop.example:65536", false),
            ("shop.example:+80", false),
            ("shop.example:80:80", false),
            ("shop.example:8 0", false),
            ("shop.example:http", false),
            ("shop.example: 80", false),
            ("user@shop.example", false),
            ("shop.example:80@evil.example", false),
            ("shop.example,evil.example", false),
            ("shop.example evil.example", false),
            ("shop.example\tevil.example", false),
            ("shop.example/evil", false),
            ("shop.example?evil", false),
            ("shop.example#evil", false),
            ("shop.example\\evil", false),
            ("http://shop.example", false),
            ("größe.example", false),
            ("shop\u{0}.example", false),
            ("shop\u{7f}.example", false),
        ] {
            assert_eq!(is_server(text.as_bytes()), want, "{text:?}");
        }
    }
}
