//! Which exchanges a rule is for.

use std::fmt;

use crate::annotate::Request;
use crate::annotate::template::Template;
use crate::sampling::wildcard;
use crate::trace::facts::host_of;

/// Which exchanges a rule is for: those that are as all of it says. By default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The path is like this.
    pub route: Option<Template>,
    /// The method is like this [pattern](wildcard).
    pub method: Option<Box<str>>,
    /// The host, without port, is like this [pattern](wildcard).
    pub host: Option<Box<str>>,
    /// The status is one of these; whichever if there are none.
    pub status: Vec<StatusRange>,
}

/// Statuses from one to another, which is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    first: u16,
    last: u16,
}

impl Filter {
    /// Whether it takes the request.
    pub(super) fn takes(&self, request: &Request<'_>) -> bool {
        let like = |pattern: &Option<Box<str>>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| wildcard::matches(pattern, text))
        };
        like(&self.method, request.method.as_str())
            && like(&self.host, host_of(request.authority))
            && self.route.as_ref().is_none_or(|route| route.matches(request.path))
    }

    /// Whether it takes a response of this status.
    pub(super) fn takes_status(&self, status: u16) -> bool {
        self.status.is_empty() || self.status.iter().any(|range| range.contains(status))
    }
}

impl StatusRange {
    /// `404`, `5xx` or `400-499`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let class = text.strip_suffix("xx").filter(|class| class.len() == 1);
        let (first, last) = match (class, text.split_once('-')) {
            (Some(class), _) => {
                let class = status(&format!("{class}00"))?;
                (class, class + 99)
            }
            (None, Some((first, last))) => (status(first)?, status(last)?),
            (None, None) => (status(text)?, status(text)?),
        };
        (first <= last).then_some(Self { first, last })
    }

    /// Whether a status is among them.
    #[must_use]
    pub fn contains(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }
}

/// A status that a response can have.
fn status(text: &str) -> Option<u16> {
    let three = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|status| three && (100..=999).contains(status))
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        if first == last {
            write!(f, "{first}")
        } else if first.is_multiple_of(100) && *last == first + 99 {
            write!(f, "{}xx", first / 100)
        } else {
            write!(f, "{first}-{last}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_and_written_back() {
        for (text, first, last, written) in [
            ("404", 404, 404, "404"),
            ("5xx", 500, 599, "5xx"),
            ("400-499", 400, 499, "4xx"),
            ("400-404", 400, 404, "400-404"),
            ("100-999", 100, 999, "100-999"),
        ] {
            let range = StatusRange::parse(text).unwrap();
            assert_eq!((range.first, range.last), (first, last), "{text}");
            assert_eq!(range.to_string(), written);
            assert!(range.contains(first) && range.contains(last));
            assert!(!range.contains(first - 1) && !range.contains(last + 1));
        }
        for text in
            ["", "5", "xx", "5x", "0xx", "axx", "99", "1000", "500-400", "-1", "400-", "+40"]
        {
            assert_eq!(StatusRange::parse(text), None, "{text}");
        }
    }
}
