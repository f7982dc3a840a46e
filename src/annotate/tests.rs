//! Rules held against exchanges: each source, filters, what beats what, what there is room for.

use std::rc::Rc;
use std::time::Duration;

use http::HeaderName;
use http::HeaderValue;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::annotate::filter::Filter;
use crate::annotate::filter::StatusRange;
use crate::annotate::rule::Kind;
use crate::annotate::rule::On;
use crate::annotate::template::Template;
use crate::trace::document::Batch;
use crate::trace::document::Document;
use crate::trace::exchange::Detail;
use crate::trace::exchange::Exchange;
use crate::trace::exchange::Ids;
use crate::trace::facts::End;
use crate::trace::facts::RequestFacts;
use crate::trace::facts::Scheme;
use crate::trace::facts::Url;
use crate::trace::id::SegmentId;
use crate::trace::id::TraceId;
use crate::trace::segment::Name;
use crate::trace::segment::remarks::Key;
use crate::trace::segment::remarks::MAX_ANNOTATIONS;
use crate::trace::site::Surroundings;
use crate::trace::time::Micros;
use crate::trace::time::Stamp;

fn headers(pairs: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

/// A rule that annotates `key` with what `source` has.
fn rule(source: Source, key: &str) -> Rule {
    Rule {
        source,
        target: Target::Annotation(Key::new(key).unwrap()),
        kind: Kind::Text,
        on: On::Both,
        filter: Filter::default(),
        secret: false,
    }
}

fn header(name: &'static str, key: &str) -> Rule {
    rule(Source::Header(HeaderName::from_static(name)), key)
}

fn constant(value: &str, key: &str) -> Rule {
    rule(Source::Value(Scalar::text(value)), key)
}

fn on_status(status: &str, rule: Rule) -> Rule {
    let status = vec![StatusRange::parse(status).unwrap()];
    Rule { filter: Filter { status, ..rule.filter }, ..rule }
}

/// An exchange as the rules get to see it.
struct Seen {
    target: &'static str,
    request: HeaderMap,
    status: u16,
    response: HeaderMap,
    trailers: HeaderMap,
}

impl Default for Seen {
    fn default() -> Self {
        let none = HeaderMap::new;
        Self { target: "/", request: none(), status: 200, response: none(), trailers: none() }
    }
}

impl Seen {
    fn request(&self) -> Request<'_> {
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let authority = "shop.example:8000";
        Request { method: &Method::GET, authority, path, query, headers: &self.request }
    }

    /// What `rules` make of it, and what became of their values.
    fn told(&self, rules: &[Rule]) -> (Remarks, Tally) {
        self.told_with(rules, None)
    }

    fn told_with(&self, rules: &[Rule], said: Option<Said>) -> (Remarks, Tally) {
        let rules = Rules::of(rules, Side::Ingress);
        let (mut remarks, mut tally) = (Remarks::default(), Tally::default());
        let mut course = rules.asked(&self.request());
        add(&mut tally, rules.settle(&mut course, &mut remarks));
        rules.answered(&mut course, &Response { status: self.status, headers: &self.response });
        add(&mut tally, rules.settle(&mut course, &mut remarks));
        if let Some(said) = said {
            add(&mut tally, rules.settle_said(&mut course, said, &mut remarks));
        }
        rules.trailed(&mut course, &self.trailers);
        add(&mut tally, rules.settle(&mut course, &mut remarks));
        assert!(course.is_over() && !course.is_ready());
        (remarks, tally)
    }

    fn annotations(&self, rules: &[Rule]) -> Value {
        annotations(self.told(rules).0)
    }
}

fn add(to: &mut Tally, Tally { set, untyped, malformed, refused }: Tally) {
    to.set += set;
    to.untyped += untyped;
    to.malformed += malformed;
    to.refused += refused;
}

/// The annotations, as a document has them.
fn annotations(remarks: Remarks) -> Value {
    document(remarks)["annotations"].take()
}

fn document(remarks: Remarks) -> Value {
    let (micros, after) = (Micros::new(1_700_000_000_000_000), Duration::from_secs(1));
    let at = Stamp::new(micros, after);
    let trace = TraceId::mint(micros, 1);
    let ids = Ids { trace, own: SegmentId::mint(2), parent: None };
    let url = Url::new(Scheme::Http, "shop.test", "/");
    let request = RequestFacts { method: Method::GET, url, user_agent: None, client: None };
    let detail = Detail { name: Name::new("shop"), request, rule: None };
    let exchange = Exchange::open(ids, at, Some(Rc::new(detail)));
    let mut segment = exchange.into_segment(End::Complete, at, Vec::new()).unwrap();
    segment.body.remark(remarks);
    let mut batch = Batch::default();
    batch.encode(Document::Segment(Box::new(segment)), &Surroundings::default());
    serde_json::from_slice(batch.documents().next().unwrap()).unwrap()
}

