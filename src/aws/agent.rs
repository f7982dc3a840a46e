//! What an AWS SDK says in `User-Agent` of the runtime that it runs in.
//!
//! The names are those that the X-Ray SDK of the same language writes, where there is one:
//! `CPython`, `node` with a `v` before its version, the name of the virtual machine for Java.
//! Source: "AWS SDK User Agent 2.1" as the SDKs send it, and what they sent before.

use std::borrow::Cow;

/// Most bytes of a header that are looked at, and most of a name or version.
const MOST: usize = 1_024;
const LONGEST: usize = 64;

/// A runtime and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its version.
    pub version: Cow<'a, str>,
}

impl<'a> Runtime<'a> {
    fn new(name: impl Into<Cow<'a, str>>, version: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), version: version.into() }
    }
}

/// The runtime of the SDK that sends `agent`, if it says so.
///
/// The command line's own is nobody's: it is a program that the service runs, with a Python of its
/// own.
#[must_use]
pub fn runtime(agent: &str) -> Option<Runtime<'_>> {
    let agent = agent.get(..agent.floor_char_boundary(MOST)).unwrap_or_default();
    if find(agent, "aws-cli").is_some() {
        return None;
    }
    let runtime = language(agent).or_else(|| before(agent))?;
    let fits = |text: &str| (1..=LONGEST).contains(&text.len());
    (fits(&runtime.name) && fits(&runtime.version)).then_some(runtime)
}

/// As it stands in `lang/NAME#VERSION` and in the `md/NAME#VERSION` beside it. Some SDKs have, or
/// had, another `/` there.
fn language(agent: &str) -> Option<Runtime<'_>> {
    let language = words(agent).find_map(|word| word.strip_prefix("lang/"))?;
    let (name, version) = pair(language).unwrap_or((language, ""));
    let beside = || words(agent).filter_map(|word| pair(word.strip_prefix("md/")?));
    match name {
        "js" => {
            let known = |&(name, _): &(&str, &str)| ["nodejs", "bun", "deno"].contains(&name);
            match beside().find(known)? {
                ("nodejs", version) => Some(Runtime::new("node", format!("v{version}"))),
                (name, version) => Some(Runtime::new(name, version)),
            }
        }
        "python" => {
            let implementation = beside().find(|(name, _)| *name == "pyimpl");
            Some(Runtime::new(implementation.map_or("Python", |(_, name)| name), version))
        }
        "java" => {
            let machine = beside().find_map(|(name, _)| machine(name));
            Some(Runtime::new(machine.unwrap_or_else(|| "java".into()), version))
        }
        _ => Some(Runtime::new(spaced(name), version)),
    }
}

/// As it stood before there was `lang/`.
fn before(agent: &str) -> Option<Runtime<'_>> {
    if find(agent, "aws-sdk-nodejs").is_some() {
        let version = words(agent).find_map(|word| {
            let (_, version) = word.split_once('/')?;
            version.starts_with('v').then_some(version)
        });
        return Some(Runtime::new("node", version?));
    }
    if find(agent, "aws-sdk-java").is_some() {
        let version = find(agent, "Java").or_else(|| find(agent, "java"))?;
        let machine = words(agent).find_map(|word| machine(word.split_once('/')?.0));
        return Some(Runtime::new(machine.unwrap_or_else(|| "java".into()), version));
    }
    if find(agent, "aws-sdk-go").is_some() {
        let version = words(agent).find_map(|word| word.strip_prefix("(go"))?;
        return Some(Runtime::new("go", version.trim_end_matches([';', ')'])));
    }
    find(agent, "Botocore").and(find(agent, "Python")).map(|it| Runtime::new("Python", it))
}

/// The name of a Java virtual machine, whose other characters were replaced by `_`.
fn machine(word: &str) -> Option<Cow<'_, str>> {
    word.ends_with("VM").then(|| spaced(word))
}

fn spaced(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return name.into();
    }
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    words.join(" ").into()
}

/// What stands behind `name/`.
fn find<'a>(agent: &'a str, name: &str) -> Option<&'a str> {
    words(agent).find_map(|word| word.strip_prefix(name)?.strip_prefix('/'))
}

/// A name and what it goes with.
fn pair(word: &str) -> Option<(&str, &str)> {
    word.split_once(['#', '/'])
}

