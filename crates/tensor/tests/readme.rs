//! What the README says of examples and versions: the examples run, and the versions are those of the manifest.

use std::path::Path;

#[path = "../examples/an_op_and_a_layer_of_your_own.rs"]
mod an_op_and_a_layer_of_your_own;
#[path = "../examples/fit_a_curve.rs"]
mod fit_a_curve;
#[path = "../examples/hessian_vector_product.rs"]
mod hessian_vector_product;
#[path = "../examples/learn_a_step_size.rs"]
mod learn_a_step_size;
#[path = "../examples/solve_an_equation.rs"]
mod solve_an_equation;

/// A test for each example: it ends well, and what it asserts holds. Their `main` is `pub(crate)` so that it can be called from here.
macro_rules! examples_run {
    ($($example:ident),*) => {
        const EXAMPLES: &[&str] = &[$(stringify!($example)),*];

        mod runs {
            $(
                #[test]
                fn $example() {
                    super::$example::main().unwrap();
                }
            )*
        }
    };
}

examples_run!(
    an_op_and_a_layer_of_your_own,
    fit_a_curve,
    hessian_vector_product,
    learn_a_step_size,
    solve_an_equation
);

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn every_example_is_run_and_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(folder).expect("the folder of examples");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut names: Vec<String> = paths
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort_unstable();
    assert_eq!(names, EXAMPLES);
    let readme = read("README.md");
    for name in EXAMPLES {
        assert!(
            readme.contains(&format!("`{name}`")),
            "the README leaves out {name}"
        );
    }
}

#[test]
fn versions_are_those_of_the_manifest() {
    let (manifest, readme, docs) = (
        read("../../Cargo.toml"),
        read("README.md"),
        read("src/lib.rs"),
    );
    for name in ["ndarray", "rand"] {
        let start = format!("{name} = \"");
        let line = manifest.lines().find_map(|line| line.strip_prefix(&start));
        let (version, _) = line.and_then(|l| l.split_once('"')).expect("a version");
        let named = format!("`{name}` {version}");
        for (place, text) in [("README", &readme), ("documentation", &docs)] {
            let found = text.match_indices(&named).any(|(at, _)| {
                // Not the beginning of another version, as 0.1 is of 0.17.
                !text[at + named.len()..].starts_with(|c: char| c.is_ascii_digit())
            });
            assert!(found, "the {place} does not say `{named}`");
        }
    }
}
