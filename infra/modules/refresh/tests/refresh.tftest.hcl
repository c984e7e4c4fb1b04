mock_provider "aws" {
  source = "../../tests/mocks"

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:windlass-refresh" }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/windlass-refresh" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:windlass-refresh-failed" }
  }
}

variables {
  environment   = { WINDLASS_STORE_BUCKET = "windlass-store" }
  log_group     = "/aws/lambda/windlass-refresh"
  log_group_arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/windlass-refresh"
  name          = "windlass"
  package       = "function.zip"
  package_hash  = "NL6R5UfI6fD0AhhxsgwYdjJNnWTATgJOC6/NUYLorHY="
  release       = "abc1234"
  schedule      = "rate(1 hour)"
}

run "as_designed" {
  assert {
    condition = (
      aws_lambda_function.refresh.function_name == "windlass-refresh" && aws_lambda_function.refresh.runtime == "provided.al2023"
      && aws_lambda_function.refresh.timeout == 900 && aws_lambda_function.refresh.memory_size == 1024
      && aws_lambda_function.refresh.logging_config[0].log_group == "/aws/lambda/windlass-refresh"
    )
    error_message = "the server's binary, with 15 minutes, memory and a log of its own"
  }

  assert {
    condition     = aws_lambda_function.refresh.reserved_concurrent_executions == 1
    error_message = "two at once would do the same work twice"
  }

  assert {
    condition     = aws_lambda_function.refresh.environment[0].variables["WINDLASS_LAMBDA_RUNS"] == "refresh" && aws_lambda_function.refresh.environment[0].variables["WINDLASS_STORE_BUCKET"] == "windlass-store"
    error_message = "it knows what it is for, and where the index is"
  }
}

run "the_schedule_and_the_queue" {
  assert {
    condition     = aws_cloudwatch_event_rule.refresh.schedule_expression == "rate(1 hour)" && aws_cloudwatch_event_target.refresh.arn == aws_lambda_function.refresh.arn && aws_lambda_permission.schedule.source_arn == aws_cloudwatch_event_rule.refresh.arn
    error_message = "the schedule invokes it, and nothing else may"
  }

  assert {
    condition     = aws_lambda_function.refresh.dead_letter_config[0].target_arn == aws_sqs_queue.failed.arn && aws_cloudwatch_event_target.refresh.dead_letter_config[0].arn == aws_sqs_queue.failed.arn && aws_sqs_queue.failed.sqs_managed_sse_enabled
    error_message = "what failed in the function and what never reached it are kept, encrypted"
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.refresh.maximum_retry_attempts == 1 && aws_lambda_function_event_invoke_config.refresh.maximum_event_age_in_seconds == 3600
    error_message = "it is tried once more, within the hour"
  }

  assert {
    condition     = one(data.aws_iam_policy_document.failed.statement[0].condition[*]).values == tolist([aws_cloudwatch_event_rule.refresh.arn])
    error_message = "only the schedule writes to the queue by its policy"
  }
}

run "the_role_is_narrow" {
  variables {
    secrets = {
      WINDLASS_AUTH_TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/one-AbCdEf"
      HANDBOOK_TOKEN      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/two-AbCdEf:token::"
    }
    sources = ["papers", "shared/handbook/"]
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.refresh.statement : statement.resources
      if anytrue([for action in statement.actions : startswith(action, "secretsmanager:")])
    ])) == toset(["arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/two-AbCdEf"])
    error_message = "it reads the secrets of sources and none that lets callers in"
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.refresh.environment[0].variables), "WINDLASS_AUTH_TOKEN")
    error_message = "nor is it told of them"
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.refresh.statement : statement.resources if contains(statement.actions, "s3:GetObject")
    ])) == toset(["arn:aws:s3:::papers/*", "arn:aws:s3:::shared/handbook/*"])
    error_message = "it reads its sources"
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.refresh.statement : one(statement.resources) => one(one(statement.condition[*]).values)
      if contains(statement.actions, "s3:ListBucket")
      } == {
      "arn:aws:s3:::papers" = "*"
      "arn:aws:s3:::shared" = "handbook/*"
    }
    error_message = "and lists no more than them"
  }

  assert {
    condition = length([
      for action in flatten(data.aws_iam_policy_document.refresh.statement[*].actions) : action
      if startswith(action, "s3:") && !contains(["s3:GetObject", "s3:ListBucket"], action)
    ]) == 0
    error_message = "it writes no source"
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.refresh.statement : statement.actions if contains(statement.resources, "*")])) == toset(["xray:PutTraceSegments", "xray:PutTelemetryRecords"])
    error_message = "only traces go without a resource"
  }

  assert {
    condition     = alltrue(flatten([for statement in data.aws_iam_policy_document.refresh.statement : [for action in statement.actions : !strcontains(action, "*")]]))
    error_message = "every action has its name"
  }
}

run "a_schedule_is_one" {
  command = plan

  variables {
    schedule = "hourly"
  }

  expect_failures = [var.schedule]
}

run "a_source_is_no_url" {
  command = plan

  variables {
    sources = ["s3://papers"]
  }

  expect_failures = [var.sources]
}
