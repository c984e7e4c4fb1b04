# The front door: an HTTP API with throttling and an access log. It buffers answers and gives up after 30 seconds; what
# streams or takes longer goes through the function URL.

locals {
  # Only what the server serves. Everything else is answered by API Gateway, for nothing and without starting a function.
  # The console and /metrics are left out: one shows events as they happen, which this door cannot stream, and the other
  # counts what one of many short-lived instances saw.
  _routes = toset([
    "ANY /mcp",
    "ANY /mcp/{toolset}",
    "GET /health",
    "GET /healthz",
    "GET /ready",
    "GET /readyz",
    "GET /.well-known/oauth-protected-resource",
    "GET /.well-known/oauth-protected-resource/{path+}",
  ])
}

resource "aws_apigatewayv2_api" "api" {
  # No CORS: browsers of other origins have no business here, and clients that are no browsers do not ask.
  name          = var.name
  description   = "Windlass ${var.name}"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "live" {
  api_id                 = aws_apigatewayv2_api.api.id
  description            = "${var.name}, alias live"
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = min(var.timeout * 1000, 30000)
}

resource "aws_apigatewayv2_route" "route" {
  #checkov:skip=CKV_AWS_309:the server authenticates: it answers /mcp without a valid token with 401 and the challenge clients need to log in, which an authoriser here would withhold
  for_each = local._routes

  api_id             = aws_apigatewayv2_api.api.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.live.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.api.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit   = var.throttle.burst
    throttling_rate_limit    = var.throttle.rate
    detailed_metrics_enabled = true
  }

  # Names no header: a token that never gets into the log need not be kept out of it later.
  access_log_settings {
    destination_arn = var.access_log_group_arn
    format = jsonencode({
      access        = 1
      time          = "$context.requestTimeEpoch"
      request       = "$context.requestId"
      peer          = "$context.identity.sourceIp"
      agent         = "$context.identity.userAgent"
      method        = "$context.httpMethod"
      path          = "$context.path"
      status        = "$context.status"
      bytes         = "$context.responseLength"
      milliseconds  = "$context.responseLatency"
      function_ms   = "$context.integration.latency"
      function_code = "$context.integration.status"
      error         = "$context.error.message"
    })
  }
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = aws_lambda_function.function.function_name
  qualifier     = aws_lambda_alias.live.name
  source_arn    = "${aws_apigatewayv2_api.api.execution_arn}/*/*"
}
