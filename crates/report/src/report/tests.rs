//! From run folders to the page.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::fixture::{FixtureRun, LSTM, MNM_P, babi};
use super::*;

fn report(folder: &Path) -> Report {
    let mut published = Published::new("DNC", 12.8, Some(4.7), "as cited");
    published.task = Some("babi".to_owned());
    let about = Published {
        figure: "about 27".to_owned(),
        ..Published::new("LSTM", 27.0, None, "as cited")
    };
    Report {
        title: "bAbI & <friends>".to_owned(),
        command: "cargo xtask reproduce babi".to_owned(),
        published: vec![published, about],
        runs: babi(folder)
            .iter()
            .map(|path| RunData::read(path).unwrap())
            .collect(),
        headings: Vec::new(),
    }
}

#[test]
fn figures_are_over_the_seeds_that_have_finished() {
    let folder = tempfile::tempdir().unwrap();
    let summary = report(folder.path()).summary().unwrap();
    let [section] = summary.sections.as_slice() else {
        panic!("{summary:?}")
    };
    let [mnm, lstm] = section.groups.as_slice() else {
        panic!("{section:?}")
    };
    assert_eq!(
        (mnm.label.as_str(), mnm.runs.len(), mnm.finished),
        ("mnm-p", 3, 3)
    );
    assert_eq!(
        mnm.valid,
        Some(Figure {
            seeds: 3,
            mean: 2.0,
            deviation: Some(1.0),
            best: 1.0
        })
    );
    assert_eq!(
        mnm.test,
        Some(Figure {
            seeds: 3,
            mean: 3.0,
            deviation: Some(1.5),
            best: 1.5
        })
    );
    assert_eq!(mnm.per_task["10"].mean, 3.0);
    assert_eq!((mnm.parameters, mnm.steps), (Some(12345), 40));
    assert_eq!((lstm.runs.len(), lstm.finished, lstm.diverged), (2, 1, 0));
    assert_eq!(
        lstm.valid,
        Some(Figure {
            seeds: 1,
            mean: 30.0,
            deviation: None,
            best: 30.0
        })
    );
    let last = RunFigures {
        name: "lstm-2".to_owned(),
        seed: Some(2),
        finished: false,
        valid: None,
        valid_average: None,
        test: None,
        test_average: None,
        further: BTreeMap::new(),
        curve: lstm.runs[1].curve.clone(),
    };
    assert_eq!(lstm.runs[1], last);
    assert_eq!(
        (mnm.runs[2].seed, mnm.runs[2].valid, mnm.runs[2].test),
        (Some(3), Some(3.0), Some(4.5))
    );
    let sequences = lstm.runs[1].curve.iter().map(|(sequences, _)| *sequences);
    assert_eq!(sequences.collect::<Vec<_>>(), [320, 640, 960, 1280]);
    assert_eq!(section.published.len(), 2);
}

#[test]
fn markdown_has_our_figures_and_the_published_ones() {
    let folder = tempfile::tempdir().unwrap();
    let expected = "\
| model | seeds | validation, lowest of the run, % | test, weights of the lowest, % | steps | parameters | note |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
| mnm-p | 3 | 2.00 ± 1.00 | 3.00 ± 1.50 | 40 | 12,345 |  |
| lstm | 1 of 2 | 30.00 | 45.00 | 40 | 12,345 | 1 not finished |
| *DNC* |  |  | 12.8 ± 4.7 |  |  | as cited |
| *LSTM* |  |  | about 27 |  |  | as cited |

| task | mnm-p | lstm |
| --- | ---: | ---: |
| 2 | 2.00 ± 1.00 | 30.00 |
| 10 | 3.00 ± 1.50 | 45.00 |
";
    assert_eq!(report(folder.path()).markdown().unwrap(), expected);
}

