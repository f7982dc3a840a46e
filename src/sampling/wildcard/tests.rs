//! What each pattern matches: a table, and properties against a naive matcher.

use proptest::prelude::*;

use super::*;

/// pattern, text, whether it matches
type Case = (&'static str, &'static str, bool);

const LITERALS: &[Case] = &[
    ("", "", true),
    ("", "a", false),
    ("", " ", false),
    ("a", "", false),
    ("a", "a", true),
    ("a", "b", false),
    ("a", "aa", false),
    ("aa", "a", false),
    ("abc", "abc", true),
    ("abc", "abd", false),
    ("abc", "xabc", false),
    ("abc", "abcx", false),
    ("GET", "get", true),
    ("get", "GET", true),
    ("/Api/Users", "/aPI/uSERS", true),
    ("a.c", "abc", false),
    ("[a]", "a", false),
    ("[a]", "[A]", true),
    ("a+", "aa", false),
    ("^a$", "a", false),
    ("\\*", "*", false),
    ("\\*", "\\anything", true),
    ("@", "`", false),
    ("[", "{", false),
    ("example.com", "example.com:8080", false),
    ("example.com:8080", "example.com:8080", true),
    ("example.com:*", "example.com:8080", true),
    ("example.com:*", "example.com", false),
];

const ONE: &[Case] = &[
    ("?", "", false),
    ("?", "a", true),
    ("?", "ab", false),
    ("?", "?", true),
    ("?", "*", true),
    ("??", "a", false),
    ("??", "ab", true),
    ("a?c", "abc", true),
    ("a?c", "ac", false),
    ("a?c", "a/c", true),
    ("a?c", "a?c", true),
    ("?bc", "abc", true),
    ("ab?", "abc", true),
    ("ab?", "ab", false),
    ("/v?/users", "/v1/users", true),
    ("/v?/users", "/v10/users", false),
];

const RUN: &[Case] = &[
    ("*", "", true),
    ("*", "anything/at.all?x=y", true),
    ("**", "", true),
    ("***", "abc", true),
    ("a*", "a", true),
    ("a*", "abc", true),
    ("a*", "ba", false),
    ("*a", "a", true),
    ("*a", "bca", true),
    ("*a", "ab", false),
    ("*a*", "bab", true),
    ("*a*", "bbb", false),
    ("a*c", "ac", true),
    ("a*c", "abbbc", true),
    ("a*c", "abbbcd", false),
    ("a*c", "acbc", true),
    ("*ab", "aab", true),
    ("*aab", "aaab", true),
    ("a*b*c", "a1b2c", true),
    ("a*b*c", "abbc", true),
    ("a*b*c", "acb", false),
    ("a*b*c", "abcbc", true),
    ("*abc*abc", "abcabcab", false),
    ("*abc*abc", "abcxabcabc", true),
    ("/api/*", "/api/v1/users/7", true),
    ("/api/*", "/api/", true),
    ("/api/*", "/api", false),
    ("/API/*", "/api/Users", true),
    ("*/health", "/a/b/HEALTH", true),
    ("*.example.com", "a.b.example.com", true),
    ("*.example.com", ".example.com", true),
    ("*.example.com", "example.com", false),
    ("*.example.com", "a.example.com:8080", false),
    ("*.example.com*", "a.example.com:8080", true),
    ("*", "*", true),
    ("a**b", "ab", true),
    ("a**b", "axyb", true),
];

const BOTH: &[Case] = &[
    ("*?", "", false),
    ("*?", "a", true),
    ("?*", "", false),
    ("?*", "abc", true),
    ("*?*", "a", true),
    ("*??", "a", false),
    ("*??", "abc", true),
    ("a?*c", "ac", false),
    ("a?*c", "abc", true),
    ("a*?c", "acc", true),
    ("*?a", "a", false),
    ("*a?", "aab", true),
    ("*a?b", "acbaab", true),
    ("?*?", "ab", true),
    ("?*?", "a", false),
    ("/users/?*/orders", "/users//orders", false),
    ("/users/?*/orders", "/users/7/orders", true),
];

