resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts every group; addresses and ports are no secret of the service
  #checkov:skip=CKV_AWS_338:as long as the service's own logs
  count = local._made && var.flow_logs_retention != null ? 1 : 0

  name              = "/windlass/${var.name}/flow"
  retention_in_days = var.flow_logs_retention
}

resource "aws_flow_log" "flow" {
  count = local._made && var.flow_logs_retention != null ? 1 : 0

  vpc_id               = aws_vpc.vpc[0].id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.flow[0].arn
  iam_role_arn         = aws_iam_role.flow[0].arn

  tags = { Name = var.name }
}

data "aws_caller_identity" "current" {}

resource "aws_iam_role" "flow" {
  count = local._made && var.flow_logs_retention != null ? 1 : 0

  name        = "${var.name}-flow-logs"
  description = "Writes the flow logs of ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  count = local._made && var.flow_logs_retention != null ? 1 : 0

  name = "write"
  role = aws_iam_role.flow[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = "${aws_cloudwatch_log_group.flow[0].arn}:*"
    }]
  })
}
