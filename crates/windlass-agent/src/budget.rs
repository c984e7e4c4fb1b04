//! What a run may use, and what it has used.

mod money;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Usage;

pub use money::{BadMoney, Money};

/// What a run may use. What is left out is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Times the model is asked; asking again after a refusal to answer yet is not counted.
    pub turns: Option<u32>,
    /// Calls of tools.
    pub calls: Option<u32>,
    /// Tokens read and written, from a cache or not.
    pub tokens: Option<u64>,
    /// What the tokens may cost.
    pub dollars: Option<Money>,
    /// Milliseconds of work. Waiting for a person is not work.
    pub millis: Option<u64>,
}

/// A limit of a [`Budget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// [`Budget::turns`].
    Turns,
    /// [`Budget::calls`].
    ToolCalls,
    /// [`Budget::tokens`].
    Tokens,
    /// [`Budget::dollars`].
    Dollars,
    /// [`Budget::millis`].
    Seconds,
}

/// What was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Times the model was asked.
    pub turns: u32,
    /// Calls that were made.
    pub calls: u32,
    /// Tokens, as the provider counted them.
    pub usage: Usage,
    /// Their price.
    pub cost: Money,
    /// Milliseconds of work.
    pub millis: u64,
}

/// What a million tokens cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Read, and not found in a cache.
    pub input: Money,
    /// Written.
    pub output: Money,
    /// Found in the provider's cache.
    pub cache_read: Money,
    /// Put there.
    pub cache_write: Money,
}

impl Price {
    /// What `usage` costs, without rounding.
    pub fn of(&self, usage: Usage) -> Money {
        self.input.per_million(usage.input)
            + self.output.per_million(usage.output)
            + self.cache_read.per_million(usage.cache_read)
            + self.cache_write.per_million(usage.cache_write)
    }
}

impl Usage {
    /// All tokens that were read.
    pub fn read(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// All tokens.
    pub fn tokens(&self) -> u64 {
        self.read().saturating_add(self.output)
    }
}

impl Spent {
    /// Adds what a reply used.
    pub fn add(&mut self, usage: Usage, price: &Price) {
        self.usage.input = self.usage.input.saturating_add(usage.input);
        self.usage.output = self.usage.output.saturating_add(usage.output);
        self.usage.cache_read = self.usage.cache_read.saturating_add(usage.cache_read);
        self.usage.cache_write = self.usage.cache_write.saturating_add(usage.cache_write);
        self.cost = self.cost + price.of(usage);
    }
}

impl Budget {
    /// The limit that forbids to go on, where there is one. Calls are counted apart: who may call nothing more may
    /// still say what was found.
    pub fn exhausted(&self, spent: &Spent) -> Option<Limit> {
        let over = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used >= limit);
        [
            (Limit::Seconds, over(self.millis, spent.millis)),
            (Limit::Dollars, self.dollars.is_some_and(|limit| spent.cost >= limit)),
            (Limit::Tokens, over(self.tokens, spent.usage.tokens())),
        ]
        .into_iter()
        .find_map(|(limit, over)| over.then_some(limit))
    }

    /// The same for asking the model once more.
    pub fn forbids_turn(&self, spent: &Spent) -> Option<Limit> {
        let turns = self.turns.is_some_and(|limit| spent.turns >= limit);
        self.exhausted(spent).or_else(|| turns.then_some(Limit::Turns))
    }

    /// Whether one more call may be made.
    pub fn allows_call(&self, spent: &Spent) -> bool {
        self.calls.is_none_or(|limit| spent.calls < limit)
    }

    /// How much of `limit` there was, for people.
    pub fn shown(&self, limit: Limit) -> String {
        let number = |number: Option<u64>| number.map_or_else(|| "unlimited".to_owned(), |number| number.to_string());
        match limit {
            Limit::Turns => format!("{} turns", number(self.turns.map(u64::from))),
            Limit::ToolCalls => format!("{} tool calls", number(self.calls.map(u64::from))),
            Limit::Tokens => format!("{} tokens", number(self.tokens)),
            Limit::Dollars => self.dollars.map_or_else(|| "unlimited dollars".to_owned(), |limit| limit.to_string()),
            Limit::Seconds => format!("{} seconds", number(self.millis.map(|millis| millis.div_ceil(1000)))),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turns => "turns",
            Self::ToolCalls => "tool calls",
            Self::Tokens => "tokens",
            Self::Dollars => "dollars",
            Self::Seconds => "seconds",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_exact() {
        let price = Price {
            input: "3".parse().unwrap(),
            output: "15".parse().unwrap(),
            cache_read: "0.30".parse().unwrap(),
            cache_write: "3.75".parse().unwrap(),
        };
        let mut spent = Spent::default();
        // A sum of floats would be off by the hundredth addition.
        for _ in 0..1_000_000 {
            spent.add(Usage { input: 1, output: 1, cache_read: 1, cache_write: 1 }, &price);
        }
        assert_eq!(spent.cost, "22.05".parse().unwrap());
        assert_eq!(spent.usage.tokens(), 4_000_000);
    }

    #[test]
    fn each_limit_is_reached_when_it_is_used_up() {
        let budget = Budget {
            turns: Some(2),
            calls: Some(1),
            tokens: Some(10),
            dollars: Some("0.01".parse().unwrap()),
            millis: Some(500),
        };
        let none = Spent::default();
        assert_eq!((budget.forbids_turn(&none), budget.allows_call(&none)), (None, true));
        let tokens = Usage { input: 4, output: 2, cache_read: 3, cache_write: 1 };
        for (spent, limit) in [
            (Spent { turns: 2, ..none }, Limit::Turns),
            (Spent { usage: tokens, ..none }, Limit::Tokens),
            (Spent { cost: Money::from_micros(10_000), ..none }, Limit::Dollars),
            (Spent { millis: 500, ..none }, Limit::Seconds),
        ] {
            assert_eq!(budget.forbids_turn(&spent), Some(limit));
        }
        assert!(!budget.allows_call(&Spent { calls: 1, ..none }));
        let unlimited = Budget::default();
        assert_eq!(unlimited.forbids_turn(&Spent { turns: u32::MAX, millis: u64::MAX, ..none }), None);
    }
}