const BEYOND_ASCII: &[Case] = &[
    ("?", "é", true),
    ("??", "é", false),
    ("?", "日", true),
    ("日?", "日本", true),
    ("É", "é", true),
    ("é", "É", true),
    ("é", "e", false),
    ("STRASSE", "straße", false),
    ("ẞ", "ß", true),
    ("Σ", "σ", true),
    ("Σ", "ς", false),
    ("\u{212a}", "k", true),
    ("K", "\u{212a}", true),
    ("İ", "i", true),
    ("kelvin", "\u{212a}elvin", true),
    ("*kelvin", "a\u{212a}elvin", true),
    ("kelvin", "\u{212a}elvim", false),
    ("*é", "caféé", true),
    ("caf*", "CAFÉ", true),
    ("*本*", "/日本/x", true),
    ("a*", "日", false),
    ("?", "🙂", true),
    ("?", "e\u{301}", false),
    ("/🙂/*", "/🙂/", true),
];

#[test]
fn each_pattern_matches_what_the_guide_says() {
    for table in [LITERALS, ONE, RUN, BOTH, BEYOND_ASCII] {
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), *expected, "{pattern:?} against {text:?}");
            let prepared = Pattern::new((*pattern).into());
            assert_eq!(
                prepared.matches(Text::new(text)),
                *expected,
                "{prepared:?} against {text:?}"
            );
        }
    }
}

#[test]
fn a_hostile_text_costs_no_more_than_the_product_of_the_lengths() {
    // A matcher that tries every `*` again would need about 2000^30 steps and never end.
    let pattern = format!("{}b", "*a".repeat(30));
    assert!(!matches(&pattern, &"a".repeat(2000)));
    assert!(matches(&pattern, &format!("{}b", "a".repeat(2000))));
}

/// Few characters, so that matches are common; the last is the Kelvin sign, another `k`.
const PATTERN: &str = "[ak*?*?éÉ/\u{212a}]{0,8}";
const TEXT: &str = "[akAKéÉ/*?\u{212a}]{0,12}";

/// The definition, one line a case; exponential, so only for short patterns.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| naive(rest, &text[skipped..])),
        (['?', rest @ ..], [_, behind @ ..]) => naive(rest, behind),
        ([wanted, rest @ ..], [found, behind @ ..]) => {
            wanted.to_lowercase().next() == found.to_lowercase().next() && naive(rest, behind)
        }
        (_, []) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn agrees_with_the_definition(pattern in PATTERN, text in TEXT) {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = naive(&chars(&pattern), &chars(&text));
        prop_assert_eq!(matches(&pattern, &text), expected);
        prop_assert_eq!(Pattern::new(pattern.as_str().into()).matches(Text::new(&text)), expected);
    }

    #[test]
    fn a_pattern_cut_from_the_text_matches_it(
        text in "\\PC{0,20}",
        holes in proptest::collection::vec((any::<bool>(), 0..4_usize), 0..20),
    ) {
        // Each hole hides the next character behind `?`, or a run of them behind `*`.
        let mut rest = text.chars();
        let mut pattern = String::new();
        for (one, run) in holes {
            pattern.extend(rest.next().map(|shown| if one { '?' } else { shown }));
            if !one {
                pattern.push('*');
                rest.by_ref().take(run).for_each(drop);
            }
        }
        pattern.push_str(rest.as_str());
        prop_assert!(matches(&pattern, &text), "{:?} against {:?}", pattern, text);
        prop_assert!(Pattern::new(pattern.as_str().into()).matches(Text::new(&text)), "{:?} against {:?}", pattern, text);
    }

    #[test]
    fn a_text_without_wildcards_matches_itself_only(text in "[^*?]{0,20}", more in "\\PC{1,5}") {
        prop_assert!(matches(&text, &text));
        let longer = format!("{text}{more}");
        prop_assert!(!matches(&text, &longer));
        prop_assert!(!matches(&longer, &text) || more.chars().all(|c| c == '*'));
    }
}