fn words(agent: &str) -> impl Iterator<Item = &str> {
    agent.split_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As they were sent.
    const AGENTS: &[(&str, Option<(&str, &str)>)] = &[
        (
            "Boto3/1.44.5 md/Botocore#1.44.8 ua/2.1 os/linux#6.18.44 md/arch#x86_64 \
             lang/python#3.11.7 md/pyimpl#CPython m/Z,b cfg/retry-mode#legacy Botocore/1.44.8",
            Some(("CPython", "3.11.7")),
        ),
        ("Botocore/1.44.8 Python/3.11.7 Linux/6.18.44", Some(("Python", "3.11.7"))),
        ("Boto3/1.10.27 Python/3.7.4 Windows/10 Botocore/1.13.20", Some(("Python", "3.7.4"))),
        (
            "aws-cli/2.15.0 md/awscrt#0.19.19 ua/2.0 os/linux#5.10 md/arch#x86_64 \
             lang/python#3.11.6 md/pyimpl#CPython cfg/retry-mode#standard md/command#s3.ls",
            None,
        ),
        (
            "aws-sdk-js/3.738.0 ua/2.1 os/linux#5.10.234 lang/js md/nodejs#22.21.1 \
             api/dynamodb#3.738.0 m/E",
            Some(("node", "v22.21.1")),
        ),
        (
            "aws-sdk-js/3.50.0 os/linux/5.4.0 lang/js md/nodejs/14.19.0 api/s3/3.50.0",
            Some(("node", "v14.19.0")),
        ),
        ("aws-sdk-js/3.738.0 ua/2.1 os/macOS#14 lang/js md/browser#Chrome_120", None),
        (
            "aws-sdk-nodejs/2.1363.0 linux/v16.20.2 exec-env/AWS_ECS_FARGATE promise",
            Some(("node", "v16.20.2")),
        ),
        ("aws-sdk-nodejs/2.1692.0", None),
        (
            "aws-sdk-java/2.30.21 md/io#async md/http#NettyNio ua/2.1 \
             os/Linux#5.10.234-225.895.amzn2.x86_64 lang/java#17.0.14 \
             md/OpenJDK_64-Bit_Server_VM#17.0.14+7-LTS md/vendor#Amazon.com_Inc. md/en_US m/E",
            Some(("OpenJDK 64-Bit Server VM", "17.0.14")),
        ),
        (
            "aws-sdk-java/2.24.5 Mac_OS_X/14.4.1 OpenJDK_64-Bit_Server_VM/17.0.11+0 Java/17.0.11 \
             scala/2.12.18 vendor/Homebrew io/sync http/Apache cfg/retry-mode/legacy",
            Some(("OpenJDK 64-Bit Server VM", "17.0.11")),
        ),
        (
            "aws-sdk-java/1.12.154 Linux/5.4.156 Java_HotSpot_TM__64-Bit_Server_VM/25.322-b06 \
             java/1.8.0_322 vendor/Oracle_Corporation cfg/retry-mode/legacy",
            Some(("Java HotSpot TM 64-Bit Server VM", "1.8.0_322")),
        ),
        (
            "aws-sdk-kotlin/1.3.81 ua/2.1 api/s3#1.3.81 os/linux lang/kotlin#2.1.21 \
             md/javaVersion#17 md/jvmName#OpenJDK_64-Bit_Server_VM",
            Some(("kotlin", "2.1.21")),
        ),
        (
            "aws-sdk-go-v2/1.36.1 ua/2.1 os/linux lang/go#1.23.6 md/GOOS#linux md/GOARCH#amd64 \
             api/sqs#1.37.14",
            Some(("go", "1.23.6")),
        ),
        ("aws-sdk-go/1.44.0 (go1.19.3; linux; amd64) S3Manager", Some(("go", "1.19.3"))),
        (
            "aws-sdk-dotnet-coreclr/3.7.305.28 ua/2.0 os/windows#10.0.22631.0 md/ARCH#X64 \
             lang/.NET_Core#8.0.2 md/aws-sdk-dotnet-core#3.7.302.12 api/S3#3.7.305.28",
            Some((".NET Core", "8.0.2")),
        ),
        (
            "aws-sdk-ruby3/3.190.0 md/internal ua/2.0 api/xray#1.0.0 os/linux md/x86_64 \
             lang/ruby#2.7.8 md/2.7.8 cfg/retry-mode#legacy",
            Some(("ruby", "2.7.8")),
        ),
        (
            "aws-sdk-php/3.297.1 OS/Linux#5.10.25-linuxkit lang/php#8.2.15 GuzzleHttp/7",
            Some(("php", "8.2.15")),
        ),
        (
            "aws-sdk-rust/1.3.14 ua/2.1 api/dynamodb/1.8.0 os/linux lang/rust/1.92.0",
            Some(("rust", "1.92.0")),
        ),
        ("python-requests/2.31.0", None),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/120.0", None),
        ("lang/python", None),
        ("lang/#1", None),
        ("", None),
    ];

    #[test]
    fn each_sdk_says_it_in_its_way() {
        for (agent, expected) in AGENTS {
            let seen = runtime(agent);
            let seen = seen.as_ref().map(|it| (&*it.name, &*it.version));
            assert_eq!(seen, *expected, "{agent}");
        }
        let long = format!("lang/go#{}", "1".repeat(LONGEST));
        assert!(runtime(&long).is_some());
        assert_eq!(runtime(&format!("{long}1")), None);
        assert_eq!(runtime(&format!("{}lang/go#1", " ".repeat(MOST))), None);
    }

    proptest! {
        #[test]
        fn any_agent_is_survived(agent in any::<String>(), at in any::<prop::sample::Index>()) {
            let (known, _) = AGENTS[at.index(AGENTS.len())];
            for agent in [format!("{agent}{known}"), format!("{known}{agent}"), agent] {
                if let Some(Runtime { name, version }) = runtime(&agent) {
                    prop_assert!(name.len() <= LONGEST && version.len() <= LONGEST);
                }
            }
        }
    }
}
