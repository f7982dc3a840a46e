//! Any target, headers and trailers, and whatever a service may say: what is taken has sound keys,
//! stays within its bounds, and nothing panics.
#![no_main]

use arbitrary::Arbitrary;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use libfuzzer_sys::fuzz_target;
use sideray::annotate::Request;
use sideray::annotate::Response;
use sideray::annotate::Rules;
use sideray::annotate::filter::Filter;
use sideray::annotate::filter::StatusRange;
use sideray::annotate::rule::Kind;
use sideray::annotate::rule::On;
use sideray::annotate::rule::Rule;
use sideray::annotate::rule::Side;
use sideray::annotate::rule::Source;
use sideray::annotate::rule::Target;
use sideray::annotate::said;
use sideray::annotate::secret;
use sideray::annotate::template::Template;
use sideray::trace::segment::remarks::Key;
use sideray::trace::segment::remarks::MAX_ANNOTATIONS;
use sideray::trace::segment::remarks::Remarks;

const NAMES: [&str; 6] =
    ["x-id", "cookie", "content-type", "x-sideray-annotate", "x-sideray-user", "x-other"];

/// What passes.
#[derive(Arbitrary, Debug)]
struct Seen {
    template: String,
    name: String,
    path: String,
    query: String,
    authority: String,
    status: u16,
    filter: String,
    request: Vec<(u8, Vec<u8>)>,
    response: Vec<(u8, Vec<u8>)>,
    trailers: Vec<(u8, Vec<u8>)>,
}

fuzz_target!(|seen: Seen| {
    let (request, response) = (headers(&seen.request), headers(&seen.response));
    let rules = Rules::of(&rules(&seen), Side::Ingress);
    let mut remarks = Remarks::default();
    let mut course = rules.asked(&Request {
        method: &Method::GET,
        authority: &seen.authority,
        path: &seen.path,
        query: &seen.query,
        headers: &request,
    });
    rules.settle(&mut course, &mut remarks);
    rules.answered(&mut course, &Response { status: seen.status, headers: &response });
    rules.settle(&mut course, &mut remarks);
    let said = said::read(&response);
    assert!(said.annotations.len() <= said::MAX_PAIRS, "more pairs than may be");
    assert!(said.annotations.iter().all(|(key, _)| Key::new(key.as_str()).is_some()));
    rules.settle_said(&mut course, said, &mut remarks);
    rules.trailed(&mut course, &headers(&seen.trailers));
    rules.settle(&mut course, &mut remarks);
    assert!(course.is_over() && !course.is_ready(), "something was left");
    assert!(remarks.annotations() <= MAX_ANNOTATIONS);
    let _ = secret::reason(&seen.name);
});

/// One rule for each source and kind.
fn rules(seen: &Seen) -> Vec<Rule> {
    let name: Box<str> = seen.name.as_str().into();
    let id = HeaderName::from_static("x-id");
    let route = Template::parse(&seen.template).ok();
    let status: Vec<_> = StatusRange::parse(&seen.filter).into_iter().collect();
    let sources = [
        Source::Header(id.clone()),
        Source::ResponseHeader(id.clone()),
        Source::Query(name.clone()),
        Source::Cookie(name.clone()),
        Source::Path(name.clone()),
        Source::Grpc(id.clone()),
        Source::GrpcResponse(id),
        Source::Env(name.clone(), Some(name)),
    ];
    let kinds = [Kind::Text, Kind::Number, Kind::Boolean];
    let both = sources.iter().flat_map(|source| kinds.map(|kind| (source.clone(), kind)));
    both.enumerate()
        .map(|(at, (source, kind))| {
            let key = Key::new(&format!("k{}", at % 16)).expect("a sound key");
            let filter =
                Filter { route: route.clone(), status: status.clone(), ..Filter::default() };
            let target = Target::Annotation(key);
            Rule { source, target, kind, on: On::Both, filter, secret: false }
        })
        .collect()
}

fn headers(pairs: &[(u8, Vec<u8>)]) -> HeaderMap {
    let pairs = pairs.iter().filter_map(|(name, value)| {
        let name = NAMES[usize::from(*name) % NAMES.len()];
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
    });
    pairs.collect()
}
