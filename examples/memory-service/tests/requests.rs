//! Real requests over a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use mnm_memory::{AssociativeMemory, Method};
use mnm_memory_service::{Pace, Store, router};
use serde_json::{Value, json};

fn empty() -> AssociativeMemory<f32> {
    AssociativeMemory::new(4, 2, Method::least_squares()).expect("valid")
}

/// Serves a store for as long as the test lives.
fn serve(path: &Path) -> (SocketAddr, Store, tokio::runtime::Runtime) {
    let store = Store::open(path.to_owned(), empty()).expect("no file, or one of ours");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let service = router(store.clone());
    runtime.spawn(async move { axum::serve(listener, service).await });
    (address, store, runtime)
}

/// Status and body of a request on a connection of its own.
fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("listening");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a timeout");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: memory\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    let status = text
        .split_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok());
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.expect("a status"), body.expect("a body"))
}

fn post(address: SocketAddr, path: &str, body: &Value) -> Value {
    let (status, text) = request(address, "POST", path, &body.to_string());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

fn close(found: &Value, expected: &[f64]) -> bool {
    let found = found.as_array().expect("a list");
    found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a.as_f64().expect("a number") - b).abs() < 0.01)
}

#[test]
fn vectors_are_stored_recalled_forgotten_and_outlive_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("memory.safetensors");
    {
        let (address, store, _runtime) = serve(&path);
        let (one, two) = ([1.0, 0.0, 0.0, 0.0], [0.0, 0.6, 0.8, 0.0]);
        let written = post(
            address,
            "/write",
            &json!({ "key": one, "value": [3.0, 4.0] }),
        );
        assert_eq!(written["distance"], 5.0);
        post(
            address,
            "/write",
            &json!({ "key": two, "value": [-1.0, 2.0] }),
        );
        let read = post(address, "/read", &json!({ "key": [0.98, 0.05, 0.0, 0.0] }));
        assert!(
            close(&read["value"], &[0.98 * 3.0 - 0.03, 0.98 * 4.0 + 0.06]),
            "{read}"
        );
        // What is new about a key is also a part that no key had: the noise in one that is near.
        let known = post(address, "/read", &json!({ "key": one }));
        let unseen = post(address, "/read", &json!({ "key": [0.0, 0.0, 0.0, 1.0] }));
        assert!(
            unseen["novelty"].as_f64() > Some(0.99) && known["novelty"].as_f64() < Some(0.6),
            "{known} {unseen}"
        );
        post(address, "/forget", &json!({ "key": one }));
        let read = post(address, "/read", &json!({ "key": one }));
        assert!(close(&read["value"], &[0.0, 0.0]), "{read}");
        store.save().expect("a writable folder");
    }
    let (address, _store, _runtime) = serve(&path);
    let read = post(address, "/read", &json!({ "key": [0.0, 0.6, 0.8, 0.0] }));
    assert!(close(&read["value"], &[-1.0, 2.0]), "{read}");
    let (status, text) = request(address, "GET", "/statistics", "");
    let figures: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &figures["writes"]), (200, &json!(2)), "{text}");
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("memory.safetensors");
    let (address, _store, _runtime) = serve(&path);
    let (status, text) = request(
        address,
        "POST",
        "/write",
        r#"{"key": [1, 2], "value": [1, 2]}"#,
    );
    assert_eq!(
        (status, text.as_str()),
        (422, "the key is 2 wide: this memory takes 4")
    );
    // 1e39 is an infinity in single precision.
    let (status, text) = request(address, "POST", "/read", r#"{"key": [1, 2, 1e39, 4]}"#);
    assert!(status == 422 || status == 400, "{status} {text}");
    let (status, _) = request(address, "POST", "/write", r#"{"key": [1, 2, 3, 4]}"#);
    assert_eq!(status, 422);
    let (status, _) = request(address, "POST", "/nowhere", "");
    assert_eq!(status, 404);
    // A file of another memory is not opened.
    let other = AssociativeMemory::<f32>::new(5, 2, Method::delta()).expect("valid");
    other.save(&path).expect("a writable folder");
    assert!(Store::open(path, empty()).is_err());
}

#[test]
fn many_read_while_others_write() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (address, store, _runtime) = serve(&folder.path().join("memory.safetensors"));
    // Both entries of a value are always equal: no reader may see half of a write.
    std::thread::scope(|scope| {
        for writer in 0..2 {
            scope.spawn(move || {
                for round in 0..40 {
                    let value = f64::from(writer * 100 + round);
                    post(
                        address,
                        "/write",
                        &json!({ "key": [1.0, 0.5, 0.0, 0.0], "value": [value, value] }),
                    );
                }
            });
        }
        for _ in 0..6 {
            scope.spawn(move || {
                for _ in 0..40 {
                    let read = post(address, "/read", &json!({ "key": [1.0, 0.5, 0.0, 0.0] }));
                    assert_eq!(read["value"][0], read["value"][1]);
                }
            });
        }
        for _ in 0..5 {
            store.save().expect("a writable folder");
        }
    });
    let (_, text) = request(address, "GET", "/statistics", "");
    let figures: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(figures["writes"], 80, "{text}");
}

