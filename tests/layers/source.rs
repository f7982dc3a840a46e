//! One file of the sources: its text, and its code without comments, literals and tests.

/// A file.
pub struct Source {
    /// Its path from the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its text with comments, literals and test code blanked; every line stays where it is. All
    /// blank in a file that only tests use.
    pub code: String,
    /// The module it is, from the crate's root.
    pub module: Vec<String>,
}

/// The files of `(path, text)` as one tree: what one declares under `#[cfg(test)]` is test code in
/// whatever file it stands.
pub fn tree(files: &[(String, String)]) -> Vec<Source> {
    let stripped: Vec<String> = files.iter().map(|(_, text)| strip(text)).collect();
    let modules: Vec<Vec<String>> = files.iter().map(|(path, _)| module(path)).collect();
    let tests: Vec<Vec<String>> = stripped
        .iter()
        .zip(&modules)
        .flat_map(|(code, module)| {
            test_items(code).into_iter().filter_map(|(from, to)| {
                let name = code[from..to].strip_suffix(';')?.rsplit_once("mod ")?.1.trim();
                Some([module.clone(), vec![name.to_owned()]].concat())
            })
        })
        .collect();
    files
        .iter()
        .zip(stripped)
        .zip(modules)
        .map(|(((path, text), code), module)| {
            let is_test = tests.iter().any(|test| module.starts_with(test));
            let code =
                if is_test { blank(&code, &[(0, code.len())]) } else { without_tests(&code) };
            Source { path: path.clone(), text: text.clone(), code, module }
        })
        .collect()
}

/// The module that the file at `path` is.
fn module(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/').filter(|name| *name != "lib").map(Into::into).collect()
}

/// `text` with comments and literals blanked.
pub fn strip(text: &str) -> String {
    let mut spans = Vec::new();
    let mut at = 0;
    let mut in_word = false;
    while let Some(next) = text[at..].chars().next() {
        let length = if in_word && next != '"' { None } else { opaque(&text[at..]) };
        if let Some(length) = length {
            spans.push((at, at + length));
            at += length;
        } else {
            at += next.len_utf8();
        }
        in_word = length.is_none() && (next.is_alphanumeric() || next == '_');
    }
    blank(text, &spans)
}

/// The length of the comment or literal that `text` starts with.
fn opaque(text: &str) -> Option<usize> {
    let until = |from: usize, end: &str| {
        text[from..].find(end).map_or(text.len(), |length| from + length + end.len())
    };
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    if let Some(rest) = text.strip_prefix('\'') {
        let mut chars = rest.chars();
        return match (chars.next()?, chars.next()) {
            // The character after the backslash may itself be a quote.
            ('\\', Some(escaped)) => Some(until(2 + escaped.len_utf8(), "'")),
            (character, Some('\'')) => Some(2 + character.len_utf8()),
            _ => None, // a lifetime
        };
    }
    let prefix = text.trim_start_matches(['b', 'c']);
    if let Some(raw) = prefix.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        raw.trim_start_matches('#').strip_prefix('"')?;
        let start = text.len() - raw.len() + hashes + 1;
        return Some(until(start, &format!("\"{}", "#".repeat(hashes))));
    }
    let body = prefix.strip_prefix('"')?;
    let mut escaped = false;
    let end = body.find(|character| {
        let is_end = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        is_end
    });
    Some(end.map_or(text.len(), |end| text.len() - body.len() + end + 1))
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(next) = text[at..].chars().next() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += next.len_utf8();
        }
    }
    at
}

/// `code`, which is stripped, with what stands under `#[cfg(test)]` blanked.
fn without_tests(code: &str) -> String {
    blank(code, &test_items(code))
}

/// Where the items under `#[cfg(test)]` are, the attribute included.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut items: Vec<(usize, usize)> = Vec::new();
    for (from, _) in code.match_indices(ATTRIBUTE) {
        if items.last().is_none_or(|(_, end)| *end <= from) {
            items.push((from, item_end(code, from)));
        }
    }
    items
}

/// The end of the item whose attributes begin at `from`: its `;`, or the brace that closes its
/// first one. The braces of a `use` are not its end.
fn item_end(code: &str, from: usize) -> usize {
    let mut item = code[from..].trim_start();
    while let Some(rest) = item.strip_prefix('#') {
        item = rest[closing(rest)..].trim_start();
    }
    let start = code.len() - item.len();
    let is_use = item.split('{').next().is_some_and(|head| head.split(' ').any(|w| w == "use"));
    let mut at = 0;
    while let Some(next) = item[at..].chars().next() {
        match next {
            ';' => return start + at + 1,
            '{' if !is_use => return start + at + closing(&item[at..]),
            '(' | '[' | '{' => at += closing(&item[at..]),
            _ => at += next.len_utf8(),
        }
    }
    code.len()
}

/// The length of the bracketed text that `code` begins with.
fn closing(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + character.len_utf8();
        }
    }
    code.len()
}

/// `text` with `spans` of it replaced by spaces, byte for byte; line ends are kept.
fn blank(text: &str, spans: &[(usize, usize)]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (from, to) in spans {
        for byte in &mut bytes[*from..*to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(code: &str) -> String {
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        for (text, code) in [
            ("a // b\nc", "a c"),
            ("a /* b /* c */ d */ e", "a e"),
            (r#"a("b \" // c") d"#, "a( ) d"),
            (r##"a(r#"b " c"#) d"##, "a( ) d"),
            (r#"a(br"b\") c"#, "a( ) c"),
            (r#"a(b"b\\") c"#, "a( ) c"),
            (r"a('{', '\'', '\u{7d}', 'é') b", "a( , , , ) b"),
            ("fn a<'b>(c: &'b str) {}", "fn a<'b>(c: &'b str) {}"),
            ("r#type", "r#type"),
            ("\"open", ""),
        ] {
            assert_eq!(words(&strip(text)), code, "{text}");
            assert_eq!(strip(text).len(), text.len(), "{text}");
        }
    }

    #[test]
    fn test_code_is_blanked_where_it_stands() {
        for (text, code) in [
            ("#[cfg(test)]\nmod tests { fn a() { b(); } }\nc", "c"),
            ("#[cfg(test)]\nuse a::{b, c};\nd", "d"),
            ("#[cfg(test)]\n#[allow(x)]\nfn a(b: [u8; 2]) {}\nc", "c"),
            ("#[cfg(test)] mod tests; a", "a"),
            ("#[cfg(not(test))] mod a;", "#[cfg(not(test))] mod a;"),
        ] {
            assert_eq!(words(&without_tests(&strip(text))), code, "{text}");
        }
    }

    #[test]
    fn files_that_only_tests_use_are_blanked() {
        let files = [
            ("src/a.rs", "#[cfg(test)]\nmod tests;\nmod b;"),
            ("src/a/tests.rs", "use x::y;"),
            ("src/a/tests/deep.rs", "use x::y;"),
            ("src/a/b.rs", "use x::y;"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()));
        let codes: Vec<String> = tree(&files).iter().map(|source| words(&source.code)).collect();
        assert_eq!(codes, ["mod b;", "", "", "use x::y;"]);
    }

    #[test]
    fn a_file_knows_its_module() {
        for (path, want) in
            [("src/lib.rs", ""), ("src/main.rs", "main"), ("src/a.rs", "a"), ("src/a/b.rs", "a::b")]
        {
            assert_eq!(module(path).join("::"), want, "{path}");
        }
    }
}
