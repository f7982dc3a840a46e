//! Names and flags.

use super::*;

#[test]
fn names_keep_to_the_alphabet() {
    let long = "é".repeat(300);
    for (text, name) in [
        ("shop", "shop"),
        ("api.example.com:8080", "api.example.com:8080"),
        ("a;b?c*d(e)f<g>", "abcdefg"),
        ("Größe 1", "Größe 1"),
        ("", "unknown"),
        ("\n\t", "unknown"),
        ("{\"'|", "unknown"),
        (long.as_str(), &long[..400]),
    ] {
        assert_eq!(Name::new(text).as_str(), name, "{text:?}");
    }
}

#[test]
fn flags_follow_the_status() {
    let flags = |error, throttle, fault| Flags { error, throttle, fault };
    for (status, want) in [
        (200, flags(false, false, false)),
        (399, flags(false, false, false)),
        (400, flags(true, false, false)),
        (429, flags(true, true, false)),
        (499, flags(true, false, false)),
        (500, flags(false, false, true)),
        (999, flags(false, false, true)),
    ] {
        assert_eq!(Flags::of_status(status), want, "{status}");
    }
}
