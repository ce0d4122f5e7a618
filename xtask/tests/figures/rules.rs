//! Every rule with the same budget.

use serde_json::Value;

use crate::raw::{
    as_printed, deviation, hold, json, list, mean, median, name, numbers, says, seeds_of, table,
    toml,
};

/// The columns of the table of rules: experiment, and the further evaluation that it shows.
const RULES: &[(&str, &str, Option<&str>)] = &[
    ("double copy", "double-copy", None),
    ("mqar, 4 pairs", "mqar", Some("4-pairs")),
    ("8 pairs", "mqar", Some("8-pairs")),
    ("16 pairs", "mqar", Some("16-pairs")),
    ("bandits, regret", "bandit", None),
    ("dictionary, short", "dictionary", Some("short")),
    ("long", "dictionary", None),
    ("bAbI 1 to 3", "babi-1-3", None),
];

/// What stands for the figure of a run that ended in such numbers.
const NOT_FINITE: &str = "not finite";

#[test]
fn the_table_of_rules_has_the_raw_figures() {
    let raw = json("rules/rules-results.json");
    let rows = table("rules.md", "## Result");
    let mut held = 0;
    for cells in &rows[2..] {
        for (title, experiment, further) in RULES {
            let at = rows[0].iter().position(|head| head == title);
            let cell = &cells[at.unwrap_or_else(|| panic!("rules.md: no column {title:?}"))];
            let place = format!("rules.md, {}, {title}", cells[0]);
            let model = name(cells[0].trim_matches('`'));
            let values = seeds_of(&raw, experiment, model, *further);
            let values = values.unwrap_or_else(|| panic!("{place}: no raw figures"));
            if cell.contains(NOT_FINITE) {
                // Such a run has no figure, and the others no mean: each seed stands for itself, in its place.
                let ours = |one: &&Value| one["experiment"] == *experiment && one["model"] == model;
                let result = list(&raw["results"]).iter().find(ours).expect(&place);
                let seeds = list(&result["values"]);
                let printed: Vec<&str> = cell.split(", ").collect();
                assert_eq!(printed.len(), seeds.len(), "{place}: seeds");
                for (printed, seed) in printed.iter().zip(seeds) {
                    let value = seed.as_f64().map(|value| as_printed(value, printed));
                    assert_eq!(value.as_deref().unwrap_or(NOT_FINITE), *printed, "{place}");
                }
            } else {
                assert_eq!(values.len(), 3, "{place}: seeds");
                hold(&place, cell, &values, true);
            }
            held += 1;
        }
    }
    assert_eq!(held, 96, "figures that were looked at");
}

#[test]
fn the_tables_of_the_search_and_of_the_cost_have_the_raw_figures() {
    let search = &json("rules/rules-search.json")["values"];
    let rows = table("rules.md", "## The search");
    let experiments = ["double-copy", "mqar", "bandit", "dictionary", "babi-1-3"];
    for cells in &rows[2..] {
        let model = name(cells[0].trim_matches('`'));
        for (cell, experiment) in cells[1..].iter().zip(experiments) {
            let place = format!("rules.md, the search, {model}, {experiment}");
            let rates = search[experiment][model].as_object();
            let Some((printed, rate)) = cell.split_once(" (") else {
                // Not searched, or no rate came to an end with finite numbers.
                let ended = rates.is_some_and(|rates| rates.values().any(Value::is_number));
                assert!(!ended && cell == "-", "{place}");
                continue;
            };
            let rates = rates.unwrap_or_else(|| panic!("{place}: no raw figures"));
            let of = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
            let best = rates.iter().min_by(|a, b| of(a.1).total_cmp(&of(b.1)));
            let (of_best, value) = best.unwrap_or_else(|| panic!("{place}: no rate"));
            assert_eq!(printed, as_printed(of(value), printed), "{place}");
            let rate: f64 = rate.trim_end_matches(')').parse().expect(&place);
            assert_eq!(of_best.parse(), Ok(rate), "{place}");
        }
    }
    let without = &json("rules/rules-search.json")["babi-1-3, rls without forgetting, three seeds"];
    let with = seeds_of(&json("rules/rules-results.json"), "babi-1-3", "rls", None);
    let [without, with] = [numbers(without), with.expect("rls on bAbI")]
        .map(|values| format!("{:.1} ± {:.1}", mean(&values), deviation(&values)));
    says(
        "rules.md",
        &format!("(`model.forget = \"none\"`, the same rate) it has {without} % instead of {with}"),
    );
    let raw = &json("rules/rules-cost.json")["steps_per_second"];
    let rows = table("rules.md", "[the fused kernel](../fused.md#what-it-costs):");
    for (title, cell) in rows[0].iter().zip(&rows[2]) {
        let model = name(title.trim_matches('`'));
        let rate = raw[model].as_f64().expect(model);
        assert_eq!(
            *cell,
            as_printed(1e3 / rate, cell),
            "rules.md, the cost of {model}"
        );
    }
}

