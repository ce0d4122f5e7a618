//! The page of `mnm play` in headless Chromium, driven through WebDriver: typed into, clicked, and quiet on the console.
//!
//! It needs Debian's `chromium` and `chromium-driver`, so it has a feature: `cargo test -p mnm-cli --features browser-test browser`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ask::stories;
use crate::mnm::folder;
use crate::play::Playing;

/// How long is waited for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key that WebDriver calls Enter.
const ENTER: &str = "\u{e007}";

/// A browser that ends with the test.
struct Browser {
    driver: Child,
    host: String,
    session: String,
}

impl Browser {
    fn open(width: u32) -> Self {
        // Free now, and most likely a moment later.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .spawn()
            .expect("chromedriver, of Debian's package chromium-driver");
        let host = format!("127.0.0.1:{port}");
        let begun = Instant::now();
        while TcpStream::connect(&host).is_err() {
            assert!(begun.elapsed() < PATIENCE, "chromedriver does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut browser = Self {
            driver,
            host,
            session: String::new(),
        };
        let size = format!("--window-size={width},900");
        let options = json!({ "args": ["--headless=new", "--no-sandbox", "--disable-gpu", size] });
        let wanted =
            json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let wanted = json!({ "capabilities": { "alwaysMatch": wanted } });
        let session = browser.call("POST", "/session", &wanted);
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .unwrap();
        // chromedriver keeps its connections, whatever it is asked: the answer ends where its length says.
        let mut answer = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            assert!(answer.read_line(&mut head).unwrap() > 0, "{head}");
            let line = head[start..].to_ascii_lowercase();
            if let Some(number) = line.strip_prefix("content-length:") {
                length = number.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {body}");
        body["value"].clone()
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{what}", self.session), body)
    }

    /// The value of a JavaScript expression.
    fn value(&self, expression: &str) -> Value {
        self.post(
            "/execute/sync",
            &json!({ "script": format!("return {expression}"), "args": [] }),
        )
    }

    #[track_caller]
    fn wait(&self, condition: &str) {
        let begun = Instant::now();
        while self.value(condition) != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "never: {condition}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The only element's path that this selector finds.
    fn find(&self, selector: &str) -> String {
        let found = self.post(
            "/element",
            &json!({ "using": "css selector", "value": selector }),
        );
        let id = found.as_object().unwrap().values().next().unwrap();
        format!("/element/{}", id.as_str().unwrap())
    }

    fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.find(selector)), &json!({}));
    }

    fn type_into(&self, selector: &str, text: &str) {
        self.post(
            &format!("{}/value", self.find(selector)),
            &json!({ "text": text }),
        );
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver's end would leave the browser running. Nothing here may fail: a test that failed ends here too.
        if let Ok(mut stream) = TcpStream::connect(&self.host) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = write!(
                stream,
                "DELETE {} HTTP/1.1\r\nHost: {}\r\n\r\n",
                self.session, self.host
            );
            let _ = stream.read(&mut [0; 64]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
fn a_story_is_typed_and_answered_a_pair_stored_and_recalled_and_the_console_stays_empty() {
    let (_top, run) = folder();
    stories(&run, &[]);
    let playing = Playing::start(&[run.to_str().unwrap()]);
    for width in [1200, 500] {
        let browser = Browser::open(width);
        browser.post(
            "/url",
            &json!({ "url": format!("http://{}/", playing.host) }),
        );
        browser.wait("document.querySelectorAll('#weights span').length === 64");
        for (number, line) in (1..).zip([
            "ada ran to the barn",
            "dara ran to the attic",
            "where is ada?",
        ]) {
            browser.type_into("#line", &format!("{line}{ENTER}"));
            browser.wait(&format!(
                "document.querySelectorAll('#lines li').length === {number}"
            ));
        }
        let answer = "document.querySelector('#lines li.question .read').textContent";
        let before = browser.value(answer);
        assert!(before.as_str().unwrap().contains(" %"), "{before}");
        browser.click("#lines li:first-child button");
        browser.wait(&format!(
            "{answer} !== {before} && document.querySelectorAll('#lines li.struck').length === 1"
        ));

        browser.click("#key button:nth-child(1)");
        browser.click("#value button:nth-child(3)");
        browser.click("#write");
        browser.wait("document.querySelectorAll('#pairs tr').length === 1");
        let row = browser.value("document.querySelector('#pairs tr').innerText");
        assert!(row.as_str().unwrap().contains("8 of 8"), "{row}");
        let fits = "document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(
            browser.value(fits),
            json!(true),
            "{width} pixels are too few"
        );
        let console = browser.post("/se/log", &json!({ "type": "browser" }));
        assert_eq!(console, json!([]), "the console");
    }
}
