mock_provider "aws" {
  source = "../../tests/mocks"

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      api_endpoint  = "https://api1.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:api1"
    }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/windlass-refresh" }
  }

  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:windlass:live" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:windlass-refresh-failed" }
  }
}

variables {
  name         = "windlass"
  package      = "function.zip"
  package_hash = "NL6R5UfI6fD0AhhxsgwYdjJNnWTATgJOC6/NUYLorHY="
  region       = "eu-west-1"
  release      = "abc1234"
  secrets      = { WINDLASS_AUTH_TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/WINDLASS_AUTH_TOKEN-AbCdEf" }
}

run "what_it_tells" {
  assert {
    condition     = output.endpoint == "https://api1.execute-api.eu-west-1.amazonaws.com" && output.log_group == "/aws/lambda/windlass" && output.topic_arn == "arn:aws:sns:eu-west-1:123456789012:windlass-alarms"
    error_message = "where it is, where it logs, whom it tells"
  }

  assert {
    condition     = toset(output.alarm_names) == toset([for short in ["api-5xx", "broken", "concurrency", "errors", "slow", "throttles"] : "windlass-${short}"])
    error_message = "every alarm is told of"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.slow.extended_statistic == "p95" && aws_cloudwatch_metric_alarm.slow.threshold == 2000
    error_message = "two seconds for 95 of 100 calls"
  }
}

run "no_refresh_until_there_is_one" {
  assert {
    condition     = length(aws_cloudwatch_event_rule.refresh) + length(aws_sqs_queue.refresh_failed) + length(aws_lambda_permission.refresh) == 0
    error_message = "nothing is scheduled that does not exist"
  }
}

run "a_refresh" {
  variables {
    refresh = { function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:windlass-refresh" }
  }

  assert {
    condition     = aws_cloudwatch_event_target.refresh[0].dead_letter_config[0].arn == aws_sqs_queue.refresh_failed[0].arn && contains(output.alarm_names, "windlass-refresh-failed")
    error_message = "a refresh that failed is kept, and somebody is told"
  }

  assert {
    condition     = one(data.aws_iam_policy_document.refresh_failed[0].statement[0].condition[*]).values == tolist([aws_cloudwatch_event_rule.refresh[0].arn])
    error_message = "only the schedule writes to the queue"
  }
}

run "names_become_part_of_a_bucket" {
  command = plan

  variables {
    name = "Windlass_Production"
  }

  expect_failures = [var.name]
}
