//! Templates of paths, as `/orders/{order}/items/*`.

use std::fmt;

/// Longest template, in bytes.
const LONGEST: usize = 1_000;

/// A template of paths. It is compared with the path as it came, percent-encoded, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    segments: Box<[Segment]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This, to the letter.
    Literal(Box<str>),
    /// Anything that is not empty, by this name.
    Capture(Box<str>),
    /// All that is left, which may be nothing, by this name if it has one.
    Rest(Option<Box<str>>),
}

/// Why a text is not a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It does not begin with a slash.
    #[error("a route is a path, which begins with /")]
    Slash,
    /// It has what no path has.
    #[error("a route is a path alone, without query and without spaces")]
    NotPath,
    /// A brace stands where none may.
    #[error(
        "braces are for names of letters, digits and _, alone between two slashes, as \
         \"/orders/{{order}}\""
    )]
    Braces,
    /// What takes the rest is not at the end.
    #[error("* and {{name*}} take the rest, so they stand alone behind the last /")]
    Rest,
    /// A name is there twice.
    #[error("a name captures one segment; give each its own")]
    Twice,
    /// It is longer than may be.
    #[error("a route has at most {LONGEST} bytes")]
    Long,
}

impl Template {
    /// The template that `text` is: segments between slashes, of which `{name}` takes any, and a
    /// last one `*` or `{name*}` takes what is left.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > LONGEST {
            return Err(TemplateError::Long);
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || "?#".contains(c)) {
            return Err(TemplateError::NotPath);
        }
        let path = text.strip_prefix('/').ok_or(TemplateError::Slash)?;
        let segments: Vec<_> = path.split('/').map(Segment::parse).collect::<Result<_, _>>()?;
        let rest = segments.iter().position(|segment| matches!(segment, Segment::Rest(_)));
        if rest.is_some_and(|at| at + 1 < segments.len()) {
            return Err(TemplateError::Rest);
        }
        let names: Vec<_> = segments.iter().filter_map(Segment::name).collect();
        if names.iter().enumerate().any(|(at, name)| names.iter().take(at).any(|n| n == name)) {
            return Err(TemplateError::Twice);
        }
        Ok(Self { text: text.into(), segments: segments.into() })
    }

    /// Whether `path` is like this. Allocates nothing.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.walk(path, |_, _| {})
    }

    /// What `name` stands for in `path`, percent-encoded as it is there; none if the path is not
    /// like this, or it stands for nothing.
    #[must_use]
    pub fn capture<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        let mut captured = None;
        let matches = self.walk(path, |segment, piece| {
            if segment.name() == Some(name) {
                captured = Some(piece);
            }
        });
        captured.filter(|captured| matches && !captured.is_empty())
    }

    /// Whether it captures something by this name.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.segments.iter().any(|segment| segment.name() == Some(name))
    }

    fn walk<'p>(&self, path: &'p str, mut seen: impl FnMut(&Segment, &'p str)) -> bool {
        let mut left = path.strip_prefix('/');
        for segment in &self.segments {
            let Some(path) = left else { return false };
            let (piece, rest) = match (segment, path.split_once('/')) {
                (Segment::Rest(_), _) | (_, None) => (path, None),
                (_, Some((piece, rest))) => (piece, Some(rest)),
            };
            if !segment.takes(piece) {
                return false;
            }
            seen(segment, piece);
            left = rest;
        }
        left.is_none()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        if text == "*" {
            return Ok(Self::Rest(None));
        }
        if !text.contains(['{', '}']) {
            let literal = Self::Literal(text.into());
            return if text.contains('*') { Err(TemplateError::Rest) } else { Ok(literal) };
        }
        let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let name = name.ok_or(TemplateError::Braces)?;
        let (name, is_rest) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(TemplateError::Braces);
        }
        let name = name.into();
        Ok(if is_rest { Self::Rest(Some(name)) } else { Self::Capture(name) })
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) | Self::Rest(None) => None,
            Self::Capture(name) | Self::Rest(Some(name)) => Some(name),
        }
    }

    fn takes(&self, piece: &str) -> bool {
        match self {
            Self::Literal(literal) => **literal == *piece,
            Self::Capture(_) => !piece.is_empty(),
            Self::Rest(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates_take_the_paths_that_are_like_them() {
        for (template, path, matches) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/*", "/", true),
            ("/*", "/a/b", true),
            ("/orders", "/orders", true),
            ("/orders", "/Orders", false),
            ("/orders", "/orders/", false),
            ("/orders/", "/orders/", true),
            ("/orders/{id}", "/orders/42", true),
            ("/orders/{id}", "/orders/", false),
            ("/orders/{id}", "/orders", false),
            ("/orders/{id}", "/orders/4/2", false),
            ("/orders/{id}", "/orders/a%2Fb", true),
            ("/orders/{id}/items/*", "/orders/42/items", false),
            ("/orders/{id}/items/*", "/orders/42/items/", true),
            ("/orders/{id}/items/{item*}", "/orders/42/items/1/2", true),
            ("/orders/{id}", "*", false),
            ("/orders/{id}", "", false),
        ] {
            let parsed = Template::parse(template).unwrap();
            assert_eq!(parsed.matches(path), matches, "{template} {path}");
            assert_eq!(parsed.to_string(), template);
        }
    }

    #[test]
    fn names_capture_segments() {
        let template = Template::parse("/{a}/x/{rest*}").unwrap();
        for (name, path, captured) in [
            ("a", "/1/x/", Some("1")),
            ("a", "/1%20/x/2/3", Some("1%20")),
            ("rest", "/1/x/2/3", Some("2/3")),
            ("rest", "/1/x/", None),
            ("a", "/1/y/2", None),
            ("b", "/1/x/2", None),
        ] {
            assert_eq!(template.capture(name, path), captured, "{name} {path}");
        }
        assert!(template.names("a") && template.names("rest") && !template.names("x"));
    }

    #[test]
    fn what_is_no_template_is_told() {
        for (text, error) in [
            ("", TemplateError::Slash),
            ("orders", TemplateError::Slash),
            ("/a?b", TemplateError::NotPath),
            ("/a b", TemplateError::NotPath),
            ("/a{b}", TemplateError::Braces),
            ("/{b", TemplateError::Braces),
            ("/b}", TemplateError::Braces),
            ("/{}", TemplateError::Braces),
            ("/{a-b}", TemplateError::Braces),
            ("/*/a", TemplateError::Rest),
            ("/{a*}/b", TemplateError::Rest),
            ("/a*", TemplateError::Rest),
            ("/{a}/{a}", TemplateError::Twice),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
        assert_eq!(Template::parse(&format!("/{}", "a".repeat(1_000))), Err(TemplateError::Long));
        assert!(Template::parse(&format!("/{}", "a".repeat(999))).is_ok());
    }

    proptest! {
        #[test]
        fn any_template_and_any_path_are_survived(
            text in "/?([a-c{}*/%]{0,12}|.{0,8})",
            path in "/?([a-c*/%]{0,12}|.{0,8})",
        ) {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(template.to_string(), text);
                for name in ["a", "b", "c", ""] {
                    if let Some(piece) = template.capture(name, &path) {
                        prop_assert!(template.matches(&path) && template.names(name));
                        prop_assert!(!piece.is_empty());
                    }
                }
            }
        }
    }
}