#[test]
fn the_page_stands_alone_and_escapes_what_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let page = report(folder.path()).html().unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(page.contains("<h1>bAbI &amp; &lt;friends&gt;</h1>") && !page.contains("<friends>"));
    for outside in ["<script", "<link", "src=", "href=", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(
        page.matches("<svg").count(),
        4,
        "comparison, validation error, task loss, meta loss"
    );
    assert_eq!(page.matches("<details>").count(), 5);
    assert_eq!(
        page.matches("\nlstm (2 seeds)").count(),
        2,
        "the LSTM has no meta loss to draw"
    );
    for text in [
        "3.00 ± 1.50",
        "about 27",
        "cargo xtask reproduce babi",
        "rule = &quot;mnm-p&quot;",
        "1 not finished",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn each_task_has_its_own_section_and_published_figures() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = report(folder.path());
    let copy = FixtureRun {
        name: "copy-1",
        task: "double-copy",
        model: MNM_P,
        seed: 1,
        error: 0.5,
        ended: true,
        tested: false,
    };
    report
        .runs
        .push(RunData::read(copy.write(folder.path())).unwrap());
    let summary = report.summary().unwrap();
    assert_eq!(
        summary
            .sections
            .iter()
            .map(|section| section.task.as_str())
            .collect::<Vec<_>>(),
        ["babi", "double-copy"]
    );
    assert_eq!(
        summary.sections[1].published.len(),
        1,
        "DNC's figure is for bAbI only"
    );
    let markdown = report.markdown().unwrap();
    assert!(
        markdown.contains("### double-copy") && markdown.contains("| mnm-p | 1 | 0.50 | 40 |"),
        "{markdown}"
    );
    assert!(report.html().unwrap().contains("<h2>double-copy</h2>"));
}

#[test]
fn the_figure_of_a_run_is_that_of_its_last_averaged_weights_with_the_lowest_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, average) in [(1, 1.5), (2, 2.5), (3, 3.5)] {
        let path = folder.path().join(format!("mnm-p-{seed}"));
        babi(folder.path());
        let summary = fs::read_to_string(path.join("summary.json")).unwrap();
        let valid = format!("\"average\": {{\"error\": {average}}}, \"valid\"");
        let summary = summary.replace("\"valid\"", &valid);
        fs::write(folder.path().join(format!("summary-{seed}")), summary).unwrap();
    }
    let paths = babi(folder.path());
    for (seed, average) in [(1, 2.0), (2, 3.0), (3, 4.0)] {
        let path = folder.path().join(format!("mnm-p-{seed}"));
        fs::rename(
            folder.path().join(format!("summary-{seed}")),
            path.join("summary.json"),
        )
        .unwrap();
        let kept =
            format!("{{\"error\": {{\"mean\": {average}, \"per_task\": {{\"2\": {average}}}}}}}");
        fs::write(path.join("evaluation-test-average.json"), kept).unwrap();
    }
    let runs = paths[..3].iter().map(|path| RunData::read(path).unwrap());
    let report = Report {
        runs: runs.collect(),
        ..Report::default()
    };
    let expected = "\
| model | seeds | validation, last average, % | validation, lowest of the run, % | test, last average, % | test, weights of the lowest, % | steps | parameters | note |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| mnm-p | 3 | 2.50 ± 1.00 | 2.00 ± 1.00 | 3.00 ± 1.00 | 3.00 ± 1.50 | 40 | 12,345 |  |
";
    let markdown = report.markdown().unwrap();
    assert!(markdown.starts_with(expected), "{markdown}");
    assert!(!markdown.contains("other data"), "{markdown}");
    let group = &report.summary().unwrap().sections[0].groups[0];
    assert_eq!(group.per_task["2"].mean, 3.0);
    assert_eq!(report.runs[2].error(), Some(4.0));
}

#[test]
fn published_figures_are_lines_where_ours_are_like_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = report(folder.path());
    let lines = |report: &Report| report.html().unwrap().matches("\nDNC, published").count();
    assert_eq!(lines(&report), 1, "a bar");
    report.published[0].like_for_like = true;
    assert_eq!(lines(&report), 2, "and a line");
}

#[test]
fn errors_on_other_data_have_a_table_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    for (run, name, error) in [
        ("mnm-p-1", "length-40", 20.0),
        ("mnm-p-2", "length-40", 30.0),
        ("mnm-p-1", "length-9", 1.0),
        ("lstm-2", "length-9", 50.0), // not finished, so in no figure
    ] {
        let path = folder.path().join(run);
        fs::create_dir_all(&path).unwrap();
        let text = format!("{{\"error\": {{\"mean\": {error}}}}}");
        fs::write(path.join(format!("evaluation-test-{name}.json")), text).unwrap();
    }
    let report = report(folder.path());
    let expected = "\
Test error on other data, %:

| data | mnm-p |
| --- | ---: |
| length-9 | 1.00 |
| length-40 | 25.00 ± 7.07 |
";
    let markdown = report.markdown().unwrap();
    assert!(markdown.contains(expected), "{markdown}");
    assert!(report.html().unwrap().contains("25.00 ± 7.07"));
    let broken = folder.path().join("lstm-1/evaluation-test-length-40.json");
    fs::write(&broken, "{").unwrap();
    let error = RunData::read(folder.path().join("lstm-1")).unwrap_err();
    assert!(
        error.to_string().contains("evaluation-test-length-40.json"),
        "{error}"
    );
}

