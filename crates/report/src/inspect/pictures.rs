//! The pictures of an episode.

use ndarray::Array2;

use super::{InspectError, Look, MemoryLook, Spectrum, answers};
use crate::plot::{
    Axis, ColourMap, Group, HeatMap, LinePlot, Palette, PlotError, Scale, Series, Timeline,
    TimelineStep,
};

/// A picture with what to see in it.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The name of its file, without extension.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// The picture.
    pub svg: String,
}

/// Every picture that the episode gives.
///
/// # Errors
/// [`InspectError::Plot`] if there is nothing finite to draw.
pub fn pictures(look: &Look) -> Result<Vec<Picture>, InspectError> {
    let mut all = match &look.memory {
        Some(memory) => of_memory(memory, &marks(look), "write rate where something is asked")?,
        None => vec![hidden(look)?],
    };
    if let Some((right, given)) = answers::bits(look) {
        all.push(bits("bits-right", "The bits asked for", right)?);
        all.push(bits(
            "bits-given",
            "The model's probability of a one",
            given,
        )?);
    }
    Ok(all)
}

pub(super) fn picture(
    name: &str,
    title: &str,
    caption: &str,
    svg: Result<String, PlotError>,
) -> Result<Picture, InspectError> {
    Ok(Picture {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        svg: svg?,
    })
}

/// What a step shows in words, and whether it stands out.
pub(super) type Mark<'a> = (&'a str, bool);

fn marks(look: &Look) -> Vec<Mark<'_>> {
    let steps = look.words.iter().map(String::as_str);
    steps.zip(look.asked.iter().copied()).collect()
}

