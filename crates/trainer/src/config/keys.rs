//! Every key of a config: what it means, what it takes, and what looks at it.

/// A key of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its path; `data.TASK.key` for a key that `data` has under that task.
    pub path: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What looks at it; empty where everything does.
    pub used_by: &'static str,
}

/// One line a key: path, what it takes, what looks at it, what it means.
macro_rules! keys {
    ($($path:literal, $takes:expr, $used_by:expr, $meaning:literal;)*) => {
        &[$(Key { path: $path, takes: $takes, used_by: $used_by, meaning: $meaning }),*]
    };
}

const WIDTH: &str = "1 to 16384";
const COUNT: &str = "1 to 64";
const MANY: &str = "1 to 1000000";
const STEPS: &str = "1 to 1000000000";
/// How messages call a number that counts.
pub const WHOLE: &str = "a whole number of at least 0";
const MOMENT: &str = "0 to 0.999999999";
const DROPPED: &str = "0 up to, not including, 1";
const GAIN: &str = "above 0, at most 1000";
const FRACTION: &str = "0 to 1";
const NOT_NEGATIVE: &str = "0 or above";
const POSITIVE: &str = "above 0";
const SPAN: &str = "{ min = 1, max = 20 } for train, valid, test";
const BITS: &str = "1 to 1024";

const ALL: &str = "";
const MNM: &str = "mnm";
const MNM_SALU: &str = "mnm, lstm-salu";
const TABLES: &str = "ntm, dnc";
const WORDS: &str = "babi, stories";

