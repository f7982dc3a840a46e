//! The JSON that the admin listener serves of the store.

use http::StatusCode;
use serde_json::Value;
use serde_json::json;

use crate::viewer::store::Store;

/// How many traces are listed unless the request says.
const DEFAULT_LIMIT: usize = 100;

/// Most traces that are listed.
const MAX_LIMIT: usize = 1_000;

/// Answers a GET of `path`: `/traces` with the newest traces (`?limit=`), `/traces/<id>` with one.
/// The status and a JSON body; `None` where the path is not the viewer's.
#[must_use]
pub fn respond(store: &Store, path: &str, query: Option<&str>) -> Option<(StatusCode, Vec<u8>)> {
    let (status, body) = match path.strip_prefix("/traces")? {
        "" => list(store, query.unwrap_or_default()),
        rest => one(store, rest.strip_prefix('/')?),
    };
    Some((status, body.to_string().into_bytes()))
}

fn list(store: &Store, query: &str) -> (StatusCode, Value) {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("limit="));
    let limit = asked.map_or(Ok(DEFAULT_LIMIT), str::parse);
    match limit {
        Ok(limit @ 1..=MAX_LIMIT) => (StatusCode::OK, json!({"traces": store.summaries(limit)})),
        Ok(_) | Err(_) => {
            let message = format!("limit must be a whole number from 1 to {MAX_LIMIT}");
            (StatusCode::BAD_REQUEST, error(&message))
        }
    }
}

fn one(store: &Store, id: &str) -> (StatusCode, Value) {
    match store.trace(id) {
        Some(trace) => (StatusCode::OK, trace.to_json()),
        None => {
            let message = "no such trace is held: ids look like \
                           1-5759e988-bd862e3fe1be46a994272793, the oldest traces leave first, and \
                           GET /traces lists what there is";
            (StatusCode::NOT_FOUND, error(message))
        }
    }
}

fn error(message: &str) -> Value {
    json!({"error": message})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::options::Options;

    const ID: &str = "1-5759e988-bd862e3fe1be46a994272793";

    fn store() -> Store {
        let store = Store::new(Options::default());
        for own in 1..=3 {
            store.insert(
                format!(
                    r#"{{"id":"{own:016x}","trace_id":"1-5759e988-bd862e3fe1be46a99427279{own}",
                        "name":"shop","start_time":1.5,"end_time":2.0}}"#
                )
                .as_bytes(),
            );
        }
        store
    }

    fn get(path: &str, query: Option<&str>) -> Option<(u16, Value)> {
        let (status, body) = respond(&store(), path, query)?;
        Some((status.as_u16(), serde_json::from_slice(&body).unwrap()))
    }

    #[test]
    fn lists_the_newest_first() {
        for (query, count) in [
            (None, 3),
            (Some(""), 3),
            (Some("limit=2"), 2),
            (Some("limit=1000"), 3),
            (Some("x=y&limit=1"), 1),
        ] {
            let (status, body) = get("/traces", query).unwrap();
            assert_eq!(status, 200, "{query:?}");
            assert_eq!(body["traces"].as_array().unwrap().len(), count, "{query:?}");
            assert_eq!(body["traces"][0]["Id"], ID, "{query:?}");
            assert_eq!(body["traces"][0]["Duration"], 0.5);
        }
    }

    #[test]
    fn says_how_to_mend_a_limit() {
        for bad in ["limit=0", "limit=1001", "limit=", "limit=-1", "limit=ten", "limit=1e3"] {
            let (status, body) = get("/traces", Some(bad)).unwrap();
            assert_eq!(status, 400, "{bad}");
            assert!(body["error"].as_str().unwrap().contains("from 1 to 1000"), "{bad}");
        }
    }

    #[test]
    fn shows_one_trace() {
        let (status, body) = get(&format!("/traces/{ID}"), None).unwrap();
        assert_eq!(status, 200);
        assert_eq!(body["Id"], ID);
        assert_eq!(body["Duration"], 0.5);
        assert_eq!(body["Segments"][0]["Id"], "0000000000000003");
        assert_eq!(body["Segments"][0]["Document"]["name"], "shop");
    }

    #[test]
    fn knows_what_it_does_not_hold_and_what_is_not_its_own() {
        for unknown in ["", "nonsense", "1-5759e988-bd862e3fe1be46a99427279f", "a/b"] {
            let (status, body) = get(&format!("/traces/{unknown}"), None).unwrap();
            assert_eq!(status, 404, "{unknown}");
            assert!(body["error"].is_string());
        }
        for other in ["/", "/metrics", "/tracesx", "/trace", ""] {
            assert_eq!(get(other, None), None, "{other}");
        }
    }
}
