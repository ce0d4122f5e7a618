//! How fast the service answers over loopback: stores and recalls by 1 and 8 clients that each keep one connection, and what a save takes.
//! A row of a Markdown table for each; docs/results/capacity/service.md holds those of the page.
//!
//! `cargo run --release -p mnm-memory-service --example load [-- REQUESTS]`
//!
//! Clients and service are threads of one process. A client sends its next request when the last is answered; requests are put together
//! before the clock runs, and of an answer only the status and the length are looked at.

use std::future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mnm_memory::{AssociativeMemory, Method};
use mnm_memory_service::{Pace, Store, serve};

/// Different pairs of one client.
const PAIRS: usize = 64;

/// Saves, of which the median is told.
const SAVES: usize = 31;

/// Splitmix64, from -1 to 1.
struct Draw(u64);

impl Draw {
    fn vector(&mut self, width: usize) -> String {
        let numbers: Vec<f32> = (0..width).map(|_| self.next()).collect();
        serde_json::to_string(&numbers).expect("numbers are JSON")
    }

    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

#[derive(Clone, Copy)]
enum Operation {
    Store,
    Recall,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Recall => "recall",
        }
    }

    /// The requests of one client.
    fn requests(self, client: usize, width: usize) -> Vec<Vec<u8>> {
        let mut draw = Draw(client as u64);
        let request = |_| {
            let (key, value) = (draw.vector(width), draw.vector(width));
            let (path, body) = match self {
                Self::Store => ("write", format!(r#"{{"key":{key},"value":{value}}}"#)),
                Self::Recall => ("read", format!(r#"{{"key":{key}}}"#)),
            };
            let length = body.len();
            let head = "Host: memory\r\nContent-Type: application/json";
            format!("POST /{path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")
                .into_bytes()
        };
        (0..PAIRS).map(request).collect()
    }
}

/// Sends a request and takes the answer off the connection.
fn ask(stream: &mut BufReader<TcpStream>, request: &[u8], answer: &mut Vec<u8>) -> Result<()> {
    stream.get_mut().write_all(request)?;
    let (mut line, mut length) = (String::new(), None);
    stream.read_line(&mut line)?;
    ensure!(line.starts_with("HTTP/1.1 200"), "answered {line}");
    while line != "\r\n" {
        line.clear();
        ensure!(
            stream.read_line(&mut line)? > 0,
            "the connection was closed"
        );
        if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = Some(number.trim().parse()?);
        }
    }
    answer.resize(length.context("an answer without a length")?, 0);
    Ok(stream.read_exact(answer)?)
}

/// The time of every request of a client; the first tenth only warms up.
fn client(
    address: SocketAddr,
    requests: &[Vec<u8>],
    count: usize,
    start: &Barrier,
) -> Result<Vec<Duration>> {
    let mut answer = Vec::new();
    let mut warm = || -> Result<_> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        for request in requests.iter().cycle().take(count / 10) {
            ask(&mut stream, request, &mut answer)?;
        }
        Ok(stream)
    };
    let warm = warm();
    // The others wait for this one, even if it failed.
    start.wait();
    let mut stream = warm?;
    let mut times = Vec::with_capacity(count);
    for request in requests.iter().cycle().take(count) {
        let start = Instant::now();
        ask(&mut stream, request, &mut answer)?;
        times.push(start.elapsed());
    }
    Ok(times)
}

fn micros(sorted: &[Duration], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted[place.min(sorted.len() - 1)].as_secs_f64() * 1e6
}

/// A row of the table: `count` requests of so many clients together.
fn measure(
    address: SocketAddr,
    operation: Operation,
    (width, clients): (usize, usize),
    count: usize,
) -> Result<()> {
    let start = Barrier::new(clients + 1);
    let (mut times, seconds) = std::thread::scope(|scope| -> Result<_> {
        let started: Vec<_> = (0..clients)
            .map(|number| {
                let start = &start;
                let requests = operation.requests(number, width);
                scope.spawn(move || client(address, &requests, count / clients, start))
            })
            .collect();
        start.wait();
        let clock = Instant::now();
        let mut times = Vec::with_capacity(count);
        for client in started {
            times.extend(client.join().expect("a client does not panic")?);
        }
        Ok((times, clock.elapsed().as_secs_f64()))
    })?;
    times.sort_unstable();
    println!(
        "| {width} | {} | {clients} | {:.0} | {:.0} | {:.0} |",
        operation.name(),
        times.len() as f64 / seconds,
        micros(&times, 0.5),
        micros(&times, 0.95),
    );
    Ok(())
}

fn main() -> Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(20_000), |n| n.parse())?;
    println!("| width | request | clients | requests a second | median, us | 95 %, us |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let runtime = tokio::runtime::Runtime::new()?;
    for width in [64, 256] {
        let folder = tempfile::tempdir()?;
        let empty = AssociativeMemory::new(width, width, Method::least_squares())?;
        let store = Store::open(folder.path().join("memory.safetensors"), empty)?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        // What a save takes is measured by itself.
        let pace = Pace {
            save: Duration::from_secs(3600),
            ..Pace::default()
        };
        runtime.spawn(serve(store.clone(), listener, pace, future::pending()));
        for operation in [Operation::Store, Operation::Recall] {
            for clients in [1, 8] {
                measure(address, operation, (width, clients), count)?;
            }
        }
        let mut saves = Vec::with_capacity(SAVES);
        for _ in 0..SAVES {
            let start = Instant::now();
            store.save()?;
            saves.push(start.elapsed());
        }
        saves.sort_unstable();
        let (middle, slow) = (micros(&saves, 0.5), micros(&saves, 0.95));
        println!("| {width} | save | - | - | {middle:.0} | {slow:.0} |");
    }
    Ok(())
}
