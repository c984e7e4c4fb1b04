# Two roles. ECS starts a task with the first: this repository, these secrets, this log group. What runs in the task has
# the second, which may do nothing but what `permissions` says.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  _partition = data.aws_partition.current.partition

  # ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@DIGEST. Images from elsewhere need no permission of AWS.
  _ecr        = try(regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/(?P<repository>[^@:]+)[@:]", var.image), null)
  _repository = local._ecr == null ? null : "arn:${local._partition}:ecr:${local._ecr.region}:${local._ecr.account}:repository/${local._ecr.repository}"

  # A reference may go on after the ARN, to a key, a stage and a version of the secret.
  _secret_arns = distinct([for reference in values(var.secrets) : join(":", slice(split(":", reference), 0, 7))])

  _pull = local._repository == null ? [] : [
    {
      # AWS knows no narrower resource for it: the token is the account's.
      Sid      = "LogIn"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
    {
      Sid      = "Pull"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = [local._repository]
    },
  ]

  _read = length(local._secret_arns) == 0 ? [] : [{
    Sid      = "ReadSecrets"
    Effect   = "Allow"
    Action   = ["secretsmanager:GetSecretValue"]
    Resource = sort(local._secret_arns)
  }]

  _decrypt = length(var.kms_key_arns) == 0 ? [] : [{
    Sid      = "Decrypt"
    Effect   = "Allow"
    Action   = ["kms:Decrypt"]
    Resource = sort(var.kms_key_arns)
  }]

  _write_logs = [{
    Sid      = "WriteLog"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["${var.log_group_arn}:*"]
  }]

  # Channels have no ARN to name.
  _execute_command = var.execute_command ? [{
    Sid      = "ExecuteCommand"
    Effect   = "Allow"
    Action   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
    Resource = ["*"]
  }] : []

  _permissions = [for name in sort(keys(var.permissions)) : {
    Sid      = name
    Effect   = "Allow"
    Action   = sort(var.permissions[name].actions)
    Resource = sort(var.permissions[name].resources)
  }]

  _task = concat(local._permissions, local._execute_command)

  # Only tasks of this account and region: the service is not to be talked into it for somebody else's.
  _trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${local._partition}:ecs:${var.region}:${data.aws_caller_identity.current.account_id}:*" }
      }
    }]
  })
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  description        = "Starts the tasks of ${var.name}"
  assume_role_policy = local._trust
}

resource "aws_iam_role_policy" "execution" {
  name = "start"
  role = aws_iam_role.execution.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local._pull, local._read, local._decrypt, local._write_logs)
  })
}

resource "aws_iam_role" "task" {
  name               = "${var.name}-task"
  description        = "What the tasks of ${var.name} may do"
  assume_role_policy = local._trust
}

resource "aws_iam_role_policy" "task" {
  count = length(local._task) > 0 ? 1 : 0

  name = "work"
  role = aws_iam_role.task.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local._task
  })
}
