# The seam for the function that makes the search index anew: a schedule that invokes it, and a queue for the refreshes
# that were given up. Nothing of it exists until `refresh` names a function.

resource "aws_cloudwatch_event_rule" "refresh" {
  count = var.refresh == null ? 0 : 1

  name                = "${var.name}-refresh"
  description         = "Makes the search index of ${var.name} anew"
  schedule_expression = var.refresh.schedule
}

resource "aws_cloudwatch_event_target" "refresh" {
  count = var.refresh == null ? 0 : 1

  rule = aws_cloudwatch_event_rule.refresh[0].name
  arn  = var.refresh.function_arn

  # An hour late is soon enough; a day late the next one is due.
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 3
  }

  dead_letter_config {
    arn = aws_sqs_queue.refresh_failed[0].arn
  }
}

resource "aws_lambda_permission" "refresh" {
  count = var.refresh == null ? 0 : 1

  statement_id  = "refresh"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  function_name = var.refresh.function_arn
  source_arn    = aws_cloudwatch_event_rule.refresh[0].arn
}

resource "aws_sqs_queue" "refresh_failed" {
  count = var.refresh == null ? 0 : 1

  name                      = "${var.name}-refresh-failed"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "refresh_failed" {
  count = var.refresh == null ? 0 : 1

  statement {
    sid       = "TheScheduleOnly"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.refresh_failed[0].arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.refresh[0].arn]
    }
  }
}

resource "aws_sqs_queue_policy" "refresh_failed" {
  count = var.refresh == null ? 0 : 1

  queue_url = aws_sqs_queue.refresh_failed[0].id
  policy    = data.aws_iam_policy_document.refresh_failed[0].json
}
