//! The connection: one address, a few workers.

use std::io::Read;

use anyhow::{Result, anyhow};
use tiny_http::{Header, Method, Request as Connection, Response as Reply, Server as Listener};

use super::request::{LARGEST, Request, Response, respond};
use super::story::Stories;

/// How many requests are answered at a time: a body that dawdles holds up one of them.
const WORKERS: usize = 4;

/// Nothing is loaded from elsewhere, nobody may frame the page, and no copy is kept.
const HEADERS: [(&str, &str); 4] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
];

/// A server that has its port.
pub struct Server {
    listener: Listener,
    host: String,
}

/// Takes a port of 127.0.0.1.
///
/// # Errors
/// Why it cannot be had.
pub fn bind(port: u16) -> Result<Server> {
    let listener = Listener::http(("127.0.0.1", port)).map_err(|error| anyhow!("{error}"))?;
    let host = listener.server_addr().to_string();
    Ok(Server { listener, host })
}

impl Server {
    /// Address and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Answers until the program ends.
    ///
    /// # Errors
    /// If no connection can be taken any more.
    pub fn serve(&self, stories: Option<&Stories>) -> Result<()> {
        std::thread::scope(|scope| {
            let work = || -> Result<()> {
                loop {
                    // Whoever asked may be gone before the answer.
                    let _ = self.answer(self.listener.recv()?, stories);
                }
            };
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                worker
                    .join()
                    .map_err(|_| anyhow!("a worker broke down"))??;
            }
            Ok(())
        })
    }

    fn answer(&self, mut connection: Connection, stories: Option<&Stories>) -> std::io::Result<()> {
        let method = match connection.method() {
            Method::Get => "GET",
            Method::Post => "POST",
            _ => "another",
        };
        let header = |name: &'static str| {
            let found = connection
                .headers()
                .iter()
                .find(|header| header.field.equiv(name));
            found.map(|header| header.value.as_str().to_owned())
        };
        let (host, kind) = (header("Host"), header("Content-Type"));
        let path = connection.url().to_owned();
        let announced = connection.body_length().unwrap_or(0);
        let mut body = Vec::new();
        let limit = LARGEST as u64 + 1;
        let is_read = announced <= LARGEST
            && connection
                .as_reader()
                .take(limit)
                .read_to_end(&mut body)
                .is_ok()
            && body.len() <= LARGEST;
        let response = respond(
            Request {
                method,
                path: &path,
                host: host.as_deref(),
                kind: kind.as_deref(),
                body: is_read.then_some(&body),
            },
            &self.host,
            stories,
        );
        connection.respond(reply(response))
    }
}

fn reply(response: Response) -> Reply<std::io::Cursor<Vec<u8>>> {
    let headers = HEADERS.into_iter().chain([("Content-Type", response.kind)]);
    let made = headers.filter_map(|(name, value)| Header::from_bytes(name, value).ok());
    made.fold(
        Reply::from_string(response.body).with_status_code(response.status),
        Reply::with_header,
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    /// What the server says to some bytes.
    fn said(host: &str, bytes: &str) -> String {
        let mut stream = TcpStream::connect(host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn the_page_is_served_to_its_own_host_alone_and_huge_bodies_are_refused() {
        let server: &'static Server = Box::leak(Box::new(bind(0).unwrap()));
        assert!(server.host().starts_with("127.0.0.1:"));
        std::thread::spawn(move || server.serve(None));
        let host = server.host();
        let get = |host_header: &str| {
            said(
                host,
                &format!("GET / HTTP/1.1\r\nHost: {host_header}\r\nConnection: close\r\n\r\n"),
            )
        };
        let page = get(host);
        assert!(
            page.starts_with("HTTP/1.1 200") && page.contains("<!doctype html>"),
            "{page}"
        );
        assert!(page.contains("Content-Security-Policy: default-src 'none'"));
        assert!(get("evil.example").starts_with("HTTP/1.1 403"));
        let post = |length: usize, body: &str| {
            said(
                host,
                &format!(
                    "POST /api/memory HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
                ),
            )
        };
        let good = r#"{"rule":"delta","pairs":[]}"#;
        assert!(post(good.len(), good).starts_with("HTTP/1.1 200"));
        let huge = "x".repeat(LARGEST + 1);
        assert!(post(huge.len(), &huge).starts_with("HTTP/1.1 413"));
        assert!(post(2, "[]").starts_with("HTTP/1.1 400"));
    }
}
