//! Logs and alarms.

use serde_json::Value;

use super::{Aws, Outputs, text};
use crate::{DeployError, Proof, cloud::aws_error};

impl Aws {
    /// Logs arrive, alarms exist.
    pub(super) async fn observability(&self, outputs: &Outputs) -> Vec<Proof> {
        let logs = "logs arrive in CloudWatch";
        let group = text(outputs, "log_group");
        let logs = match self.tail(group, 20).await {
            Ok(tail) => Proof::new("logs", logs, !tail.is_empty())
                .measured(format!("{} lines", tail.lines().count()))
                .detail(group),
            Err(error) => Proof::new("logs", logs, false).detail(error.to_string()),
        };
        let promise = "every alarm of the stack exists";
        let alarms = match self.alarms(outputs).await {
            Ok((wanted, found)) => {
                Proof::new("alarms", promise, wanted > 0 && wanted == found).measured(format!("{found} of {wanted}"))
            }
            Err(error) => Proof::new("alarms", promise, false).detail(error.to_string()),
        };
        vec![logs, alarms]
    }

    async fn alarms(&self, outputs: &Outputs) -> Result<(usize, usize), DeployError> {
        let names = outputs.get("alarm_names").and_then(Value::as_array).cloned().unwrap_or_default();
        let names: Vec<String> = names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let client = aws_sdk_cloudwatch::Client::new(&self.cloud.config);
        let mut found = 0;
        for names in names.chunks(100) {
            let asked = client.describe_alarms().set_alarm_names(Some(names.to_vec()));
            let asked = asked.alarm_types(aws_sdk_cloudwatch::types::AlarmType::MetricAlarm);
            let asked = asked.alarm_types(aws_sdk_cloudwatch::types::AlarmType::CompositeAlarm);
            let answer = asked.send().await.map_err(|error| aws_error("looking for the alarms", &error))?;
            found += answer.metric_alarms().len() + answer.composite_alarms().len();
        }
        Ok((names.len(), found))
    }

    /// The last lines of a log group.
    pub(super) async fn tail(&self, group: &str, lines: usize) -> Result<String, DeployError> {
        if group.is_empty() {
            return Ok(String::new());
        }
        let client = aws_sdk_cloudwatchlogs::Client::new(&self.cloud.config);
        let since = time::OffsetDateTime::now_utc() - time::Duration::days(1);
        let mut kept = std::collections::VecDeque::new();
        let mut token = None;
        loop {
            let asked = client.filter_log_events().log_group_name(group).start_time(since.unix_timestamp() * 1000);
            let answer = asked.set_next_token(token).send().await;
            let answer = answer.map_err(|error| aws_error(&format!("reading the logs of {group}"), &error))?;
            for event in answer.events() {
                kept.push_back(event.message().unwrap_or_default().trim_end().to_owned());
                if kept.len() > lines {
                    kept.pop_front();
                }
            }
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(kept.into_iter().map(|line| line + "\n").collect());
            }
        }
    }
}
