//! XML: elements by their paths.

use std::borrow::Cow;
use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::BytesRef;
use quick_xml::events::Event;

use crate::aws::body::MOST_DEPTH;

/// What happens to an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// It begins.
    Opened,
    /// It ends: the text that stands in it behind the last element in it, thus all of the text of an
    /// element that has none in it.
    Closed(&'a str),
}

/// Tells `visit` each step and the path of the element, names without namespaces with `/` in
/// between, from the root down, until it breaks off or there is no more: the root has ended, or is
/// cut off, or is not well-formed, or is nested deeper than anything of AWS's.
///
/// Source: XML 1.0. Of references it knows characters by number and the five entities that need no
/// declaration, and ends at any other: no declaration is read, so nothing expands.
pub fn walk(xml: &[u8], visit: impl FnMut(&str, Step<'_>) -> ControlFlow<()>) {
    let mut reader = Reader::from_str(text(xml));
    let mut walk = Walk { path: Path::default(), text: String::new(), visit };
    while let Ok(event) = reader.read_event() {
        if walk.step(&event).is_break() {
            break;
        }
    }
}

struct Walk<V> {
    path: Path,
    text: String,
    visit: V,
}

impl<V: FnMut(&str, Step<'_>) -> ControlFlow<()>> Walk<V> {
    fn step(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Start(start) => self.open(start.local_name().as_ref())?,
            Event::Empty(start) => {
                self.open(start.local_name().as_ref())?;
                self.close()?;
            }
            Event::End(_) => self.close()?,
            Event::Text(text) => self.text.push_str(&text.xml10_content()),
            Event::CData(text) => self.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => match resolved(reference) {
                Some(text) => self.text.push_str(&text),
                None => return ControlFlow::Break(()),
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    fn open(&mut self, name: &str) -> ControlFlow<()> {
        self.path.push(name)?;
        self.text.clear();
        (self.visit)(&self.path.names, Step::Opened)
    }

    fn close(&mut self) -> ControlFlow<()> {
        (self.visit)(&self.path.names, Step::Closed(&self.text))?;
        self.text.clear();
        self.path.pop()
    }
}

/// As much as is text.
fn text(xml: &[u8]) -> &str {
    match std::str::from_utf8(xml) {
        Ok(text) => text,
        Err(error) => xml
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok())
            .unwrap_or_default(),
    }
}

fn resolved<'a>(reference: &'a BytesRef<'_>) -> Option<Cow<'a, str>> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Some(character.to_string().into()),
        Ok(None) => resolve_predefined_entity(reference).map(Cow::Borrowed),
        Err(_) => None,
    }
}

/// The elements that are open.
#[derive(Debug, Default)]
struct Path {
    names: String,
    /// How long `names` was before each.
    ends: Vec<usize>,
}

impl Path {
    fn push(&mut self, name: &str) -> ControlFlow<()> {
        if self.ends.len() >= MOST_DEPTH {
            return ControlFlow::Break(());
        }
        self.ends.push(self.names.len());
        if !self.names.is_empty() {
            self.names.push('/');
        }
        self.names.push_str(name);
        ControlFlow::Continue(())
    }

    /// Breaks off behind the root.
    fn pop(&mut self) -> ControlFlow<()> {
        self.names.truncate(self.ends.pop().unwrap_or_default());
        if self.ends.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The leaves and where they end, as far as they do.
    fn closed(xml: &[u8]) -> Vec<(String, String)> {
        let mut closed = Vec::new();
        walk(xml, |path, step| {
            if let Step::Closed(text) = step {
                closed.push((path.to_owned(), text.to_owned()));
            }
            ControlFlow::Continue(())
        });
        closed
    }

    #[test]
    fn elements_are_told_by_their_paths() {
        let deep = "<a>".repeat(20_000);
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a><d/>&c;</a>";
        let table: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            ("no xml", &[]),
            ("{}", &[]),
            ("<a/>", &[("a", "")]),
            ("<a>1</a><b>2</b>", &[("a", "1")]),
            ("<?xml version=\"1.0\"?>\n  \n<a x='1'> <!-- --> 1 </a>", &[("a", "  1 ")]),
            ("<n:a xmlns:n=\"u\"><n:b>1</n:b><c/></n:a>", &[("a/b", "1"), ("a/c", ""), ("a", "")]),
            (
                "<a><b>&lt;&#65;&#x42;&amp;<![CDATA[<c>&]]></b></a>",
                &[("a/b", "<AB&<c>&"), ("a", "")],
            ),
            // Cut off, or not well-formed.
            ("<a><b>1</b><c>2</c", &[("a/b", "1")]),
            ("<a><b>1</b><c>2", &[("a/b", "1")]),
            ("<a><b>1</b></c></a>", &[("a/b", "1")]),
            ("<a><b>1</b>&unknown;<c/></a>", &[("a/b", "1")]),
            ("<a><b>1</b><c>&#0;</c></a>", &[("a/b", "1")]),
            ("<a><b>1</b><c>&</c></a>", &[("a/b", "1")]),
            (bomb, &[("a/d", "")]),
            (&deep, &[]),
        ];
        for (xml, expected) in table {
            let expected: Vec<_> =
                expected.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
            assert_eq!(closed(xml.as_bytes()), expected, "elements of {xml:.60}");
        }
        assert_eq!(closed(b"<a><b>1</b><c>\xff</c></a>"), [("a/b".into(), "1".into())]);
    }

    #[test]
    fn a_visit_can_be_broken_off() {
        let mut steps = 0;
        walk(b"<a><b/><c/></a>", |path, _| {
            steps += 1;
            if path == "a/b" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(steps, 2);
    }

    proptest! {
        #[test]
        fn a_beginning_has_the_first_elements_of_the_whole(
            xml in "(<a>|</a>|<b>|</b>|<c/>|1|&lt;|<!--|-->|<!\\[CDATA\\[|\\]\\]>|ü|[<>/&; ]){0,30}",
        ) {
            let xml = xml.as_bytes();
            let whole = closed(xml);
            for end in 0..xml.len() {
                let cut = closed(&xml[..end]);
                prop_assert_eq!(&cut[..], &whole[..cut.len()]);
            }
        }

        #[test]
        fn any_bytes_are_read(xml: Vec<u8>) {
            closed(&xml);
        }
    }
}
