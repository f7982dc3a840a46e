//! What is taken and what is refused, and that nothing is half taken.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::trace::id::SegmentId;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn written(remarks: &Remarks) -> Value {
    let mut buffer = Vec::new();
    let mut json = Json::new(&mut buffer);
    json.raw("{\"x\":0");
    remarks.write_user(&mut json);
    remarks.write_annotations(&mut json);
    let mut between = ",\"metadata\":{";
    remarks.write_metadata(&mut json, &mut between);
    json.raw(if between == "," { "}}" } else { "}" });
    serde_json::from_slice(&buffer).unwrap()
}

#[test]
fn keys_keep_to_the_alphabet() {
    for (text, sound, clean) in [
        ("order_id", true, Some("order_id")),
        ("x-request-id", false, Some("x_request_id")),
        ("größe", false, Some("gr__e")),
        ("", false, None),
        ("--", false, None),
    ] {
        assert_eq!(Key::new(text).is_some(), sound, "{text}");
        assert_eq!(Key::clean(text).as_ref().map(Key::as_str), clean, "{text}");
    }
    assert!(Key::new(&"k".repeat(MAX_KEY + 1)).is_none());
    assert_eq!(Key::clean(&"k".repeat(MAX_KEY + 1)).unwrap().as_str().len(), MAX_KEY);
}

#[test]
fn the_last_word_counts() {
    let mut remarks = Remarks::default();
    assert!(remarks.is_empty());
    remarks.annotate(key("a"), Scalar::text("long before")).unwrap();
    remarks.annotate(key("a"), Scalar::Boolean(true)).unwrap();
    remarks.describe("default", "k", &json!([1, 2, 3])).unwrap();
    remarks.describe("default", "k", &json!(1)).unwrap();
    remarks.set_user("ann");
    remarks.set_user("bo");
    assert_eq!(
        written(&remarks),
        json!({"x": 0, "user": "bo", "annotations": {"a": true}, "metadata": {"default": {"k": 1}}})
    );
    let mut plain = Remarks::default();
    plain.annotate(key("a"), Scalar::Boolean(true)).unwrap();
    plain.describe("default", "k", &json!(1)).unwrap();
    plain.set_user("bo");
    assert_eq!(remarks, plain, "what was replaced takes no room");
}

#[test]
fn there_is_an_end_to_annotations_and_to_room() {
    let mut remarks = Remarks::default();
    for number in 0..MAX_ANNOTATIONS {
        remarks.annotate(key(&format!("k{number}")), Scalar::Number(number.into())).unwrap();
    }
    assert_eq!(remarks.annotate(key("more"), Scalar::Boolean(true)), Err(Refused::Annotations));
    remarks.annotate(key("k0"), Scalar::Boolean(true)).unwrap();
    let before = remarks.clone();
    let large = json!("x".repeat(ROOM));
    assert_eq!(remarks.describe("default", "large", &large), Err(Refused::Room));
    assert_eq!(remarks.describe("AWS.x", "k", &json!(1)), Err(Refused::Reserved));
    assert_eq!(remarks.describe("sideray", "k", &json!(1)), Err(Refused::Reserved));
    assert_eq!(remarks, before);

    let exception = |message: &str| Exception {
        message: message.into(),
        ..Exception::new(SegmentId::mint(1), "E")
    };
    for _ in 0..MAX_EXCEPTIONS {
        remarks.throw(exception("m")).unwrap();
    }
    assert_eq!(remarks.throw(exception("m")), Err(Refused::Exceptions));
    assert_eq!(remarks.limit(3), MAX_ANNOTATIONS - 3);
}

#[test]
fn long_texts_are_cut_at_a_character() {
    assert_eq!(Scalar::text(&"é".repeat(2_000)), Scalar::Text("é".repeat(MAX_TEXT).into()));
    let mut remarks = Remarks::default();
    remarks.set_user(&"é".repeat(300));
    assert_eq!(written(&remarks)["user"], json!("é".repeat(MAX_USER)));
}

#[test]
fn what_keys_become_as_json_is_counted() {
    let mut remarks = Remarks::default();
    let key = "\u{1}".repeat(ROOM / 4);
    assert_eq!(remarks.describe("default", &key, &json!(1)), Err(Refused::Room));
    assert_eq!(remarks.describe(&key, "k", &json!(1)), Err(Refused::Room));
    for number in 0..ROOM {
        if remarks.describe("d", &number.to_string(), &json!(1)).is_err() {
            break;
        }
    }
    assert!(written(&remarks).to_string().len() <= ROOM + 100);
}

