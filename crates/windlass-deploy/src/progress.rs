use crate::{Phase, Proof};

/// Who is told what happens, as it happens.
pub trait Progress: Send + Sync {
    /// A phase begins.
    fn begin(&self, phase: Phase);

    /// What is being done now.
    fn step(&self, text: &str);

    /// How far a transfer or a roll-out is, of how much.
    fn advance(&self, _done: u64, _of: u64) {}

    /// A promise was asked for.
    fn proof(&self, _proof: &Proof) {}

    /// Something to know that stops nothing.
    fn notice(&self, text: &str);

    /// A phase ended well after `milliseconds`, or its receipt stood.
    fn end(&self, phase: Phase, milliseconds: Option<u64>);
}

/// Tells nobody.
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _phase: Phase) {}
    fn step(&self, _text: &str) {}
    fn notice(&self, _text: &str) {}
    fn end(&self, _phase: Phase, _milliseconds: Option<u64>) {}
}
