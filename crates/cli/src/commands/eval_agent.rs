//! `mnm eval` of an agent: what it earns in fresh episodes, beside the reference players.

use std::fmt::Write;

use mnm_trainer::Weights;
use mnm_trainer::rl::{AgentEvaluation, Figures};

/// The object that others rely on.
pub fn json(outcome: &AgentEvaluation, weights: Weights) -> anyhow::Result<String> {
    let mut object = serde_json::to_value(outcome)?;
    object["weights"] = weights.name().into();
    Ok(format!("{object}\n"))
}

/// A table for the terminal.
pub fn table(outcome: &AgentEvaluation) -> String {
    let steps = outcome.agent.by_position.len();
    let mut text = format!(
        "{}, {} split: {} episodes of {steps} steps\n",
        outcome.task, outcome.split, outcome.episodes
    );
    let agent = (outcome.model.as_str(), &outcome.agent);
    let players = outcome
        .players
        .iter()
        .map(|(name, figures)| (name.as_str(), figures));
    let rows: Vec<(&str, &Figures)> = std::iter::once(agent).chain(players).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let has_regret = outcome.agent.regret.is_some();
    let has_finds = outcome.agent.found.is_some();
    let _ = write!(text, "  {:width$}  {:>9} {:>8}", "", "reward", "+-");
    if has_regret {
        let _ = write!(text, "  {:>8}", "regret");
    }
    if has_finds {
        let _ = write!(
            text,
            "  {:>7} {:>10} {:>11}",
            "found", "first find", "later finds"
        );
    }
    text.push('\n');
    for (name, figures) in &rows {
        let reward = figures.reward;
        let _ = write!(
            text,
            "  {name:width$}  {:9.2} {:8.2}",
            reward.mean, reward.standard_error
        );
        if has_regret {
            let _ = write!(text, "  {}", number(figures.regret.map(|r| r.mean), 8));
        }
        if has_finds {
            let _ = write!(
                text,
                "  {:5.0} % {} {}",
                100.0 * figures.found.unwrap_or(0.0),
                number(figures.steps_to_first_find, 10),
                number(figures.steps_to_later_finds, 11)
            );
        }
        text.push('\n');
    }
    let _ = writeln!(text, "reward a step, by tenths of the episode:");
    for (name, figures) in &rows {
        let _ = writeln!(text, "  {name:width$}  {}", parts(figures));
    }
    text
}

fn number(value: Option<f64>, width: usize) -> String {
    value.map_or(format!("{:>width$}", "-"), |x| format!("{x:width$.2}"))
}

fn parts(figures: &Figures) -> String {
    let tenths = figures.tenths().into_iter();
    tenths.map(|mean| format!(" {mean:5.2}")).collect()
}

#[cfg(test)]
mod tests {
    use mnm_trainer::rl::Spread;

    use super::*;

    fn outcome() -> AgentEvaluation {
        let figures = |mean: f64| Figures {
            reward: Spread {
                mean,
                standard_error: 0.5,
            },
            regret: None,
            found: Some(0.75),
            steps_to_first_find: Some(20.0),
            steps_to_later_finds: None,
            by_position: (0..20).map(f64::from).collect(),
        };
        AgentEvaluation {
            task: "maze".to_owned(),
            split: "test".to_owned(),
            episodes: 8,
            model: "mnm-p".to_owned(),
            agent: figures(40.0),
            players: vec![("oracle".to_owned(), figures(90.0))],
        }
    }

    #[test]
    fn the_json_is_the_contract() {
        let value: serde_json::Value =
            serde_json::from_str(&json(&outcome(), Weights::Best).unwrap()).unwrap();
        assert_eq!(value["task"], "maze");
        assert_eq!(value["reward"]["mean"], 40.0);
        assert_eq!(value["players"][0][0], "oracle");
        assert_eq!(value["players"][0][1]["reward"]["mean"], 90.0);
        assert!(value.get("regret").is_none());
    }

    #[test]
    fn the_table_sets_players_side_by_side() {
        let text = table(&outcome());
        assert!(text.contains("8 episodes of 20 steps"), "{text}");
        assert!(text.contains("mnm-p       40.00"), "{text}");
        assert!(text.contains("oracle      90.00"), "{text}");
        assert!(text.contains("75 %") && text.contains("  0.50  "), "{text}");
    }
}
