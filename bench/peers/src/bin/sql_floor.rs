//! The least a program in this language can do to ask a database: tokio-postgres in a loop, the statement prepared, every
//! row decoded to JSON. No protocol, no check, no transaction. The floor.
//!
//! usage: sql_floor URL STATEMENT ID=MARK...
//!
//! Does what it is told on standard input, a line at a time, and answers with a line:
//!
//!     show ID                the rows
//!     load CLIENTS SECONDS   as the program `load`, with a connection for each client, which is kept
//!
//! The rows of ID must hold MARK.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_postgres::{
    Client, NoTls, Row, Statement,
    types::{FromSql, Type},
};
use windlass_bench_peers::{Times, first, report};

struct Plan {
    url: String,
    statement: String,
    questions: Vec<Question>,
}

struct Question {
    id: i64,
    mark: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let plan = Arc::new(plan()?);
    let mut lanes = Vec::new();
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let words: Vec<&str> = order.split_whitespace().collect();
        let answer = match words[..] {
            ["show", id] => {
                grow(&mut lanes, 1, &plan).await?;
                Value::Array(lanes[0].ask(id.parse()?).await?)
            }
            ["load", clients, seconds] => {
                let clients = clients.parse()?;
                grow(&mut lanes, clients, &plan).await?;
                load(&plan, &mut lanes, clients, Duration::from_secs_f64(seconds.parse()?)).await?
            }
            _ => bail!("not an order: {order}"),
        };
        println!("{answer}");
    }
    Ok(())
}

fn plan() -> anyhow::Result<Plan> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: sql_floor URL STATEMENT ID=MARK...";
    let (url, statement) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    let question = |word: String| {
        let (id, mark) = word.split_once('=').context(usage)?;
        Ok(Question { id: id.parse()?, mark: mark.to_owned() })
    };
    let questions = arguments.map(question).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!questions.is_empty(), usage);
    Ok(Plan { url, statement, questions })
}

/// A connection and what was prepared on it.
struct Lane {
    client: Client,
    statement: Statement,
}

impl Lane {
    async fn open(plan: &Plan) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(&plan.url, NoTls).await?;
        tokio::spawn(connection);
        let statement = client.prepare(&plan.statement).await?;
        Ok(Self { client, statement })
    }

    async fn ask(&self, id: i64) -> anyhow::Result<Vec<Value>> {
        let rows = self.client.query(&self.statement, &[&id]).await?;
        rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect()).collect()
    }

    async fn work(&self, plan: &Plan, first: usize, until: Instant) -> Times {
        let mut times = Vec::new();
        for question in plan.questions.iter().cycle().skip(first) {
            let sent = Instant::now();
            if sent >= until {
                break;
            }
            let rows = self.ask(question.id).await?;
            times.push(sent.elapsed());
            let first = rows.first().and_then(Value::as_array).context("no rows")?;
            ensure!(first.iter().any(|cell| cell == &question.mark), "not the expected rows: {first:?}");
        }
        Ok(times)
    }
}

async fn grow(lanes: &mut Vec<Lane>, count: usize, plan: &Plan) -> anyhow::Result<()> {
    while lanes.len() < count {
        lanes.push(Lane::open(plan).await?);
    }
    Ok(())
}

/// The load, on the first `clients` lanes. One that fails is not used again.
async fn load(plan: &Arc<Plan>, lanes: &mut Vec<Lane>, clients: usize, time: Duration) -> anyhow::Result<Value> {
    let started = Instant::now();
    let running: Vec<_> = lanes
        .drain(..clients)
        .enumerate()
        .map(|(client, lane)| {
            let (plan, first) = (plan.clone(), first(client, clients, plan.questions.len()));
            tokio::spawn(async move { (lane.work(&plan, first, started + time).await, lane) })
        })
        .collect();
    let mut times = Vec::new();
    for client in running {
        let (mine, lane) = client.await?;
        if mine.is_ok() {
            lanes.push(lane);
        }
        times.push(mine);
    }
    Ok(report(started, times))
}

fn cell(row: &Row, index: usize) -> anyhow::Result<Value> {
    fn value<'a, T: FromSql<'a>>(row: &'a Row, index: usize, json: fn(T) -> Value) -> anyhow::Result<Value> {
        Ok(row.try_get::<_, Option<T>>(index)?.map_or(Value::Null, json))
    }
    match *row.columns()[index].type_() {
        Type::INT8 => value::<i64>(row, index, Value::from),
        Type::TEXT => value::<&str>(row, index, Value::from),
        Type::BOOL => value::<bool>(row, index, Value::from),
        Type::NUMERIC => value::<Decimal>(row, index, |number| number.to_string().into()),
        Type::TIMESTAMPTZ => value::<Timestamp>(row, index, |moment| moment.to_string().into()),
        Type::DATE => value::<Date>(row, index, |day| day.to_string().into()),
        ref other => bail!("a column of type {other}, which nobody asked for"),
    }
}