#[test]
fn amending_is_all_or_nothing_and_the_newer_counts() {
    let said = |key: &str, value: u32| {
        let mut remarks = Remarks::default();
        remarks.annotate(Key::new(key).unwrap(), Scalar::Number(value.into())).unwrap();
        remarks.describe("default", key, &json!(value)).unwrap();
        remarks
    };
    let mut both = said("a", 1);
    both.amend(said("b", 2)).unwrap();
    both.amend(said("a", 3)).unwrap();
    assert_eq!(
        written(&both),
        json!({
            "x": 0,
            "annotations": {"a": 3, "b": 2},
            "metadata": {"default": {"a": 3, "b": 2}},
        })
    );
    let mut full = both;
    for number in 0..MAX_ANNOTATIONS - 2 {
        full.annotate(key(&format!("k{number}")), Scalar::Boolean(true)).unwrap();
    }
    let before = full.clone();
    assert_eq!(full.amend(said("new", 1)), Err(Refused::Annotations));
    assert_eq!(full, before);
    assert_eq!(full.amend(said("k0", 1)), Ok(()));
}

/// Something that is said, step by step.
#[derive(Clone, Debug)]
enum Step {
    Annotate(String, String),
    Describe(String, String, String),
    User(String),
    Throw(String),
    Directory(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        ("[a-z]{1,2}", ".{0,40}").prop_map(|(key, value)| Step::Annotate(key, value)),
        ("[ab\u{1}]{1,2}", "[ab\u{1}]{0,2}", ".{0,4000}")
            .prop_map(|(namespace, key, value)| Step::Describe(namespace, key, value)),
        ".{0,300}".prop_map(Step::User),
        ".{0,40}".prop_map(Step::Throw),
        ".{0,40}".prop_map(Step::Directory),
    ]
}

impl Step {
    fn take(&self, remarks: &mut Remarks) -> Result<(), Refused> {
        match self {
            Self::Annotate(name, value) => remarks.annotate(key(name), Scalar::text(value)),
            Self::Describe(namespace, key, value) => {
                remarks.describe(namespace, key, &json!(value))
            }
            Self::User(user) => {
                remarks.set_user(user);
                Ok(())
            }
            Self::Throw(message) => remarks.throw(Exception {
                message: message.as_str().into(),
                ..Exception::new(SegmentId::mint(1), "E")
            }),
            Self::Directory(directory) => remarks.started_in(directory),
        }
    }
}

proptest! {
    #[test]
    fn what_is_amended_is_as_if_it_had_been_said_step_by_step(
        first in proptest::collection::vec(step(), 0..60),
        second in proptest::collection::vec(step(), 0..60),
    ) {
        let mut newer = Remarks::default();
        let second: Vec<_> =
            second.into_iter().filter(|step| step.take(&mut newer).is_ok()).collect();
        let mut amended = Remarks::default();
        for step in &first {
            let _ = step.take(&mut amended);
        }
        let (before, mut stepped) = (amended.clone(), amended.clone());
        let added = before.new_annotations(&newer);
        match amended.amend(newer) {
            Ok(()) => {
                for step in &second {
                    // On the way there it may be fuller than in the end.
                    prop_assume!(step.take(&mut stepped).is_ok());
                }
                prop_assert_eq!(amended.annotations(), before.annotations() + added);
                prop_assert_eq!(amended, stepped);
            }
            Err(_) => prop_assert_eq!(amended, before),
        }
    }

    #[test]
    fn absorbing_says_what_both_said_and_ours_counts(
        ours in proptest::collection::vec(("[a-z]{1,2}", any::<u32>()), 0..60),
        theirs in proptest::collection::vec(("[a-z]{1,2}", any::<u32>()), 0..60),
    ) {
        let of = |pairs: &[(String, u32)]| {
            let mut remarks = Remarks::default();
            for (name, value) in pairs {
                let _ = remarks.annotate(key(name), Scalar::Number((*value).into()));
            }
            remarks
        };
        let (ours, theirs) = (of(&ours), of(&theirs));
        let mut whole = ours.clone();
        let refused = whole.absorb(theirs.clone());
        prop_assert!(whole.annotations() <= MAX_ANNOTATIONS);
        let both = theirs.annotations.iter().filter(|(key, _)| {
            ours.annotations.iter().any(|(other, _)| other == key)
        });
        let new = theirs.annotations() - both.count();
        prop_assert_eq!(ours.annotations() + new, whole.annotations() + refused);
        let whole = written(&whole);
        for (key, value) in &ours.annotations {
            prop_assert_eq!(&whole["annotations"][key.as_str()], &json!(value));
        }
    }
}
