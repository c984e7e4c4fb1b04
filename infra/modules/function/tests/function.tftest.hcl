mock_provider "aws" {
  source = "../../tests/mocks"

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:eu-west-1:123456789012:function:windlass"
      version = "7"
    }
  }

  mock_resource "aws_lambda_alias" {
    defaults = {
      arn        = "arn:aws:lambda:eu-west-1:123456789012:function:windlass:live"
      invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:windlass:live/invocations"
    }
  }

  mock_resource "aws_apigatewayv2_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:api1" }
  }
}

variables {
  access_log_group_arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/apigateway/windlass"
  environment          = { WINDLASS_SHELL_COMMANDS = "ls,cat" }
  log_group            = "/aws/lambda/windlass"
  log_group_arn        = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/windlass"
  name                 = "windlass"
  package              = "function.zip"
  package_hash         = "NL6R5UfI6fD0AhhxsgwYdjJNnWTATgJOC6/NUYLorHY="
  release              = "abc1234"
  secrets              = { WINDLASS_AUTH_TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/WINDLASS_AUTH_TOKEN-AbCdEf" }
}

run "as_designed" {
  assert {
    condition = (
      aws_lambda_function.function.runtime == "provided.al2023" && aws_lambda_function.function.handler == "bootstrap"
      && aws_lambda_function.function.publish && aws_lambda_function.function.memory_size == 512
      && aws_lambda_function.function.tracing_config[0].mode == "Active"
      && aws_lambda_function.function.logging_config[0].log_group == "/aws/lambda/windlass"
    )
    error_message = "one static binary, published, traced, with a log of its own"
  }

  # API Gateway gives up at 30 s. The seed's function went on for fifteen minutes after that, unheard and paid for.
  assert {
    condition     = aws_lambda_function.function.timeout == 30 && aws_apigatewayv2_integration.live.timeout_milliseconds == 30000
    error_message = "the function and the API give up together"
  }

  assert {
    condition     = aws_apigatewayv2_integration.live.integration_uri == aws_lambda_alias.live.invoke_arn && aws_lambda_permission.api.qualifier == "live" && aws_lambda_function_url.live[0].qualifier == "live"
    error_message = "every door leads to the alias, or a rollback would leave one open to what it rolled back"
  }

  assert {
    condition     = aws_lambda_permission.api.source_arn == "arn:aws:execute-api:eu-west-1:123456789012:api1/*/*"
    error_message = "only this API invokes it"
  }
}

run "secrets_are_named_not_told" {
  assert {
    condition     = aws_lambda_function.function.environment[0].variables["WINDLASS_AUTH_TOKEN"] == "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/WINDLASS_AUTH_TOKEN-AbCdEf"
    error_message = "the environment says where the secret is"
  }
}

run "the_role_is_narrow" {
  variables {
    secrets = {
      WINDLASS_AUTH_TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/one-AbCdEf"
      WINDLASS_OTHER      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/two-AbCdEf:password::"
    }
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.function.statement : statement.resources
      if anytrue([for action in statement.actions : startswith(action, "secretsmanager:")])
      ])) == toset([
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/one-AbCdEf",
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/two-AbCdEf",
    ])
    error_message = "it reads exactly its secrets, also where one is a key inside a secret"
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.function.statement : statement.actions if contains(statement.resources, "*")])) == toset(["xray:PutTraceSegments", "xray:PutTelemetryRecords"])
    error_message = "only traces go without a resource"
  }

  assert {
    condition     = !contains(flatten(data.aws_iam_policy_document.function.statement[*].actions), "logs:CreateLogGroup")
    error_message = "it cannot make a log group that keeps lines for ever"
  }

  assert {
    condition     = alltrue(flatten([for statement in data.aws_iam_policy_document.function.statement : [for action in statement.actions : !strcontains(action, "*")]]))
    error_message = "every action has its name"
  }
}

run "without_secrets_it_reads_none" {
  variables {
    secrets = {}
  }

  assert {
    condition     = !anytrue([for action in flatten(data.aws_iam_policy_document.function.statement[*].actions) : startswith(action, "secretsmanager:")])
    error_message = "no secret, no right"
  }
}

