use std::{fmt, str::FromStr};

/// One of the stacks, each a root module of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stack {
    /// The bucket that keeps the others' state.
    Bootstrap,
    /// ECS Fargate behind a load balancer.
    Ecs,
    /// Lambda behind API Gateway.
    Lambda,
    /// One EC2 instance that can run microVMs.
    Ec2,
}

impl Stack {
    /// All of them, in the order in which they make sense.
    pub const ALL: [Self; 4] = [Self::Bootstrap, Self::Ecs, Self::Lambda, Self::Ec2];

    /// The name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Ecs => "ecs",
            Self::Lambda => "lambda",
            Self::Ec2 => "ec2",
        }
    }

    /// Where its root module is, relative to the embedded tree and to a directory it was ejected to.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Ecs => "stacks/ecs",
            Self::Lambda => "stacks/lambda",
            Self::Ec2 => "stacks/ec2",
        }
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stack {
    type Err = UnknownStack;

    fn from_str(name: &str) -> Result<Self, UnknownStack> {
        Self::ALL.into_iter().find(|stack| stack.name() == name).ok_or_else(|| UnknownStack(name.into()))
    }
}

/// No stack has this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no stack {0:?}; there are bootstrap, ecs, lambda and ec2")]
pub struct UnknownStack(String);
