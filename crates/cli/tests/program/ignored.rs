//! Settings that the chosen model would ignore are refused, and nothing is written; which kernel a rule runs by is said.

use crate::mnm::{bad, command, folder, good, text, tiny};
use crate::refusals::{entries, says};

#[test]
fn a_setting_that_the_chosen_model_ignores_is_refused() {
    let (top, run) = folder();
    let ntm = "model.kind = \"ntm\" on the task double-copy does not look at it";
    let lstm = "model.kind = \"lstm\" on the task double-copy does not look at it";
    let words = "model.rule = \"mnm-p\" on the task double-copy does not look at it";
    for (config, sets, parts) in [
        // What that config trains is an NTM.
        (
            "copy",
            &["model.rule=mnm-g"][..],
            ["model.rule", "\"ntm\" has no write rule"],
        ),
        (
            "copy",
            &["model.forget=0.5"],
            ["model.forget = 0.5", "\"ntm\" has no write rule"],
        ),
        (
            "copy",
            &["model.hidden=50"],
            ["model.hidden is only for mnm", ntm],
        ),
        (
            "double-copy",
            &["model.kind=lstm", "model.layers=3"],
            ["model.layers is only for mnm", lstm],
        ),
        (
            "double-copy",
            &["model.kind=lstm", "model.value=5"],
            ["model.value is only for mnm, lstm-salu", lstm],
        ),
        (
            "double-copy",
            &["model.kind=lstm", "model.slots=5"],
            ["model.slots is only for ntm, dnc", lstm],
        ),
        (
            "double-copy",
            &["model.rule=delta", "model.inner_loss=huber"],
            ["model.inner_loss", "the rule \"delta\" does not look at it"],
        ),
        (
            "double-copy",
            &["model.rule=delta", "model.ridge=2"],
            ["model.ridge", "the rule \"delta\" does not look at it"],
        ),
        (
            "double-copy",
            &["model.kind=lstm", "train.meta_weight=0.5"],
            ["train.meta_weight is only for mnm", lstm],
        ),
        (
            "double-copy",
            &["model.embedding=7"],
            ["model.embedding is only for babi, stories", words],
        ),
        (
            "double-copy",
            &["model.forget=1.5"],
            ["model.forget", "a part from 0 to 1"],
        ),
        (
            "double-copy",
            &["model.momentum=1"],
            ["model.momentum", "up to but not including 1"],
        ),
        // Also where it sets what is the default.
        (
            "copy",
            &["model.rule=mnm-p"],
            ["model.rule is only for mnm", ntm],
        ),
    ] {
        let mut train = command(["train", config, "--out"]);
        train.arg(&run);
        for set in sets {
            train.args(["--set", set]);
        }
        says(&bad(2, &mut train), &parts);
        assert_eq!(entries(top.path()), [""; 0]);
    }
}

/// The rules whose write is no program, and one whose is.
#[test]
fn config_and_start_line_say_which_kernel_a_rule_runs_by() {
    for (rule, kernel) in [
        ("rls", "reference"),
        ("plastic", "reference"),
        ("oja", "fused"),
    ] {
        let set = format!("model.rule={rule}");
        let config = good(&mut command(["config", "double-copy", "--set", &set]));
        let said = format!("# Here, for {rule}: {kernel}\n");
        assert!(config.contains(&said), "{config}");
        let (_top, run) = folder();
        let trained = tiny(&run, &["--set", &set, "--set", "train.steps=1"])
            .output()
            .unwrap();
        let told = text(&trained.stderr);
        let start = format!("double-copy: {rule} ({kernel}), ");
        assert!(trained.status.success() && told.contains(&start), "{told}");
    }
}
