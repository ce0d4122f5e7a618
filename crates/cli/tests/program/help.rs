//! Help, lists and completions.

use crate::mnm::{bad, command, good};

/// The commands that the overview lists.
fn commands(overview: &str) -> Vec<&str> {
    overview
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // A description that is too long for its line goes on below it, further in.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[test]
fn every_command_explains_itself_with_examples() {
    let overview = good(&mut command(["--help"]));
    assert!(overview.contains("First steps:"));
    let names = commands(&overview);
    for name in [
        "train",
        "eval",
        "apply",
        "inspect",
        "config",
        "tasks",
        "report",
        "completions",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let babi = good(&mut command(["data", "babi", "--help"]));
    let wide = babi.lines().find(|line| line.chars().count() > 78);
    assert_eq!(wide, None, "data babi");
    for name in names {
        let help = good(&mut command([name, "--help"]));
        assert!(help.contains(&format!("Usage: mnm {name}")), "{help}");
        assert!(help.contains("Examples:"), "{name}: {help}");
        assert!(help.contains(&format!("\n  mnm {name}")), "{name}: {help}");
        for line in help.lines() {
            assert!(
                line.chars().count() <= 78,
                "{name}: wider than 78 columns: {line}"
            );
            // What a shell would expand is quoted, so that a line can be copied.
            let bare = line.split('\'').step_by(2).collect::<String>();
            let sets = bare.contains("--set ") && line.starts_with("  mnm");
            assert!(!sets || !bare.contains(['[', '{']), "{name}: {line}");
        }
        let short = good(&mut command([name, "-h"]));
        assert!(short.len() < help.len(), "{name}");
    }
}

#[test]
fn a_config_is_complete_and_can_be_given_back() {
    let names = good(&mut command(["config"]));
    // A description that is too long for its line goes on below it, further in.
    for line in names.lines().filter(|line| !line.starts_with(' ')) {
        let name = line.split_whitespace().next().unwrap();
        assert!(
            line.len() > name.len() + 15,
            "{name} is not described: {line}"
        );
        let config = good(&mut command(["config", name]));
        assert!(config.contains("[model]") && config.contains("learning_rate"));
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, &config).unwrap();
        let again = good(command(["config"]).arg(&file));
        assert_eq!(again, config);
    }
    assert!(names.lines().all(|line| line.len() <= 80), "{names}");
    assert!(
        names.lines().count() >= 3
            && names.contains("babi ")
            && names.contains("double-copy ")
            && names.contains("stories ")
    );
    let set = good(&mut command([
        "config",
        "stories",
        "--set",
        "model.rule=mnm-g",
        "--set",
        "seed=9",
    ]));
    assert!(set.contains("rule = \"mnm-g\"") && set.contains("seed = 9"));
}

#[test]
fn tasks_show_examples() {
    let all = good(&mut command(["tasks"]));
    assert!(all.contains("where is") && all.contains("double-copy: "));
    assert!(
        all.contains("    copy: "),
        "plain copy goes by its own name"
    );
    let wide = all.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    let one = good(&mut command(["tasks", "double-copy", "--episode", "3"]));
    assert!(one.contains("->") && !one.contains("stories"));
    // Its sentences grow from one letter on in training.
    let dictionary = good(&mut command(["tasks", "dictionary"]));
    assert!(
        dictionary.contains("<source> a c g h f <target>"),
        "{dictionary}"
    );
    bad(2, &mut command(["tasks", "nothing"]));
}

/// The message itself stays on its line where it is not read on a terminal, so that it can be searched.
#[test]
fn what_stands_below_a_message_is_no_wider_than_the_help() {
    for arguments in [
        &["tasks", "xyz"][..],
        &["tasks", "storys"],
        &["completions", "cmd"],
        &["apply", "x", "--kernel", "y"],
        &["eval", "--nope"],
        &["report"],
        &["fly"],
    ] {
        let message = bad(2, &mut command(arguments.iter().copied()));
        let wide = message
            .lines()
            .skip(1)
            .find(|line| line.chars().count() > 78);
        assert_eq!(wide, None, "{arguments:?}");
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }
    let message = bad(2, &mut command(["tasks", "xyz"]));
    assert!(message.contains("possible values: babi, ") && message.contains(" cues]"));
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = good(&mut command(["completions", shell]));
        assert!(
            script.contains("inspect") && script.contains("mnm"),
            "{shell}"
        );
    }
    bad(2, &mut command(["completions", "cmd"]));
}

#[test]
#[cfg(unix)]
fn a_reader_that_leaves_early_is_no_error() {
    use std::process::Stdio;
    let mut child = command(["config", "babi"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty() && output.status.success());
}
