//! Elastic Beanstalk, which leaves a file on its instances.

use serde::Deserialize;
use serde_json::Value;

use crate::origin::Found;
use crate::origin::Looker;
use crate::origin::files;
use crate::origin::options::Plugin;

/// Where the platforms with X-Ray write what they are. Source: the X-Ray SDKs.
const FILE: &str = "var/elasticbeanstalk/xray/environment.conf";

pub(super) async fn search(looker: Looker<'_>) {
    let root = looker.places.root.clone();
    let text = files::beside(move || files::read(&root, FILE)).await.flatten();
    match text.as_deref().map(read) {
        Some(Some(found)) => looker.found(&found),
        Some(None) => looker.in_vain(&"environment.conf makes no sense"),
        None => looker.in_vain(&"there is no environment.conf"),
    }
}

/// What the file says.
fn read(text: &str) -> Option<Found> {
    #[derive(Deserialize)]
    struct File {
        environment_name: Option<String>,
        version_label: Option<String>,
        deployment_id: Option<Value>,
    }
    let File { environment_name, version_label, deployment_id } =
        serde_json::from_str(text).ok()?;
    let mut found = Found::new(Plugin::ElasticBeanstalk)
        .with("environment_name", environment_name.as_deref())
        .with("version_label", version_label.as_deref());
    // X-Ray wants a number; a file made by hand may have it as text.
    let number = deployment_id.and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
    if let Some(number) = number {
        found.block.insert("deployment_id".to_owned(), number.into());
    }
    (!found.block.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_file_says_what_segments_say() {
        let whole =
            r#"{"deployment_id":32,"version_label":"app-5a56","environment_name":"scorekeep"}"#;
        for (text, expected) in [
            (
                whole,
                Some(json!({
                    "environment_name": "scorekeep",
                    "version_label": "app-5a56",
                    "deployment_id": 32
                })),
            ),
            (
                r#"{"deployment_id":"7","environment_name":"a","more":1}"#,
                Some(json!({"environment_name": "a", "deployment_id": 7})),
            ),
            (r#"{"deployment_id":-1,"version_label":""}"#, None),
            ("{}", None),
            ("[", None),
            (r#"{"environment_name":3}"#, None),
        ] {
            let block = read(text).map(|found| Value::Object(found.block));
            assert_eq!(block, expected, "{text}");
        }
    }
}
