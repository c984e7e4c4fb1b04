module "observability" {
  source = "../../modules/observability"

  emails      = var.emails
  kms_key_arn = var.kms_key_arn
  name        = var.name
  queries     = var.queries

  log_groups = {
    for group in concat([local._log_group, local._access_log_group], var.refresh_schedule == null ? [] : [local._refresh_log_group]) :
    group => { retention = var.log_retention }
  }

  # The short names of the alarms that mean clients are not served.
  broken = ["errors", "api-5xx"]

  alarms = merge({
    errors = {
      namespace          = "AWS/Lambda"
      metric             = "Errors"
      dimensions         = { FunctionName = var.name }
      statistic          = "Sum"
      threshold          = 5
      period             = 300
      evaluation_periods = 1
      description        = "More than 5 invocations of ${var.name} in 5 minutes crashed or timed out. The function's log says which."
    }
    throttles = {
      namespace          = "AWS/Lambda"
      metric             = "Throttles"
      dimensions         = { FunctionName = var.name }
      statistic          = "Sum"
      threshold          = 0
      period             = 300
      evaluation_periods = 1
      description        = "Lambda refused invocations of ${var.name}: reserved_concurrency or the account's limit is used up."
    }
    concurrency = {
      namespace          = "AWS/Lambda"
      metric             = "ConcurrentExecutions"
      dimensions         = { FunctionName = var.name }
      statistic          = "Maximum"
      threshold          = var.reserved_concurrency > 0 ? floor(var.reserved_concurrency * 0.8) : var.concurrency_alarm
      period             = 60
      evaluation_periods = 5
      description        = "${var.name} has run near its limit of instances for 5 minutes; refusals come next."
    }
    api-5xx = {
      namespace          = "AWS/ApiGateway"
      metric             = "5xx"
      dimensions         = { ApiId = module.function.api_id }
      statistic          = "Sum"
      threshold          = 5
      period             = 300
      evaluation_periods = 1
      description        = "More than 5 requests to ${var.name} in 5 minutes were answered with a server error."
    }
    }, var.refresh_schedule == null ? {} : {
    refresh-errors = {
      namespace          = "AWS/Lambda"
      metric             = "Errors"
      dimensions         = { FunctionName = "${var.name}-refresh" }
      statistic          = "Sum"
      threshold          = 1
      period             = 3600
      evaluation_periods = 1
      description        = "Refreshing the index failed more than once in an hour. The log of ${var.name}-refresh says why; search goes on with the old index."
    }
    refresh-failed = {
      namespace          = "AWS/SQS"
      metric             = "ApproximateNumberOfMessagesVisible"
      dimensions         = { QueueName = "${var.name}-refresh-failed" }
      statistic          = "Maximum"
      threshold          = 0
      period             = 300
      evaluation_periods = 1
      description        = "A refresh of the index was given up. The message in the queue says why; search goes on with the old index."
    }
  })
}

# A percentile is another kind of statistic, which alarms of the module do not have.
resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name          = "${var.name}-slow"
  alarm_description   = "One in twenty calls of ${var.name} took longer than ${var.slow_alarm_ms} ms, for 15 minutes."
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = { FunctionName = var.name }
  extended_statistic  = "p95"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.slow_alarm_ms
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [module.observability.topic_arn]
  ok_actions          = [module.observability.topic_arn]
}
