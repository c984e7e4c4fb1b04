//! What a model, a tool and the world may do, drawn from a seed.

use serde_json::{Map, json};
use windlass_agent::{
    Spec,
    approval::Policy,
    budget::{Budget, Money, Price},
    conversation::{Block, Content, Image, ToolUse},
    model::{ModelError, Reply, Stop, ToolDefinition, Usage},
    tools::{Answer, Offer},
};

/// Numbers from a seed (splitmix64).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    /// True in one of `of` cases.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub fn spec(&mut self, seed: u64) -> Spec {
        let dollars = |micros: u64| Money::from_micros(micros);
        Spec {
            run: format!("run-{seed}"),
            principal: "somebody".into(),
            model: "simulated".into(),
            system: "be good".into(),
            max_tokens: 500,
            window: self.one_in(3).then(|| 1500 + self.below(4000)),
            budget: Budget {
                turns: self.one_in(2).then(|| self.below(6) as u32),
                calls: self.one_in(3).then(|| self.below(6) as u32),
                tokens: self.one_in(4).then(|| self.below(8000)),
                dollars: self.one_in(4).then(|| dollars(self.below(30_000))),
                millis: self.one_in(4).then(|| self.below(60_000)),
            },
            price: Price {
                input: dollars(3_000_000),
                output: dollars(15_000_000),
                cache_read: dollars(300_000),
                cache_write: dollars(3_750_000),
            },
            approvals: Policy::default(),
            patience: 5000,
            retries: 2,
            seed,
        }
    }

    pub fn reply(&mut self) -> Reply {
        let wishes = self.pick(&[0, 0, 1, 1, 1, 2, 3]);
        let mut blocks = Vec::new();
        if self.one_in(4) {
            blocks.push(Block::Opaque { value: json!({ "thought": self.below(9) }) });
        }
        if !self.one_in(3) {
            blocks.push(Block::Text { text: self.pick(&["I will look", "", "  ", "done"]).into() });
        }
        for _ in 0..wishes {
            blocks.push(Block::ToolUse(self.wish()));
        }
        if self.one_in(10) {
            blocks.push(Block::Text { text: "and that is all".into() });
        }
        let stop = match self.below(20) {
            0 => Stop::MaxTokens,
            1 if self.one_in(2) => Stop::Refusal,
            2 if self.one_in(2) => Stop::ContextFull,
            3 => Stop::ToolUse,
            _ if wishes > 0 => Stop::ToolUse,
            _ => Stop::End,
        };
        let usage = Usage {
            input: self.below(1000),
            output: self.below(300),
            cache_read: self.below(1000),
            cache_write: self.below(100),
        };
        Reply { blocks, stop, usage }
    }

    fn wish(&mut self) -> ToolUse {
        let mut arguments = Map::new();
        arguments.insert("of".into(), self.below(3).into());
        ToolUse {
            // Few ids: some servers begin anew with each answer.
            id: self.pick(&["call_0", "call_1", "a b", "", "toolu_01"]).into(),
            name: self.pick(&["read", "read", "write", "write", "drop", "drop", "no such tool!"]).into(),
            arguments,
            broken: self.one_in(12).then(|| "{\"of\": ".to_owned()),
        }
    }

    pub fn answer(&mut self) -> Answer {
        let text = match self.below(8) {
            0 => String::new(),
            1 => "ü".repeat(self.below(8000) as usize),
            _ => "some rows".to_owned(),
        };
        let mut content = vec![Content::Text { text }];
        if self.one_in(10) {
            content.push(Content::Image(Image { media_type: "image/png".into(), data: "AAAA".into() }));
        }
        if self.one_in(10) {
            content.clear();
        }
        Answer { content, is_error: self.one_in(5) }
    }

    pub fn error(&mut self) -> ModelError {
        match self.below(9) {
            0 => ModelError::Unreachable("gone".into()),
            1 => ModelError::Refused("no right".into()),
            2 => ModelError::Protocol("what".into()),
            3 | 4 => ModelError::ContextFull,
            _ => ModelError::Throttled(self.one_in(2).then(|| std::time::Duration::from_millis(self.below(3000)))),
        }
    }
}

/// A tool that reads, one that writes, and one that destroys.
pub fn offers() -> Vec<Offer> {
    let offer = |name: &str, read_only, destructive| Offer {
        definition: ToolDefinition { name: name.into(), description: "a tool".into(), input_schema: Map::new() },
        source: "simulated".into(),
        read_only,
        destructive,
    };
    vec![offer("read", true, false), offer("write", false, false), offer("drop", false, true)]
}