#[test]
fn each_source_is_found() {
    let route = Template::parse("/orders/{order}/{rest*}").unwrap();
    let of_path = |name: &str| {
        let filter = Filter { route: Some(route.clone()), ..Filter::default() };
        Rule { filter, ..rule(Source::Path(name.into()), name) }
    };
    let name = HeaderName::from_static;
    let rules = [
        header("x-id", "header"),
        header("host", "host"),
        rule(Source::ResponseHeader(name("x-id")), "response_header"),
        rule(Source::Query("q".into()), "query"),
        rule(Source::Cookie("tenant".into()), "cookie"),
        of_path("order"),
        of_path("rest"),
        rule(Source::Grpc(name("x-id")), "grpc"),
        rule(Source::GrpcResponse(name("x-id")), "grpc_head"),
        rule(Source::GrpcResponse(name("x-cost")), "grpc_trailer"),
        rule(Source::GrpcResponse(name("x-none")), "grpc_none"),
        rule(Source::Env("A".into(), Some("pod".into())), "env"),
        rule(Source::Env("B".into(), None), "unset"),
        constant("fixed", "value"),
    ];
    let grpc: (&str, &[u8]) = ("content-type", b"application/grpc+proto");
    let seen = Seen {
        target: "/orders/a%2Fb%0A/c/d?q=x+y",
        request: headers(&[("x-id", b"1"), ("x-id", b"2"), ("cookie", b"tenant=acme"), grpc]),
        response: headers(&[("x-id", b" r\t "), grpc]),
        trailers: headers(&[("x-cost", b"7"), ("x-id", b"late")]),
        ..Seen::default()
    };
    let want = json!({
        "header": "1", "host": "shop.example:8000", "query": "x y", "cookie": "acme",
        "order": "a/b", "rest": "c/d", "grpc": "1", "env": "pod", "value": "fixed",
        "response_header": "r", "grpc_head": "r", "grpc_trailer": "7",
    });
    assert_eq!(seen.annotations(&rules), want);

    let plain = Seen { request: headers(&[("x-id", b"1")]), ..Seen::default() };
    let want =
        json!({ "header": "1", "host": "shop.example:8000", "env": "pod", "value": "fixed" });
    assert_eq!(plain.annotations(&rules), want, "what is not there is not said");
}

#[test]
fn filters_choose_exchanges() {
    let with = |change: fn(&mut Filter)| {
        let mut rule = header("x-id", "id");
        change(&mut rule.filter);
        rule
    };
    for (rule, taken) in [
        (with(|f| f.route = Template::parse("/a/*").ok()), true),
        (with(|f| f.route = Template::parse("/b/*").ok()), false),
        (with(|f| f.method = Some("g?T".into())), true),
        (with(|f| f.method = Some("POST".into())), false),
        (with(|f| f.host = Some("shop.*".into())), true),
        (with(|f| f.host = Some("*:8000".into())), false),
        (on_status("4xx", with(|_| {})), true),
        (on_status("500-599", with(|_| {})), false),
    ] {
        let request = headers(&[("x-id", b"1")]);
        let seen = Seen { target: "/a/b?c", request, status: 404, ..Seen::default() };
        let want = if taken { json!({ "id": "1" }) } else { Value::Null };
        assert_eq!(seen.annotations(std::slice::from_ref(&rule)), want, "{:?}", rule.filter);
    }
}

#[test]
fn rules_are_for_their_side() {
    let rules = [On::Ingress, On::Egress, On::Both].map(|on| Rule { on, ..constant("x", "k") });
    for side in [Side::Ingress, Side::Egress] {
        assert_eq!(Rules::of(&rules, side).0.len(), 2, "{side:?}");
    }
    let many = vec![constant("x", "k"); MAX_RULES + 1];
    assert_eq!(Rules::of(&many, Side::Egress).0.len(), MAX_RULES);
}

#[test]
fn the_last_rule_wins_whenever_its_value_comes() {
    let late = || rule(Source::ResponseHeader(HeaderName::from_static("x-late")), "k");
    let last = || rule(Source::GrpcResponse(HeaderName::from_static("x-last")), "k");
    let seen = Seen {
        response: headers(&[("x-late", b"late"), ("content-type", b"application/grpc")]),
        trailers: headers(&[("x-last", b"last")]),
        ..Seen::default()
    };
    for (rules, want) in [
        (vec![constant("a", "k"), constant("b", "k")], "b"),
        (vec![constant("a", "k"), late()], "late"),
        (vec![late(), constant("a", "k")], "a"),
        (vec![last(), late(), constant("a", "k")], "a"),
        (vec![constant("a", "k"), last(), late()], "late"),
        (vec![late(), on_status("200", constant("a", "k"))], "a"),
        (vec![on_status("500", constant("a", "k")), late(), last()], "last"),
        (vec![late(), header("x-absent", "k")], "late"),
    ] {
        assert_eq!(seen.annotations(&rules), json!({ "k": want }), "{rules:?}");
    }
}