/// Every key, in the order of the reference.
pub const KEYS: &[Key] = keys! {
    "seed", WHOLE, ALL, "The seed from which every random stream is derived";
    "threads", "0 to 1024", ALL, "Threads to compute with, 0 for all cores; changes the speed and nothing else";

    "data.task", "a task's name", ALL, "What is learned; `mnm tasks` lists them";
    "data.babi.dir", "a path", "babi", "The folder of the data set, or one above it, or the published archive";
    "data.babi.subset", "en-valid-10k, en-10k, en, ..", "babi", "The subset; unset, the first that is there";
    "data.babi.tasks", "a list of 1 to 20", "babi", "The tasks, trained jointly";
    "data.babi.again", "a list of 1 to 20", "babi", "Tasks shown once more an epoch for each time that they stand here";
    "data.babi.questions", "in-place, separate", "babi", "Whether a question stands in its story, or is an episode with the story before it";
    "data.babi.encoding", "sentence, word", "babi", "What a step shows";
    "data.babi.ticks", "1 to 8", "babi", "How often a statement is shown";
    "data.babi.hops", "0 to 8", "babi", "How often a question is shown again before its answer is asked for";
    "data.babi.recall", FRACTION, "babi", "How often a training story is asked for a word that it has told";
    "data.babi.recall_epochs", WHOLE, "babi", "The first epochs in which it is; unset, all";
    "data.babi.rename", "a list of { tasks = [1], words = [\"john\", \"mary\"] }", "babi", "Words that change places in training stories (entity renaming)";
    "data.stories.plot", "moves, carries", "stories", "What happens: people move, or take things along too";
    "data.stories.people", "1 to 8", "stories", "How many people there are";
    "data.stories.places", "2 to 8", "stories", "How many places there are";
    "data.stories.questions", "1 to 1000", "stories", "Questions a story";
    "data.stories.statements", "1 to 100", "stories", "Statements before each question";
    "data.stories.asking", "in-place, separate", "stories", "As data.questions of babi";
    "data.stories.encoding", "sentence, word", "stories", "What a step shows";
    "data.stories.ticks", "1 to 8", "stories", "How often a statement is shown";
    "data.stories.hops", "0 to 8", "stories", "How often a question is shown again before its answer is asked for";
    "data.double-copy.bits", BITS, "double-copy", "Bits of each vector";
    "data.double-copy.lengths", SPAN, "double-copy", "Vectors of the sequence";
    "data.double-copy.copies", "1 to 100", "double-copy", "How often the sequence is to be given back";
    "data.priority-sort.bits", BITS, "priority-sort", "Bits of each vector";
    "data.priority-sort.inputs", SPAN, "priority-sort", "Vectors shown";
    "data.priority-sort.outputs", "1 to the fewest shown", "priority-sort", "Vectors to give back";
    "data.associative-recall.bits", BITS, "associative-recall", "Bits of each vector";
    "data.associative-recall.item_length", "1 to 100", "associative-recall", "Vectors an item";
    "data.associative-recall.items", SPAN, "associative-recall", "Items shown";
    "data.dictionary.source_letters", "2 to 1000", "dictionary", "Letters of the source alphabet";
    "data.dictionary.target_letters", "as many or more, to 1000", "dictionary", "Letters of the target alphabet";
    "data.dictionary.pairs", SPAN, "dictionary", "Pairs of sentences shown";
    "data.dictionary.lengths", SPAN, "dictionary", "Letters of each sentence shown";
    "data.dictionary.query", SPAN, "dictionary", "Letters of the sentence to translate";
    "data.mqar.vocabulary", "2 to 100000", "mqar", "Words, half of them keys and half values";
    "data.mqar.pairs", SPAN, "mqar", "Pairs shown";
    "data.mqar.length", SPAN, "mqar", "Steps, at least four times the pairs";
    "data.mqar.power", FRACTION, "mqar", "a of the power law of the gaps: gap g has weight (g + 1)^(a - 1)";
    "data.mqar.noise", "true, false", "mqar", "Whether steps that ask nothing show random words";
    "data.maze.size", "odd, 5 to 101", "maze", "The side, walls included";
    "data.maze.steps", "1 to 100000", "maze", "Steps an episode";
    "data.maze.reward", POSITIVE, "maze", "What reaching the hidden cell earns";
    "data.maze.wall_penalty", NOT_NEGATIVE, "maze", "What running into a wall costs";
    "data.bandit.arms", "2 to 1000", "bandit", "Arms";
    "data.bandit.pulls", "1 to 100000", "bandit", "Pulls an episode";
    "data.bandit.dependence", "independent, dependent", "bandit", "How the arms hang together";
    "data.mdp.states", "2 to 1000", "mdp", "States";
    "data.mdp.actions", "2 to 1000", "mdp", "Actions";
    "data.mdp.horizon", "1 to 10000", "mdp", "Steps until the process begins again";
    "data.mdp.rounds", "1 to 10000", "mdp", "How often it does so with the same process";
    "data.cues.cues", "1 to 1000", "cues", "Different cues";
    "data.cues.actions", "2 to 1000", "cues", "Actions, one of them right for each cue";
    "data.cues.rounds", "1 to 1000", "cues", "How often every cue comes";

    "model.kind", "mnm, lstm, lstm-salu, ntm, dnc", ALL, "Which model";
    "model.rule", "a write rule's name", MNM, "How the memory is written";
    "model.forget", "auto, none, gate, a number", MNM, "What part of the memory a write forgets; auto: as the rule has it";
    "model.momentum", "auto, none, gate, a number", MNM, "What part of the last change goes on into the next";
    "model.unit_keys", "auto, true, false", MNM, "Whether keys are divided by their norm";
    "model.inner_steps", "a count from 1", "mnm-g, titans", "Gradient steps of a write";
    "model.inner_loss", "l2, huber", "mnm-g, titans", "The loss that they descend";
    "model.huber", POSITIVE, "mnm-g, titans", "The error beyond which the Huber loss pulls no harder";
    "model.ridge", POSITIVE, "rls", "What the squares of the weights count beside the errors";
    "model.controller", WIDTH, ALL, "Width C of the controller";
    "model.value", WIDTH, MNM_SALU, "Width M of keys and values";
    "model.hidden", WIDTH, MNM, "Width U of the memory's hidden layers";
    "model.layers", COUNT, MNM, "Layers L of the memory";
    "model.heads", COUNT, MNM_SALU, "Interaction heads H";
    "model.slots", WIDTH, TABLES, "Rows N of the memory matrix";
    "model.slot_width", WIDTH, TABLES, "Width W of a row";
    "model.read_heads", COUNT, TABLES, "Heads R that read it";
    "model.embedding", WIDTH, WORDS, "Width X of an encoded sentence";
    "model.kernel", "fused, reference", MNM, "Which implementation computes a sequence: the fast one, or the definition";
    "model.init", "uniform, orthogonal", ALL, "How weight matrices are drawn";
    "model.position_init", "ones, signs, mixed, both", WORDS, "How the masks start that tell positions in a sentence apart";
    "model.memory_gain", GAIN, MNM, "What the memory's initial weights W_0 are multiplied by when drawn";
    "model.interaction_gain", GAIN, MNM_SALU, "What the weights to keys and values are multiplied by when drawn";
    "model.read_gain", GAIN, MNM_SALU, "What the controller's weights from the last read are multiplied by when drawn";
    "model.train_memory", "true, false", MNM, "Whether W_0 is trained";
    "model.recurrence", "always, line, never", MNM, "When the LSTM hands on its state: at every step, within a line, or never";
    "model.dropout_hidden", DROPPED, ALL, "Dropout on the hidden state that goes to the next step";
    "model.dropout_input", DROPPED, ALL, "Dropout on the encoded input";
    "model.dropout_word", DROPPED, WORDS, "Dropout on the embeddings of words, the same all through a sequence";

    "train.from", "a run folder or a file", ALL, "Where the initial weights come from; unset, they are drawn";
    "train.steps", STEPS, ALL, "Optimiser steps at most";
    "train.batch", MANY, ALL, "Sequences a step";
    "train.block", MANY, ALL, "Sequences of a block at most: smaller blocks keep more threads and ranks busy; unset, the sizes say";
    "train.learning_rate", POSITIVE, ALL, "Adam's step size, after warm-up and before decay";
    "train.warmup", WHOLE, ALL, "Steps over which the learning rate rises from 0";
    "train.decay", "constant, linear, cosine", ALL, "How it goes down afterwards";
    "train.decay_to", FRACTION, ALL, "The fraction of it that is left at the end";
    "train.beta1", MOMENT, ALL, "Adam's decay of the first moment";
    "train.beta2", MOMENT, ALL, "Adam's decay of the second moment";
    "train.epsilon", POSITIVE, ALL, "Adam's epsilon";
    "train.weight_decay", NOT_NEGATIVE, ALL, "Decoupled weight decay (AdamW), as a fraction of the learning rate";
    "train.clip", NOT_NEGATIVE, ALL, "The largest norm of the whole gradient; 0 does not clip";
    "train.meta_weight", NOT_NEGATIVE, MNM, "Weight lambda of the meta loss";
    "train.truncate", WHOLE, "tasks", "Steps after which backpropagation through time is cut; 0 never cuts";
    "train.bucket", MANY, "tasks", "Batches among which sequences are sorted by length";
    "train.log_every", STEPS, ALL, "Steps between lines of metrics.jsonl";
    "train.valid_every", STEPS, ALL, "Steps between validations";
    "train.valid_episodes", MANY, ALL, "Episodes of a validation on generated data";
    "train.checkpoint_every", STEPS, ALL, "Steps between checkpoints";
    "train.average", "{ decay = 0.999 } or { last = 1000 }", ALL, "A mean of the parameters kept beside them: exponential, or over the last steps of `train.steps`, to which the training then has to get; unset, none";
    "train.stop_error", NOT_NEGATIVE, "tasks", "Stop once the validation error, in percent, is at most this";
    "train.patience", WHOLE, ALL, "Stop after so many validations without a better one; 0 goes on";

    "rl.segment", WHOLE, "environments", "Steps played, then learned from; 0 takes whole episodes";
    "rl.gamma", FRACTION, "environments", "Discount of a reward for every step that it is away, at first";
    "rl.horizon_to", POSITIVE, "environments", "How many times as far the agent looks ahead at the end";
    "rl.lambda", FRACTION, "environments", "Decay of generalised advantages";
    "rl.value_weight", NOT_NEGATIVE, "environments", "Weight of the value loss";
    "rl.entropy_weight", NOT_NEGATIVE, "environments", "Weight of the entropy bonus, at first";
    "rl.entropy_to", FRACTION, "environments", "The fraction of it that is left at the end";
    "rl.reward_scale", POSITIVE, "environments", "What rewards are multiplied by before they are learned from";
    "rl.stop_reward", "a number", "environments", "Stop once the validation reward is at least this; unset, go on";
};