#[test]
fn files_are_written_whole_and_agree() {
    let folder = tempfile::tempdir().unwrap();
    let report = report(folder.path());
    let out = folder.path().join("out");
    report.write_folder(&out).unwrap();
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(read("report.html"), report.html().unwrap());
    assert_eq!(read("report.md"), report.markdown().unwrap());
    let json: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    let curve = &json["sections"][0]["groups"][0]["runs"][0]["curve"];
    assert_eq!(curve[3][0], 40 * 32);
    assert_eq!(json["sections"][0]["groups"][0]["valid"]["mean"], 2.0);
    assert_eq!(
        fs::read_dir(&out).unwrap().count(),
        4,
        "no temporary file is left"
    );
    let mut pictures: Vec<_> = fs::read_dir(out.join("pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pictures.sort();
    let expected = [
        "meta-loss-how-badly-writes-took.svg",
        "test-error.svg",
        "training-loss-of-the-task.svg",
        "validation-error.svg",
    ];
    assert_eq!(pictures, expected);

    let again = folder.path().join("again");
    let files = Summary::read(&out.join("summary.json"))
        .and_then(|figures| figures.write_pictures(&again))
        .unwrap();
    assert_eq!(
        files,
        ["test-error.svg", "validation-error.svg"].map(|name| again.join(name))
    );
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(
            fs::read_to_string(file).unwrap(),
            read(&format!("pictures/{name}"))
        );
    }
    let error = Summary::read(&out.join("report.md"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("report.md: ") && error.contains("summary.json"),
        "{error}"
    );

    let error = report.write(out.join("missing/report.html")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("missing/report.html: could not be written"),
        "{error}"
    );
}

#[test]
fn a_run_that_has_just_begun_is_shown_without_figures() {
    let folder = tempfile::tempdir().unwrap();
    let run = FixtureRun {
        name: "new",
        task: "babi",
        model: LSTM,
        seed: 1,
        error: 1.0,
        ended: false,
        tested: false,
    };
    let path = run.write(folder.path());
    fs::write(path.join("metrics.jsonl"), "").unwrap();
    let report = Report {
        runs: vec![RunData::read(&path).unwrap()],
        ..Report::default()
    };
    let page = report.html().unwrap();
    assert!(
        page.contains("Nothing has been logged yet") && page.contains("not finished"),
        "{page}"
    );
}

#[test]
fn a_diverged_run_is_counted_but_in_no_figure() {
    let folder = tempfile::tempdir().unwrap();
    let runs = babi(folder.path());
    for valid in ["{\"error\": null}", "null"] {
        let summary =
            format!("{{\"finished\": true, \"steps\": 40, \"parameters\": 1, \"valid\": {valid}}}");
        fs::write(runs[4].join("summary.json"), summary).unwrap();
        let runs = runs.iter().map(|path| RunData::read(path).unwrap());
        let report = Report {
            runs: runs.collect(),
            ..Report::default()
        };
        let lstm = &report.summary().unwrap().sections[0].groups[1];
        let valid = lstm.valid.as_ref().unwrap();
        assert_eq!((lstm.finished, lstm.diverged, valid.seeds), (2, 1, 1));
        let markdown = report.markdown().unwrap();
        let told =
            markdown.contains("| lstm | 1 of 2 |") && markdown.contains("1 without a finite error");
        assert!(told, "{markdown}");
    }
}

#[test]
fn what_is_wrong_with_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed| FixtureRun {
        name: "run",
        task: "babi",
        model: LSTM,
        seed,
        error: 1.0,
        ended: true,
        tested: false,
    };
    let path = run(1).write(folder.path());
    let expect = |file: &str, content: &str, words: &[&str]| {
        let before = fs::read(path.join(file)).unwrap();
        fs::write(path.join(file), content).unwrap();
        let error = RunData::read(&path).unwrap_err().to_string();
        assert!(
            error.contains(file) && words.iter().all(|word| error.contains(word)),
            "{error}"
        );
        fs::write(path.join(file), before).unwrap();
    };
    expect("config.toml", "seed = ", &["not valid TOML", "line 1"]);
    expect(
        "config.toml",
        "seed = 1",
        &["model.kind is missing", "\"lstm\""],
    );
    expect(
        "config.toml",
        "model.kind = 'mnm'\nmodel.rule = 3",
        &["model.rule is 3", "\"mnm-p\""],
    );
    expect(
        "summary.json",
        "{\"finished\": true, \"steps\": 1}",
        &["missing field `parameters`", "expected"],
    );
    expect(
        "metrics.jsonl",
        "{\"step\": 1}\n",
        &["metrics.jsonl:1:", "kind"],
    );
    let error = RunData::read(folder.path().join("elsewhere"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("elsewhere") && error.contains("expected a run folder"),
        "{error}"
    );
    assert!(matches!(Report::default().html(), Err(ReportError::NoRuns)));
}
