//! A program under a limit on addresses, begun again without threads of OpenBLAS.

/// The variable that OpenBLAS looks at when it is loaded.
const VARIABLE: &str = "OPENBLAS_NUM_THREADS";

/// To be called first in `main`: where addresses are limited, starts the program anew with `OPENBLAS_NUM_THREADS=1`, unless it has been.
///
/// OpenBLAS begins a thread for each further core before `main`, and each of them asks for its 128 MiB again and again. Where the system
/// does not give them, the thread spins, and the end of the program waits for it for ever. One that has been begun cannot be ended, but
/// a new program in the same process has none. That costs loading the program twice (some 15 ms), so it is done under a limit alone;
/// without one it costs the reading of two small files of `/proc`. Elsewhere than on Linux this does nothing.
pub fn without_its_threads() {
    #[cfg(target_os = "linux")]
    linux::restart();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::VARIABLE;

    /// Returns where there is nothing to do, and where the program cannot be started: it then goes on as it is.
    pub(super) fn restart() {
        if std::env::var_os(VARIABLE).is_some_and(|threads| threads == "1") {
            return;
        }
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        if !limited(
            &read("/proc/self/limits"),
            &read("/proc/sys/vm/overcommit_memory"),
        ) {
            return;
        }
        let Ok(program) = std::env::current_exe() else {
            return;
        };
        let mut arguments = std::env::args_os();
        let mut again = Command::new(program);
        if let Some(name) = arguments.next() {
            again.arg0(name);
        }
        let _ = again.args(arguments).env(VARIABLE, "1").exec();
    }

    /// Whether addresses are limited: by `ulimit -v`, of `/proc/self/limits`, or since the system gives no more than it has (mode 2 of
    /// `/proc/sys/vm/overcommit_memory`).
    fn limited(limits: &str, overcommit: &str) -> bool {
        let line = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max address space"));
        let soft = line.and_then(|line| line.split_whitespace().next());
        soft.is_some_and(|soft| soft != "unlimited") || overcommit.trim() == "2"
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_limit_is_found_in_the_systems_own_words() {
            let limits = |soft: &str| {
                format!(
                    "Limit  Soft Limit  Hard Limit  Units\nMax address space  {soft}  unlimited  bytes\n"
                )
            };
            assert!(limited(&limits("153600000"), "0\n"));
            assert!(limited(&limits("unlimited"), "2\n"));
            assert!(!limited(&limits("unlimited"), "0\n"));
            assert!(!limited("", ""));
        }
    }
}
