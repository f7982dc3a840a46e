//! What is not taken by mistake. Whoever may see a trace sees its annotations, for thirty days, and
//! a secret among them is no longer one.

/// Names that are secret as a whole, and why.
const NAMES: [(&str, &str); 17] = [
    ("authorization", CREDENTIALS),
    ("proxy-authorization", CREDENTIALS),
    ("cookie", "all cookies, those of sessions among them; take one by cookie = \"name\""),
    ("set-cookie", "cookies as they are given out, those of sessions among them"),
    ("x-api-key", CREDENTIALS),
    ("x-amz-security-token", PRESIGNED),
    ("x-amz-credential", PRESIGNED),
    ("x-amz-signature", PRESIGNED),
    ("x-amzn-oidc-data", "a signed token with what the load balancer knows of the user"),
    ("x-goog-credential", PRESIGNED),
    ("x-goog-signature", PRESIGNED),
    ("x-forwarded-client-cert", "the client's certificate and who it was issued to"),
    ("awsaccesskeyid", PRESIGNED),
    ("key-pair-id", PRESIGNED),
    ("sig", PRESIGNED),
    ("samlresponse", CREDENTIALS),
    ("www-authenticate", "a challenge that may hold what an answer is made of"),
];

const CREDENTIALS: &str = "credentials: whoever reads them can act in somebody's name";
const PRESIGNED: &str = "part of a signed URL or request, which opens it to whoever reads it";
const SOUNDS: &str = "by its name a secret";

/// Words that say so, alone or with others. Plurals of some are rather counts: `tokens_used`.
const WORDS: [&str; 24] = [
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "credential",
    "credentials",
    "csrf",
    "dsn",
    "jwt",
    "otp",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pwd",
    "secret",
    "secrets",
    "sessid",
    "session",
    "sessionid",
    "sid",
    "signature",
    "token",
    "xsrf",
];

/// What words are written together with.
const ENDINGS: [&str; 9] = [
    "apikey",
    "credential",
    "passwd",
    "password",
    "secret",
    "sessid",
    "sessionid",
    "signature",
    "token",
];

/// Pairs of words that say so one after the other.
const PAIRS: [(&str, &str); 12] = [
    ("access", "key"),
    ("api", "key"),
    ("connection", "string"),
    ("database", "uri"),
    ("database", "url"),
    ("db", "url"),
    ("encryption", "key"),
    ("mongodb", "uri"),
    ("private", "key"),
    ("redis", "url"),
    ("signing", "key"),
    ("ssh", "key"),
];

/// Why what is called `name` (a header, a parameter, a cookie, a variable …) is probably not for
/// all to see; none if nothing speaks against it.
#[must_use]
pub fn reason(name: &str) -> Option<&'static str> {
    let whole = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    if let Some((_, reason)) = whole {
        return Some(reason);
    }
    let words = words(name);
    let says = |word: &String| {
        WORDS.contains(&word.as_str()) || ENDINGS.iter().any(|ending| word.ends_with(ending))
    };
    let one_after_the_other = words.windows(2).any(|pair| match pair {
        [first, second] => PAIRS.contains(&(first, second)),
        _ => false,
    });
    (words.iter().any(says) || one_after_the_other).then_some(SOUNDS)
}

/// The words of a name in lower case: between what is no letter or digit, and where a capital begins.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        let begins = after_small && c.is_ascii_uppercase();
        if begins || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "authorization",
            "Proxy-Authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "x_api_key",
            "X-Amz-Security-Token",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "x-forwarded-client-cert",
            "access_token",
            "accessToken",
            "accesstoken",
            "id_token",
            "client_secret",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "PGPASSWORD",
            "MYSQL_PWD",
            "DATABASE_URL",
            "SENTRY_DSN",
            "JSESSIONID",
            "connect.sid",
            "session_id",
            "x-csrf-token",
            "jwt",
            "x-auth",
            "privateKey",
            "APIKey",
            "sig",
        ] {
            assert!(reason(name).is_some(), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_taken_for_secrets() {
        for name in [
            "x-request-id",
            "x-amzn-trace-id",
            "tenant",
            "author",
            "authority",
            "x-key",
            "key",
            "monkey",
            "order",
            "user-agent",
            "api-version",
            "accessory-key",
            "design",
            "inside",
            "tokens_used",
            "POD_NAME",
            "AWS_REGION",
            "",
        ] {
            assert_eq!(reason(name), None, "{name}");
        }
    }
}
