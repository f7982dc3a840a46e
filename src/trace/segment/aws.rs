//! The `aws` block of subsegments.

use crate::trace::facts::AwsFacts;
use crate::trace::json::Json;

/// A call of an AWS API.
#[derive(Clone, Debug)]
pub struct Aws {
    /// What was seen of it.
    pub facts: AwsFacts,
    /// How often it was tried again.
    pub retries: u32,
}

impl Aws {
    /// The block, behind a comma; nothing if there is nothing to say.
    pub(super) fn write(&self, json: &mut Json<'_>) {
        let AwsFacts { operation, region, account_id, request_id, id_2, resources, error: _ } =
            &self.facts;
        let texts = [
            ("operation", operation),
            ("region", region),
            ("account_id", account_id),
            ("request_id", request_id),
            ("id_2", id_2),
        ];
        let mut between = ",\"aws\":{";
        for (key, text) in texts {
            if let Some(text) = text {
                json.raw(between);
                json.string(key);
                json.raw(":");
                json.string(text);
                between = ",";
            }
        }
        if self.retries > 0 {
            json.raw(between);
            json.raw("\"retries\":");
            json.number(self.retries.into());
            between = ",";
        }
        for (key, value) in resources {
            json.raw(between);
            json.string(key);
            json.raw(":");
            json.value(value);
            between = ",";
        }
        if between == "," {
            json.raw("}");
        }
    }
}
