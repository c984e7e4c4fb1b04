//! What a stack costs a month, roughly: list prices of us-east-1, times what the stack makes.
//!
//! The prices are AWS's public ones as known when this release was made; they change, and other regions differ. What a
//! deployment really costs stands in Cost Explorer, under the tag `windlass`.

use serde::Serialize;
use serde_json::Value;
use windlass_config::settings::{DeploySettings, TargetKind};

/// Hours of a month, as AWS counts them.
const HOURS: f64 = 730.0;

/// One line of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// What is paid for.
    pub what: String,
    /// How much of it.
    pub how_much: String,
    /// Dollars a month; `None` where the price is not in the table.
    pub dollars: Option<f64>,
}

/// An estimate, beside what the system it replaces says of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The lines.
    pub items: Vec<Item>,
    /// Their sum.
    pub dollars: f64,
    /// What the document of the former system says, for comparison.
    pub beside: &'static str,
}

/// Of the deployment as it is configured.
pub fn estimate(deploy: &DeploySettings) -> Estimate {
    let (items, beside) = match deploy.target {
        TargetKind::Local => (Vec::new(), "this machine: nothing beyond what it costs anyway"),
        TargetKind::Ecs => {
            (ecs(deploy), "seed 5: about 220 a month with its agent, 130 in a sibling document; seed 4 gives none")
        }
        TargetKind::Lambda => (lambda(deploy), "seed 3: 0.00 to 0.50 a month at 1,000 requests"),
        TargetKind::Ec2 => {
            (ec2(deploy), "seed 1: c5.metal at 4.08 an hour on demand, 163 for 40 hours; spot about 1.26 an hour, 50")
        }
    };
    let dollars = items.iter().filter_map(|item| item.dollars).sum();
    Estimate { items, dollars, beside }
}

fn item(what: &str, how_much: impl Into<String>, dollars: f64) -> Item {
    Item { what: what.to_owned(), how_much: how_much.into(), dollars: Some(dollars) }
}

fn number(deploy: &DeploySettings, name: &str, default: f64) -> f64 {
    deploy.variables.get(name).and_then(Value::as_f64).unwrap_or(default)
}

fn word<'a>(deploy: &'a DeploySettings, name: &str, default: &'a str) -> &'a str {
    deploy.variables.get(name).and_then(Value::as_str).unwrap_or(default)
}

fn ecs(deploy: &DeploySettings) -> Vec<Item> {
    let (cpu, memory) = (number(deploy, "cpu", 512.0) / 1024.0, number(deploy, "memory", 1024.0) / 1024.0);
    let tasks = number(deploy, "desired_count", 2.0);
    let fargate = tasks * HOURS * (cpu * 0.04048 + memory * 0.004445);
    let mut items = vec![
        item("Fargate", format!("{tasks} tasks of {cpu} vCPU and {memory} GB"), fargate),
        item("load balancer", "1, with 1 capacity unit", HOURS * (0.0225 + 0.008)),
    ];
    if !deploy.variables.contains_key("vpc_id") {
        let gateways = match word(deploy, "nat", "one") {
            "per_az" => 2.0,
            "none" => 0.0,
            _ => 1.0,
        };
        items.push(item("NAT gateways", format!("{gateways}, before traffic"), gateways * HOURS * 0.045));
        let endpoints = deploy.variables.get("endpoints").and_then(Value::as_array).map_or(4, Vec::len);
        let count = f64::from(u32::try_from(endpoints).unwrap_or_default());
        items.push(item(
            "VPC endpoints",
            format!("{endpoints} in 2 zones; the one of S3 is free"),
            count * 2.0 * HOURS * 0.01,
        ));
    }
    let flag = |name: &str| deploy.variables.get(name).and_then(Value::as_bool);
    // As the stack has it: where the internet gets in.
    if flag("waf").or_else(|| flag("public")).unwrap_or(false) {
        items.push(item("web application firewall", "1 list, 4 rules", 5.0 + 4.0));
    }
    items.extend([
        item("logs", "10 GB in, kept 30 days", 10.0 * 0.5 + 10.0 * 0.03),
        item("alarms and a dashboard", "6 alarms", 6.0 * 0.1),
    ]);
    items.push(secrets(deploy));
    items.push(item("image registry", "1 GB", 0.1));
    items
}

