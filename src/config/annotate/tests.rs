//! What rules come to beside what the whole file's tests show.

use super::*;
use crate::config::load;
use crate::config::source::File;
use crate::config::source::Sources;

fn loaded(text: &str) -> Result<Vec<Rule>, String> {
    let file = Some(File { path: "proxy.toml".into(), text: text.to_owned() });
    let variables = [("DB", "mysql://me:hush@h/x"), ("MAIL", "http://h/@me"), ("POD", "shop-7")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let env = Env::default().with(variables);
    let config = load(&Sources { file, env, ..Sources::default() });
    config.map(|config| config.annotate).map_err(|faults| faults.to_string())
}

#[test]
fn one_line_is_enough() {
    let rules = loaded("annotate = [{ header = 'X-Request-ID' }]").unwrap();
    let key = Key::new("x_request_id").unwrap();
    let [Rule { source, target, kind, on, filter, secret }] = &rules[..] else { panic!("one") };
    assert_eq!(*source, Source::Header(HeaderName::from_static("x-request-id")));
    assert_eq!(*target, Target::Annotation(key));
    assert_eq!((*kind, *on, *secret), (Kind::Text, On::Ingress, false));
    assert_eq!(*filter, Filter::default());
}

#[test]
fn there_may_be_so_many_rules() {
    let rules = |count| "[[annotate]]\nheader = 'x-id'\n".repeat(count);
    assert_eq!(loaded(&rules(MAX_RULES)).unwrap().len(), MAX_RULES);
    let faults = loaded(&rules(MAX_RULES + 1)).unwrap_err();
    assert!(faults.contains("annotate = [[annotate]]: there may be 100 rules"), "{faults}");
}

#[test]
fn variables_are_read_at_the_start_and_urls_with_passwords_are_refused() {
    for (name, value) in [("POD", Some("shop-7")), ("MAIL", Some("http://h/@me")), ("NONE", None)] {
        let rules = loaded(&format!("annotate = [{{ env = '{name}' }}]")).unwrap();
        assert_eq!(rules[0].source, Source::Env(name.into(), value.map(Into::into)));
    }
    let faults = loaded("annotate = [{ env = 'DB' }]").unwrap_err();
    assert!(faults.contains("its value is a URL with user and password"), "{faults}");
    assert!(!faults.contains("hush"), "and it is not told");
    assert!(loaded("annotate = [{ env = 'DB', secret = true }]").is_ok());
}

#[test]
fn constants_have_their_own_type() {
    for (text, value) in [
        ("'x'", Scalar::text("x")),
        ("0x10", Scalar::Number(16.into())),
        ("-0.5", Scalar::Number(Number::from_f64(-0.5).unwrap())),
        ("false", Scalar::Boolean(false)),
    ] {
        let rules = loaded(&format!("annotate = [{{ value = {text}, key = 'k' }}]")).unwrap();
        assert_eq!(rules[0].source, Source::Value(value), "{text}");
    }
    for text in ["''", "nan", "inf", "[]", "{}", "99999999999999999999"] {
        let text = format!("annotate = [{{ value = {text}, key = 'k' }}]");
        assert!(loaded(&text).unwrap_err().contains("expected a string"), "{text}");
    }
}
