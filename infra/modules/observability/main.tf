# What tells people: alarms and whom they reach, logs and how long they stay, a dashboard, saved queries.

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:CloudWatch cannot publish to a topic under the key aws/sns; kms_key_arn takes one that lets it
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

data "aws_caller_identity" "current" {}

# Policies are written out rather than as `aws_iam_policy_document`, which a mocked provider fills with noise: a test can
# read these.
resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsOfThisAccount"
        Effect    = "Allow"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
      {
        Sid       = "NothingInTheClear"
        Effect    = "Deny"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = var.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.evaluation_periods
  treat_missing_data  = each.value.treat_missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_composite_alarm" "broken" {
  count = length(var.broken) > 0 ? 1 : 0

  alarm_name        = "${var.name}-broken"
  alarm_description = "Clients of ${var.name} are not served: ${join(", ", var.broken)}."
  alarm_rule        = join(" OR ", [for short in var.broken : "ALARM(\"${aws_cloudwatch_metric_alarm.alarm[short].alarm_name}\")"])
  alarm_actions     = [aws_sns_topic.alarms.arn]
  ok_actions        = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_log_group" "group" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts every group; kms_key_arn takes a key of one's own
  #checkov:skip=CKV_AWS_338:thirty days is what is promised; `retention` keeps them longer
  for_each = var.log_groups

  name              = each.key
  retention_in_days = each.value.retention
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_query_definition" "query" {
  for_each = var.queries

  name            = "${var.name}/${each.key}"
  query_string    = each.value
  log_group_names = sort([for group in aws_cloudwatch_log_group.group : group.name])
}

resource "aws_cloudwatch_dashboard" "dashboard" {
  count = length(var.dashboard) > 0 ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = var.dashboard })
}
