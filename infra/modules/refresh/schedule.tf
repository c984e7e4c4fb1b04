# When it runs, and where a refresh goes that was given up.

resource "aws_cloudwatch_event_rule" "refresh" {
  name                = local._function
  description         = "Refreshes the search index of ${var.name}"
  schedule_expression = var.schedule
}

resource "aws_cloudwatch_event_target" "refresh" {
  rule = aws_cloudwatch_event_rule.refresh.name
  arn  = aws_lambda_function.refresh.arn

  # An hour late is soon enough; a day late the next one is due.
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 3
  }

  # For what never reached the function; what failed in it comes here by the function's own.
  dead_letter_config {
    arn = aws_sqs_queue.failed.arn
  }
}

resource "aws_lambda_permission" "schedule" {
  statement_id  = "schedule"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  function_name = aws_lambda_function.refresh.function_name
  source_arn    = aws_cloudwatch_event_rule.refresh.arn
}

resource "aws_sqs_queue" "failed" {
  name                      = "${local._function}-failed"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "failed" {
  statement {
    sid       = "TheScheduleOnly"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.refresh.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "failed" {
  queue_url = aws_sqs_queue.failed.id
  policy    = data.aws_iam_policy_document.failed.json
}
