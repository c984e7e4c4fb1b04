mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name   = "windlass"
  emails = ["ops@example.com"]
  broken = ["nobody"]

  alarms = {
    nobody = {
      namespace     = "AWS/ApplicationELB"
      metric        = "HealthyHostCount"
      dimensions    = { LoadBalancer = "app/windlass/1" }
      statistic     = "Maximum"
      threshold     = 1
      comparison    = "LessThanThreshold"
      treat_missing = "breaching"
      description   = "Nobody answers."
    }
    cpu = {
      namespace   = "AWS/ECS"
      metric      = "CPUUtilization"
      dimensions  = { ServiceName = "windlass" }
      statistic   = "Average"
      threshold   = 80
      description = "Busy."
    }
  }

  log_groups = { "/windlass/windlass" = {} }
  queries    = { denied = "filter decision = 'denied'" }
}

run "alarms_reach_people" {
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.ok_actions == toset([aws_sns_topic.alarms.arn])])
    error_message = "each alarm tells when it starts and when it ends"
  }

  assert {
    condition     = aws_sns_topic_subscription.email["ops@example.com"].topic_arn == aws_sns_topic.alarms.arn && aws_sns_topic_subscription.email["ops@example.com"].protocol == "email"
    error_message = "people hear of it"
  }

  assert {
    condition     = [for statement in jsondecode(aws_sns_topic_policy.alarms.policy).Statement : statement.Condition if statement.Effect == "Allow"] == [{ StringEquals = { "aws:SourceAccount" = "123456789012" } }]
    error_message = "only alarms of this account are let in"
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.broken[0].alarm_rule == "ALARM(\"windlass-nobody\")"
    error_message = "broken is what clients feel, and not a busy CPU"
  }

  assert {
    condition     = output.alarm_names == ["windlass-cpu", "windlass-nobody", "windlass-broken"]
    error_message = "every alarm is named"
  }
}

run "logs_stay_thirty_days" {
  assert {
    condition     = aws_cloudwatch_log_group.group["/windlass/windlass"].retention_in_days == 30
    error_message = "thirty days"
  }

  assert {
    condition     = aws_cloudwatch_query_definition.query["denied"].name == "windlass/denied" && tolist(aws_cloudwatch_query_definition.query["denied"].log_group_names) == tolist(["/windlass/windlass"])
    error_message = "a query asks the log"
  }
}

run "days_that_cloudwatch_knows" {
  command = plan

  variables {
    log_groups = { "/windlass/windlass" = { retention = 31 } }
  }

  expect_failures = [var.log_groups]
}
