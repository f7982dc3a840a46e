//! What each parser takes, what it refuses, and what it says then.

use proptest::prelude::*;

use super::*;

/// What `parse` makes of the TOML value `written`.
fn of<T>(written: &str, parse: impl FnOnce(&DeValue<'_>) -> Parsed<T>) -> Parsed<T> {
    parse(DeValue::parse(written).unwrap().get_ref())
}

/// Asserts that `said` is a refusal with these words in it.
fn refused<T: std::fmt::Debug>(said: Parsed<T>, words: &str, input: &str) {
    let message = said.expect_err(input);
    assert!(message.contains(words), "{input}: {message}");
}

#[test]
fn durations() {
    for (written, millis) in [
        ("\"1ms\"", 1),
        ("\"250ms\"", 250),
        ("\"10s\"", 10_000),
        ("\"10 s\"", 10_000),
        ("\"1m\"", 60_000),
        ("\"24h\"", 86_400_000),
    ] {
        assert_eq!(of(written, duration), Ok(Duration::from_millis(millis)), "{written}");
    }
    for (written, words) in [
        ("\"0s\"", "from \"1ms\" to \"24h\""),
        ("\"86401s\"", "from \"1ms\" to \"24h\""),
        ("\"18446744073709551615h\"", "not a duration"),
        ("\"10\"", "not a duration"),
        ("\"s\"", "not a duration"),
        ("\"-1s\"", "not a duration"),
        ("\"1.5s\"", "not a duration"),
        ("\"1d\"", "not a duration"),
        ("\"\"", "not a duration"),
        ("30", "write it as \"30s\""),
        ("true", "write it as \"10s\""),
    ] {
        refused(of(written, duration), words, written);
    }
}

#[test]
fn sizes() {
    for (written, bytes) in [("1024", 1024), ("\"1KiB\"", 1024), ("\"16 MiB\"", 16 << 20)] {
        assert_eq!(of(written, size(1..=1 << 30)), Ok(bytes), "{written}");
    }
    for (written, words) in [
        ("0", "from \"1\" to \"1GiB\""),
        ("\"2GiB\"", "from \"1\" to \"1GiB\""),
        ("\"16MB\"", "not a size"),
        ("\"1024\"", "not a size"),
        ("-1", "not a size"),
        ("1.5", "not a size"),
    ] {
        refused(of(written, size(1..=1 << 30)), words, written);
    }
}

#[test]
fn counts_and_rates() {
    assert_eq!(of("0x10", count(0..=16_u32)), Ok(16));
    assert_eq!(count_word(0..=16_u32)("16"), Ok(16));
    for written in ["17", "-1", "\"1\"", "1.0", "99999999999999999999"] {
        refused(of(written, count(0..=16_u32)), "a whole number from 0 to 16", written);
        refused(count_word(0..=16_u32)(written), "a whole number from 0 to 16", written);
    }
    let share = |number: f64| (0.0..=1.0).contains(&number).then_some(number);
    for (written, number) in [("0", 0.0), ("1", 1.0), ("0.05", 0.05), ("1e-3", 0.001)] {
        assert_eq!(of(written, rate(share)), Ok(number), "{written}");
    }
    for written in ["5", "-0.1", "nan", "inf", "\"0.5\"", "true"] {
        refused(of(written, rate(share)), "five percent is 0.05", written);
    }
}

#[test]
fn addresses() {
    for sound in ["127.0.0.1:8001", "0.0.0.0:0", "[::1]:1"] {
        assert_eq!(address(1)(sound).map(|address| address.to_string()), Ok(sound.to_owned()));
    }
    for (input, words) in [
        ("8001", "write it as \"127.0.0.1:8001\""),
        (":8001", "write it as \"127.0.0.1:8001\""),
        ("localhost:9", "write it as \"127.0.0.1:9\""),
        ("10.0.0.1", "write it as \"10.0.0.1:8001\""),
        ("[::1]", "write it as \"[::1]:8001\""),
        ("::1", "write it as \"[::1]:8001\""),
        ("example.com:80", "as \"127.0.0.1:8001\""),
        ("", "as \"127.0.0.1:8001\""),
    ] {
        refused(address(8001)(input), words, input);
    }
}

#[test]
fn origins() {
    for (input, text) in [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost:80"),
        ("HTTP://Example.com/", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("h2c://[::1]", "h2c://[::1]:80"),
        ("h2c://[::1]:9", "h2c://[::1]:9"),
    ] {
        assert_eq!(origin(input).map(|origin| origin_text(&origin)), Ok(text.to_owned()));
    }
    for (input, words) in [
        ("127.0.0.1:8080", "write it as \"http://127.0.0.1:8080\""),
        ("ftp://h", "http, https and h2c"),
        ("http://h:1/api", "write it as \"http://h:1\""),
        ("http://h?q", "write it as \"http://h\""),
        ("http://h#f", "write it as \"http://h\""),
        ("http://me:secret@h:1", "write it as \"http://h:1\""),
        ("http://", "not a host and port"),
        ("http://h:0", "not a host and port"),
        ("http://h:", "not a host and port"),
        ("http://h:99999", "not a host and port"),
        ("http://h:x", "not a host and port"),
        ("http://[::1", "not a host and port"),
        ("http://[nonsense]:1", "not a host and port"),
        ("http://a b:1", "not a host and port"),
    ] {
        refused(origin(input), words, input);
    }
}

#[test]
fn daemons() {
    for (input, text) in [
        ("embedded", "embedded"),
        ("127.0.0.1:2000", "127.0.0.1:2000"),
        ("xray.local:2000", "xray.local:2000"),
        ("tcp:a:1 udp:b:2", "tcp:a:1 udp:b:2"),
        (" udp:b:2   tcp:a:1 ", "tcp:a:1 udp:b:2"),
        ("udp:a:1 tcp:a:1", "a:1"),
        ("[::1]:2000", "[::1]:2000"),
        ("tcp:[::1]:1 udp:[::1]:2", "tcp:[::1]:1 udp:[::1]:2"),
    ] {
        assert_eq!(daemon(input).map(|daemon| daemon_text(&daemon)), Ok(text.to_owned()));
    }
    for input in [
        "",
        "127.0.0.1",
        "udp:127.0.0.1:2000",
        "tcp:a:1 tcp:b:2",
        "a:1 b:2",
        "tcp:a:1 udp:b",
        "tcp:a:1 udp:b:2 udp:c:3",
        "http://a:1",
        "a:0",
        "me@a:1",
        "::1:2000",
    ] {
        refused(daemon(input), "tcp:host:port udp:host:port", input);
    }
}

#[test]
fn names_patterns_and_paths() {
    assert_eq!(name("shop/front").map(|name| name.as_str().to_owned()), Ok("shop/front".into()));
    for (input, words) in [("", "\"unknown\""), ("a*b", "\"ab\""), (&"x".repeat(201), "200")] {
        refused(name(input), words, input);
    }
    for sound in ["*.internal", "169.254.169.254", "fd00:ec2::254", "*"] {
        assert_eq!(host_pattern(sound), Ok(sound.into()));
    }
    let long = "x".repeat(PATTERN + 1);
    for (input, words) in [
        ("h:80", "write it as \"h\""),
        ("[::1]", "write it as \"::1\""),
        ("http://h", "without the port"),
        ("a/b", "not a host"),
        ("a b", "not a host"),
        ("", "not a host"),
        (&long, "not a host"),
    ] {
        refused(host_pattern(input), words, input);
    }
    refused(path(""), "leave the key out", "");
    refused(path("a\0b"), "not a path", "NUL");
}

#[test]
fn a_string_is_told_from_what_is_none() {
    for (written, words) in
        [("1", "found an integer"), ("[]", "found a list"), ("1979-05-27", "found a date")]
    {
        refused(of(written, text(path)), words, written);
    }
}

proptest! {
    #[test]
    fn a_written_duration_reads_back(millis in 1..=86_400_000_u64) {
        let written = duration_text(Duration::from_millis(millis));
        prop_assert_eq!(of(&format!("\"{written}\""), duration), Ok(Duration::from_millis(millis)));
    }

    #[test]
    fn a_written_size_reads_back(bytes in 1..=1_u64 << 40) {
        if let Some(written) = size_text(bytes) {
            let read = of(&format!("\"{written}\""), size(1..=1 << 40));
            prop_assert_eq!(read, Ok(usize::try_from(bytes).unwrap()));
        }
    }

    #[test]
    fn what_origins_and_daemons_are_taken_are_written_so(input in "(http://|h2c://|tcp:)?[a-zA-Z.:\\[\\]0-9@/ -]{0,20}") {
        if let Ok(read) = origin(&input) {
            prop_assert_eq!(origin(&origin_text(&read)), Ok(read));
        }
        if let Ok(read) = daemon(&input) {
            prop_assert_eq!(daemon(&daemon_text(&read)), Ok(read));
        }
    }
}
