//! Can a program be linked with OpenBLAS? Found out by linking one.

use std::path::Path;
use std::process::Command;

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
    /// What is missing and what the linker says; `None` if nothing is missing.
    pub fn missing(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Ready => None,
            Self::NoCompiler { why } => Some(("a C compiler", why)),
            Self::NoOpenBlas { why } => Some(("OpenBLAS", why)),
        }
    }
}

/// Links an empty program, then one that calls LAPACK, in a folder that is there. OpenBLAS is looked for in `folders` besides
/// the linker's own.
pub fn look(folder: &Path, folders: &[String]) -> Finding {
    if let Err(why) = link(folder, "int main(void) { return 0; }\n", &[]) {
        return Finding::NoCompiler { why };
    }
    let searched = folders.iter().map(|folder| format!("-L{folder}"));
    let flags: Vec<String> = searched.chain(["-lopenblas".to_owned()]).collect();
    // LAPACK by its Fortran name, since that is what ndarray-linalg calls: a CBLAS alone would not do.
    match link(folder, &calling("dgesvd_"), &flags) {
        Ok(()) => Finding::Ready,
        Err(why) => Finding::NoOpenBlas { why },
    }
}

/// Where OpenBLAS may be besides the linker's own folders: where the flags of rustc say (one string, separated by 0x1f, as
/// Cargo hands them to a build script), where pkg-config says, or in Homebrew's own folder, which is not on the default path.
pub fn folders(rustc_flags: &str) -> Vec<String> {
    let mut folders = rustc_folders(rustc_flags);
    if let Some(flags) = said("pkg-config", &["--libs-only-L", "openblas"]) {
        let named = flags.split_whitespace();
        let named = named.filter_map(|flag| flag.strip_prefix("-L"));
        folders.extend(named.map(str::to_owned));
    } else if cfg!(target_os = "macos")
        && let Some(prefix) = said("brew", &["--prefix", "openblas"])
    {
        folders.push(format!("{}/lib", prefix.trim()));
    }
    folders
}

/// The folders for native libraries among rustc's flags: `-L folder`, `-Lnative=folder`.
fn rustc_folders(flags: &str) -> Vec<String> {
    let mut folders = Vec::new();
    let mut words = flags.split('\u{1f}');
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix("-L") else {
            continue;
        };
        let value = if rest.is_empty() {
            words.next()
        } else {
            Some(rest)
        };
        // Of other kinds are folders of crates or frameworks.
        if let Some(("native" | "all", folder)) =
            value.map(|value| value.split_once('=').unwrap_or(("all", value)))
        {
            folders.push(folder.to_owned());
        }
    }
    folders
}

/// A program that calls a function if it is given arguments: the compiler must keep the call, and running it is safe. (A
/// mere comparison of the function's address with null is folded away, and the linker never sees the name.)
fn calling(function: &str) -> String {
    format!(
        "extern void {function}(void);\nint main(int count, char **words) {{ if (count > 1) {function}(); return words == 0; }}\n"
    )
}

/// What a program prints; `None` if it is not there or fails.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let good = output.status.success();
    good.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Compiles and links one C file; `Err` holds the line that says why it failed.
fn link(folder: &Path, source: &str, flags: &[String]) -> Result<(), String> {
    let file = folder.join("trial.c");
    std::fs::write(&file, source)
        .map_err(|error| format!("the trial program could not be written: {error}"))?;
    // `cc` is what rustc links with.
    let output = Command::new("cc")
        // `reason` reads English.
        .env("LC_ALL", "C")
        .arg(&file)
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

    fn linked(source: &str, flags: &[String]) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        link(folder.path(), source, flags)
    }

    #[test]
    fn a_library_that_does_not_exist_is_named_by_the_reason() {
        let why = linked(
            "int main(void) { return 0; }\n",
            &["-lmnm_has_no_such_library".to_owned()],
        )
        .expect_err("there is none");
        assert!(why.contains("mnm_has_no_such_library"), "{why}");
    }

    #[test]
    fn an_empty_program_links() {
        linked("int main(void) { return 0; }\n", &[])
            .expect("rustc needed a C compiler to link this test");
    }

    #[test]
    fn a_symbol_that_is_not_there_fails_the_trial() {
        let why = linked(&calling("mnm_no_such_symbol"), &[]).expect_err("nothing defines it");
        assert!(why.contains("mnm_no_such_symbol"), "{why}");
    }

    #[test]
    fn folders_of_native_libraries_are_taken_from_the_flags_of_rustc() {
        let flags = [
            "-Ctarget-cpu=native",
            "-L",
            "a",
            "-Lb",
            "-L",
            "native=c",
            "-Lall=d",
            "-Lcrate=e",
            "-L",
        ];
        assert_eq!(rustc_folders(&flags.join("\u{1f}")), ["a", "b", "c", "d"]);
        assert!(rustc_folders("").is_empty());
    }
}