/// A request that writes a pair of this number.
fn write_number(address: SocketAddr, number: usize) {
    let mut key = [0.0; 4];
    key[number % 4] = 1.0;
    post(
        address,
        "/write",
        &json!({ "key": key, "value": [number, 1.0] }),
    );
}

fn writes_in(path: &Path) -> u64 {
    let saved = AssociativeMemory::<f32>::load(path).expect("a whole file");
    saved.statistics().writes
}

type Served = tokio::task::JoinHandle<anyhow::Result<()>>;

/// A service with all that belongs to it, until something is sent.
fn run(
    path: &Path,
    pace: Pace,
) -> (
    SocketAddr,
    tokio::sync::oneshot::Sender<()>,
    Served,
    tokio::runtime::Runtime,
) {
    let store = Store::open(path.to_owned(), empty()).expect("no file, or one of ours");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let service = mnm_memory_service::serve(store, listener, pace, async {
        let _ = stopped.await;
    });
    let served = runtime.spawn(service);
    (address, stop, served, runtime)
}

/// Asks a service to stop, and waits for how it ends.
fn ended(
    runtime: &tokio::runtime::Runtime,
    stop: tokio::sync::oneshot::Sender<()>,
    served: Served,
) -> anyhow::Result<()> {
    stop.send(()).expect("it runs");
    runtime.block_on(served).expect("no panic")
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_file_appears_by_itself_and_holds_all_after_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("memory.safetensors");
    let pace = Pace {
        save: Duration::from_millis(20),
        patience: HOUR,
    };
    let (address, stop, served, runtime) = run(&path, pace);
    write_number(address, 0);
    let start = Instant::now();
    while !path.exists() || writes_in(&path) == 0 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nothing is saved"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(writes_in(&path), 1);
    // What is saved between these writes must not replace what is saved at the end.
    (1..100).for_each(|number| write_number(address, number));
    ended(&runtime, stop, served).expect("saved at the end");
    assert_eq!(writes_in(&path), 100);
    drop(runtime);
    assert_eq!(writes_in(&path), 100);
}

#[test]
fn a_request_that_never_ends_does_not_keep_the_memory_from_being_saved() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("memory.safetensors");
    let pace = Pace {
        save: HOUR,
        patience: Duration::from_millis(100),
    };
    let (address, stop, served, runtime) = run(&path, pace);
    write_number(address, 7);
    assert!(!path.exists(), "saved before its time");
    let mut open = TcpStream::connect(address).expect("listening");
    write!(
        open,
        "POST /write HTTP/1.1\r\nHost: memory\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
    )
    .expect("sent");
    // Served after the one before it was taken.
    write_number(address, 8);
    ended(&runtime, stop, served).expect("saved at the end");
    assert_eq!(writes_in(&path), 2);
}

#[test]
fn a_file_that_cannot_be_written_is_told_at_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("gone/memory.safetensors");
    let pace = Pace {
        save: Duration::from_millis(10),
        patience: HOUR,
    };
    let (address, stop, served, runtime) = run(&path, pace);
    write_number(address, 1);
    std::thread::sleep(Duration::from_millis(50));
    // Still there, although it was not saved.
    write_number(address, 2);
    assert!(ended(&runtime, stop, served).is_err());
}

/// The real program, asked to end by a signal: it saves first.
#[cfg(unix)]
#[test]
fn signals_end_the_program_after_it_has_saved() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("memory.safetensors");
        let mut program = Command::new(env!("CARGO_BIN_EXE_mnm-memory-service"))
            .arg(&path)
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        let mut line = String::new();
        let output = program.stdout.take().expect("piped");
        let mut output = BufReader::new(output);
        output.read_line(&mut line).expect("text");
        let address = line.trim().rsplit(' ').next().expect("a word");
        let address = address.parse().expect("an address");
        let numbers = vec![0.5; 64];
        post(
            address,
            "/write",
            &json!({ "key": numbers, "value": numbers }),
        );
        // `kill` of the shell: the tests call nothing unsafe.
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{signal} {}", program.id()))
            .status()
            .expect("a shell");
        assert!(sent.success());
        let status = program.wait().expect("it ends");
        assert!(status.success(), "{signal}: {status}");
        assert_eq!(writes_in(&path), 1, "{signal}");
    }
}