#[test]
fn the_page_of_the_fused_kernel_has_the_raw_speeds() {
    let raw = json("rules/rules-speed.json");
    let rows = table(
        "../fused.md",
        "the rule ([raw](results/rules/rules-speed.json)):",
    );
    let least = |numbers: &[f64]| numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let fused = list(&raw["rules"])
        .iter()
        .filter(|rule| rule["kernel"] == "fused");
    assert_eq!(rows.len() - 2, fused.clone().count(), "rules");
    for (cells, rule) in rows[2..].iter().zip(fused) {
        let [own, times, reference] = ["milliseconds", "times_mnm_g", "reference_milliseconds"]
            .map(|key| numbers(&rule[key]));
        let pairs = reference.iter().zip(&own).map(|(r, own)| r / own);
        let figures = [
            median(own.clone()),
            median(times),
            median(pairs.collect()),
            least(&reference) / least(&own),
        ];
        assert_eq!(Some(cells[0].trim_matches('`')), rule["rule"].as_str());
        for (cell, figure) in cells[1..].iter().zip(figures) {
            assert_eq!(*cell, as_printed(figure, cell), "fused.md, {}", cells[0]);
        }
    }
}

#[test]
fn the_page_of_the_fused_kernel_has_the_raw_times_of_a_sequence() {
    let raw = json("rules/sequence-speed.json");
    let of = |who: &str, what: &str| numbers(&raw[who][what]);
    let [ours, chunks, steps] =
        ["ours", "chunks_of_64", "loop"].map(|who| median(of(who, "median_ms")));
    let least = |who: &str| {
        of(who, "least_ms")
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    };
    let pairs = of("chunks_of_64", "median_ms")
        .into_iter()
        .zip(of("ours", "median_ms"));
    let ratios: Vec<f64> = pairs.map(|(theirs, ours)| theirs / ours).collect();
    let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = ratios.iter().copied().fold(0.0, f64::max);
    for said in [
        format!("the delta rule takes {ours:.0} ms"),
        format!("takes {chunks:.0} ms in chunks of 64"),
        format!("{steps:.0} ms in a loop over steps"),
        format!("{:.1} times as fast as the faster", median(ratios)),
        format!("between {lowest:.1} and {highest:.1}"),
        format!("{:.1} by the least", least("chunks_of_64") / least("ours")),
    ] {
        says("../fused.md", &said);
    }
}

#[test]
fn the_curves_are_of_the_runs_in_the_table() {
    let raw = json("rules/rules-results.json");
    let mut held = 0;
    for experiment in ["double-copy", "mqar", "dictionary"] {
        let curves = json(&format!("rules/{experiment}-results.json"));
        for group in list(&curves["sections"][0]["groups"]) {
            let model = group["label"].as_str().expect("a label");
            let runs = list(&group["runs"]).iter();
            let found: Vec<f64> = runs
                .filter_map(|run| run["test_average"].as_f64())
                .collect();
            let expected = seeds_of(&raw, experiment, model, None);
            assert_eq!(Some(found), expected, "{experiment}, {model}");
            held += 1;
        }
    }
    assert_eq!(held, 36, "models that were looked at");
}

#[test]
fn how_soon_bandits_are_learned_is_as_the_page_says() {
    let raw = json("rules/bandit-curves.json");
    let after = |model: &str| {
        let seeds = list(&raw["curves"][model]);
        assert_eq!(seeds.len(), 3, "{model}: seeds");
        let at = |curve: &Value| {
            let points = list(curve).iter().map(numbers);
            let last = points.clone().map(|point| point[0]).fold(0.0, f64::max);
            let found = points.clone().find(|point| point[0] == last / 4.0);
            found.expect("a validation after a quarter")[1]
        };
        median(seeds.iter().map(at).collect())
    };
    let soon = ["mnm-p", "mnm-g", "delta", "rls"].map(after);
    let least = soon.into_iter().fold(f64::INFINITY, f64::min);
    let (most, lstm) = (soon.into_iter().fold(0.0, f64::max), after("lstm"));
    says(
        "rules.md",
        &format!("`rls` earn {least:.0} to {most:.0} in the median, the LSTM {lstm:.0}."),
    );
}

