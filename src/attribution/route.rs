//! What makes two outbound calls the same route: method, host and path template.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

/// Longest path in bytes, without its query, that is looked at. A longer one is no route.
const MAX_PATH: usize = 1024;

/// Fewest hex digits that are taken for an id rather than a word.
const MIN_HEX: usize = 8;

/// A route, by hash: the text is not kept. The hash has a fixed key; the service itself, not a
/// stranger, picks the routes it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route(u64);

impl Route {
    /// The route of a call to `path` (its query is ignored) of `host` (any case). In the path's
    /// template, segments that look like ids are all alike. `None` if the path is too long to be
    /// looked at.
    pub(super) fn of(method: &str, host: &str, path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if path.len() > MAX_PATH {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        method.hash(&mut hasher);
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            host.to_ascii_lowercase().hash(&mut hasher);
        } else {
            host.hash(&mut hasher);
        }
        // What lies between ids is hashed in one piece. No UTF-8 text has the byte 0xff, so that
        // stands for an id without doubt.
        let (mut from, mut at) = (0, 0);
        for segment in path.as_bytes().split(|byte| *byte == b'/') {
            let end = at + segment.len();
            if is_id(segment) {
                hasher.write(path.as_bytes().get(from..at).unwrap_or_default());
                hasher.write_u8(0xff);
                from = end;
            }
            at = end + 1;
        }
        hasher.write(path.as_bytes().get(from..).unwrap_or_default());
        Some(Self(hasher.finish()))
    }
}

/// Whether a path segment is all digits, all hex and long, or a UUID.
fn is_id(segment: &[u8]) -> bool {
    let digits = !segment.is_empty() && segment.iter().all(u8::is_ascii_digit);
    let hex = segment.len() >= MIN_HEX && segment.iter().all(u8::is_ascii_hexdigit);
    digits || hex || is_uuid(segment)
}

fn is_uuid(segment: &[u8]) -> bool {
    segment.len() == 36
        && segment.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_alike_and_words_are_not() {
        let uuid = "/u/0d9e8e6c-5f4a-4b0e-9c1d-2a3b4c5d6e7f/x";
        for (one, other, same) in [
            ("/items/1", "/items/29", true),
            ("/items/1", "/items/29?sort=up", true),
            ("/items/1", "/items/29#top", true),
            ("/items/deadbeef", "/items/DEADBEEF01", true),
            (uuid, "/u/7/x", true),
            ("/u/0d9e8e6c-5f4a-4b0e-9c1d-2a3b4c5d6e7/x", "/u/7/x", false),
            ("/items/beef", "/items/dead", false),
            ("/items/1", "/items/one", false),
            ("/items/1", "/items/1/", false),
            ("/items/1", "/things/1", false),
            ("/a/b", "/ab", false),
            ("", "/", false),
        ] {
            let route = |path| Route::of("GET", "db", path).unwrap();
            assert_eq!(route(one) == route(other), same, "{one} and {other}");
        }
    }

    #[test]
    fn method_and_host_belong_to_it_and_endless_paths_have_none() {
        let route = Route::of("GET", "db:80", "/").unwrap();
        assert_eq!(Route::of("GET", "DB:80", "/"), Some(route));
        assert_ne!(Route::of("PUT", "db:80", "/"), Some(route));
        assert_ne!(Route::of("GET", "db", "/"), Some(route));
        assert!(Route::of("GET", "db", &"a".repeat(MAX_PATH)).is_some());
        assert!(Route::of("GET", "db", &"a".repeat(MAX_PATH + 1)).is_none());
        let long_query = format!("/?{}", "a".repeat(MAX_PATH));
        assert_eq!(Route::of("GET", "db:80", &long_query), Some(route));
    }
}
