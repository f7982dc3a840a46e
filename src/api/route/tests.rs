//! Where paths lead, and who is near.

use super::*;

const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";

fn say(what: What) -> Say {
    Say { trace: TraceId::parse(ROOT.as_bytes()).unwrap(), parent: None, what }
}

#[test]
fn paths_lead_where_they_say() {
    let put = |rest: &str, query: Option<&str>| {
        route("PUT", &format!("/v1/traces/{ROOT}/{rest}"), query).unwrap()
    };
    let parent = SegmentId::parse(b"53995c3f42cd8ad8");
    for (rest, query, expected) in [
        ("annotations", None, say(What::Annotations)),
        ("annotations", Some(""), say(What::Annotations)),
        ("user", Some("parent=53995c3f42cd8ad8"), Say { parent, ..say(What::User) }),
        ("metadata", None, say(What::Metadata("default".into()))),
        ("metadata", Some("namespace=a.b-c"), say(What::Metadata("a.b-c".into()))),
        ("exceptions", None, say(What::Exceptions(None))),
        (
            "exceptions",
            Some("fault=false&parent=53995c3f42cd8ad8"),
            Say { parent, ..say(What::Exceptions(Some(false))) },
        ),
    ] {
        assert_eq!(put(rest, query), Ok(Route::Say(expected)), "{rest} {query:?}");
    }
    let w3c = ROOT.replace("1-", "").replace('-', "");
    let found = route("PUT", &format!("/v1/traces/{w3c}/user"), None);
    assert_eq!(found, Some(Ok(Route::Say(say(What::User)))));
    assert_eq!(route("POST", "/v1/subsegments", None), Some(Ok(Route::Subsegments)));
    assert_eq!(route("PUT", "/v10/traces", None), None);
    for query in ["parent=1", "parnt=1", "namespace=a", "fault=1"] {
        assert!(matches!(put("user", Some(query)), Err(Stray::Fault(_))), "{query}");
    }
    for query in ["fault=maybe", "namespace=a"] {
        assert!(matches!(put("exceptions", Some(query)), Err(Stray::Fault(_))), "{query}");
    }
    assert!(matches!(put("metadata", Some("namespace=a%20b")), Err(Stray::Fault(_))));
}

#[test]
fn other_paths_lead_nowhere() {
    let user = format!("/v1/traces/{ROOT}/user");
    for (method, path, expected) in [
        ("GET", "/v1", Stray::Nothing),
        ("PUT", "/v1/traces", Stray::Nothing),
        ("PUT", &user.replace("user", "colour"), Stray::Nothing),
        ("PUT", &format!("{user}/"), Stray::Nothing),
        ("POST", &user, Stray::Method("PUT")),
        ("PUT", "/v1/subsegments", Stray::Method("POST")),
        ("PUT", "/v1/traces/1-2-3/user", Stray::fault("", TRACE)),
        ("PUT", "/v1/traces/1-00000000-000000000000000000000000/user", Stray::fault("", TRACE)),
    ] {
        assert_eq!(route(method, path, None), Some(Err(expected)), "{method} {path}");
    }
}

#[test]
fn names_with_a_dot_are_far() {
    for (host, near) in [
        ("127.0.0.1", true),
        ("127.0.0.1:8002", true),
        ("10.1.2.3:8002", true),
        ("[::1]:8002", true),
        ("[::1]", true),
        ("localhost:8002", true),
        ("sideray", true),
        ("evil.example", false),
        ("evil.example:8002", false),
        ("127.0.0.1.evil.example:8002", false),
        ("localhost.", false),
        ("[evil.example]", false),
        ("[", false),
        ("", false),
        (":8002", false),
    ] {
        assert_eq!(is_near(host), near, "{host}");
    }
}