/// Where a kernel adds up in another order, the same seed ends elsewhere.
#[test]
fn rounding_moves_a_seed_as_far_as_the_page_says() {
    let (now, before) = (
        json("rules/rules-results.json"),
        json("rules/rules-other-rounding.json"),
    );
    let apart = |experiment: &str| {
        let mut moved = Vec::new();
        let results = list(&before["results"]).iter();
        for result in results.filter(|result| result["experiment"] == experiment) {
            let model = result["model"].as_str().expect("a model");
            let values = seeds_of(&now, experiment, model, None).expect(model);
            let pairs = numbers(&result["values"]).into_iter().zip(values);
            moved.extend(pairs.map(|(a, b)| (a - b).abs()).filter(|far| *far > 0.0));
        }
        let most = moved.iter().copied().fold(0.0, f64::max);
        (median(moved), most)
    };
    let ((bandit, bandit_most), (mqar, mqar_most)) = (apart("bandit"), apart("mqar"));
    says(
        "rules.md",
        &format!(
            "On bandits a seed's regret lies {bandit:.2} from what it was in the median, {bandit_most:.1} at most; on mqar its error \
             {mqar:.2} and {mqar_most:.1} points."
        ),
    );
}

/// What docs/protocol.md says that averaging does.
#[test]
fn the_protocol_says_what_averaging_did_in_these_runs() {
    let raw = json("rules/rules-results.json");
    let elsewhere = ["bandit", "babi-1-3"].map(Value::from);
    let results: Vec<[Vec<f64>; 2]> = list(&raw["results"])
        .iter()
        .filter(|result| !elsewhere.contains(&result["experiment"]))
        .map(|result| ["values", "best_of_run"].map(|key| numbers(&result[key])))
        .collect();
    let more: Vec<f64> = results
        .iter()
        .flat_map(|[average, lowest]| average.iter().zip(lowest).map(|(a, l)| a - l))
        .collect();
    let distances = more.iter().map(|more| more.abs()).collect();
    let closer = |[average, lowest]: &&[Vec<f64>; 2]| deviation(average) < deviation(lowest);
    let expected = format!(
        "Over {} runs of [every rule](results/rules.md), bandits and bAbI left out, it errs {:.2} points more in the mean, {:.2} in the \
         median of the distances. It makes seeds no more alike: their spread is smaller in {} of {} cells.",
        more.len(),
        mean(&more),
        median(distances),
        results.iter().filter(closer).count(),
        results.len(),
    );
    says("../protocol.md", &expected);
}

#[test]
fn what_was_trained_is_what_the_suites_say() {
    let suites =
        ["rules", "rules-search"].map(|name| toml(&format!("../../xtask/suites/{name}.toml")));
    let rows = table("rules.md", "## What was trained");
    let cell = |row: &str, title: &str| {
        let at = rows[0].iter().position(|head| head == title).expect(title);
        let cells = rows.iter().find(|cells| cells[0] == row).expect(row);
        cells[at].clone()
    };
    for (title, name) in [
        ("double copy", "double-copy"),
        ("mqar", "mqar"),
        ("bandits", "bandit"),
        ("dictionary", "dictionary"),
        ("bAbI 1 to 3", "babi-1-3"),
    ] {
        let [trained, searched] = suites.each_ref().map(|suite| {
            let all = suite["experiment"].as_array().expect("experiments");
            let ours = all.iter().find(|one| one["name"].as_str() == Some(name));
            ours.unwrap_or_else(|| panic!("no experiment {name}"))
        });
        let config = trained["config"].as_str().expect("a config");
        let config = &toml(&format!("../../crates/trainer/configs/{config}.toml"))["train"];
        let set = &trained["set"]["train"];
        let count = |key| {
            set.get(key)
                .or(config.get(key))
                .and_then(|value| value.as_integer())
        };
        let [steps, batch] = ["steps", "batch"].map(|key| count(key).expect(key));
        let printed = cell("sequences", title).replace(',', "");
        assert_eq!(printed, (steps * batch).to_string(), "{title}: sequences");

        let rates = searched["vary"]["values"].as_array().expect("rates");
        let rates = rates.iter().filter_map(|rate| rate.as_str()?.parse().ok());
        let rates: Vec<f64> = rates.collect();
        let printed = cell("learning rates tried", title);
        let printed: Vec<f64> = printed
            .split(", ")
            .filter_map(|rate| rate.parse().ok())
            .collect();
        assert_eq!(printed, rates, "{title}: rates");

        // The second suite trains with the best rate of the search.
        let found = &json("rules/rules-search.json")["values"][name];
        let chosen = trained["model_set"].as_table().expect("models");
        for (model, set) in chosen {
            let rate = set
                .get("train")
                .and_then(|train| train.get("learning_rate"));
            let Some(rate) = rate.and_then(|rate| rate.as_float()) else {
                continue;
            };
            let all = found[model.as_str()].as_object().expect(model).iter();
            let ended = all.filter_map(|(rate, value)| Some((rate, value.as_f64()?)));
            let best = ended.min_by(|a, b| a.1.total_cmp(&b.1)).expect(model);
            assert_eq!(best.0.parse(), Ok(rate), "{title}: the rate of {model}");
        }
    }
}