run "the_front_door" {
  assert {
    condition     = aws_apigatewayv2_stage.default.default_route_settings[0].throttling_burst_limit == 100 && aws_apigatewayv2_stage.default.default_route_settings[0].throttling_rate_limit == 50
    error_message = "100 at once, 50 a second"
  }

  assert {
    condition     = length(aws_apigatewayv2_api.api.cors_configuration) == 0
    error_message = "no page of another origin may read an answer"
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.route : !contains(["$default", "ANY /{proxy+}"], route.route_key)]) && toset([for route in aws_apigatewayv2_route.route : route.route_key if strcontains(route.route_key, "/mcp") && startswith(route.route_key, "ANY")]) == toset(["ANY /mcp", "ANY /mcp/{toolset}"])
    error_message = "what the server does not serve costs nothing"
  }

  assert {
    condition     = !strcontains(lower(aws_apigatewayv2_stage.default.access_log_settings[0].format), "authorization") && !strcontains(lower(aws_apigatewayv2_stage.default.access_log_settings[0].format), "header")
    error_message = "no credential gets into the access log"
  }
}

run "the_side_door_is_locked" {
  assert {
    condition     = aws_lambda_function_url.live[0].authorization_type == "AWS_IAM" && aws_lambda_function_url.live[0].invoke_mode == "RESPONSE_STREAM" && length(aws_cloudformation_stack.invoke_by_url) == 0
    error_message = "it streams, to callers with AWS credentials"
  }
}

run "an_open_side_door_takes_authentication" {
  command = plan

  variables {
    function_url = "NONE"
    secrets      = {}
  }

  expect_failures = [aws_lambda_function_url.live]
}

run "an_open_side_door_is_only_that" {
  variables {
    function_url = "NONE"
  }

  assert {
    condition     = jsondecode(aws_cloudformation_stack.invoke_by_url[0].template_body).Resources.Permission.Properties.InvokedViaFunctionUrl == true && jsondecode(aws_cloudformation_stack.invoke_by_url[0].template_body).Resources.Permission.Properties.FunctionName == aws_lambda_alias.live.arn
    error_message = "everybody may invoke it by its URL, and nobody past it"
  }
}

run "no_side_door" {
  variables {
    function_url = "off"
  }

  assert {
    condition     = length(aws_lambda_function_url.live) == 0 && output.function_url == null
    error_message = "off is off"
  }
}

# What is mocked publishes nothing, so this can only read what is written; the tests against stand-ins move the alias.
run "terraform_leaves_the_alias_alone" {
  assert {
    condition     = aws_lambda_alias.live.name == "live" && can(regex("ignore_changes = \\[function_version, routing_config\\]", file("./main.tf")))
    error_message = "an apply would move clients to a version that nobody has proven"
  }
}

run "by_image" {
  variables {
    package      = null
    package_hash = null
    image        = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  assert {
    condition     = aws_lambda_function.function.package_type == "Image" && aws_lambda_function.function.runtime == null && aws_lambda_function.function.filename == null
    error_message = "an image brings its own runtime"
  }
}

run "a_tag_is_no_image" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass:latest"
  }

  expect_failures = [var.image]
}

run "a_zip_or_an_image" {
  command = plan

  variables {
    package      = null
    package_hash = null
  }

  expect_failures = [aws_lambda_function.function]
}

run "a_value_is_no_secret" {
  command = plan

  variables {
    secrets = { WINDLASS_AUTH_TOKEN = "hunter2" }
  }

  expect_failures = [var.secrets]
}

run "a_variable_comes_from_one_place" {
  command = plan

  variables {
    environment = { WINDLASS_AUTH_TOKEN = "x" }
  }

  expect_failures = [aws_lambda_function.function]
}

run "warm_ones" {
  variables {
    provisioned_concurrency = 2
    reserved_concurrency    = 20
    timeout                 = 300
  }

  assert {
    condition     = aws_lambda_provisioned_concurrency_config.live[0].qualifier == "live" && aws_lambda_function.function.reserved_concurrent_executions == 20
    error_message = "they are kept behind the alias"
  }

  assert {
    condition     = aws_apigatewayv2_integration.live.timeout_milliseconds == 30000
    error_message = "the API cannot wait longer than 30 seconds"
  }
}
