//! What a program finds in its environment, with and without certificates, and after its user.

use super::*;

/// What `environment` makes of what is there, for the port 8001.
fn made(existing: &[(&str, &str)], public: Option<&PublicFiles>) -> Vec<(&'static str, String)> {
    let [egress, api] = ["0.0.0.0:8001", "[::]:8002"].map(|address| address.parse().unwrap());
    let variables = environment(egress, Some(api), &lookup(existing), public);
    variables.into_iter().map(|(name, value)| (name, value.into_string().unwrap())).collect()
}

fn lookup(existing: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
    move |name| {
        existing.iter().find(|(other, _)| *other == name).map(|(_, value)| OsString::from(value))
    }
}

fn of<'a>(variables: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
    variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
}

/// The value of a property among a JVM's options, the last one if there are several.
fn property<'a>(variables: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
    let name = format!("-D{name}=");
    of(variables, JAVA_OPTIONS)?
        .split(' ')
        .filter_map(|option| option.strip_prefix(&*name))
        .next_back()
}

#[test]
fn calls_are_led_to_the_egress_port() {
    let variables = made(&[("NO_PROXY", "internal.example")], None);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        assert_eq!(of(&variables, name), Some("http://127.0.0.1:8001"), "{name}");
    }
    assert_eq!(of(&variables, "SIDERAY_API"), Some("http://[::1]:8002"));
    for name in ["NO_PROXY", "no_proxy"] {
        let spared: Vec<_> = of(&variables, name).unwrap().split(',').collect();
        assert_eq!(spared[0], "internal.example");
        assert!(spared.contains(&"169.254.169.254"), "{spared:?}");
    }
    assert_eq!(of(&variables, "NODE_USE_ENV_PROXY"), Some("1"));
    for (name, value) in [
        ("http.proxyHost", "127.0.0.1"),
        ("http.proxyPort", "8001"),
        ("https.proxyHost", "127.0.0.1"),
        ("https.proxyPort", "8001"),
    ] {
        assert_eq!(property(&variables, name), Some(value), "{name}");
    }
    for name in BUNDLES.into_iter().chain([NODE]) {
        assert_eq!(of(&variables, name), None, "{name}: there is nothing to trust");
    }
    assert_eq!(property(&variables, "javax.net.ssl.trustStore"), None);
}

#[test]
fn an_sdk_is_led_to_the_relay() {
    for (listens, told) in [
        ("127.0.0.1:2000", "127.0.0.1:2000"),
        ("0.0.0.0:2000", "127.0.0.1:2000"),
        ("[::]:2000", "127.0.0.1:2000"),
        ("10.0.0.1:2000", "10.0.0.1:2000"),
    ] {
        let (name, value) = daemon(listens.parse().unwrap());
        assert_eq!((name, value.to_str()), ("AWS_XRAY_DAEMON_ADDRESS", Some(told)), "{listens}");
    }
}

#[test]
fn what_is_shown_is_trusted() {
    let public = PublicFiles::of("/run/sideray".as_ref());
    let variables = made(&[], Some(&public));
    for name in BUNDLES {
        assert_eq!(of(&variables, name), Some("/run/sideray/bundle.pem"), "{name}");
    }
    assert_eq!(of(&variables, NODE), Some("/run/sideray/ca.pem"));
    for (name, value) in [
        ("javax.net.ssl.trustStore", "/run/sideray/truststore.p12"),
        ("javax.net.ssl.trustStorePassword", "changeit"),
        ("javax.net.ssl.trustStoreType", "PKCS12"),
    ] {
        assert_eq!(property(&variables, name), Some(value), "{name}");
    }
}

#[test]
fn what_the_user_trusts_is_in_the_bundle_that_all_are_given() {
    let existing = [
        ("AWS_CA_BUNDLE", "/corp.pem"),
        ("SSL_CERT_FILE", "/corp.pem"),
        ("REQUESTS_CA_BUNDLE", "/etc/corp"),
        (NODE, "/node.pem"),
    ];
    let named = trusted(&lookup(&existing));
    assert_eq!(named, ["/corp.pem", "/etc/corp", "/node.pem"].map(PathBuf::from));
    let public = PublicFiles::of("/run/sideray".as_ref());
    let variables = made(&existing, Some(&public));
    for name in BUNDLES.into_iter().chain([NODE]) {
        assert_eq!(of(&variables, name), Some("/run/sideray/bundle.pem"), "{name}");
    }
    assert!(trusted(&lookup(&[])).is_empty());
}

#[test]
fn options_of_the_users_jvm_stay() {
    let public = PublicFiles::of("/run/sideray".as_ref());
    let users = "-Xmx64m -Dhttp.proxyPort=1 -Dhttp.nonProxyHosts='*.corp|db'";
    let variables = made(&[(JAVA_OPTIONS, users)], Some(&public));
    assert!(of(&variables, JAVA_OPTIONS).unwrap().starts_with(&format!("{users} -D")));
    assert_eq!(property(&variables, "http.proxyPort"), Some("8001"), "the later one counts");
    let spared = property(&variables, "http.nonProxyHosts").unwrap();
    assert!(spared.ends_with("|*.corp|db"), "{spared}");

    let users = "-Djavax.net.ssl.trustStore=/corp.jks -Djavax.net.ssl.trustStorePassword=x";
    let variables = made(&[(JAVA_OPTIONS, users)], Some(&public));
    assert_eq!(property(&variables, "javax.net.ssl.trustStore"), Some("/corp.jks"));
    assert_eq!(property(&variables, "javax.net.ssl.trustStorePassword"), Some("x"));
    assert_eq!(property(&variables, "javax.net.ssl.trustStoreType"), None);
}

#[test]
fn spared_hosts_in_a_jvms_words() {
    for (host, patterns) in [
        ("example.com", &["example.com", "*.example.com"][..]),
        ("example.com:8080", &["example.com", "*.example.com"]),
        (".example.com", &["*.example.com"]),
        ("*.example.com", &["*.example.com"]),
        ("*", &["*"]),
        ("127.0.0.1", &["127.0.0.1"]),
        ("127.0.0.1:80", &["127.0.0.1"]),
        ("fd00:ec2::254", &["[fd00:ec2::254]"]),
        ("[::1]", &["[::1]"]),
        ("10.0.0.0/8", &[]),
    ] {
        assert_eq!(java_patterns(host), patterns, "{host}");
    }
}
