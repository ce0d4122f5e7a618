//! Can a program be linked with OpenBLAS? Found out by linking one.

use std::path::Path;
use std::process::Command;

use crate::shell;

/// What the trial showed.
pub enum Finding {
    /// A program with a LAPACK call links.
    Ready,
    /// Not even an empty program links.
    NoCompiler {
        /// The compiler's own words, or that there is none.
        why: String,
    },
    /// An empty program links, one with a LAPACK call does not.
    NoOpenBlas {
        /// The linker's own words.
        why: String,
    },
}

impl Finding {
    /// The missing thing, in words for a message.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Ready => "nothing",
            Self::NoCompiler { .. } => "a C compiler",
            Self::NoOpenBlas { .. } => "OpenBLAS",
        }
    }
}

/// Links an empty program, then one that calls LAPACK.
pub fn look() -> Finding {
    if let Err(why) = link("int main(void) { return 0; }\n", &[]) {
        return Finding::NoCompiler { why };
    }
    // LAPACK by its Fortran name, since that is what ndarray-linalg calls: a CBLAS alone would not do.
    let program = calling("dgesvd_");
    let mut flags = vec!["-lopenblas".to_owned()];
    flags.splice(0..0, search_flags());
    match link(&program, &flags) {
        Ok(()) => Finding::Ready,
        Err(why) => Finding::NoOpenBlas { why },
    }
}

/// A program that calls a function if it is given arguments: the compiler must keep the call, and running it is safe. (A
/// mere comparison of the function's address with null is folded away, and the linker never sees the name.)
fn calling(function: &str) -> String {
    format!(
        "extern void {function}(void);\nint main(int count, char **words) {{ if (count > 1) {function}(); return words == 0; }}\n"
    )
}

/// Where else the build of `openblas-src` looks: what pkg-config says, and Homebrew's own folder (its OpenBLAS is not on
/// the default path).
fn search_flags() -> Vec<String> {
    if let Ok(flags) =
        shell::capture(Command::new("pkg-config").args(["--libs-only-L", "openblas"]))
    {
        return flags.split_whitespace().map(str::to_owned).collect();
    }
    if cfg!(target_os = "macos")
        && let Ok(prefix) = shell::capture(Command::new("brew").args(["--prefix", "openblas"]))
    {
        return vec![format!("-L{}/lib", prefix.trim())];
    }
    Vec::new()
}

/// Compiles and links one C file in a folder that vanishes; `Err` holds the line that says why it failed.
fn link(source: &str, flags: &[String]) -> Result<(), String> {
    let folder = tempfile::tempdir()
        .map_err(|error| format!("no temporary folder for the trial: {error}"))?;
    let file = folder.path().join("trial.c");
    std::fs::write(&file, source)
        .map_err(|error| format!("the trial program could not be written: {error}"))?;
    compile(&file, flags)
}

fn compile(file: &Path, flags: &[String]) -> Result<(), String> {
    // `cc` is what rustc links with.
    let output = Command::new("cc")
        // `reason` reads English.
        .env("LC_ALL", "C")
        .arg(file)
        .arg("-o")
        .arg(file.with_extension("out"))
        .args(flags)
        .output();
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err("there is no `cc`".to_owned())
        }
        Err(error) => Err(format!("`cc` could not be started: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(reason(&String::from_utf8_lossy(&output.stderr))),
    }
}

/// The first line that names a failure, not the summary that follows it.
fn reason(stderr: &str) -> String {
    let telling = ["cannot find", "not found", "undefined", "error"];
    let line = telling
        .iter()
        .find_map(|word| stderr.lines().find(|line| line.contains(word)));
    line.or(stderr.lines().next_back())
        .unwrap_or("`cc` failed and said nothing")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_does_not_exist_is_named_by_the_reason() {
        let why = link(
            "int main(void) { return 0; }\n",
            &["-lmnm_has_no_such_library".to_owned()],
        )
        .expect_err("there is none");
        assert!(why.contains("mnm_has_no_such_library"), "{why}");
    }

    #[test]
    fn an_empty_program_links() {
        link("int main(void) { return 0; }\n", &[])
            .expect("rustc needed a C compiler to link this test");
    }

    #[test]
    fn a_symbol_that_is_not_there_fails_the_trial() {
        let why = link(&calling("mnm_no_such_symbol"), &[]).expect_err("nothing defines it");
        assert!(why.contains("mnm_no_such_symbol"), "{why}");
    }
}
