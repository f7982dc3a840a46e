//! CBOR, item by item.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn write(value: &Value, known: bool, into: &mut Vec<u8>) {
    let head = |major: u8, length: usize, into: &mut Vec<u8>| match (known, length) {
        (true, 0..24) => into.push(major << 5 | length as u8),
        (true, _) => {
            into.push(major << 5 | 25);
            into.extend_from_slice(&(length as u16).to_be_bytes());
        }
        (false, _) => into.push(major << 5 | 31),
    };
    match value {
        Value::Null => into.push(0xf6),
        Value::Bool(is) => into.push(0xf4 + u8::from(*is)),
        Value::Number(number) => match number.as_i64() {
            Some(n @ 0..) => into.extend([&[0x1b][..], &n.to_be_bytes()].concat()),
            Some(n) => into.extend([&[0x3b][..], &(-1 - n).to_be_bytes()].concat()),
            None => into.extend([&[0xfb][..], &number.as_f64().unwrap().to_be_bytes()].concat()),
        },
        Value::String(text) => {
            head(TEXT, text.len(), into);
            if !known {
                into.push(0x79);
                into.extend_from_slice(&(text.len() as u16).to_be_bytes());
            }
            into.extend_from_slice(text.as_bytes());
        }
        Value::Array(list) => {
            head(LIST, list.len(), into);
            list.iter().for_each(|item| write(item, known, into));
        }
        Value::Object(map) => {
            head(MAP, map.len(), into);
            for (key, value) in map {
                write(&Value::from(key.as_str()), known, into);
                write(value, known, into);
            }
        }
    }
    if !known && (value.is_string() || value.is_array() || value.is_object()) {
        into.push(BREAK);
    }
}

/// What `value` is in CBOR, with all lengths `known` beforehand, or none.
pub(in crate::aws) fn written(value: &Value, known: bool) -> Vec<u8> {
    let mut cbor = Vec::new();
    write(value, known, &mut cbor);
    cbor
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("not JSON", |n| n.is_finite()).prop_map(Value::from),
        "[a-zü]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-c]{1,9}", inner), 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn members(cbor: &[u8]) -> Vec<(String, Option<Value>)> {
    Members::new(cbor).map(|(name, cbor)| (name.into_owned(), value(cbor))).collect()
}

#[test]
fn items_are_read_as_the_rfc_has_them() {
    // Source: RFC 8949, appendix A, and Smithy's protocol tests.
    let table: &[(&[u8], Value)] = &[
        (&[0x18, 0x64], json!(100)),
        (&[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0], json!(1_000_000_000_000_u64)),
        (&[0x1b, 255, 255, 255, 255, 255, 255, 255, 255], json!(u64::MAX)),
        (&[0x39, 0x03, 0xe7], json!(-1000)),
        (&[0xf9, 0x3c, 0x00], json!(1.0)),
        (&[0xf9, 0x7b, 0xff], json!(65504.0)),
        (&[0xf9, 0x00, 0x01], json!(5.960_464_477_539_063e-8)),
        (&[0xf9, 0xc4, 0x00], json!(-4.0)),
        (&[0xfa, 0x47, 0xc3, 0x50, 0x00], json!(100_000.0)),
        (&[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], json!(1.1)),
        (&[0xf4], json!(false)),
        (&[0xc1, 0x1a, 0x51, 0x4b, 0x67, 0xb0], json!(1_363_896_240)),
        (&[0x44, 1, 2, 3, 4], json!("AQIDBA==")),
        (&[0x5f, 0x42, 1, 2, 0x43, 3, 4, 5, 0xff], json!("AQIDBAU=")),
        (&[0x63, 0xe6, 0xb0, 0xb4], json!("水")),
        (&[0x7f, 0x61, b'a', 0x61, b'b', 0xff], json!("ab")),
        (&[0x9f, 1, 0x82, 2, 3, 0xff], json!([1, [2, 3]])),
        (&[0xbf, 0x61, b'a', 1, 0xff], json!({"a": 1})),
    ];
    for (cbor, expected) in table {
        assert_eq!(value(cbor), Some(expected.clone()), "value of {cbor:x?}");
    }
    let none: &[&[u8]] = &[
        &[],
        &[0xf6],
        &[0xf7],
        &[0xff],
        &[0x1c],
        &[0x1f],
        &[0x3b, 255, 255, 255, 255, 255, 255, 255, 255],
        &[0xf9, 0x7c, 0x00],
        &[0xf8, 0xff],
        &[0x62, b'a'],
        &[0x62, 0xff, 0xff],
        &[0x7b, 255, 255, 255, 255, 255, 255, 255, 255],
        &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
        &[0x7f, 0x41, b'a', 0xff],
        &[0xa1, 1, 2],
    ];
    for cbor in none {
        assert_eq!(value(cbor), None, "value of {cbor:x?}");
    }
}

#[test]
fn members_end_where_the_map_does() {
    type Expected<'a> = &'a [(&'a str, Value)];
    let table: &[(&[u8], Expected<'_>)] = &[
        (&[], &[]),
        (&[0x80], &[]),
        (&[0xa0, 0x61, b'a', 1], &[]),
        (&[0xa1, 0x61, b'a', 1, 0x61, b'b', 2], &[("a", json!(1))]),
        (&[0xbf, 0x61, b'a', 1, 0xff, 0x61, b'b', 2], &[("a", json!(1))]),
        (&[0xa2, 1, 2, 0x61, b'b', 2], &[("b", json!(2))]),
        (&[0xa2, 0x61, b'a', 1, 0x61, b'b', 0x62, b'c'], &[("a", json!(1))]),
    ];
    for (cbor, expected) in table {
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some(value.clone())))
            .collect();
        assert_eq!(members(cbor), expected, "members of {cbor:x?}");
    }
}

#[test]
fn depth_is_bounded() {
    for byte in [0x81, 0x9f, 0xc1] {
        let deep = [&[0xa1, 0x61, b'a'][..], &[byte].repeat(60_000), &[1]].concat();
        assert_eq!(members(&deep), [], "nested {byte:x}");
        assert_eq!(value(&deep), None, "nested {byte:x}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(expected in values(), known: bool) {
        let cbor = written(&expected, known);
        prop_assert_eq!(value(&cbor), Some(&expected).filter(|value| !value.is_null()).cloned());
        prop_assert_eq!(count(&cbor), expected.as_array().map(Vec::len));
        let names = expected.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
        prop_assert_eq!(keys(&cbor), names);
    }

    #[test]
    fn a_beginning_has_the_first_members_of_the_whole(value in values(), known: bool) {
        let cbor = written(&json!({"a": value, "b": [value], "c": {"d": value}}), known);
        let whole = members(&cbor);
        for end in 0..cbor.len() {
            let cut = members(&cbor[..end]);
            prop_assert_eq!(&cut[..], &whole[..cut.len()]);
        }
    }

    #[test]
    fn any_bytes_are_read(cbor: Vec<u8>) {
        let read = (members(&cbor), value(&cbor), count(&cbor), keys(&cbor));
        drop(read);
    }
}
