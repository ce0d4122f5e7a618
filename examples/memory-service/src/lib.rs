//! An associative memory behind HTTP: a store of fixed size that any program can write to and read from, and that outlives a restart.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /write` | `{"key": [..], "value": [..]}` | `{"distance": d}`: how far off the memory was |
//! | `POST /read` | `{"key": [..]}` | `{"value": [..], "novelty": q}`: 1 for a key unlike any that was written |
//! | `POST /forget` | `{"key": [..]}` | `{"length": l}`: of what the key read before |
//! | `GET /statistics` | | writes, load, norm, what is known, drift |
//!
//! Readers share the memory (`RwLock`); a write takes it for microseconds. What a request gets wrong is told with status 422.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use mnm_memory::{AssociativeError, AssociativeMemory};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The memory and where it is saved.
#[derive(Clone)]
pub struct Store {
    memory: Arc<RwLock<AssociativeMemory<f32>>>,
    /// Held while the file is written, so that no older memory replaces a newer one.
    saving: Arc<Mutex<()>>,
    path: PathBuf,
}

impl Store {
    /// The memory of the file, or `empty` if there is none yet.
    ///
    /// # Errors
    /// A file that is damaged, or holds a memory of other widths, method or features than `empty`.
    pub fn open(
        path: PathBuf,
        mut empty: AssociativeMemory<f32>,
    ) -> Result<Self, AssociativeError> {
        if path.exists() {
            empty.reload(&path)?;
        }
        let memory = Arc::new(RwLock::new(empty));
        Ok(Self {
            memory,
            saving: Arc::default(),
            path,
        })
    }

    /// Saves the memory as it is. Readers are not held up, and writers only while it is copied.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self) -> Result<(), AssociativeError> {
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = self.read().clone();
        copy.save(&self.path)
    }

    // A panic elsewhere leaves the memory whole: its operations do not stop half-way.
    fn read(&self) -> RwLockReadGuard<'_, AssociativeMemory<f32>> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, AssociativeMemory<f32>> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Pair {
    key: Vec<f32>,
    value: Vec<f32>,
}

#[derive(Deserialize)]
struct Key {
    key: Vec<f32>,
}

#[derive(Serialize)]
struct Written {
    distance: f32,
}

#[derive(Serialize)]
struct Read {
    value: Vec<f32>,
    novelty: Option<f32>,
}

#[derive(Serialize)]
struct Forgotten {
    length: f32,
}

#[derive(Serialize)]
struct Figures {
    writes: u64,
    load: f64,
    norm: f64,
    known: Option<f64>,
    drift: Option<f64>,
}

type Answer<T> = Result<Json<T>, (StatusCode, String)>;

fn answer<T>(result: Result<T, AssociativeError>) -> Answer<T> {
    let refused = |error: AssociativeError| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
    result.map(Json).map_err(refused)
}

async fn write(State(store): State<Store>, Json(pair): Json<Pair>) -> Answer<Written> {
    let written = store.write().write(&pair.key, &pair.value);
    answer(written.map(|distance| Written { distance }))
}

async fn read(State(store): State<Store>, Json(Key { key }): Json<Key>) -> Answer<Read> {
    let memory = store.read();
    let read = memory.read(&key).and_then(|value| {
        let novelty = memory.novelty(&key)?;
        Ok(Read { value, novelty })
    });
    answer(read)
}

async fn forget(State(store): State<Store>, Json(Key { key }): Json<Key>) -> Answer<Forgotten> {
    let forgotten = store.write().forget(&key);
    answer(forgotten.map(|length| Forgotten { length }))
}

async fn statistics(State(store): State<Store>) -> Json<Figures> {
    let figures = store.read().statistics();
    Json(Figures {
        writes: figures.writes,
        load: figures.load,
        norm: figures.norm,
        known: figures.known,
        drift: figures.drift.map(|drift| drift.error),
    })
}

/// The service of a store.
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/write", post(write))
        .route("/read", post(read))
        .route("/forget", post(forget))
        .route("/statistics", get(statistics))
        .with_state(store)
}

/// How long a service waits.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Between one save and the next.
    pub save: Duration,
    /// For requests that are still open when it is to stop.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            save: Duration::from_secs(10),
            patience: Duration::from_secs(5),
        }
    }
}

/// Serves a store until `stop` is ready. It is saved again and again while it is served, and once more when the last request is
/// answered.
///
/// # Errors
/// The last save failed. What goes wrong with an earlier one is told on standard error, and tried again.
pub async fn serve(
    store: Store,
    listener: TcpListener,
    pace: Pace,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let saver = tokio::spawn(save_every(store.clone(), pace.save));
    let (stopping, stopped) = oneshot::channel();
    let server = axum::serve(listener, router(store.clone())).with_graceful_shutdown(async {
        stop.await;
        let _ = stopping.send(());
    });
    let served = tokio::select! {
        served = server.into_future() => served,
        // A client that never finishes its request does not keep the memory from being saved.
        () = async {
            let _ = stopped.await;
            tokio::time::sleep(pace.patience).await;
        } => Ok(()),
    };
    saver.abort();
    save(store).await??;
    Ok(served?)
}

async fn save_every(store: Store, period: Duration) {
    loop {
        tokio::time::sleep(period).await;
        if let Ok(Err(error)) = save(store.clone()).await {
            eprintln!("not saved: {error}");
        }
    }
}

/// Writing a file blocks: not on a thread that answers requests.
fn save(store: Store) -> tokio::task::JoinHandle<Result<(), AssociativeError>> {
    tokio::task::spawn_blocking(move || store.save())
}

/// Ready when the program is asked to end: by Ctrl-C and, on Unix, by SIGTERM. They no longer end it by themselves.
///
/// # Errors
/// The system does not tell of signals.
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