/// The pictures of a memory; `mark` says what the steps that stand out have in common.
pub(super) fn of_memory(
    memory: &MemoryLook,
    steps: &[Mark<'_>],
    mark: &str,
) -> Result<Vec<Picture>, InspectError> {
    let rates = Timeline {
        title: String::new(),
        value: Axis::plain("write rate"),
        range: (0.0, 1.0),
        mark: mark.to_owned(),
        steps: timeline(steps, &memory.rate),
    };
    let mut all = vec![
        picture(
            "rates",
            "What was written when",
            "The write rate of each step, 0 (the memory stays as it is) to 1.",
            rates.svg(),
        )?,
        recall(memory)?,
        picture(
            "similarity",
            "Which write keys each read key resembles",
            "The cosine between the key that is read with (rows) and the keys that were written with (columns): a read \
             finds what was written under a similar key, or under its opposite with a changed sign. The diagonal is the write of the same step, which comes before \
             its read; later writes are grey. With several heads, the most similar pair counts.",
            similarity(memory, steps).svg(),
        )?,
    ];
    for (layer, spectrum) in memory.spectra.iter().enumerate() {
        all.push(singular(layer, spectrum)?);
    }
    Ok(all)
}

/// The steps are named by their number and words, where there are words.
fn similarity(memory: &MemoryLook, steps: &[Mark<'_>]) -> HeatMap {
    let named = steps.iter().any(|(words, _)| !words.is_empty());
    let names = (1..).zip(steps).filter(|_| named);
    let names: Vec<String> = names
        .map(|(number, (words, _))| format!("{number} {words}").trim_end().to_owned())
        .collect();
    HeatMap {
        title: String::new(),
        x: Axis::plain("written at step"),
        y: Axis::plain("read at step"),
        value: Axis::plain("cosine"),
        values: memory.similarity.clone(),
        colours: ColourMap::Diverging,
        row_labels: names.clone(),
        column_labels: names,
        ..HeatMap::default()
    }
}

/// The steps with their values. A sentence that is shown again is its mark alone, `<2>`, beside the first showing.
fn timeline(steps: &[Mark<'_>], values: &[f64]) -> Vec<TimelineStep> {
    let mut first = "";
    let steps = steps.iter().zip(values);
    steps
        .map(|(&(words, marked), &value)| {
            let again = words
                .strip_prefix(first)
                .and_then(|rest| rest.strip_prefix(' '));
            let again = again.filter(|mark| !first.is_empty() && mark.starts_with('<'));
            if again.is_none() {
                first = words;
            }
            TimelineStep {
                words: again.unwrap_or(words).to_owned(),
                value,
                marked,
            }
        })
        .collect()
}

/// One curve over the steps, counted from 1.
pub(super) fn curve(label: &str, values: impl IntoIterator<Item = f64>) -> Group {
    let points = (1..).map(f64::from).zip(values);
    Group {
        label: label.to_owned(),
        series: vec![points.collect::<Series>()],
    }
}

fn recall(memory: &MemoryLook) -> Result<Picture, InspectError> {
    let plot = LinePlot {
        x: Axis::plain("step"),
        y: Axis::plain("mean squared error"),
        y_scale: Scale::Log,
        groups: vec![
            curve("before the write", memory.before.iter().copied()),
            curve("just after it", memory.after.iter().copied()),
            curve("at the end of the episode", memory.at_end.iter().copied()),
            curve("of the best linear memory", best_linear(memory)),
        ],
        palette: Palette::Categorical,
        ..LinePlot::default()
    };
    picture(
        "recall",
        "How well the writes took, and lasted",
        "How far the memory is from giving the value of a step's write for its key. A write that took brings the error \
         down at once; where the error at the end is higher again, later writes have overwritten it. The last curve is for comparison \
         with the one at the end: a linear memory in closed form, of least squares for all writes of the episode at once. \
         Where it lies at the foot of the picture, it gives the value exactly, or to less than a tenth of any other error.",
        plot.svg(),
    )
}

/// The errors of the closed form, but none so small that the logarithmic axis would leave no room for the others: where the
/// writes are fewer than a key is wide, they are those of rounding.
fn best_linear(memory: &MemoryLook) -> impl Iterator<Item = f64> {
    let others = [&memory.before, &memory.after, &memory.at_end];
    let others = others.into_iter().flatten().filter(|error| **error > 0.0);
    let foot = others.copied().fold(f64::INFINITY, f64::min) / 10.0;
    let errors = memory.closed_form.iter();
    errors.map(move |error| {
        if foot.is_finite() {
            error.max(foot)
        } else {
            *error
        }
    })
}

fn singular(layer: usize, spectrum: &Spectrum) -> Result<Picture, InspectError> {
    let plot = LinePlot {
        x: Axis::plain("rank"),
        y: Axis::plain("singular value"),
        groups: vec![
            curve("after the episode", spectrum.after.iter().copied()),
            curve("before it", spectrum.before.iter().copied()),
            curve("of the change", spectrum.change.iter().copied()),
        ],
        ..LinePlot::default()
    };
    picture(
        &format!("singular-values-{layer}"),
        &format!("Singular values of W^{} (memory.{layer})", layer + 1),
        "How much the layer stretches what passes through it, direction by direction. The change is the sum of all writes: \
         how far it stays above zero tells in how many directions the episode was written.",
        plot.svg(),
    )
}

fn hidden(look: &Look) -> Result<Picture, InspectError> {
    let largest = look.hidden.iter().copied().filter(|x| x.is_finite());
    let top = largest.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let plot = Timeline {
        title: String::new(),
        value: Axis::plain("length of the hidden state"),
        range: (0.0, top),
        mark: "length where something is asked".to_owned(),
        steps: timeline(&marks(look), &look.hidden),
    };
    picture(
        "hidden",
        "The hidden state",
        "This model has no memory network whose writes could be drawn. The bars are the Euclidean length of its hidden \
         state after each step.",
        plot.svg(),
    )
}

fn bits(name: &str, title: &str, values: Array2<f64>) -> Result<Picture, InspectError> {
    let map = HeatMap {
        title: String::new(),
        x: Axis::plain("answer"),
        y: Axis::plain("bit"),
        values,
        range: Some((0.0, 1.0)),
        ..HeatMap::default()
    };
    picture(
        name,
        title,
        "Each column is an answer, in the order of asking.",
        map.svg(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_shown_again_is_its_mark() {
        let shown = [
            "ada ran",
            "ada ran <2>",
            "ada ran <3>",
            "ada ran",
            "",
            "<2>",
            "ada ran home",
        ];
        let steps = shown.map(|words| (words, false));
        let words = timeline(&steps, &[0.5; 7])
            .into_iter()
            .map(|step| step.words);
        let folded = [
            "ada ran",
            "<2>",
            "<3>",
            "ada ran",
            "",
            "<2>",
            "ada ran home",
        ];
        assert_eq!(words.collect::<Vec<_>>(), folded);
    }
}