#[test]
fn what_the_service_says_wins_over_rules() {
    let last = rule(Source::GrpcResponse(HeaderName::from_static("x-last")), "k");
    let user = Rule { target: Target::User, ..last.clone() };
    let seen = Seen {
        response: headers(&[("content-type", b"application/grpc")]),
        trailers: headers(&[("x-last", b"last")]),
        ..Seen::default()
    };
    let rules = [last, user, constant("a", "other")];
    let (before, _) = seen.told(&rules);
    assert_eq!(document(before)["user"], "last");

    let said =
        said::read(&headers(&[("x-sideray-annotate", b"k=1;x"), ("x-sideray-user", b"ann")]));
    let (remarks, tally) = seen.told_with(&rules, Some(said));
    assert_eq!(tally, Tally { set: 3, malformed: 1, ..Tally::default() });
    let document = document(remarks);
    assert_eq!(document["annotations"], json!({ "other": "a", "k": 1 }));
    assert_eq!(document["user"], "ann");
}

#[test]
fn values_become_what_their_rule_says() {
    let into = |target, rule| Rule { target, ..rule };
    let metadata = |namespace: &str, key: &str| Target::Metadata {
        namespace: namespace.into(),
        key: key.into(),
    };
    let number = |rule| Rule { kind: Kind::Number, ..rule };
    let rules = [
        number(header("x-n", "n")),
        number(header("x-id", "not_n")),
        into(metadata("default", "id"), header("x-id", "k")),
        into(metadata("a b", "n"), number(header("x-n", "k"))),
        into(Target::User, header("x-id", "k")),
    ];
    let request = headers(&[("x-n", b"42"), ("x-id", b"ann")]);
    let (remarks, tally) = Seen { request, ..Seen::default() }.told(&rules);
    assert_eq!(tally, Tally { set: 4, untyped: 1, ..Tally::default() });
    let document = document(remarks);
    assert_eq!(document["annotations"], json!({ "n": 42 }));
    assert_eq!(document["metadata"]["default"]["id"], "ann");
    assert_eq!(document["metadata"]["a b"]["n"], 42);
    assert_eq!(document["user"], "ann");
}

#[test]
fn there_are_so_many_annotations_and_so_much_room() {
    let rules: Vec<_> = (0..60).map(|n| constant("x", &format!("k{n}"))).collect();
    let (remarks, tally) = Seen::default().told(&rules);
    let most = MAX_ANNOTATIONS as u64;
    assert_eq!(remarks.annotations(), MAX_ANNOTATIONS);
    assert_eq!(tally, Tally { set: most, refused: 60 - most, ..Tally::default() });

    // Values of a thousand characters of four bytes each, held until the status is known.
    let long = "\u{1f980}".repeat(1_000);
    let rules: Vec<_> = (0..60)
        .map(|n| on_status("200", rule(Source::Query("q".into()), &format!("k{n}"))))
        .collect();
    let rules = Rules::of(&rules, Side::Ingress);
    let query = format!("q={long}");
    let (none, seen) = (HeaderMap::new(), Seen::default());
    let mut course = rules.asked(&Request { query: &query, ..seen.request() });
    assert!(course.weight <= ROOM && course.held.len() == ROOM / 4_000, "{}", course.held.len());
    assert_eq!(course.tally.refused, 60 - course.held.len() as u64);
    rules.answered(&mut course, &Response { status: 200, headers: &none });
    let mut remarks = Remarks::default();
    rules.settle(&mut course, &mut remarks);
    assert!(remarks.annotations() > 0);
}

proptest! {
    /// Whatever passes, the document is JSON that says what it may.
    #[test]
    fn any_exchange_is_survived(
        target in "/[a-z%?&=+/]{0,20}",
        value in prop::collection::vec((32_u8..=126).prop_union(128..=255), 0..40),
        text in "\\PC{0,20}",
    ) {
        let target: &'static str = Box::leak(target.into_boxed_str());
        let kinds = [Kind::Text, Kind::Number, Kind::Boolean];
        let template = Template::parse("/{a}/{rest*}").ok();
        let filter = Filter { route: template, ..Filter::default() };
        let sources = |key: &str| [
            Source::Header(HeaderName::from_static("x-id")),
            Source::Query("q".into()),
            Source::Cookie(key.into()),
            Source::Path("rest".into()),
            Source::Env("E".into(), Some(text.as_str().into())),
        ];
        let rules: Vec<_> = kinds
            .into_iter()
            .flat_map(|kind| sources("c").map(|source| (kind, source)))
            .enumerate()
            .map(|(n, (kind, source))| {
                let key = Key::clean(&format!("{text}{n}")).unwrap();
                let target = Target::Annotation(key);
                Rule { kind, target, filter: filter.clone(), ..rule(source, "k") }
            })
            .collect();
        let cookie = [b"c=".as_slice(), &value].concat();
        let request = headers(&[("x-id", &value), ("cookie", &cookie)]);
        let document = document(Seen { target, request, ..Seen::default() }.told(&rules).0);
        for (key, value) in document["annotations"].as_object().into_iter().flatten() {
            prop_assert!(Key::new(key).is_some());
            prop_assert!(!value.as_str().is_some_and(|text| text.contains(char::is_control)));
        }
    }
}