fn lambda(deploy: &DeploySettings) -> Vec<Item> {
    let memory = number(deploy, "memory", 512.0) / 1024.0;
    let provisioned = number(deploy, "provisioned_concurrency", 0.0);
    let mut items = vec![
        item("HTTP API", "1,000 requests", 0.001),
        item(
            "function",
            format!("1,000 calls of 0.1 s with {memory} GB"),
            0.0002 + 1000.0 * 0.1 * memory * 0.000_016_666_7,
        ),
        item("table and bucket", "under 1 GB, 1,000 requests", 0.03),
        item("logs", "0.1 GB in", 0.05),
        item("alarms", "5", 0.5),
    ];
    if provisioned > 0.0 {
        let dollars = provisioned * memory * HOURS * 3600.0 * 0.000_004_166_7;
        items.push(item("provisioned concurrency", format!("{provisioned}"), dollars));
    }
    if deploy.variables.get("refresh_schedule").is_some_and(Value::is_string) {
        let memory = number(deploy, "refresh_memory", 1024.0) / 1024.0;
        let dollars = 720.0 * 20.0 * memory * 0.000_016_666_7;
        items.push(item("refreshing the index", format!("720 times 20 s with {memory} GB"), dollars));
        items.push(item("alarms of the refresh", "2", 0.2));
    }
    items.push(secrets(deploy));
    items
}

/// On-demand prices an hour. A type that is not here has no price rather than a guessed one.
const MACHINES: &[(&str, f64)] =
    &[("c5.metal", 4.08), ("m5.metal", 4.608), ("c5n.metal", 3.888), ("m5zn.metal", 3.9641)];

fn ec2(deploy: &DeploySettings) -> Vec<Item> {
    let kind = word(deploy, "instance_type", "c8i.xlarge");
    let price = MACHINES.iter().find(|(name, _)| *name == kind).map(|(_, price)| *price);
    let spot = deploy.variables.get("spot").and_then(Value::as_bool).unwrap_or(true);
    let note = match (price.is_some(), spot) {
        (false, _) => "; its price is not in the table, see AWS's calculator",
        (true, true) => "; as the spot machine it is, about a third",
        (true, false) => "",
    };
    vec![
        Item {
            what: kind.to_owned(),
            how_much: format!("40 hours a month on demand{note}"),
            dollars: price.map(|price| price * 40.0),
        },
        item("disk", "50 GB of gp3, also while stopped", 50.0 * 0.08),
        item("logs", "1 GB in", 0.5),
        item("alarms", "4", 0.4),
        secrets(deploy),
    ]
}

fn secrets(deploy: &DeploySettings) -> Item {
    let count = deploy.secrets.len().max(1);
    item("secrets", format!("{count}"), f64::from(u32::try_from(count).unwrap_or_default()) * 0.4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: TargetKind, variables: &[(&str, Value)]) -> Estimate {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        estimate(&DeploySettings { target, variables, ..DeploySettings::default() })
    }

    #[test]
    fn what_is_configured_is_what_is_counted() {
        let small = of(TargetKind::Ecs, &[]).dollars;
        assert!((100.0..220.0).contains(&small), "{small}");
        let large = of(TargetKind::Ecs, &[("nat", "per_az".into()), ("desired_count", 4.into())]).dollars;
        assert!(large > small + 32.0, "{small} {large}");
        assert!(of(TargetKind::Ecs, &[("vpc_id", "vpc-1".into())]).dollars < small);
        assert!(of(TargetKind::Ecs, &[("public", true.into())]).dollars > small + 8.0, "with its firewall");
        let lambda = of(TargetKind::Lambda, &[]).dollars;
        assert!(lambda < 2.0);
        assert!(of(TargetKind::Lambda, &[("refresh_schedule", "rate(1 hour)".into())]).dollars > lambda + 0.2);
    }

    #[test]
    fn a_price_that_is_not_known_is_not_guessed() {
        let metal = of(TargetKind::Ec2, &[("instance_type", "c5.metal".into())]);
        assert_eq!(metal.items[0].dollars, Some(4.08 * 40.0));
        let nested = of(TargetKind::Ec2, &[]);
        assert_eq!(nested.items[0].dollars, None);
        assert!(nested.items[0].how_much.contains("calculator"));
    }
}
