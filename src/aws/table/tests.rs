//! The files hold what look-ups count on, and look-ups find what is there.

use proptest::prelude::*;

use super::*;

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

#[test]
fn files_are_sorted_and_say_where_they_are_from() {
    for text in [SERVICES, NAMES, OPERATIONS] {
        assert!(text.is_ascii(), "so that every place is between characters");
        assert!(text.starts_with("# ") && text.lines().next().unwrap().contains(" botocore "));
        assert!(text.lines().is_sorted() && text.ends_with('\n'));
    }
    let size = SERVICES.len() + NAMES.len() + OPERATIONS.len();
    assert!(size < 1024 * 1024, "{size} bytes in the binary");
}

#[test]
fn every_line_is_found() {
    for line in lines(SERVICES) {
        let name = line.split(' ').next().unwrap();
        let found = service(name).unwrap();
        assert_eq!(found.name, name);
        assert!(found.protocols().count() == found.protocols.split(',').count(), "{line}");
    }
    for line in lines(NAMES) {
        let mut fields = line.splitn(3, ' ');
        let kind = match fields.next().unwrap() {
            "host" => Kind::Host,
            "signing" => Kind::Signing,
            "target" => Kind::Target,
            "version" => Kind::Version,
            other => panic!("{other}"),
        };
        let services = named(kind, fields.next().unwrap());
        assert_eq!(services, fields.next(), "{line}");
        assert!(services.unwrap().split(' ').all(|name| service(name).is_some()), "{line}");
    }
    for line in lines(OPERATIONS) {
        let mut fields = line.splitn(3, ' ');
        let (name, method) = (fields.next().unwrap(), fields.next().unwrap());
        let rest = fields.next().unwrap();
        assert!(operations(name, method).any(|found| found == rest), "{line}");
    }
}

#[test]
fn finds_only_what_is_asked_for() {
    assert_eq!(service("sqs").map(|found| found.prefix), Some("sqs"));
    assert_eq!(service("cloudwatch").map(|found| found.prefix), Some("monitoring"));
    assert_eq!(named(Kind::Target, "TrentService"), Some("kms"));
    assert_eq!(named(Kind::Signing, "ses").map(|all| all.split(' ').next()), Some(Some("ses")));
    for name in ["", "s", "s3 ", "#", "# services.txt,", "zzz", "\n", "s3\n", "S3", "é"] {
        assert_eq!(service(name), None, "{name:?}");
        assert_eq!(named(Kind::Host, name), None, "{name:?}");
    }
    assert_eq!(operations("s3", "PATCH").count(), 0);
    assert_eq!(operations("nobody", "GET").count(), 0);
    assert!(operations("s3", "HEAD").eq(["/{Bucket} HeadBucket", "/{Bucket}/{Key+} HeadObject"]));
    assert_eq!(
        operations("xray", "POST").last(),
        Some("/UpdateTraceSegmentDestination UpdateTraceSegmentDestination")
    );
}

#[test]
fn knows_what_is_global() {
    for name in ["iam", "route53", "cloudfront", "organizations"] {
        assert!(service(name).unwrap().is_global("aws"), "{name}");
    }
    assert!(service("iam").unwrap().is_global("aws-cn"));
    for name in ["s3", "sts", "dynamodb", "route53resolver"] {
        assert!(!service(name).unwrap().is_global("aws"), "{name}");
    }
}

proptest! {
    #[test]
    fn any_name_is_survived(name in "\\PC{0,40}", method in "\\PC{0,8}") {
        let _ = (service(&name), named(Kind::Target, &name), operations(&name, &method).count());
    }
}
