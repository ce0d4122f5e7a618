//! Pictures, as self-contained SVG strings: learning curves, bars, heat maps, what happens at each step.
//!
//! A plot is plain data: fill its public fields, call `svg()`. Nothing here knows of models or runs. The colours can be
//! told apart by colour-blind readers, and follow the reader's choice of light or dark. Where the pointer rests, a picture says the
//! numbers behind it. Text uses the viewer's own sans-serif font.

mod axis;
mod bar;
mod bars;
mod canvas;
mod categories;
mod colour_map;
mod digits;
mod error;
mod frame;
mod grid;
mod heat_map;
mod legend;
mod lines;
mod maze;
mod memory_at_work;
mod series;
mod span;
mod spread;
mod style;
mod text;
mod ticks;
mod timeline;

pub use axis::{Axis, Scale};
pub use bar::Bar;
pub use bars::{BarPlot, Orientation};
pub use colour_map::ColourMap;
pub use error::PlotError;
pub use heat_map::HeatMap;
pub use lines::{LinePlot, Palette};
pub use maze::{MazeMove, MazeStrip, MazeWay};
pub use memory_at_work::{MemoryAtWork, StoryAnswer, StoryLine};
pub use series::{Group, Series, group_by_label};
pub use timeline::{Timeline, TimelineStep};
