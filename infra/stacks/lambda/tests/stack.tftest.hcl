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

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:windlass" }
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
    condition     = length(module.refresh) == 0 && output.refresh_function == null
    error_message = "nothing is scheduled that does not exist"
  }
}

run "a_refresh" {
  variables {
    embedding_models = ["arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0"]
    refresh_schedule = "cron(0 2 * * ? *)"
  }

  assert {
    condition     = output.refresh_function == "windlass-refresh" && length(setintersection(output.alarm_names, ["windlass-refresh-errors", "windlass-refresh-failed"])) == 2
    error_message = "it is there, and somebody is told when it fails"
  }

  assert {
    condition     = data.aws_iam_policy_document.embedder[0].statement[0].resources == toset(["arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0"])
    error_message = "one model, and no other"
  }
}

run "a_model_is_named_whole" {
  command = plan

  variables {
    embedding_models = ["arn:aws:bedrock:eu-west-1::foundation-model/*"]
  }

  expect_failures = [var.embedding_models]
}

run "names_become_part_of_a_bucket" {
  command = plan

  variables {
    name = "Windlass_Production"
  }

  expect_failures = [var.name]
}
