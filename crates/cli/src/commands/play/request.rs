//! What is asked of the server and what it answers, apart from any connection.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::bare::{self, Bare};
use super::story::{Stories, Story};

/// The largest body that is read, in bytes.
pub const LARGEST: usize = 64 * 1024;

const PAGE: &str = include_str!("page.html");

/// Where the page takes in the style sheet of reports.
const STYLE: &str = "/* THE STYLE SHEET OF REPORTS */";

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// The `Content-Type` header.
    pub kind: Option<&'a str>,
    /// The body; `None` if it is larger than [`LARGEST`] or could not be read.
    pub body: Option<&'a [u8]>,
}

/// A response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub kind: &'static str,
    pub body: String,
}

impl Response {
    fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            kind: "application/json",
            body: value.to_string(),
        }
    }

    fn refused(status: u16, why: &str) -> Self {
        Self::json(status, &json!({ "error": why }))
    }
}

/// Answers a request to the server that is at `own` (address and port).
///
/// A page of another site can send requests here, and can point a name of its own at 127.0.0.1. The first is refused for its
/// content type, which such a page cannot set without asking; the second for its `Host`.
pub fn respond(request: Request<'_>, own: &str, stories: Option<&Stories>) -> Response {
    let port = own.rsplit(':').next().unwrap_or_default();
    let hosts = [own.to_owned(), format!("localhost:{port}")];
    if !request
        .host
        .is_some_and(|host| hosts.iter().any(|own| own == host))
    {
        return Response::refused(
            403,
            &format!("this page is at http://{own}/ and nowhere else"),
        );
    }
    match (request.method, request.path) {
        ("GET", "/") => Response {
            status: 200,
            kind: "text/html; charset=utf-8",
            body: PAGE.replacen(STYLE, mnm_report::STYLE, 1),
        },
        ("GET", "/api/what") => Response::json(
            200,
            &json!({
                "run": stories.map(Stories::about),
                "rules": bare::RULES,
                "units": bare::UNITS,
            }),
        ),
        ("POST", "/api/story") => match stories {
            Some(stories) => answer(request, |story: Story| stories.tell(&story)),
            None => Response::refused(404, "no run was named; start it as: mnm play RUN"),
        },
        ("POST", "/api/example") => match stories {
            Some(stories) => answer(request, |asked: Example| stories.example(asked.number)),
            None => Response::refused(404, "no run was named; start it as: mnm play RUN"),
        },
        ("POST", "/api/memory") => answer(request, |memory: Bare| memory.run()),
        (_, "/" | "/api/what" | "/api/story" | "/api/example" | "/api/memory") => {
            Response::refused(405, "GET for the page and /api/what, POST for the rest")
        }
        _ => Response::refused(404, "there is nothing here"),
    }
}

/// Which episode is to be loaded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    number: u64,
}

/// Reads the body and answers it.
fn answer<T: DeserializeOwned>(
    request: Request<'_>,
    make: impl FnOnce(T) -> Result<Value, String>,
) -> Response {
    let kind = request.kind.and_then(|kind| kind.split(';').next());
    if kind.is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
        return Response::refused(415, "the body has to be application/json");
    }
    let Some(body) = request.body else {
        return Response::refused(413, &format!("the body has more than {LARGEST} bytes"));
    };
    let read: T = match serde_json::from_slice(body) {
        Ok(read) => read,
        Err(error) => return Response::refused(400, &format!("not what was expected: {error}")),
    };
    match make(read) {
        Ok(value) => Response::json(200, &value),
        Err(why) => Response::refused(422, &why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "127.0.0.1:8000";

    fn post<'a>(path: &'a str, body: &'a str) -> Request<'a> {
        Request {
            method: "POST",
            path,
            host: Some(OWN),
            kind: Some("application/json"),
            body: Some(body.as_bytes()),
        }
    }

    fn status(request: Request<'_>) -> u16 {
        respond(request, OWN, None).status
    }

    #[test]
    fn foreign_hosts_and_bodies_that_another_site_could_send_are_refused() {
        let page = Request {
            method: "GET",
            path: "/",
            kind: None,
            body: Some(b""),
            host: Some(OWN),
        };
        assert_eq!(status(page), 200);
        let hosts = [
            None,
            Some("evil.example:8000"),
            Some("127.0.0.1"),
            Some("127.0.0.1:80001"),
        ];
        for host in hosts {
            assert_eq!(status(Request { host, ..page }), 403, "{host:?}");
        }
        assert_eq!(
            status(Request {
                host: Some("localhost:8000"),
                ..page
            }),
            200
        );
        let good = post("/api/memory", r#"{"rule":"delta","pairs":[]}"#);
        assert_eq!(status(good), 200);
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
        ] {
            assert_eq!(status(Request { kind, ..good }), 415, "{kind:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_words() {
        for (request, expected) in [
            (
                Request {
                    body: None,
                    ..post("/api/memory", "")
                },
                413,
            ),
            (post("/api/memory", "no json"), 400),
            (post("/api/memory", "[1, 2]"), 400),
            (post("/api/memory", r#"{"rule": 3, "pairs": []}"#), 400),
            (
                post("/api/memory", r#"{"rule": "delta", "pairs": [], "x": 1}"#),
                400,
            ),
            (post("/api/memory", "\u{0}\u{1}"), 400),
            (
                post("/api/memory", r#"{"rule": "no-such", "pairs": []}"#),
                422,
            ),
            (post("/api/story", "{}"), 404),
            (post("/etc/passwd", "{}"), 404),
            (post("/", "{}"), 405),
            (
                Request {
                    method: "DELETE",
                    ..post("/api/memory", "{}")
                },
                405,
            ),
        ] {
            let response = respond(request, OWN, None);
            assert_eq!(response.status, expected, "{request:?}: {response:?}");
            assert!(response.body.contains("\"error\""), "{response:?}");
        }
    }
}
